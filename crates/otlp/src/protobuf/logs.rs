//! Log exports in protobuf.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1 as wire;
use prost::Message;

use crate::DecodeError;
use crate::census::{self, Shape};
use crate::logs::{LogRecord, Logs, Taker, beside};
use crate::model::{self, Limits, Resource, Scope};
use crate::values::{any_value, key_values, resource, scope};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Logs, DecodeError> {
    census::admit(body, Shape::LogsRequest, limits)?;
    admit(ExportLogsServiceRequest::decode(body)?, limits)
}

/// Moves a decoded request over, record by record.
pub(crate) fn admit(
    request: ExportLogsServiceRequest,
    limits: &Limits,
) -> Result<Logs, DecodeError> {
    let mut taker = Taker::new(limits);
    for group in request.resource_logs {
        let resource = resource(group.resource);
        for scoped in group.scope_logs {
            let scope = Arc::new(scoped.scope.map(scope).unwrap_or_default());
            let beside = beside(&resource, &scope);
            for raw in scoped.log_records {
                taker.take(record(raw, &resource, &scope), beside)?;
            }
        }
    }
    Ok(taker.done())
}

fn record(raw: wire::LogRecord, resource: &Arc<Resource>, scope: &Arc<Scope>) -> LogRecord {
    LogRecord {
        time_ns: raw.time_unix_nano,
        observed_ns: raw.observed_time_unix_nano,
        severity_number: raw.severity_number,
        severity_text: raw.severity_text,
        event_name: raw.event_name,
        body: any_value(raw.body),
        attributes: key_values(raw.attributes),
        dropped_attributes: raw.dropped_attributes_count,
        flags: raw.flags,
        trace_id: model::id("trace_id", &raw.trace_id).ok(),
        span_id: model::id("span_id", &raw.span_id).ok(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    }
}

#[cfg(test)]
mod tests;
