//! OTLP bytes to spans: protobuf or JSON, compressed or not, with every limit enforced before the memory is spent.
//!
//! [`inflate`] undoes the content encoding and stops at a bound. [`decode_traces`] reads one export
//! request, whose texts then share the body's memory. It gives [`Traces`]: the spans that can be stored, and for each other one a [`Rejected`] with its reason.
//! [`encode_traces_response`] writes the answer.
//!
//! This crate does not know what an LLM is, does no I/O, and knows no clock: how old a span may be is
//! decided by its caller.

mod encoding;
mod error;
mod json;
mod model;
mod protobuf;
mod response;

use bytes::Bytes;

pub use encoding::{Encoding, Format, inflate};
pub use error::{DecodeError, WireError};
pub use model::{AnyValue, Event, Limits, Link, Rejected, Resource, Scope, Span, Status, Traces};
pub use response::{Outcome, encode_traces_response};
pub use text::Text;

/// Reads the body of one trace export. Texts of a protobuf body stay where they are: each keeps the whole body in
/// memory until it is dropped or detached.
///
/// # Errors
/// When the bytes are no such request, or would take more memory than `limits` allow. A span that is
/// bad on its own (its ids, too many attributes, values nested too deep) is no error: it is in
/// [`Traces::rejected`].
pub fn decode_traces(body: &Bytes, format: Format, limits: &Limits) -> Result<Traces, DecodeError> {
    match format {
        Format::Protobuf => protobuf::decode(body, limits),
        Format::Json => json::decode(body, limits),
    }
}
