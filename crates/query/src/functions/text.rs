//! `str_match` and its kin: whether a text contains another.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use memchr::memmem::Finder;

use super::pattern::compile;
use super::scalar::{Argument, Call, Function, truth_type};

const ARGUMENTS: &[Argument] = &[Argument::Text, Argument::Text];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("str_match", ARGUMENTS, truth_type, contains).also("match_field"),
        Function::new("str_match_ignore_case", ARGUMENTS, truth_type, contains_any_case)
            .also("match_field_ignore_case"),
    ]
}

fn contains(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(needle) = call.constant_text(1)? else { return Ok(call.nulls(&truth_type())) };
    let finder = Finder::new(needle);
    call.test(0, |text| finder.find(text.as_bytes()).is_some())
}

fn contains_any_case(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(needle) = call.constant_text(1)? else { return Ok(call.nulls(&truth_type())) };
    let pattern = compile(&format!("(?i){}", regex::escape(needle)))?;
    call.test(0, |text| pattern.is_match(text))
}
