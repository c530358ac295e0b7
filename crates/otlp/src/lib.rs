//! OTLP bytes to spans, log records and metrics: protobuf or JSON, compressed or not, with every limit enforced before
//! the memory is spent.
//!
//! [`inflate`] undoes the content encoding and stops at a bound. [`decode_traces`], [`decode_logs`] and
//! [`decode_metrics`] read one export request. They give what can be stored ([`Traces`], [`Logs`], [`Metrics`]), and for each span, record or data point
//! that cannot a [`Rejected`] with its reason. [`encode_response`] writes the answer.
//!
//! This crate does not know what an LLM is, does no I/O, and knows no clock: how old a span may be is
//! decided by its caller.

mod census;
mod encoding;
mod error;
mod json;
mod logs;
mod metrics;
mod model;
mod protobuf;
mod response;
mod spread;
mod values;

use bytes::Bytes;

pub use encoding::{Encoding, Format, inflate};
pub use error::{DecodeError, WireError};
pub use logs::{LogRecord, Logs};
pub use metrics::{
    Bucket, Distribution, Exemplar, Measured, Metric, MetricKind, Metrics, Number, Point,
    Quantiles, Temporality,
};
pub use model::{AnyValue, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces};
pub use response::{Outcome, Signal, encode_response};
pub use text::Text;

use crate::spread::Spread;

/// Reads the body of one trace export. Texts of a protobuf body stay where they are: each keeps the whole body in
/// memory until it is dropped or detached.
///
/// # Errors
/// When the bytes are no such request, or would take more memory than `limits` allow. A span that is
/// bad on its own (its ids, too many attributes, values nested too deep) is no error: it is in
/// [`Traces::rejected`].
pub fn decode_traces(body: &Bytes, format: Format, limits: &Limits) -> Result<Traces, DecodeError> {
    let traces = match format {
        Format::Protobuf => protobuf::decode(body, limits)?,
        Format::Json => json::decode(body, limits)?,
    };
    // Each span becomes a row with a copy of what its group shares.
    let mut spread = Spread::new(limits);
    for span in &traces.spans {
        let shared =
            spread::weight(&span.resource.attributes) + spread::weight(&span.scope.attributes);
        spread.add(ROW + shared)?;
    }
    Ok(traces)
}

/// What a row takes at least, bytes.
const ROW: usize = 512;

/// Reads the body of one log export.
///
/// # Errors
/// As [`decode_traces`]; also when records would each carry so large a copy of what they share that all together take
/// more than [`Limits::decoded_bytes`]. A record that is bad on its own is in [`Logs::rejected`].
pub fn decode_logs(body: &[u8], format: Format, limits: &Limits) -> Result<Logs, DecodeError> {
    match format {
        Format::Protobuf => protobuf::logs::decode(body, limits),
        Format::Json => json::logs::decode(body, limits),
    }
}

/// Reads the body of one metrics export.
///
/// # Errors
/// As [`decode_logs`]. A data point that is bad on its own is in [`Metrics::rejected`].
pub fn decode_metrics(
    body: &[u8],
    format: Format,
    limits: &Limits,
) -> Result<Metrics, DecodeError> {
    match format {
        Format::Protobuf => protobuf::metrics::decode(body, limits),
        Format::Json => json::metrics::decode(body, limits),
    }
}
