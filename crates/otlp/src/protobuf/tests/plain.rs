//! What [`decode`](super::decode) has to answer: prost's reading of the same bytes, moved over span by span.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use opentelemetry_proto::tonic::trace::v1 as wire;
use text::Text;

use crate::model::{
    self, AnyValue, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces,
};

pub(super) fn admit(request: ExportTraceServiceRequest, limits: &Limits) -> Traces {
    let mut traces = Traces::default();
    for group in request.resource_spans {
        let attributes =
            group.resource.map(|resource| key_values(resource.attributes)).unwrap_or_default();
        let resource = Arc::new(Resource { attributes });
        for scoped in group.scope_spans {
            let scope = Arc::new(scoped.scope.map(scope).unwrap_or_default());
            traces.spans.reserve(scoped.spans.len());
            for raw in scoped.spans {
                match span(raw, &resource, &scope).and_then(|span| span.checked(limits)) {
                    Ok(span) => traces.spans.push(span),
                    Err(rejected) => traces.rejected.push(rejected),
                }
            }
        }
    }
    traces
}

fn span(raw: wire::Span, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Result<Span, Rejected> {
    Ok(Span {
        trace_id: model::id("trace_id", &raw.trace_id)?,
        span_id: model::id("span_id", &raw.span_id)?,
        parent_span_id: model::parent(&raw.parent_span_id),
        trace_state: raw.trace_state,
        flags: raw.flags,
        name: raw.name.into(),
        kind: raw.kind,
        start_ns: raw.start_time_unix_nano,
        end_ns: raw.end_time_unix_nano,
        attributes: key_values(raw.attributes),
        events: raw.events.into_iter().map(event).collect(),
        links: raw.links.into_iter().map(link).collect(),
        status: raw.status.map(|status| Status { code: status.code, message: status.message }),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    })
}

fn scope(raw: common::InstrumentationScope) -> Scope {
    Scope { name: raw.name, version: raw.version, attributes: key_values(raw.attributes) }
}

fn event(raw: wire::span::Event) -> Event {
    Event {
        time_ns: raw.time_unix_nano,
        name: raw.name,
        attributes: key_values(raw.attributes),
        dropped_attributes: raw.dropped_attributes_count,
    }
}

fn link(raw: wire::span::Link) -> Link {
    Link {
        trace_id: raw.trace_id,
        span_id: raw.span_id,
        trace_state: raw.trace_state,
        flags: raw.flags,
        attributes: key_values(raw.attributes),
        dropped_attributes: raw.dropped_attributes_count,
    }
}

/// Attributes whose value is absent are dropped.
fn key_values(raw: Vec<common::KeyValue>) -> Vec<(Text, AnyValue)> {
    let mut attributes = Vec::with_capacity(raw.len());
    for common::KeyValue { key, value, .. } in raw {
        match any_value(value) {
            AnyValue::Null => {}
            value => attributes.push((key.into(), value)),
        }
    }
    attributes
}

fn any_value(raw: Option<common::AnyValue>) -> AnyValue {
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
