//! How much memory a request's elements would take, from one quick walk over the wire.
//!
//! A record of two bytes on the wire becomes some 300 bytes of memory: without this, 64 MiB of them
//! would ask for ten gigabytes. The walk only skips over fields; whatever it cannot follow is left for
//! the decoder to refuse.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, SummaryDataPoint, summary_data_point,
};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::DecodeError;
use crate::model::Limits;

/// A message type of an export request, as far as its size matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    LogsRequest,
    MetricsRequest,
    ResourceLogs,
    ResourceMetrics,
    Resource,
    ScopeLogs,
    ScopeMetrics,
    Scope,
    LogRecord,
    Metric,
    /// A gauge or a sum.
    Numbers,
    Histogram,
    ExponentialHistogram,
    Summary,
    NumberPoint,
    HistogramPoint,
    ExponentialPoint,
    Buckets,
    SummaryPoint,
    Quantile,
    Exemplar,
    KeyValue,
    AnyValue,
    Array,
    List,
}

impl Shape {
    /// The type of a message field, and what an element of it takes in memory.
    const fn field(self, tag: u32) -> Option<(Self, usize)> {
        const VALUE: usize = size_of::<AnyValue>();
        const ATTRIBUTE: usize = size_of::<KeyValue>();
        const EXEMPLAR: usize = size_of::<Exemplar>();
        match (self, tag) {
            (Self::LogsRequest, 1) => Some((Self::ResourceLogs, size_of::<ResourceLogs>())),
            (Self::MetricsRequest, 1) => {
                Some((Self::ResourceMetrics, size_of::<ResourceMetrics>()))
            }
            (Self::ResourceLogs | Self::ResourceMetrics, 1) => Some((Self::Resource, 0)),
            (Self::ResourceLogs, 2) => Some((Self::ScopeLogs, size_of::<ScopeLogs>())),
            (Self::ResourceMetrics, 2) => Some((Self::ScopeMetrics, size_of::<ScopeMetrics>())),
            (Self::ScopeLogs | Self::ScopeMetrics, 1) => Some((Self::Scope, 0)),
            (Self::ScopeLogs, 2) => Some((Self::LogRecord, size_of::<LogRecord>())),
            (Self::ScopeMetrics, 2) => Some((Self::Metric, size_of::<Metric>())),
            (Self::Metric, 5 | 7) => Some((Self::Numbers, 0)),
            (Self::Metric, 9) => Some((Self::Histogram, 0)),
            (Self::Metric, 10) => Some((Self::ExponentialHistogram, 0)),
            (Self::Metric, 11) => Some((Self::Summary, 0)),
            (Self::Numbers, 1) => Some((Self::NumberPoint, size_of::<NumberDataPoint>())),
            (Self::Histogram, 1) => Some((Self::HistogramPoint, size_of::<HistogramDataPoint>())),
            (Self::ExponentialHistogram, 1) => {
                Some((Self::ExponentialPoint, size_of::<ExponentialHistogramDataPoint>()))
            }
            (Self::Summary, 1) => Some((Self::SummaryPoint, size_of::<SummaryDataPoint>())),
            (Self::ExponentialPoint, 8 | 9) => Some((Self::Buckets, 0)),
            (Self::SummaryPoint, 6) => {
                Some((Self::Quantile, size_of::<summary_data_point::ValueAtQuantile>()))
            }
            (Self::NumberPoint, 5) | (Self::HistogramPoint, 8) | (Self::ExponentialPoint, 11) => {
                Some((Self::Exemplar, EXEMPLAR))
            }
            (Self::Resource | Self::ExponentialPoint | Self::List, 1)
            | (Self::Scope, 3)
            | (Self::LogRecord, 6)
            | (Self::NumberPoint | Self::SummaryPoint | Self::Exemplar, 7)
            | (Self::HistogramPoint, 9)
            | (Self::Metric, 12) => Some((Self::KeyValue, ATTRIBUTE)),
            (Self::LogRecord, 5) | (Self::KeyValue, 2) => Some((Self::AnyValue, 0)),
            (Self::AnyValue, 5) => Some((Self::Array, 0)),
            (Self::AnyValue, 6) => Some((Self::List, 0)),
            (Self::Array, 1) => Some((Self::AnyValue, VALUE)),
            _ => None,
        }
    }

    /// Whether a field is a list of varints, each of which takes one byte or more on the wire and eight in memory.
    fn is_varints(self, tag: u32) -> bool {
        self == Self::Buckets && tag == 2
    }
}

/// Whether a body of that shape may be decoded.
pub(crate) fn admit(body: &[u8], shape: Shape, limits: &Limits) -> Result<(), DecodeError> {
    let (bytes, decoded) = (limits.decompressed_bytes, limits.decoded_bytes);
    if body.len() > bytes {
        return Err(DecodeError::TooLarge { max_bytes: bytes, compressed: false });
    }
    if weight(body, shape, decoded) > decoded {
        return Err(DecodeError::TooMany { max_bytes: decoded });
    }
    Ok(())
}

/// The memory that the elements of a request would take, in bytes; stops counting beyond `max`.
///
/// Every element is counted twice: once as it is decoded, once as it is moved over.
fn weight(body: &[u8], shape: Shape, max: usize) -> usize {
    let mut total = 0;
    walk(body, shape, max / 2, 0, &mut total);
    total.saturating_mul(2)
}

/// `None` stops the walk: the wire cannot be followed, or enough was counted.
fn walk(mut body: &[u8], shape: Shape, max: usize, depth: u32, total: &mut usize) -> Option<()> {
    // prost refuses messages nested deeper than 100.
    if depth > 100 {
        return None;
    }
    while !body.is_empty() {
        let (tag, wire_type) = decode_key(&mut body).ok()?;
        let delimited = wire_type == WireType::LengthDelimited;
        let known = if delimited { shape.field(tag) } else { None };
        let packed = delimited && shape.is_varints(tag);
        if known.is_none() && !packed {
            skip_field(wire_type, tag, &mut body, DecodeContext::default()).ok()?;
            *total += if shape.is_varints(tag) { size_of::<u64>() } else { 0 };
            if *total > max {
                return None;
            }
            continue;
        }
        let len = usize::try_from(decode_varint(&mut body).ok()?).ok()?;
        let (message, rest) = body.split_at_checked(len)?;
        *total += known.map_or(len.saturating_mul(size_of::<u64>()), |(_, bytes)| bytes);
        if *total > max {
            return None;
        }
        if let Some((inner, _)) = known {
            walk(message, inner, max, depth + 1, total)?;
        }
        body = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fields` inside messages that lie inside each other under field 2, the outermost under field 1.
    fn within(fields: &[u8], tags: &[u8]) -> Vec<u8> {
        tags.iter().rev().fold(fields.to_vec(), |inner, tag| {
            let mut outer = vec![tag << 3 | 2];
            prost::encoding::encode_varint(inner.len() as u64, &mut outer);
            outer.extend_from_slice(&inner);
            outer
        })
    }

    #[test]
    fn two_byte_elements_are_counted_at_their_real_size() {
        for (shape, element) in [
            (Shape::LogsRequest, size_of::<LogRecord>()),
            (Shape::MetricsRequest, size_of::<Metric>()),
        ] {
            let body = within(&[0x12, 0].repeat(50_000), &[1, 2]);
            assert!(weight(&body, shape, usize::MAX) >= 50_000 * element);
            assert!(weight(&body, shape, 1_000_000) > 1_000_000);
        }
    }

    #[test]
    fn points_and_buckets_are_counted_too() {
        let points = within(&[0x0a, 0].repeat(10_000), &[1, 2, 2, 10]);
        let point = size_of::<ExponentialHistogramDataPoint>();
        assert!(weight(&points, Shape::MetricsRequest, usize::MAX) >= 10_000 * point);
        for counts in [
            within(&[0; 10_000], &[1, 2, 2, 10, 1, 8, 2]),
            within(&[0x10, 0].repeat(10_000), &[1, 2, 2, 10, 1, 8]),
        ] {
            assert!(weight(&counts, Shape::MetricsRequest, usize::MAX) >= 2 * 80_000);
        }
    }

    #[test]
    fn a_wire_that_cannot_be_followed_is_left_to_the_decoder() {
        assert_eq!(weight(&[0xff; 40], Shape::MetricsRequest, 1000), 0);
        assert_eq!(weight(&[0x0a, 0x7f], Shape::LogsRequest, 1000), 0);
    }
}
