//! What all signals share in protobuf: resources, scopes and values.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{self as wire, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;

use text::Text;

use crate::model::{AnyValue, Resource, Scope};

pub(crate) fn resource(raw: Option<WireResource>) -> Arc<Resource> {
    let attributes = raw.map(|resource| key_values(resource.attributes)).unwrap_or_default();
    Arc::new(Resource { attributes })
}

pub(crate) fn scope(raw: wire::InstrumentationScope) -> Scope {
    Scope { name: raw.name, version: raw.version, attributes: key_values(raw.attributes) }
}

/// Attributes whose value is absent are dropped.
pub(crate) fn key_values(raw: Vec<wire::KeyValue>) -> Vec<(Text, AnyValue)> {
    let mut attributes = Vec::with_capacity(raw.len());
    for wire::KeyValue { key, value, .. } in raw {
        match any_value(value) {
            AnyValue::Null => {}
            value => attributes.push((key.into(), value)),
        }
    }
    attributes
}

pub(crate) fn any_value(raw: Option<wire::AnyValue>) -> AnyValue {
    let Some(value) = raw.and_then(|raw| raw.value) else { return AnyValue::Null };
    match value {
        Value::StringValue(text) => AnyValue::Text(text.into()),
        Value::BoolValue(bool) => AnyValue::Bool(bool),
        Value::IntValue(int) => AnyValue::Int(int),
        Value::DoubleValue(double) => AnyValue::Double(double),
        Value::BytesValue(bytes) => AnyValue::Bytes(bytes),
        Value::ArrayValue(array) => {
            AnyValue::Array(array.values.into_iter().map(|value| any_value(Some(value))).collect())
        }
        Value::KvlistValue(list) => AnyValue::Map(
            list.values
                .into_iter()
                .map(|entry| (entry.key.into(), any_value(entry.value)))
                .collect(),
        ),
        // An index into a string table that only the profiles signal has.
        Value::StringValueStrindex(_) => AnyValue::Null,
    }
}
