//! Attribute values as JSON and back: one spelling for columns, events and structured payloads.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use otlp::AnyValue;
use schema::Value;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

/// An attribute's value as JSON: bytes as text if they are UTF-8, else base64; NaN and infinities as null.
pub(crate) struct AsJson<'a>(pub(crate) &'a AnyValue);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            AnyValue::Null => serializer.serialize_unit(),
            AnyValue::Text(text) => serializer.serialize_str(text),
            AnyValue::Bool(bool) => serializer.serialize_bool(*bool),
            AnyValue::Int(int) => serializer.serialize_i64(*int),
            AnyValue::Double(float) => serializer.serialize_f64(*float),
            AnyValue::Bytes(bytes) => serializer.serialize_str(&bytes_text(bytes)),
            AnyValue::Array(values) => serializer.collect_seq(values.iter().map(AsJson)),
            AnyValue::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, &AsJson(value))?;
                }
                map.end()
            }
        }
    }
}

/// Bytes as text: as they are if they are UTF-8, else base64.
pub(crate) fn bytes_text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| Cow::Owned(STANDARD.encode(bytes)), Cow::Borrowed)
}

/// Anything of ours as JSON text.
pub(crate) fn json_text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps with text keys and plain scalars have a JSON form")
}

/// An attribute's value as JSON text.
pub(crate) fn json_text(value: &AnyValue) -> String {
    json_text_of(&AsJson(value))
}

/// An attribute's value as a JSON tree.
pub(crate) fn json(value: &AnyValue) -> Json {
    serde_json::to_value(AsJson(value))
        .expect("maps with text keys and plain scalars have a JSON form")
}

/// A JSON value as a cell that keeps its type; `None` for null, JSON text for lists and objects.
pub(crate) fn cell_of(value: &Json) -> Option<Value> {
    match value {
        Json::Null => None,
        Json::Bool(bool) => Some(Value::Bool(*bool)),
        Json::Number(number) => {
            number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Float))
        }
        Json::String(text) => Some(Value::from(text.as_str())),
        Json::Array(_) | Json::Object(_) => Some(Value::from(value.to_string())),
    }
}

/// A cell as a JSON value.
#[must_use]
pub fn of_cell(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => Json::from(*float),
        Value::Bool(bool) => Json::from(*bool),
        Value::Bytes(bytes) => Json::from(bytes_text(bytes)),
    }
}
