//! OTLP/JSON requests, read straight into spans.
//!
//! Not by `opentelemetry-proto`'s own serde code: that one fails on an unknown field of a value, on an
//! absent `key` or `values`, on names of enums, and refuses the whole body for one bad id.

mod budget;
pub(crate) mod logs;
pub(crate) mod metrics;
mod scalar;

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use text::Text;

use crate::DecodeError;
use crate::model::{
    self, AnyValue, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces,
};
use budget::list;
use scalar::{Base64, Float, Int, SpanKind, StatusCode, Uint, or_default};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Traces, DecodeError> {
    fits(body, limits)?;
    let request: Request = budget::within(limits.decoded_bytes, || serde_json::from_slice(body))?;
    let mut traces = Traces::default();
    for group in request.resource_spans {
        let resource = group.resource.admit();
        for scoped in group.scope_spans {
            let scope = scoped.scope.admit();
            for raw in scoped.spans {
                match raw.admit(&resource, &scope).and_then(|span| span.checked(limits)) {
                    Ok(span) => traces.spans.push(span),
                    Err(rejected) => traces.rejected.push(rejected),
                }
            }
        }
    }
    Ok(traces)
}

fn fits(body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let max_bytes = limits.decompressed_bytes;
    if body.len() > max_bytes {
        return Err(DecodeError::TooLarge { max_bytes, compressed: false });
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    #[serde(alias = "resource_spans", deserialize_with = "list")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceSpans {
    #[serde(deserialize_with = "or_default")]
    resource: RawResource,
    #[serde(alias = "scope_spans", deserialize_with = "list")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawResource {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeSpans {
    #[serde(deserialize_with = "or_default")]
    scope: RawScope,
    #[serde(deserialize_with = "list")]
    spans: Vec<RawSpan>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawScope {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    version: String,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawSpan {
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: String,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: String,
    #[serde(alias = "parent_span_id", deserialize_with = "or_default")]
    parent_span_id: String,
    #[serde(alias = "trace_state", deserialize_with = "or_default")]
    trace_state: String,
    #[serde(deserialize_with = "or_default")]
    flags: Uint,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    kind: SpanKind,
    #[serde(alias = "start_time_unix_nano", deserialize_with = "or_default")]
    start_time_unix_nano: Uint,
    #[serde(alias = "end_time_unix_nano", deserialize_with = "or_default")]
    end_time_unix_nano: Uint,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "list")]
    events: Vec<RawEvent>,
    #[serde(deserialize_with = "list")]
    links: Vec<RawLink>,
    status: Option<RawStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawEvent {
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Uint,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Uint,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawLink {
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: String,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: String,
    #[serde(alias = "trace_state", deserialize_with = "or_default")]
    trace_state: String,
    #[serde(deserialize_with = "or_default")]
    flags: Uint,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Uint,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    #[serde(deserialize_with = "or_default")]
    code: StatusCode,
    #[serde(deserialize_with = "or_default")]
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyValue {
    #[serde(deserialize_with = "or_default")]
    key: String,
    #[serde(deserialize_with = "or_default")]
    value: RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ArrayValue {
    #[serde(deserialize_with = "list")]
    values: Vec<RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MapValue {
    #[serde(deserialize_with = "list")]
    values: Vec<KeyValue>,
}

impl RawResource {
    fn admit(self) -> Arc<Resource> {
        Arc::new(Resource { attributes: present(self.attributes) })
    }
}

impl RawScope {
    fn admit(self) -> Arc<Scope> {
        let Self { name, version, attributes } = self;
        Arc::new(Scope { name, version, attributes: present(attributes) })
    }
}

impl RawSpan {
    fn admit(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, Rejected> {
        Ok(Span {
            trace_id: hex_id("trace_id", &self.trace_id)?,
            span_id: hex_id("span_id", &self.span_id)?,
            parent_span_id: model::parent(&scalar::hex(&self.parent_span_id).unwrap_or_default()),
            trace_state: self.trace_state,
            flags: self.flags.low_32_bits(),
            name: self.name.into(),
            kind: self.kind.0,
            start_ns: self.start_time_unix_nano.0,
            end_ns: self.end_time_unix_nano.0,
            attributes: present(self.attributes),
            events: self.events.into_iter().map(RawEvent::event).collect(),
            links: self.links.into_iter().map(RawLink::link).collect(),
            status: self
                .status
                .map(|status| Status { code: status.code.0, message: status.message }),
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        })
    }
}

fn hex_id<const N: usize>(name: &str, text: &str) -> Result<[u8; N], Rejected> {
    let bytes = scalar::hex(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        Rejected { reason: format!("{name} has to be {} hex digits, this one is {shown:?}", N * 2) }
    })?;
    model::id(name, &bytes)
}

impl RawEvent {
    fn event(self) -> Event {
        Event {
            time_ns: self.time_unix_nano.0,
            name: self.name,
            attributes: present(self.attributes),
            dropped_attributes: self.dropped_attributes_count.low_32_bits(),
        }
    }
}

impl RawLink {
    fn link(self) -> Link {
        Link {
            trace_id: scalar::hex(&self.trace_id).unwrap_or_default(),
            span_id: scalar::hex(&self.span_id).unwrap_or_default(),
            trace_state: self.trace_state,
            flags: self.flags.low_32_bits(),
            attributes: present(self.attributes),
            dropped_attributes: self.dropped_attributes_count.low_32_bits(),
        }
    }
}

/// Attributes whose value is absent are dropped.
fn present(raw: Vec<KeyValue>) -> Vec<(Text, AnyValue)> {
    let kept = raw.into_iter().filter(|entry| entry.value.0 != AnyValue::Null);
    kept.map(|KeyValue { key, value }| (key.into(), value.0)).collect()
}

/// An `AnyValue` on the wire: an object with one of seven fields, or with none for no value.
#[derive(Default)]
struct RawValue(AnyValue);

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawValueVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum ValueField {
    #[serde(rename = "stringValue", alias = "string_value")]
    Text,
    #[serde(rename = "boolValue", alias = "bool_value")]
    Bool,
    #[serde(rename = "intValue", alias = "int_value")]
    Int,
    #[serde(rename = "doubleValue", alias = "double_value")]
    Double,
    #[serde(rename = "bytesValue", alias = "bytes_value")]
    Bytes,
    #[serde(rename = "arrayValue", alias = "array_value")]
    Array,
    #[serde(rename = "kvlistValue", alias = "kvlist_value")]
    Map,
    #[serde(other)]
    Unknown,
}

struct RawValueVisitor;

impl<'de> Visitor<'de> for RawValueVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an attribute value such as {\"stringValue\": \"text\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut found = AnyValue::Null;
        while let Some(field) = map.next_key()? {
            let value = match field {
                ValueField::Text => {
                    map.next_value::<Option<String>>()?.map(|text| AnyValue::Text(text.into()))
                }
                ValueField::Bool => map.next_value::<Option<bool>>()?.map(AnyValue::Bool),
                ValueField::Int => map.next_value::<Option<Int>>()?.map(|int| AnyValue::Int(int.0)),
                ValueField::Double => {
                    map.next_value::<Option<Float>>()?.map(|float| AnyValue::Double(float.0))
                }
                ValueField::Bytes => {
                    map.next_value::<Option<Base64>>()?.map(|bytes| AnyValue::Bytes(bytes.0))
                }
                ValueField::Array => map.next_value::<Option<ArrayValue>>()?.map(ArrayValue::value),
                ValueField::Map => map.next_value::<Option<MapValue>>()?.map(MapValue::value),
                ValueField::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    None
                }
            };
            found = value.unwrap_or(found);
        }
        Ok(RawValue(found))
    }
}

impl ArrayValue {
    fn value(self) -> AnyValue {
        AnyValue::Array(self.values.into_iter().map(|value| value.0).collect())
    }
}

impl MapValue {
    fn value(self) -> AnyValue {
        AnyValue::Map(
            self.values.into_iter().map(|entry| (entry.key.into(), entry.value.0)).collect(),
        )
    }
}

#[cfg(test)]
mod tests;
