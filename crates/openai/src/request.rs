use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::PeekError;

/// What the gateway must know of a request before it can send it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The model that was asked for, as it was written; borrowed from the body unless it has escapes.
    pub model: Option<Cow<'a, str>>,
    /// Whether the answer is asked for as a stream.
    pub stream: bool,
    /// `stream_options.include_usage`, where the caller said it.
    pub include_usage: Option<bool>,
}

/// Reads model and stream options, and checks that the body is a JSON object, without building its tree.
///
/// Where a key is written twice, the last one counts, as in most engines.
///
/// # Errors
/// When the body is not a JSON object, or one of the fields has another type.
pub fn peek(body: &[u8]) -> Result<Request<'_>, PeekError> {
    let head = head(body)?;
    let model = field("model", "text", head.model, |raw| {
        serde_json::from_str::<Option<Text<'_>>>(raw).map(|text| text.map(|Text(text)| text))
    })?;
    let stream =
        field("stream", "true or false", head.stream, serde_json::from_str::<Option<bool>>)?;
    let include_usage = head.stream_options.and_then(|raw| include_usage(raw.get()));
    Ok(Request { model, stream: stream.unwrap_or(false), include_usage })
}

/// The same body, byte for byte, but with `stream_options.include_usage` set to true.
///
/// None when there is nothing to change: the request is not streamed, asks for usage already, or cannot be
/// understood (then the engine shall say so, not we).
#[must_use]
pub fn with_include_usage(body: &[u8]) -> Option<Vec<u8>> {
    let head = head(body).ok()?;
    if head.stream?.get() != "true" {
        return None;
    }
    match head.stream_options {
        None => insert_first(body),
        Some(raw) => replace_options(body, raw),
    }
}

/// Puts the options right behind the object's opening brace.
fn insert_first(body: &[u8]) -> Option<Vec<u8>> {
    const OPTIONS: &[u8] = br#""stream_options":{"include_usage":true},"#;
    let brace = body.iter().position(|byte| *byte == b'{')?;
    let (before, after) = body.split_at(brace + 1);
    Some([before, OPTIONS, after].concat())
}

/// Writes the options anew in their place, keeping what else they say.
fn replace_options(body: &[u8], raw: &RawValue) -> Option<Vec<u8>> {
    let mut options = match serde_json::from_str(raw.get()).ok()? {
        Value::Object(options) => options,
        Value::Null => serde_json::Map::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
    };
    if options.get("include_usage") == Some(&Value::Bool(true)) {
        return None;
    }
    options.insert("include_usage".to_owned(), Value::Bool(true));
    let start = (raw.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let after = body.get(start + raw.get().len()..)?;
    Some([body.get(..start)?, Value::Object(options).to_string().as_bytes(), after].concat())
}

fn include_usage(options: &str) -> Option<bool> {
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    serde_json::from_str::<Options>(options).ok()?.include_usage
}

fn field<'a, T>(
    field: &'static str,
    expected: &'static str,
    raw: Option<&'a RawValue>,
    parse: impl FnOnce(&'a str) -> serde_json::Result<Option<T>>,
) -> Result<Option<T>, PeekError> {
    raw.map_or(Ok(None), |raw| parse(raw.get()).map_err(|_| PeekError::Field { field, expected }))
}

fn head(body: &[u8]) -> Result<Head<'_>, PeekError> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => PeekError::NotObject,
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => {
            PeekError::NotJson { line: error.line(), column: error.column() }
        }
    })
}

/// The deciding fields as they stand in the body. Read by hand, because a derived reader refuses a key
/// that stands there twice.
#[derive(Default)]
struct Head<'a> {
    model: Option<&'a RawValue>,
    stream: Option<&'a RawValue>,
    stream_options: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Head<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadVisitor;
        impl<'de> Visitor<'de> for HeadVisitor {
            type Value = Head<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
                let mut head = Head::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "model" => head.model = Some(map.next_value()?),
                        "stream" => head.stream = Some(map.next_value()?),
                        "stream_options" => head.stream_options = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(head)
            }
        }
        deserializer.deserialize_map(HeadVisitor)
    }
}

#[cfg(test)]
mod tests;
