//! A small language for lists: `service:checkout status:error duration:>2s -model:llama* "rate limit"`.
//!
//! Terms stand side by side and all must hold; `OR` between two is one of them, and binds closer: `a b OR c` is `a` and one
//! of `b` and `c`. `field:value` is equality, with `*` for any characters; `field:>n`,
//! `>=`, `<`, `<=` compare; `field:*` is what has any value; a `-` before a term turns it round, and then a row without
//! a value meets it; anything else is text to look for. Text with blanks stands in double quotes, in which `\"` and
//! `\\` are a quote and a backslash. Every column is a field, and the usual ones have short names.
//!
//! [`Filter::parse`] knows no schema; what a value means is decided when the columns' types are known.

mod compile;

pub(crate) use compile::{as_text, http_class};

use crate::error::Error;

/// Longest text of a filter, characters.
const LONGEST: usize = 4_096;
/// Most terms of a filter.
const MOST_TERMS: usize = 64;

/// Short names of columns that people ask for.
const SHORT: [(&str, &[&str]); 25] = [
    ("model", &["llm_request_parameters_model", "llm_model_name"]),
    ("status", &["span_status"]),
    ("error", &["error_class"]),
    ("message", &["error_message"]),
    ("endpoint", &["inferscope_endpoint"]),
    ("replica", &["inferscope_replica_id"]),
    ("service", &["service_name"]),
    ("name", &["operation_name"]),
    ("kind", &["llm_observation_type", "openinference_span_kind"]),
    ("provider", &["gen_ai_provider_name"]),
    ("http", &["http_response_status_code"]),
    ("ttft", &["gen_ai_response_time_to_first_chunk"]),
    ("tokens", &["llm_token_count_total"]),
    ("input_tokens", &["llm_token_count_prompt"]),
    ("output_tokens", &["llm_token_count_completion"]),
    ("cost", &["llm_usage_cost_total"]),
    ("session", &["session_id"]),
    ("user", &["user_id"]),
    ("trace", &["trace_id"]),
    ("span", &["span_id"]),
    ("tag", &["tag_tags"]),
    ("tool", &["gen_ai_tool_name"]),
    ("agent", &["gen_ai_agent_name"]),
    ("input", &["llm_input"]),
    ("output", &["llm_output"]),
];

/// A filter that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Of each of these one term must hold.
    all: Vec<Vec<Term>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    /// Whether the term is turned round by a `-`.
    without: bool,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Text(String),
    Field { columns: Vec<String>, test: Test, value: Written },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Is,
    More,
    MoreOrSame,
    Less,
    LessOrSame,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    text: String,
    /// Whether `*` and units are just characters.
    quoted: bool,
    /// Where it begins, in characters, the first is 1.
    at: usize,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// [`Error::Filter`] with the place of what cannot be read.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let chars: Vec<char> = text.chars().take(LONGEST + 1).collect();
        if chars.len() > LONGEST {
            return Err(bad(LONGEST + 1, format!("it is longer than {LONGEST} characters")));
        }
        let mut reader = Reader { chars: &chars, at: 0 };
        let (mut all, mut terms): (Vec<Vec<Term>>, _) = (Vec::new(), 0);
        while reader.skip_blanks() {
            if terms == MOST_TERMS {
                return Err(bad(reader.place(), format!("there are more than {MOST_TERMS} terms")));
            }
            let is_other = reader.or(all.is_empty())?;
            let term = reader.term()?;
            terms += 1;
            match all.last_mut().filter(|_| is_other) {
                Some(any) => any.push(term),
                None => all.push(vec![term]),
            }
        }
        Ok(Self { all })
    }

    /// The only trace whose spans can meet the filter, if it names one by its whole id.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let whole = |value: &Written| is_trace_id(&value.text).then(|| value.text.to_lowercase());
        self.all.iter().find_map(|any| match &any[..] {
            [Term { without: false, what: What::Field { columns, test: Test::Is, value } }]
                if columns[0] == "trace_id" =>
            {
                whole(value)
            }
            _ => None,
        })
    }

    fn terms(&self) -> impl Iterator<Item = &Term> {
        self.all.iter().flatten()
    }

    /// The fields that the filter names, each by its first column.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.terms().filter_map(|term| match &term.what {
            What::Text(_) => None,
            What::Field { columns, .. } => columns.first().map(String::as_str),
        })
    }

    /// The columns that the filter names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.terms().flat_map(|term| match &term.what {
            What::Text(_) => [].iter().map(String::as_str),
            What::Field { columns, .. } => columns.iter().map(String::as_str),
        })
    }
}

fn is_trace_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn bad(at: usize, why: impl Into<String>) -> Error {
    Error::Filter { at, why: why.into() }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    const fn place(&self) -> usize {
        self.at + 1
    }

    /// Whether there is more behind the blanks.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.at < self.chars.len()
    }

    /// Steps over an `OR` between two terms; whether there is one.
    fn or(&mut self, is_first: bool) -> Result<bool, Error> {
        let place = self.place();
        if !self.is_or() {
            return Ok(false);
        }
        self.at += 2;
        let is_last = !self.skip_blanks();
        if is_first || is_last || self.is_or() {
            let why = "OR stands between two terms; the word itself is written \"OR\"";
            return Err(bad(place, why));
        }
        Ok(true)
    }

    fn is_or(&self) -> bool {
        let rest = &self.chars[self.at..];
        rest.starts_with(&['O', 'R']) && rest.get(2).is_none_or(|c| c.is_whitespace())
    }

    fn term(&mut self) -> Result<Term, Error> {
        let without = self.peek() == Some('-');
        if without {
            self.at += 1;
            if self.peek().is_none_or(char::is_whitespace) {
                return Err(bad(self.place(), "there is nothing behind '-' to leave out"));
            }
        }
        Ok(Term { without, what: self.what()? })
    }

    fn what(&mut self) -> Result<What, Error> {
        if self.peek() == Some('"') {
            return Ok(What::Text(self.quoted()?.text));
        }
        let Some(field) = self.field() else {
            let word = self.bare();
            // Who pastes an id looks for its trace; in quotes it is text.
            return Ok(if is_trace_id(&word.text) {
                What::Field { columns: columns_of("trace"), test: Test::Is, value: word }
            } else {
                What::Text(word.text)
            });
        };
        let test = self.test();
        let value = match self.peek() {
            Some('"') => self.quoted()?,
            Some(c) if !c.is_whitespace() => self.bare(),
            Some(_) | None => {
                let why = format!("a value is missing: {field}:value, or {field}:* for any");
                return Err(bad(self.place(), why));
            }
        };
        Ok(What::Field { columns: columns_of(&field), test, value })
    }

    /// A name and the colon behind it, if that is what comes next.
    fn field(&mut self) -> Option<String> {
        let is_name = |c: &&char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = self.chars[self.at..].iter().take_while(is_name).count();
        if length == 0 || self.chars.get(self.at + length) != Some(&':') {
            return None;
        }
        let name = self.chars[self.at..self.at + length].iter().collect();
        self.at += length + 1;
        Some(name)
    }

    fn test(&mut self) -> Test {
        let (first, second) = (self.peek(), self.chars.get(self.at + 1).copied());
        let (test, length) = match (first, second) {
            (Some('>'), Some('=')) => (Test::MoreOrSame, 2),
            (Some('<'), Some('=')) => (Test::LessOrSame, 2),
            (Some('>'), _) => (Test::More, 1),
            (Some('<'), _) => (Test::Less, 1),
            (Some('='), _) => (Test::Is, 1),
            _ => (Test::Is, 0),
        };
        self.at += length;
        test
    }

    fn bare(&mut self) -> Written {
        let at = self.place();
        let text: String =
            self.chars[self.at..].iter().take_while(|c| !c.is_whitespace()).collect();
        self.at += text.chars().count();
        Written { text, quoted: false, at }
    }

    fn quoted(&mut self) -> Result<Written, Error> {
        let at = self.place();
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(bad(at, "this quote is never closed")),
                Some('"') => break,
                Some('\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(c @ ('"' | '\\')) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                        None => return Err(bad(at, "this quote is never closed")),
                    }
                }
                Some(c) => text.push(c),
            }
            self.at += 1;
        }
        self.at += 1;
        if self.peek().is_some_and(|c| !c.is_whitespace()) {
            return Err(bad(self.place(), "a blank has to follow the closing quote"));
        }
        Ok(Written { text, quoted: true, at })
    }
}

/// The columns of a field: by its short name, or by the name that an attribute's column has.
fn columns_of(field: &str) -> Vec<String> {
    let plain: String = field
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    match SHORT.iter().find(|(short, _)| *short == plain) {
        Some((_, columns)) => columns.iter().map(|&column| column.to_owned()).collect(),
        None => vec![plain],
    }
}

/// The short names of fields.
pub(crate) fn short_names<'a>() -> impl Iterator<Item = &'a str> {
    SHORT.iter().map(|(short, _)| *short)
}

/// The column of a field, where there can be only one.
pub(crate) fn first_column(field: &str) -> String {
    columns_of(field).swap_remove(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place_of_error(text: &str) -> (usize, String) {
        match Filter::parse(text) {
            Err(Error::Filter { at, why }) => (at, why),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn terms_are_told_apart() {
        let filter = Filter::parse(
            r#" service:checkout  -model:llama* duration:>=2s "rate \"limit\"" http://x "#,
        )
        .expect("is good");
        let [service, model, duration, text, address] = &filter.terms().collect::<Vec<_>>()[..]
        else {
            panic!("five terms: {filter:?}")
        };
        let field = |term: &Term| match &term.what {
            What::Field { columns, test, value } => (columns[0].clone(), *test, value.text.clone()),
            What::Text(text) => panic!("{text} is no field"),
        };
        assert_eq!(field(service), ("service_name".into(), Test::Is, "checkout".into()));
        assert!(model.without && !service.without);
        assert_eq!(field(duration), ("duration".into(), Test::MoreOrSame, "2s".into()));
        assert_eq!(text.what, What::Text("rate \"limit\"".to_owned()));
        assert_eq!(field(address), ("http_response_status_code".into(), Test::Is, "//x".into()));
        assert_eq!(columns_of("Service.Deployment-Name"), ["service_deployment_name"]);
    }

    #[test]
    fn a_whole_id_of_a_trace_is_known_as_one_in_any_case() {
        let id = "0123456789abcdefABCDEF0123456789";
        let of = |text: String| Filter::parse(&text).expect("is good").trace_id();
        assert_eq!(of(format!("status:error trace:{id}")), Some(id.to_lowercase()));
        assert_eq!(of(id.to_owned()), Some(id.to_lowercase()));
        for other in [
            format!("\"{id}\""),
            format!("-{id}"),
            format!("trace:{}*", &id[1..]),
            id[1..].to_owned(),
        ] {
            assert_eq!(of(other.clone()), None, "{other}");
        }
    }

    #[test]
    fn or_joins_the_terms_beside_it() {
        let read = |text: &str| {
            Filter::parse(text).expect(text).all.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(read("a b:c OR -d:e OR f g"), [1, 3, 1]);
        assert_eq!(read("a or b \"OR\" ORDER"), [1, 1, 1, 1, 1]);
        let id = "0123456789abcdefabcdef0123456789";
        let one_of_two = Filter::parse(&format!("trace:{id} OR error:*")).expect("is good");
        assert_eq!(one_of_two.trace_id(), None, "spans of other traces can meet it");
        for (text, at) in [("OR a", 1), ("a OR", 3), ("a  OR  ", 4), ("a OR OR b", 3)] {
            let (place, why) = place_of_error(text);
            assert_eq!(place, at, "{text}");
            assert!(why.contains("between two terms"), "{text}: {why}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        assert_eq!(place_of_error("a:b service:").0, 13);
        assert_eq!(place_of_error("a:b - c").0, 6);
        assert_eq!(place_of_error("a \"b").0, 3);
        assert_eq!(place_of_error("äö \"b\"c").0, 7);
        assert_eq!(place_of_error(&"x".repeat(LONGEST + 1)).0, LONGEST + 1);
        assert!(place_of_error(&"x ".repeat(MOST_TERMS + 1)).1.contains("terms"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_inside_of_it(text in "[a-z:<>=\"\\\\* -]{0,40}|\\PC{0,40}") {
            if let Err(error) = Filter::parse(&text) {
                let Error::Filter { at, .. } = error else { panic!("{error}") };
                prop_assert!(at >= 1 && at <= text.chars().count() + 1);
            }
        }

        #[test]
        fn a_quoted_value_is_read_back_as_it_is(value in "\\PC{0,30}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("a:\"{quoted}\" b")).expect("is good");
            let What::Field { value: read, .. } = &filter.all[0][0].what else { panic!("{filter:?}") };
            prop_assert_eq!(&read.text, &value);
            prop_assert_eq!(filter.all.len(), 2);
        }
    }
}
