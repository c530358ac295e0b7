//! `match_all`: words over all columns that hold running text.
//!
//! The SQL names no columns: [`crate::dialect`] turns `match_all('x')` into `match_all_over('x', column, …)`.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, StringArray};
use datafusion::common::{Result, exec_err};
use regex::Regex;

use super::fuzzy;
use super::pattern::compile;
use super::scalar::{Argument, Call, Function, truth_type};

/// The functions that search all text columns, as people write them.
pub(crate) const FULL_TEXT: [&str; 5] = [
    "match_all",
    "match_all_ignore_case",
    "match_all_raw",
    "match_all_raw_ignore_case",
    "fuzzy_match_all",
];

/// What a function of [`FULL_TEXT`] is called once its columns are written in.
pub(crate) fn over(name: &str) -> String {
    format!("{name}_over")
}

const NEEDLE: &[Argument] = &[Argument::Text];
const NEEDLE_AND_DISTANCE: &[Argument] = &[Argument::Text, Argument::Int];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("match_all_over", NEEDLE, truth_type, words)
            .also("match_all_ignore_case_over")
            .rest(Argument::Text),
        Function::new("match_all_raw_over", NEEDLE, truth_type, raw).rest(Argument::Text),
        Function::new("match_all_raw_ignore_case_over", NEEDLE, truth_type, raw_any_case)
            .rest(Argument::Text),
        Function::new("fuzzy_match_all_over", NEEDLE_AND_DISTANCE, truth_type, near)
            .rest(Argument::Text),
    ]
}

/// Every word has to stand in one of the columns, in any case.
fn words(call: &Call<'_>) -> Result<ArrayRef> {
    let words = patterns(call.constant_text(0)?.unwrap_or_default())?;
    let columns = columns(call, 1)?;
    any_row(call, |row| {
        words.iter().all(|word| {
            columns.iter().any(|column| column.is_valid(row) && word.is_match(column.value(row)))
        })
    })
}

fn raw(call: &Call<'_>) -> Result<ArrayRef> {
    raw_as(call, &regex::escape(call.constant_text(0)?.unwrap_or_default()))
}

fn raw_any_case(call: &Call<'_>) -> Result<ArrayRef> {
    raw_as(call, &format!("(?i){}", regex::escape(call.constant_text(0)?.unwrap_or_default())))
}

fn raw_as(call: &Call<'_>, pattern: &str) -> Result<ArrayRef> {
    let (pattern, columns) = (compile(pattern)?, columns(call, 1)?);
    any_row(call, |row| {
        columns.iter().any(|column| column.is_valid(row) && pattern.is_match(column.value(row)))
    })
}

fn near(call: &Call<'_>) -> Result<ArrayRef> {
    let words =
        fuzzy::Words::of(call.constant_text(0)?.unwrap_or_default(), call.constant_int(1)?)?;
    let columns = columns(call, 2)?;
    any_row(call, |row| {
        columns.iter().any(|column| column.is_valid(row) && words.are_near(column.value(row)))
    })
}

fn columns(call: &Call<'_>, from: usize) -> Result<Vec<StringArray>> {
    (from..call.count()).map(|at| call.text(at)).collect()
}

/// A row without any text does not match, which is not the same as not being known.
fn any_row(call: &Call<'_>, test: impl Fn(usize) -> bool) -> Result<ArrayRef> {
    let answers: BooleanArray = (0..call.rows).map(|row| Some(test(row))).collect();
    Ok(Arc::new(answers))
}

/// Most words of one search: each is an expression of its own.
const MOST_WORDS: usize = 64;

/// One expression a word: `x` whole, `x*` as a beginning, `*x` as an end, `*x*` anywhere in a word.
fn patterns(text: &str) -> Result<Vec<Regex>> {
    let is_edge = |c: char| !c.is_alphanumeric() && c != '_' && c != '*';
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(is_edge))
        .filter(|word| word.chars().any(|c| c != '*'))
        .collect();
    if words.is_empty() {
        return exec_err!("match_all needs a word to look for");
    }
    if words.len() > MOST_WORDS {
        return exec_err!("match_all looks for at most {MOST_WORDS} words, not {}", words.len());
    }
    words.into_iter().map(|word| compile(&pattern(word))).collect()
}

fn pattern(word: &str) -> String {
    let inner = word.trim_matches('*');
    let inner: Vec<String> = inner.split('*').map(regex::escape).collect();
    let before = if word.starts_with('*') { "" } else { r"\b" };
    let after = if word.ends_with('*') { "" } else { r"\b" };
    format!("(?i){before}{}{after}", inner.join(r"\w*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(needle: &str, text: &str) -> bool {
        patterns(needle).expect(needle).iter().all(|pattern| pattern.is_match(text))
    }

    #[test]
    fn words_are_whole_unless_a_star_says_otherwise() {
        let text = "Rate-limit reached: retry after 20s (org_1)";
        for (needle, expected) in [
            ("rate", true),
            ("rat", false),
            ("rat*", true),
            ("*ached", true),
            ("ached", false),
            ("*ach*", true),
            ("re*ed", true),
            ("rate-limit", true),
            ("retry rate", true),
            ("retry nothing", false),
            ("\"reached:\"", true),
            ("org_1", true),
            ("org", false),
        ] {
            assert_eq!(found(needle, text), expected, "{needle}");
        }
        assert!(patterns("  * ").is_err());
    }
}
