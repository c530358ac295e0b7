//! How long contents and attributes may be, and what becomes of longer ones.

use schema::{Name, Row, Value};
use serde_json::Value as Json;

use crate::binary::{Binaries, Keep, is_marker};
use crate::contents::holds_contents;
use crate::messages::part::cut;

/// Lengths in bytes beyond which a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Columns that hold what was said.
    pub content_bytes: usize,
    /// Any other column.
    pub value_bytes: usize,
    /// Base64: a longer one is a binary part of its own.
    pub base64_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { content_bytes: 1 << 20, value_bytes: 64 << 10, base64_bytes: 32_000 }
    }
}

/// Columns that hold no contents of a call and may be as long: what is in many attributes, and what a log record says.
const AS_CONTENTS: &[&str] = &["attributes_overflow", "events", "links", "body"];

/// Hands binary parts over to `keep` and cuts what is still too long: at a character's end, with `…[truncated N bytes]`
/// behind it; in JSON inside its texts, so that it stays JSON. Names the parts that are stored in `stored_parts` and the
/// columns that were cut in `truncated_columns`; answers how many columns there are.
pub fn limit(row: &mut Row, limits: &Limits, keep: Keep<'_>) -> usize {
    let shortest = limits.content_bytes.min(limits.value_bytes).min(limits.base64_bytes);
    let long: Vec<(Name, usize)> = row
        .cells()
        .filter(|(_, value)| value.as_text().is_some_and(|text| text.len() > shortest))
        .map(|(name, _)| (name.clone(), most_of(name, limits)))
        .collect();
    let mut truncated = Vec::new();
    let mut binaries = Binaries::new(limits.base64_bytes, keep);
    for (name, most) in long {
        let Some(text) = row.text(&name) else { continue };
        let left = binaries.taken_from(text);
        let short = shortened(left.as_deref().unwrap_or(text), most);
        if short.is_some() {
            truncated.push(name.as_str().to_owned());
        }
        if let Some(short) = short.or(left) {
            row.set(name, Value::from(short));
        }
    }
    if !binaries.stored.is_empty() {
        let parts: Vec<String> = binaries.stored.into_iter().collect();
        row.set(Name::fixed("stored_parts"), Json::from(parts).to_string());
    }
    if !truncated.is_empty() {
        let names = Json::from(truncated.clone()).to_string();
        row.set(Name::fixed("truncated_columns"), names);
    }
    truncated.len()
}

fn most_of(name: &str, limits: &Limits) -> usize {
    if holds_contents(name) || AS_CONTENTS.contains(&name) {
        limits.content_bytes
    } else {
        limits.value_bytes
    }
}

/// The text, shortened; `None` if it may stay as it is.
fn shortened(text: &str, most: usize) -> Option<String> {
    if text.len() <= most {
        return None;
    }
    let is_json = text.trim_start().starts_with(['{', '[']);
    let json = if is_json { serde_json::from_str::<Json>(text).ok() } else { None };
    let Some(mut json) = json else { return Some(cut(text, most).into_owned()) };
    let mut short = json.to_string();
    let mut longest = most;
    while short.len() > most && longest > 16 {
        longest /= 4;
        cut_texts(&mut json, longest);
        short = json.to_string();
    }
    Some(if short.len() > most { cut(text, most).into_owned() } else { short })
}

fn cut_texts(json: &mut Json, most: usize) {
    match json {
        Json::String(text) if text.len() > most => *text = cut(text, most).into_owned(),
        Json::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, most)),
        Json::Object(entries) if !is_marker(entries) => {
            entries.values_mut().for_each(|item| cut_texts(item, most));
        }
        Json::Object(_) | Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::binary::Kept;

    const SMALL: Limits = Limits { content_bytes: 200, value_bytes: 40, base64_bytes: 60 };

    fn limited(name: &str, text: &str) -> (String, Option<String>) {
        let mut row = Row::default();
        row.push(Name::from(name), text);
        limit(&mut row, &SMALL, &mut |_| Kept::Stored);
        let truncated = row.text("truncated_columns").map(str::to_owned);
        (row.text(name).unwrap_or_default().to_owned(), truncated)
    }

    #[test]
    fn what_fits_stays_and_what_is_longer_is_cut_and_named() {
        assert_eq!(limited("a", &"x".repeat(40)), ("x".repeat(40), None));
        let (text, truncated) = limited("a", &"é".repeat(21));
        assert_eq!(text, format!("{}…[truncated 2 bytes]", "é".repeat(20)));
        assert_eq!(truncated.as_deref(), Some("[\"a\"]"));
        assert_eq!(limited("input_value", &"x".repeat(200)).1, None, "contents may be longer");
        assert!(limited("input_value", &"x".repeat(201)).1.is_some());
    }

    #[test]
    fn json_stays_json() {
        let long = format!(r#"{{"role":"user","content":"{}","n":1}}"#, "x".repeat(400));
        let (text, truncated) = limited("llm_input", &long);
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!((&json["role"], &json["n"]), (&"user".into(), &1.into()));
        assert!(json["content"].as_str().unwrap().contains("…[truncated "));
        assert!(truncated.is_some() && text.len() <= 200);
    }

    #[test]
    fn binary_parts_are_taken_out_before_the_rest_is_cut() {
        let image = format!("data:image/png;base64,{}", "A".repeat(80));
        let sent = serde_json::json!([{ "url": image, "text": "x".repeat(400) }]);
        let mut row = Row::default();
        row.push(Name::fixed("llm_input"), sent.to_string());
        row.push(Name::fixed("my_image"), &*image);
        let limits = Limits { content_bytes: 300, value_bytes: 300, base64_bytes: 60 };
        assert_eq!(limit(&mut row, &limits, &mut |_| Kept::Stored), 1);
        // The SHA-256 of 60 zero bytes.
        let hash = "5dcc1b5872dd9ff1c234501f1fefda01f664164e1583c3e1bb3dbea47588ab31";
        let marker = serde_json::json!({
            "omitted": true, "bytes": 60, "sha256": hash, "mime_type": "image/png", "stored": true
        });
        let json = |name: &str| serde_json::from_str::<Json>(row.text(name).unwrap()).unwrap();
        assert_eq!(json("llm_input")[0]["url"], marker, "no marker is cut");
        assert!(json("llm_input")[0]["text"].as_str().unwrap().contains("…[truncated "));
        assert_eq!(json("my_image"), marker);
        assert_eq!(json("stored_parts"), serde_json::json!([hash]), "each is named once");
        assert_eq!(json("truncated_columns"), serde_json::json!(["llm_input"]));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_to_size_and_stays_text(text in ".{0,200}|[\\[\\]{}\":,a]{0,200}|\\[\"[a-z]{0,200}\"\\]") {
            let (short, truncated) = limited("a", &text);
            prop_assert_eq!(truncated.is_none(), short == text);
            prop_assert!(short.len() <= 40 + "…[truncated 12345 bytes]".len());
            let was_json = text.starts_with('[') && serde_json::from_str::<Json>(&text).is_ok();
            if was_json && text.len() < 60 {
                prop_assert!(serde_json::from_str::<Json>(&short).is_ok(), "{} became {}", text, short);
            }
        }
    }
}
