use std::time::Duration;

use otlp::{AnyValue, Text};
use serde_json::Value;

/// Collects a span's attributes; what is absent makes none.
#[derive(Default)]
pub(crate) struct Attributes(Vec<(Text, AnyValue)>);

impl Attributes {
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.put(key, AnyValue::Text(text.into()));
    }

    pub(crate) fn maybe_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    pub(crate) fn texts(&mut self, key: &str, texts: &[impl AsRef<str>]) {
        if !texts.is_empty() {
            let texts = texts.iter().map(|text| AnyValue::Text(text.as_ref().into()));
            self.put(key, AnyValue::Array(texts.collect()));
        }
    }

    pub(crate) fn json(&mut self, key: &str, items: &[Value]) {
        if !items.is_empty() {
            let text = serde_json::to_string(items).expect("JSON values can be written");
            self.put(key, AnyValue::Text(text.into()));
        }
    }

    pub(crate) fn truth(&mut self, key: &str, truth: bool) {
        self.put(key, AnyValue::Bool(truth));
    }

    pub(crate) fn int(&mut self, key: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.put(key, AnyValue::Int(number));
        }
    }

    /// A count that does not fit is absent: no number is better than a wrong one.
    pub(crate) fn count(&mut self, key: &str, count: Option<u64>) {
        self.int(key, count.and_then(|count| i64::try_from(count).ok()));
    }

    pub(crate) fn float(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.put(key, AnyValue::Double(number));
        }
    }

    pub(crate) fn seconds(&mut self, key: &str, duration: Option<Duration>) {
        self.float(key, duration.map(|duration| duration.as_secs_f64()));
    }

    pub(crate) fn into_vec(self) -> Vec<(Text, AnyValue)> {
        self.0
    }

    fn put(&mut self, key: &str, value: AnyValue) {
        self.0.push((key.into(), value));
    }
}
