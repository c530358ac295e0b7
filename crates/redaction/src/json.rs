//! Secrets in JSON: what stands under a name that tells, and what is in its texts, with JSON left as JSON.
//!
//! The text is walked once, as it was written: nothing is parsed and written anew, so that numbers, spaces and the order
//! of fields stay. A text that is only the beginning of JSON is walked as far as it goes.

use std::borrow::Cow;
use std::ops::Range;

use crate::names::{LONGEST, Named, named};

/// What is done to a text.
pub(crate) trait Judge {
    /// What is to stand for the value of a field of this name, if anything.
    fn field(&mut self, name: Named) -> Option<&'static str>;
    /// What is left of a text or number; `None` if that is all of it.
    fn value(&mut self, text: &str) -> Option<String>;
}

/// The text after `judge` has seen every name, text and number in it; `None` if that is all of it.
pub(crate) fn judged(text: &str, judge: &mut impl Judge) -> Option<String> {
    let mut walk = Walk { text, at: 0, left: String::new(), copied: 0 };
    walk.run(judge);
    (walk.copied > 0).then(|| {
        walk.left.push_str(&text[walk.copied..]);
        walk.left
    })
}

/// Whether JSON may have a field whose name tells one that is wanted: asked of every text before it is walked, so it only
/// looks at what stands before colons. A name that is written with escapes of letters may tell anything.
pub(crate) fn may_name(text: &str, wanted: impl Fn(Named) -> bool) -> bool {
    let bytes = text.as_bytes();
    let tells = |colon: usize| {
        let quoted = bytes[..colon].trim_ascii_end().strip_suffix(b"\"")?;
        // Inside a text of JSON the quotes are escaped.
        let end = quoted.iter().rposition(|byte| *byte != b'\\')? + 1;
        let near = &quoted[end.saturating_sub(LONGEST)..end];
        // What tells is ASCII, and stands at the end.
        let before = near.iter().rposition(|byte| *byte == b'"' || !byte.is_ascii());
        let start = before.map_or(0, |at| at + 1);
        named(std::str::from_utf8(&near[start..]).ok()?).filter(|name| wanted(*name))
    };
    memchr::memchr_iter(b':', bytes).any(|colon| tells(colon).is_some())
        || memchr::memmem::find_iter(bytes, b"\\u00")
            .any(|at| matches!(bytes.get(at + 4), Some(b'4'..=b'7')))
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
    left: String,
    /// How much of the text is in `left`, or replaced there.
    copied: usize,
}

impl<'t> Walk<'t> {
    fn run(&mut self, judge: &mut impl Judge) {
        // A list under the name of a secret ends here; all texts before are secrets.
        let mut listed: Option<(usize, &'static str)> = None;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    let range = self.string();
                    let marker =
                        listed.filter(|(end, _)| self.at <= *end).map(|(_, marker)| marker);
                    match self.value_of_key() {
                        Some(value) => {
                            let name = unescaped(self.text, &range);
                            self.judge_text(&range, judge);
                            let marker =
                                named(&name).and_then(|name| Some((name, judge.field(name)?)));
                            if let Some((name, marker)) = marker {
                                listed = listed.filter(|(end, _)| value <= *end);
                                let is_list = self.text.as_bytes().get(value) == Some(&b'[');
                                if listed.is_some() && is_list && name != Named::Authorization {
                                    // A list in such a list: its texts are secrets already, and to look for its end
                                    // at each level would take the square of the levels.
                                    self.at = value + 1;
                                } else {
                                    let list = self.replace_value(value, name, marker);
                                    listed = listed.or(list);
                                }
                            }
                        }
                        None => match marker {
                            Some(marker) => self.replace(range, marker),
                            None => self.judge_text(&range, judge),
                        },
                    }
                }
                b'-' | b'0'..=b'9' => {
                    let range = self.word();
                    if let Some(left) = judge.value(&self.text[range.clone()]) {
                        self.replace(range, &left);
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// The string that begins here, with its quotes; to the end of the text if it has no end. Moves behind it.
    fn string(&mut self) -> Range<usize> {
        let (start, bytes) = (self.at, self.text.as_bytes());
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        // A cut text may end in the middle of an escape.
        self.at = self.text.ceil_char_boundary(self.at.min(bytes.len()));
        start..self.at
    }

    /// A number or a word: what goes on to the next mark of JSON. Moves behind it.
    fn word(&mut self) -> Range<usize> {
        let rest = &self.text[self.at..];
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}' | ':' | '"');
        let length = rest.find(ends).unwrap_or(rest.len());
        let start = self.at;
        self.at += length.max(1);
        start..self.at
    }

    /// Where the value begins, if what ended here is a field's name.
    fn value_of_key(&self) -> Option<usize> {
        let rest = self.text[self.at..].trim_start();
        let value = rest.strip_prefix(':')?.trim_start();
        Some(self.text.len() - value.len())
    }

    /// Puts a marker in the place of a field's value. Of what has a structure only a list's texts are replaced under the
    /// name of a secret: a schema may describe a field of that name. Answers where such a list ends.
    fn replace_value(
        &mut self,
        start: usize,
        name: Named,
        marker: &'static str,
    ) -> Option<(usize, &'static str)> {
        self.at = start;
        match self.text.as_bytes().get(start)? {
            b'"' => {
                let range = self.string();
                self.replace(range, marker);
            }
            b'[' | b'{' if name == Named::Authorization => {
                let range = start..self.end_of_structure();
                self.replace(range, marker);
            }
            b'[' => {
                let end = self.end_of_structure();
                self.at = start + 1;
                return Some((end, marker));
            }
            b'-' | b'0'..=b'9' => {
                let range = self.word();
                self.replace(range, marker);
            }
            _ => {}
        }
        None
    }

    /// Where the list or object ends that begins here. Moves there.
    fn end_of_structure(&mut self) -> usize {
        let mut depth = 0_usize;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        self.at = self.text.ceil_char_boundary(self.at);
        self.at
    }

    /// A string, without what the judge takes out of it.
    fn judge_text(&mut self, range: &Range<usize>, judge: &mut impl Judge) {
        if let Some(left) = judge.value(&unescaped(self.text, range)) {
            self.replace(range.clone(), &left);
        }
    }

    /// Writes a text as a JSON string in the place of what stands there.
    fn replace(&mut self, range: Range<usize>, text: &str) {
        self.left.push_str(&self.text[self.copied..range.start]);
        self.left.push('"');
        for c in text.chars() {
            match c {
                '"' => self.left.push_str("\\\""),
                '\\' => self.left.push_str("\\\\"),
                '\n' => self.left.push_str("\\n"),
                '\r' => self.left.push_str("\\r"),
                '\t' => self.left.push_str("\\t"),
                c if c < ' ' => self.left.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.left.push(c),
            }
        }
        self.left.push('"');
        self.copied = range.end;
    }
}

/// What a JSON string says, without its quotes. An escape that is none stays as it is.
fn unescaped<'t>(text: &'t str, range: &Range<usize>) -> Cow<'t, str> {
    let inner = &text[range.start + 1..range.end];
    let closed =
        inner.ends_with('"') && trailing_backslashes(&inner[..inner.len() - 1]).is_multiple_of(2);
    let inner = if closed { &inner[..inner.len() - 1] } else { inner };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut said = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        said.push_str(&rest[..at]);
        let (c, length) = escape(&rest[at..]);
        match c {
            Some(c) => said.push(c),
            None => said.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + length..];
    }
    said.push_str(rest);
    Cow::Owned(said)
}

fn trailing_backslashes(text: &str) -> usize {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count()
}

/// The character that an escape stands for, and how long the escape is.
fn escape(text: &str) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(kind) = text[1..].chars().next() else { return (None, 1) };
    let plain = match kind {
        '"' | '\\' | '/' => Some(kind),
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        _ => None,
    };
    if plain.is_some() || kind != 'u' {
        return (plain, 1 + kind.len_utf8());
    }
    let Some(first) = unit(0) else { return (None, 2) };
    if let Some(second) = unit(6).filter(|unit| (0xdc00..0xe000).contains(unit))
        && (0xd800..0xdc00).contains(&first)
    {
        let pair = char::decode_utf16([first, second]).next().and_then(Result::ok);
        return (pair, 12);
    }
    // Half of a pair stands for nothing.
    (char::from_u32(u32::from(first)), 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const AUTHORIZATION: &str = Named::Authorization.marker();
    const SECRET: &str = Named::Secret.marker();

    /// Takes out `x1`, and all that a name tells.
    #[derive(Default)]
    struct Strict(Vec<String>);

    impl Judge for Strict {
        fn field(&mut self, name: Named) -> Option<&'static str> {
            Some(name.marker())
        }

        fn value(&mut self, text: &str) -> Option<String> {
            self.0.push(text.to_owned());
            text.contains("x1").then(|| text.replace("x1", "-"))
        }
    }

    fn left(text: &str) -> String {
        judged(text, &mut Strict::default()).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn values_go_by_their_name_and_json_stays_json() {
        let cases = [
            (
                r#"{"Authorization": "Bearer abc", "n": 1.50}"#,
                r#"{"Authorization": "[redacted:authorization]", "n": 1.50}"#,
            ),
            (
                r#"{"x-api-key":["a","b"],"z":[]}"#,
                r#"{"x-api-key":"[redacted:authorization]","z":[]}"#,
            ),
            (
                r#"{"cookie":{"a":"}\"","b":[1]},"z":"y"}"#,
                r#"{"cookie":"[redacted:authorization]","z":"y"}"#,
            ),
            (
                r#"{"password":"p\"q","pwd":7,"secret":null,"secret":true}"#,
                r#"{"password":"[redacted:secret]","pwd":"[redacted:secret]","secret":null,"secret":true}"#,
            ),
            (
                r#"{"password":["a",["b"],{"k":"c"}],"z":"y"}"#,
                r#"{"password":["[redacted:secret]",["[redacted:secret]"],{"k":"[redacted:secret]"}],"z":"y"}"#,
            ),
            (
                r#"{"properties":{"password":{"type":"string"}}}"#,
                r#"{"properties":{"password":{"type":"string"}}}"#,
            ),
            (r#"{"authorization" : "#, r#"{"authorization" : "#),
            (r#"{"authorization":"cut off he"#, r#"{"authorization":"[redacted:authorization]""#),
            (r#"{"authorization":["cut"#, r#"{"authorization":"[redacted:authorization]""#),
            (
                r#"{"author\u0069zation":"a"}"#,
                r#"{"author\u0069zation":"[redacted:authorization]"}"#,
            ),
            (r#"["a","x1\n\"é\u0001","x1": 2]"#, r#"["a","-\n\"é\u0001","-": 2]"#),
        ];
        for (text, expected) in cases {
            assert_eq!(left(text), expected, "{text}");
        }
    }

    /// Any JSON.
    fn json() -> impl Strategy<Value = Value> {
        let text =
            prop_oneof!["[ax1\"\\\\/\n\u{1}é😀{}\\[\\]:,]{0,8}", "password|authorization|.{0,4}"];
        let leaf = prop_oneof![
            text.prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!(true)),
            Just(json!(-1.5e300)),
        ];
        let name = prop_oneof!["[a-c\"\\\\]{0,3}", "password|api_key|cookie"];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// What is to be left, by the tree.
    fn expected(value: &Value, under: Option<&'static str>) -> Value {
        match value {
            Value::String(text) => {
                under.map_or_else(|| text.replace("x1", "-"), str::to_owned).into()
            }
            Value::Array(items) => items.iter().map(|item| expected(item, under)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    let left = match (named(name), value) {
                        (Some(Named::Authorization), Value::Null | Value::Bool(_)) => value.clone(),
                        (Some(Named::Authorization), _) => AUTHORIZATION.into(),
                        (Some(Named::Secret), Value::String(_) | Value::Number(_)) => SECRET.into(),
                        (Some(Named::Secret), Value::Array(_)) => expected(value, Some(SECRET)),
                        (Some(Named::Secret), _) | (None, _) => expected(value, under),
                    };
                    (name.replace("x1", "-"), left)
                };
                Value::Object(fields.iter().map(field).collect())
            }
            // Of lists under a secret's name only the texts are secrets.
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_walk_does_what_a_tree_would(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("is JSON");
            let left = left(&text);
            let read: Value = serde_json::from_str(&left).expect("stays JSON");
            prop_assert_eq!(read, expected(&value, None), "{} became {}", text, left);
        }

        #[test]
        fn every_text_is_shown_as_it_is_meant(texts in prop::collection::vec(".{0,6}|[\\\\\"/nu0-9a-f😀]{0,9}", 0..4)) {
            let mut judge = Strict::default();
            judged(&serde_json::to_string(&texts).expect("is JSON"), &mut judge);
            prop_assert_eq!(judge.0, texts);
        }

        #[test]
        fn where_a_walk_replaces_a_field_one_may_be_named(value in json(), pretty: bool, nested: bool) {
            #[derive(Default)]
            struct Fields(bool);
            impl Judge for Fields {
                fn field(&mut self, _: Named) -> Option<&'static str> {
                    self.0 = true;
                    None
                }
                fn value(&mut self, text: &str) -> Option<String> {
                    if text.starts_with(['{', '[']) {
                        judged(text, self);
                    }
                    None
                }
            }
            let mut text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("is JSON");
            if nested {
                text = json!([text]).to_string();
            }
            let mut fields = Fields::default();
            judged(&text, &mut fields);
            prop_assert!(!fields.0 || may_name(&text, |_| true), "{}", text);
        }

        #[test]
        fn any_text_is_walked(text in "[\\[\\]{}\":,\\\\upassword 0-9é😀-]{0,60}|.{0,60}") {
            let _ = (left(&text), may_name(&text, |_| true));
        }
    }
}
