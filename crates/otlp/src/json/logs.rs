//! Log exports in OTLP/JSON.

use std::sync::Arc;

use serde::Deserialize;

use super::budget::{self, list};
use super::scalar::{self, Severity, Uint, or_default};
use super::{KeyValue, RawResource, RawScope, RawValue, present};
use crate::DecodeError;
use crate::logs::{LogRecord, Logs, Taker, beside};
use crate::model::{self, Limits, Resource, Scope};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Logs, DecodeError> {
    super::fits(body, limits)?;
    let request: Request = budget::within(limits.decoded_bytes, || serde_json::from_slice(body))?;
    let mut taker = Taker::new(limits);
    for group in request.resource_logs {
        let resource = group.resource.admit();
        for scoped in group.scope_logs {
            let scope = scoped.scope.admit();
            let beside = beside(&resource, &scope);
            for raw in scoped.log_records {
                taker.take(raw.admit(&resource, &scope), beside)?;
            }
        }
    }
    Ok(taker.done())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    #[serde(alias = "resource_logs", deserialize_with = "list")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceLogs {
    #[serde(deserialize_with = "or_default")]
    resource: RawResource,
    #[serde(alias = "scope_logs", deserialize_with = "list")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ScopeLogs {
    #[serde(deserialize_with = "or_default")]
    scope: RawScope,
    #[serde(alias = "log_records", deserialize_with = "list")]
    log_records: Vec<RawRecord>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawRecord {
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Uint,
    #[serde(alias = "observed_time_unix_nano", deserialize_with = "or_default")]
    observed_time_unix_nano: Uint,
    #[serde(alias = "severity_number", deserialize_with = "or_default")]
    severity_number: Severity,
    #[serde(alias = "severity_text", deserialize_with = "or_default")]
    severity_text: String,
    #[serde(alias = "event_name", deserialize_with = "or_default")]
    event_name: String,
    #[serde(deserialize_with = "or_default")]
    body: RawValue,
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(alias = "dropped_attributes_count", deserialize_with = "or_default")]
    dropped_attributes_count: Uint,
    #[serde(deserialize_with = "or_default")]
    flags: Uint,
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: String,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: String,
}

impl RawRecord {
    fn admit(self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> LogRecord {
        LogRecord {
            time_ns: self.time_unix_nano.0,
            observed_ns: self.observed_time_unix_nano.0,
            severity_number: self.severity_number.0,
            severity_text: self.severity_text,
            event_name: self.event_name,
            body: self.body.0,
            attributes: present(self.attributes),
            dropped_attributes: self.dropped_attributes_count.low_32_bits(),
            flags: self.flags.low_32_bits(),
            trace_id: id(&self.trace_id),
            span_id: id(&self.span_id),
            resource: Arc::clone(resource),
            scope: Arc::clone(scope),
        }
    }
}

/// Anything that is no id means that there is none.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    model::id("id", &scalar::hex(text)?).ok()
}

#[cfg(test)]
mod tests;
