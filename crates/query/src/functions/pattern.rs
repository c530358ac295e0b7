//! Regular expressions, on an engine whose time is linear in the text, and with a bound on their size.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use regex::{Regex, RegexBuilder};

use super::scalar::{Argument, Call, Function, truth_type};

/// Most bytes of a compiled expression.
const MOST_BYTES: usize = 1 << 20;

const ARGUMENTS: &[Argument] = &[Argument::Text, Argument::Text];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("re_match", ARGUMENTS, truth_type, matches),
        Function::new("re_not_match", ARGUMENTS, truth_type, matches_not),
        Function::new("re_matches", ARGUMENTS, list_type, captures),
    ]
}

/// Compiles an expression within the bounds.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    match RegexBuilder::new(pattern).size_limit(MOST_BYTES).dfa_size_limit(4 * MOST_BYTES).build() {
        Ok(pattern) => Ok(pattern),
        Err(regex::Error::CompiledTooBig(most)) => {
            exec_err!("the regular expression compiles to more than {most} bytes")
        }
        Err(error) => exec_err!("the regular expression is not valid: {error}"),
    }
}

fn list_type() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn matches(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(pattern) = call.constant_text(1)? else { return Ok(call.nulls(&truth_type())) };
    let pattern = compile(pattern)?;
    call.test(0, |text| pattern.is_match(text))
}

fn matches_not(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(pattern) = call.constant_text(1)? else { return Ok(call.nulls(&truth_type())) };
    let pattern = compile(pattern)?;
    call.test(0, |text| !pattern.is_match(text))
}

/// The groups of the first match, or the whole match where there is no group; null without a match.
fn captures(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(pattern) = call.constant_text(1)? else { return Ok(call.nulls(&list_type())) };
    let pattern = compile(pattern)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in &call.text(0)? {
        let found = text.and_then(|text| pattern.captures(text));
        if let Some(found) = &found {
            let from = usize::from(found.len() > 1);
            for group in found.iter().skip(from) {
                lists.values().append_option(group.map(|group| group.as_str()));
            }
        }
        lists.append(found.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_would_grow_is_refused() {
        assert!(compile("a+b").is_ok());
        let text = compile(r"\w{1000}\w{1000}").expect_err("is too big").to_string();
        assert!(text.contains("more than"), "{text}");
        assert!(compile("(").expect_err("is no pattern").to_string().contains("not valid"));
    }
}
