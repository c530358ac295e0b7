use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};

use crate::built_in::BUILT_IN;
use crate::json::{Judge, judged, may_name};
use crate::names::Named;
use crate::suspect::{Suspect, escape_length};

/// Memory that one compiled pattern may take, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// Most own rules.
const MOST_RULES: usize = 100;

/// Longest own pattern, in bytes.
const LONGEST_PATTERN: usize = 4096;

/// How often what is left is searched again: a marker can make a match of what stood around it.
const PASSES: usize = 8;

/// JSON inside a text of JSON is opened so often.
const DEEPEST: u8 = 8;

/// A rule of somebody's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// What a match becomes: `[redacted:<name>]`.
    pub name: String,
    /// What is looked for.
    pub pattern: String,
}

impl OwnRule {
    /// Whether the rule can be used.
    ///
    /// # Errors
    /// When its name or its pattern cannot.
    pub fn check(&self) -> Result<(), RuleError> {
        Rule::new(&self.name, &self.pattern, Suspect::Always).map(|_| ())
    }
}

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

/// Rules, compiled: the built-in ones, and own ones in layers above them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules {
    layers: Vec<Arc<Layer>>,
}

#[derive(Debug)]
struct Layer {
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
    /// How many values of authorization headers were, beside these.
    pub authorizations: u64,
}

impl Redacted<'_> {
    fn whole(text: &str) -> Redacted<'_> {
        Redacted { text: Cow::Borrowed(text), replaced: 0, authorizations: 0 }
    }
}

/// A place where a rule matched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found<'r> {
    range: Range<usize>,
    /// The rule's place among all: the first one names what several found.
    order: usize,
    marker: &'r str,
}

impl Rules {
    /// The rules that know common secrets and personal data.
    ///
    /// # Panics
    /// Never: the built-in patterns are constants, and a test compiles them.
    #[must_use]
    pub fn built_in() -> Self {
        static BUILT: LazyLock<Arc<Layer>> = LazyLock::new(|| {
            let rules = BUILT_IN.iter().map(|(name, pattern, suspect)| (*name, *pattern, *suspect));
            Arc::new(Layer::new(&rules.collect::<Vec<_>>()).expect("the built-in patterns compile"))
        });
        Self { layers: vec![Arc::clone(&BUILT)] }
    }

    /// These rules and own ones, in the syntax of the `regex` crate.
    ///
    /// # Errors
    /// When a name or a pattern cannot be used, or there are too many.
    pub fn and(&self, own: &[OwnRule]) -> Result<Self, RuleError> {
        if own.len() > MOST_RULES {
            return Err(RuleError::TooMany);
        }
        let mut all = self.clone();
        if !own.is_empty() {
            let own = own.iter().map(|rule| (&*rule.name, &*rule.pattern, Suspect::Always));
            all.layers.push(Arc::new(Layer::new(&own.collect::<Vec<_>>())?));
        }
        Ok(all)
    }

    /// The text without what the rules find in it, and without what stands under the name of a secret where it is JSON.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Redacted<'t> {
        self.redact_in(text, 0)
    }

    fn redact_in<'t>(&self, text: &'t str, depth: u8) -> Redacted<'t> {
        if depth > DEEPEST || !may_be_json(text) {
            return self.redact_text(text);
        }
        let hides = |text: &str| text.contains("\\u") || text.contains("\\/");
        if !may_name(text, |_| true) && !hides(text) && !self.matches(text) {
            return Redacted::whole(text);
        }
        let values = is_json(text);
        let mut judge = ByRules { rules: self, values, depth, replaced: 0, authorizations: 0 };
        let left = judged(text, &mut judge);
        let ByRules { replaced, authorizations, .. } = judge;
        let text = left.map_or(Cow::Borrowed(text), Cow::Owned);
        if values {
            return Redacted { text, replaced, authorizations };
        }
        // Only what JSON can end in: its values are no texts that could be told from each other.
        let rest = self.redact_text(&text);
        let more = rest.replaced;
        let text = if more > 0 { Cow::Owned(rest.text.into_owned()) } else { text };
        Redacted { text, replaced: replaced + more, authorizations }
    }

    fn redact_text<'t>(&self, text: &'t str) -> Redacted<'t> {
        let mut left = Redacted::whole(text);
        for _ in 0..PASSES {
            let found = self.found(&left.text);
            if found.is_empty() {
                return left;
            }
            left.replaced += found.len() as u64;
            left.text = Cow::Owned(replaced(&left.text, &found));
        }
        if !self.found(&left.text).is_empty() {
            left.text = Cow::Borrowed("[redacted]");
        }
        left
    }

    fn matches(&self, text: &str) -> bool {
        self.layers.iter().any(|layer| layer.any.is_match(text))
    }

    /// Where rules match; ordered and apart from each other.
    fn found(&self, text: &str) -> Vec<Found<'_>> {
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut markers: Option<Vec<Range<usize>>> = None;
        let mut before = 0;
        for layer in &self.layers {
            for at in &layer.any.matches(text) {
                let rule = &layer.rules[at];
                let markers = markers.get_or_insert_with(|| own_markers(text));
                for place in rule.pattern.find_iter(text) {
                    let range = without_escape(text, place.range());
                    // What we wrote ourselves is no secret.
                    let ours = is_inside(markers, &range);
                    if !ours && rule.suspect.holds(text, range.start, range.end) {
                        let range = widened(markers, range);
                        found.push(Found { range, order: before + at, marker: &rule.marker });
                    }
                }
            }
            before += layer.rules.len();
        }
        merge(found)
    }
}

impl Layer {
    fn new(all: &[(&str, &str, Suspect)]) -> Result<Self, RuleError> {
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
}

/// What rules do to JSON.
struct ByRules<'r> {
    rules: &'r Rules,
    /// Whether single texts are looked at, or only names.
    values: bool,
    depth: u8,
    replaced: u64,
    authorizations: u64,
}

impl Judge for ByRules<'_> {
    fn field(&mut self, name: Named) -> Option<&'static str> {
        match name {
            Named::Authorization => self.authorizations += 1,
            Named::Secret => self.replaced += 1,
        }
        Some(name.marker())
    }

    fn value(&mut self, text: &str) -> Option<String> {
        if !self.values {
            return None;
        }
        let left = self.rules.redact_in(text, self.depth + 1);
        self.replaced += left.replaced;
        self.authorizations += left.authorizations;
        match left.text {
            Cow::Owned(left) => Some(left),
            Cow::Borrowed(left) => (left != text).then(|| left.to_owned()),
        }
    }
}

/// The text without values of authorization headers, where it is JSON: they are kept nowhere.
#[must_use]
pub fn without_authorizations(text: &str) -> Redacted<'_> {
    without_authorizations_in(text, 0)
}

fn without_authorizations_in(text: &str, depth: u8) -> Redacted<'_> {
    if depth > DEEPEST || !may_be_json(text) || !may_name(text, |name| name == Named::Authorization)
    {
        return Redacted::whole(text);
    }
    let mut judge = Headers { depth, authorizations: 0 };
    let left = judged(text, &mut judge);
    let text = left.map_or(Cow::Borrowed(text), Cow::Owned);
    Redacted { text, replaced: 0, authorizations: judge.authorizations }
}

/// What is done to JSON where nothing else is taken out.
struct Headers {
    depth: u8,
    authorizations: u64,
}

impl Judge for Headers {
    fn field(&mut self, name: Named) -> Option<&'static str> {
        match name {
            Named::Authorization => {
                self.authorizations += 1;
                Some(name.marker())
            }
            Named::Secret => None,
        }
    }

    fn value(&mut self, text: &str) -> Option<String> {
        let left = without_authorizations_in(text, self.depth + 1);
        self.authorizations += left.authorizations;
        (left.authorizations > 0).then(|| left.text.into_owned())
    }
}

fn may_be_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// Whether the text is JSON, or several one after the other.
fn is_json(text: &str) -> bool {
    let mut all = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    all.all(|one| one.is_ok())
}

fn replaced(text: &str, found: &[Found<'_>]) -> String {
    let mut left = String::with_capacity(text.len());
    let mut from = 0;
    for Found { range, marker, .. } in found {
        left.push_str(&text[from..range.start]);
        left.push_str(marker);
        from = range.end;
    }
    left.push_str(&text[from..]);
    left
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

/// Where markers of an earlier pass stand, in order. Each ends at the first bracket, so that their ends are in order too.
fn own_markers(text: &str) -> Vec<Range<usize>> {
    let opened = text.match_indices("[redacted:");
    let marker = |at: usize| {
        // A name is at most 40 bytes long.
        let within = &text.as_bytes()[at..text.len().min(at + 53)];
        let end = within.iter().position(|byte| *byte == b']')?;
        Some(at..at + end + 1)
    };
    opened.filter_map(|(at, _)| marker(at)).collect()
}

/// Whether a marker holds all of a match.
fn is_inside(markers: &[Range<usize>], range: &Range<usize>) -> bool {
    let after = markers.partition_point(|marker| marker.start <= range.start);
    after.checked_sub(1).is_some_and(|at| range.end <= markers[at].end)
}

/// A match that goes into a marker takes the whole of it.
fn widened(markers: &[Range<usize>], range: Range<usize>) -> Range<usize> {
    let first = markers.partition_point(|marker| marker.end <= range.start);
    let after = markers.partition_point(|marker| marker.start < range.end);
    match markers.get(first..after) {
        Some([first, .., last]) => range.start.min(first.start)..range.end.max(last.end),
        Some([only]) => range.start.min(only.start)..range.end.max(only.end),
        Some([]) | None => range,
    }
}

/// Joins what overlaps; the rule that begins first names it.
fn merge(mut found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    found.sort_by_key(|found| (found.range.start, found.order));
    let mut merged: Vec<Found<'_>> = Vec::with_capacity(found.len());
    for one in found {
        match merged.last_mut() {
            Some(last) if one.range.start < last.range.end => {
                last.range.end = last.range.end.max(one.range.end);
            }
            Some(_) | None => merged.push(one),
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

#[cfg(test)]
mod tests;
