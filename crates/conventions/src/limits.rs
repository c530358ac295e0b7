//! How long contents and attributes may be, and what becomes of longer ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schema::{Name, Row, Value};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::contents::holds_contents;
use crate::messages::part::cut;

/// Lengths in bytes beyond which a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Columns that hold what was said.
    pub content_bytes: usize,
    /// Any other column.
    pub value_bytes: usize,
    /// Base64 inside contents: a longer one is replaced by its length and SHA-256.
    pub base64_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { content_bytes: 1 << 20, value_bytes: 64 << 10, base64_bytes: 32_000 }
    }
}

/// What stands for a binary part that was left out.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Omitted {
    omitted: bool,
    /// Length of the content, not of its base64.
    bytes: usize,
    sha256: String,
}

impl Omitted {
    /// Of a content in base64; of the text itself if it is none.
    pub(crate) fn of(base64: &str) -> Self {
        let decoded = STANDARD.decode(base64);
        let content = decoded.as_deref().unwrap_or(base64.as_bytes());
        let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { omitted: true, bytes: content.len(), sha256 }
    }
}

/// Columns that hold no contents of a call and may be as long: what is in many attributes, and what a log record says.
const AS_CONTENTS: &[&str] = &["attributes_overflow", "events", "links", "body"];

/// Cuts what is too long: at a character's end, with `…[truncated N bytes]` behind it; in JSON inside its texts, so
/// that it stays JSON. Names the columns in `truncated_columns`; answers how many there are.
pub fn limit(row: &mut Row, limits: &Limits) -> usize {
    let shortest = limits.content_bytes.min(limits.value_bytes).min(limits.base64_bytes);
    let long: Vec<(Name, usize)> = row
        .cells()
        .filter(|(_, value)| value.as_text().is_some_and(|text| text.len() > shortest))
        .map(|(name, _)| (name.clone(), most_of(name, limits)))
        .collect();
    let mut truncated = Vec::new();
    for (name, most) in long {
        let Some(text) = row.text(&name) else { continue };
        if let Some(short) = shortened(text, most, limits.base64_bytes) {
            truncated.push(name.as_str().to_owned());
            row.set(name, Value::from(short));
        }
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
fn shortened(text: &str, most: usize, base64: usize) -> Option<String> {
    if text.starts_with("data:") && text.len() > base64 {
        return omitted(text, base64).map(|omitted| omitted.to_string());
    }
    let is_json = text.trim_start().starts_with(['{', '[']);
    let may_have_base64 = is_json && text.len() > base64 && text.contains("base64");
    if text.len() <= most && !may_have_base64 {
        return None;
    }
    let json = if is_json { serde_json::from_str::<Json>(text).ok() } else { None };
    match json {
        Some(mut json) => {
            let mut changed = omit_base64(&mut json, base64);
            let mut short = json.to_string();
            let mut longest = most;
            while short.len() > most && longest > 16 {
                longest /= 4;
                changed |= cut_texts(&mut json, longest);
                short = json.to_string();
            }
            if short.len() > most {
                return Some(cut(text, most).into_owned());
            }
            (changed || text.len() > most).then_some(short)
        }
        None if text.len() > most => Some(cut(text, most).into_owned()),
        None => None,
    }
}

/// A `data:` URL's content as what stands for it, if it is longer than may be kept.
fn omitted(text: &str, most: usize) -> Option<Json> {
    let (kind, content) = text.strip_prefix("data:")?.split_once(";base64,")?;
    if content.len() <= most {
        return None;
    }
    let mut omitted = serde_json::to_value(Omitted::of(content)).ok()?;
    omitted["mime_type"] = Json::from(kind);
    Some(omitted)
}

fn omit_base64(json: &mut Json, most: usize) -> bool {
    match json {
        Json::String(text) => match omitted(text, most) {
            Some(omitted) => {
                *json = omitted;
                true
            }
            None => false,
        },
        Json::Array(items) => {
            items.iter_mut().fold(false, |changed, item| omit_base64(item, most) | changed)
        }
        Json::Object(entries) => {
            entries.values_mut().fold(false, |changed, item| omit_base64(item, most) | changed)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn cut_texts(json: &mut Json, most: usize) -> bool {
    match json {
        Json::String(text) if text.len() > most => {
            *text = cut(text, most).into_owned();
            true
        }
        Json::Array(items) => {
            items.iter_mut().fold(false, |changed, item| cut_texts(item, most) | changed)
        }
        Json::Object(entries) => {
            entries.values_mut().fold(false, |changed, item| cut_texts(item, most) | changed)
        }
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Limits = Limits { content_bytes: 200, value_bytes: 40, base64_bytes: 60 };

    fn limited(name: &str, text: &str) -> (String, Option<String>) {
        let mut row = Row::default();
        row.push(Name::from(name), text);
        limit(&mut row, &SMALL);
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
    fn base64_is_replaced_by_its_hash() {
        let image = format!("data:image/png;base64,{}", "A".repeat(80));
        let (text, _) = limited("llm_input", &format!(r#"[{{"url":"{image}"}}]"#));
        // The SHA-256 of 60 zero bytes.
        let hash = "5dcc1b5872dd9ff1c234501f1fefda01f664164e1583c3e1bb3dbea47588ab31";
        let expected = serde_json::json!([{
            "url": { "omitted": true, "bytes": 60, "sha256": hash, "mime_type": "image/png" }
        }]);
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), expected);
        assert_eq!(limited("llm_input", "data:image/png;base64,AAAA").1, None);
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
