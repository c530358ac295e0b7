//! How much memory a request's elements would take, from one quick walk over the wire.
//!
//! A span of two bytes on the wire becomes some 300 bytes of memory: without this, 64 MiB of them
//! would ask for ten gigabytes. The walk only skips over fields; whatever it cannot follow is left for
//! the decoder to refuse.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A message type of the trace request, as far as its size matters.
#[derive(Clone, Copy)]
enum Shape {
    Request,
    ResourceSpans,
    Attributes1,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
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
        match (self, tag) {
            (Self::Request, 1) => Some((Self::ResourceSpans, size_of::<ResourceSpans>())),
            (Self::ResourceSpans, 1) => Some((Self::Attributes1, 0)),
            (Self::ResourceSpans, 2) => Some((Self::ScopeSpans, size_of::<ScopeSpans>())),
            (Self::ScopeSpans, 1) => Some((Self::Scope, 0)),
            (Self::ScopeSpans, 2) => Some((Self::Span, size_of::<Span>())),
            (Self::Span, 11) => Some((Self::Event, size_of::<span::Event>())),
            (Self::Span, 13) => Some((Self::Link, size_of::<span::Link>())),
            (Self::Attributes1, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Span, 9)
            | (Self::Link, 4)
            | (Self::List, 1) => Some((Self::KeyValue, ATTRIBUTE)),
            (Self::KeyValue, 2) => Some((Self::AnyValue, 0)),
            (Self::AnyValue, 5) => Some((Self::Array, 0)),
            (Self::AnyValue, 6) => Some((Self::List, 0)),
            (Self::Array, 1) => Some((Self::AnyValue, VALUE)),
            _ => None,
        }
    }
}

/// The memory that the elements of a request would take, in bytes; stops counting beyond `max`.
///
/// Every element is counted twice: once as it is decoded, once as it is moved over.
pub(crate) fn weight(body: &[u8], max: usize) -> usize {
    let mut total = 0;
    walk(body, Shape::Request, max / 2, 0, &mut total);
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
        let known = if wire_type == WireType::LengthDelimited { shape.field(tag) } else { None };
        let Some((inner, bytes)) = known else {
            skip_field(wire_type, tag, &mut body, DecodeContext::default()).ok()?;
            continue;
        };
        let len = usize::try_from(decode_varint(&mut body).ok()?).ok()?;
        let (message, rest) = body.split_at_checked(len)?;
        *total += bytes;
        if *total > max {
            return None;
        }
        walk(message, inner, max, depth + 1, total)?;
        body = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_byte_spans_are_counted_at_their_real_size() {
        let spans = [0x12, 0].repeat(50_000);
        let mut scope_spans = vec![0x12];
        prost::encoding::encode_varint(spans.len() as u64, &mut scope_spans);
        scope_spans.extend_from_slice(&spans);
        let mut body = vec![0x0a];
        prost::encoding::encode_varint(scope_spans.len() as u64, &mut body);
        body.extend_from_slice(&scope_spans);
        assert!(weight(&body, usize::MAX) >= 50_000 * size_of::<Span>());
        assert!(weight(&body, 1_000_000) > 1_000_000);
    }

    #[test]
    fn a_wire_that_cannot_be_followed_is_left_to_the_decoder() {
        assert_eq!(weight(&[0xff; 40], 1000), 0);
        assert_eq!(weight(&[0x0a, 0x7f], 1000), 0);
    }
}
