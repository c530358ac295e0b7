use std::borrow::Cow;
use std::ops::Range;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::built_in::BUILT_IN;
use crate::suspect::{Suspect, escape_length};

/// Memory that one compiled pattern may take, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// Most own rules.
const MOST_RULES: usize = 100;

/// Longest own pattern, in bytes.
const LONGEST_PATTERN: usize = 4096;

/// How often what is left is searched again: a marker can make a match of what stood around it.
const PASSES: usize = 8;

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The pattern is no regular expression, or one that takes too much memory.
    #[error("rule {name:?}: {why}")]
    Pattern {
        /// The rule.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name is not one to 40 lower-case letters, digits and hyphens.
    #[error("rule {name:?}: a name is 1 to 40 lower-case letters, digits and hyphens")]
    Name {
        /// The name.
        name: String,
    },
    /// The pattern finds nothing where there is nothing, as `x*` does.
    #[error("rule {name:?}: the pattern matches the empty text")]
    Empty {
        /// The rule.
        name: String,
    },
    /// There are more rules than can be.
    #[error("at most {MOST_RULES} own rules can be used")]
    TooMany,
}

#[derive(Clone, Debug)]
struct Rule {
    marker: String,
    pattern: Regex,
    suspect: Suspect,
}

/// Rules, compiled. Cheap to share, not to make.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether any pattern matches at all: asked first, in one pass over the text.
    any: RegexSet,
    rules: Vec<Rule>,
}

/// A text without what the rules found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'t> {
    /// The text; borrowed if nothing was found.
    pub text: Cow<'t, str>,
    /// How many places were replaced.
    pub replaced: u64,
}

impl Rules {
    /// The rules that know common secrets and personal data.
    ///
    /// # Panics
    /// Never: the built-in patterns are constants, and a test compiles them.
    #[must_use]
    pub fn built_in() -> Self {
        Self::with(&[]).expect("the built-in patterns compile")
    }

    /// The built-in rules and own ones, by name and pattern, in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// When a name or a pattern cannot be used, or there are too many.
    pub fn with(own: &[(String, String)]) -> Result<Self, RuleError> {
        if own.len() > MOST_RULES {
            return Err(RuleError::TooMany);
        }
        let built_in = BUILT_IN.iter().map(|(name, pattern, suspect)| (*name, *pattern, *suspect));
        let own_rules = own.iter().map(|(name, pattern)| (&**name, &**pattern, Suspect::Always));
        let all: Vec<(&str, &str, Suspect)> = built_in.chain(own_rules).collect();
        let rules = all
            .iter()
            .map(|(name, pattern, suspect)| Rule::new(name, pattern, *suspect))
            .collect::<Result<Vec<_>, _>>()?;
        let any = RegexSetBuilder::new(all.iter().map(|(_, pattern, _)| pattern))
            .size_limit(PATTERN_BYTES * all.len())
            .build()
            .map_err(|error| RuleError::Pattern {
                name: "all of them".to_owned(),
                why: error.to_string(),
            })?;
        Ok(Self { any, rules })
    }

    /// The text without what the rules find in it.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Redacted<'t> {
        let mut left = Redacted { text: Cow::Borrowed(text), replaced: 0 };
        for _ in 0..PASSES {
            let found = self.found(&left.text);
            if found.is_empty() {
                return left;
            }
            left.replaced += found.len() as u64;
            left.text = Cow::Owned(self.replaced(&left.text, &found));
        }
        if !self.found(&left.text).is_empty() {
            left.text = Cow::Borrowed("[redacted]");
        }
        left
    }

    /// Where rules match, with the first rule of each place; ordered and apart from each other.
    fn found(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let matching = self.any.matches(text);
        if !matching.matched_any() {
            return Vec::new();
        }
        let markers = markers(text);
        let mut found: Vec<(Range<usize>, usize)> = Vec::new();
        for at in &matching {
            let rule = &self.rules[at];
            for place in rule.pattern.find_iter(text) {
                let range = without_escape(text, place.range());
                // What we wrote ourselves is no secret.
                let ours = markers
                    .iter()
                    .any(|marker| marker.start <= range.start && range.end <= marker.end);
                if !ours && rule.suspect.holds(text, range.start, range.end) {
                    found.push((range, at));
                }
            }
        }
        for marker in markers {
            widen(&mut found, &marker);
        }
        merge(found)
    }

    fn replaced(&self, text: &str, found: &[(Range<usize>, usize)]) -> String {
        let is_json = text.trim_start().starts_with(['{', '[']);
        let mut left = String::with_capacity(text.len());
        let mut from = 0;
        for (range, rule) in found {
            left.push_str(&text[from..range.start]);
            let marker = &self.rules[*rule].marker;
            if is_json && is_bare_number(text, range) {
                left.push('"');
                left.push_str(marker);
                left.push('"');
            } else {
                left.push_str(marker);
            }
            from = range.end;
        }
        left.push_str(&text[from..]);
        left
    }
}

impl Rule {
    fn new(name: &str, pattern: &str, suspect: Suspect) -> Result<Self, RuleError> {
        let fits = (1..=40).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !fits {
            return Err(RuleError::Name { name: name.to_owned() });
        }
        let wrong = |why: String| RuleError::Pattern { name: name.to_owned(), why };
        if pattern.len() > LONGEST_PATTERN {
            return Err(wrong(format!("the pattern is longer than {LONGEST_PATTERN} bytes")));
        }
        let pattern = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        if pattern.is_match("") {
            return Err(RuleError::Empty { name: name.to_owned() });
        }
        Ok(Self { marker: format!("[redacted:{name}]"), pattern, suspect })
    }
}

/// Where markers of an earlier pass stand.
fn markers(text: &str) -> Vec<Range<usize>> {
    let opened = text.match_indices("[redacted:");
    let marker = |at: usize| {
        let end = text[at..].find(']')?;
        // A name is at most 40 bytes long.
        (end <= 52).then_some(at..at + end + 1)
    };
    opened.filter_map(|(at, _)| marker(at)).collect()
}

/// A match that goes into a marker takes the whole of it.
fn widen(found: &mut [(Range<usize>, usize)], marker: &Range<usize>) {
    for (range, _) in found {
        if range.start < marker.end && marker.start < range.end {
            *range = range.start.min(marker.start)..range.end.max(marker.end);
        }
    }
}

/// Joins what overlaps; the rule that begins first names it.
fn merge(mut found: Vec<(Range<usize>, usize)>) -> Vec<(Range<usize>, usize)> {
    found.sort_by_key(|(range, rule)| (range.start, *rule));
    let mut merged: Vec<(Range<usize>, usize)> = Vec::with_capacity(found.len());
    for (range, rule) in found {
        match merged.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            Some(_) | None => merged.push((range, rule)),
        }
    }
    merged
}

/// A match without the rest of an escape that it begins with: `n` of `\n`.
fn without_escape(text: &str, range: Range<usize>) -> Range<usize> {
    for length in [1, 5] {
        let start = range.start + length;
        if start < range.end && text.is_char_boundary(start) {
            let escape = escape_length(&text[..start]);
            if escape == length + 1 {
                return start..range.end;
            }
        }
    }
    range
}

/// Whether the match stands where JSON has a number.
fn is_bare_number(text: &str, range: &Range<usize>) -> bool {
    text[range.clone()].bytes().all(|byte| byte.is_ascii_digit())
        && text[..range.start].trim_end().ends_with([':', ',', '['])
        && text[range.end..].trim_start().starts_with([',', '}', ']'])
}

#[cfg(test)]
mod tests;
