//! `fuzzy_match`: words that are a few letters off.

use arrow::array::ArrayRef;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Result, exec_err};

use super::scalar::{Argument, Call, Function, truth_type};

/// Longer words are passed over: comparing two takes the product of their lengths.
const LONGEST: usize = 64;
/// The largest distance that means anything.
const FURTHEST: i64 = 8;

pub(super) fn functions() -> Vec<Function> {
    const ARGUMENTS: &[Argument] = &[Argument::Text, Argument::Text, Argument::Int];
    vec![Function::new("fuzzy_match", ARGUMENTS, truth_type, near)]
}

fn near(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(needle) = call.constant_text(1)? else { return Ok(call.nulls(&truth_type())) };
    let words = Words::of(needle, call.constant_int(2)?)?;
    call.test(0, |text| words.are_near(text))
}

/// The words that are looked for, and how many letters they may be off.
pub(super) struct Words {
    words: Vec<String>,
    distance: usize,
}

impl Words {
    pub(super) fn of(text: &str, distance: Option<i64>) -> Result<Self> {
        let words: Vec<String> = words(text).map(str::to_lowercase).collect();
        match distance {
            Some(distance @ 0..=FURTHEST) if !words.is_empty() => {
                Ok(Self { words, distance: usize::try_from(distance).unwrap_or(0) })
            }
            Some(_) | None => {
                exec_err!("fuzzy_match needs a word and a distance from 0 to {FURTHEST}")
            }
        }
    }

    /// Whether each of the words is near to some word of the text.
    pub(super) fn are_near(&self, text: &str) -> bool {
        let text: Vec<String> = words(text).map(str::to_lowercase).collect();
        self.words.iter().all(|word| text.iter().any(|other| self.is_near(word, other)))
    }

    fn is_near(&self, word: &str, other: &str) -> bool {
        let (a, b) = (word.chars().count(), other.chars().count());
        a.abs_diff(b) <= self.distance && levenshtein(word, other) <= self.distance
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && word.len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_be_a_few_letters_off() {
        let near = |needle, distance, text| {
            Words::of(needle, Some(distance)).expect("is good").are_near(text)
        };
        assert!(near("timout", 1, "the Timeout came"));
        assert!(!near("timout", 0, "the timeout came"));
        assert!(!near("tmout", 1, "the timeout came"));
        assert!(near("tmout cam", 2, "the timeout came"));
        assert!(Words::of("x", Some(9)).is_err() && Words::of("", Some(1)).is_err());
    }
}
