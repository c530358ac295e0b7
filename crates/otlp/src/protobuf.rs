//! Protobuf requests: first a census of the wire, so that a small body cannot become a large heap, then prost.

pub(crate) mod logs;
pub(crate) mod metrics;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as wire;
use prost::Message;

use crate::DecodeError;
use crate::census::{self, Shape};
use crate::model::{self, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces};
use crate::values::{key_values, resource, scope};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Traces, DecodeError> {
    census::admit(body, Shape::TracesRequest, limits)?;
    Ok(admit(ExportTraceServiceRequest::decode(body)?, limits))
}

/// Moves a decoded request over, span by span.
pub(crate) fn admit(request: ExportTraceServiceRequest, limits: &Limits) -> Traces {
    let mut traces = Traces::default();
    for group in request.resource_spans {
        let resource = resource(group.resource);
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
        name: raw.name,
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

#[cfg(test)]
mod tests;
