use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use proptest::prelude::*;

use super::*;
use crate::model::AnyValue;
use crate::{Format, decode_traces};

fn attribute(key: &str, value: Value) -> common::KeyValue {
    common::KeyValue {
        key: key.to_owned(),
        value: Some(common::AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn raw_span(trace_id: Vec<u8>, span_id: Vec<u8>) -> wire::Span {
    wire::Span { trace_id, span_id, name: "call".to_owned(), ..Default::default() }
}

fn request(spans: Vec<wire::Span>) -> ExportTraceServiceRequest {
    let scope = common::InstrumentationScope { name: "scope".to_owned(), ..Default::default() };
    let scope_spans = vec![wire::ScopeSpans { scope: Some(scope), spans, ..Default::default() }];
    let attributes = vec![attribute("service.name", Value::StringValue("app".to_owned()))];
    let resource = Some(WireResource { attributes, ..Default::default() });
    ExportTraceServiceRequest {
        resource_spans: vec![wire::ResourceSpans { resource, scope_spans, ..Default::default() }],
    }
}

fn reasons(traces: &Traces) -> Vec<&str> {
    traces.rejected.iter().map(|rejected| rejected.reason.as_str()).collect()
}

#[test]
fn bad_ids_reject_their_span_only() {
    let traces = crate::from_traces_request(
        request(vec![
            raw_span(vec![1; 16], vec![2; 8]),
            raw_span(vec![1; 15], vec![2; 8]),
            raw_span(vec![0; 16], vec![2; 8]),
            raw_span(vec![1; 16], vec![]),
            raw_span(vec![1; 16], vec![0; 8]),
        ]),
        &Limits::default(),
    );
    assert_eq!(traces.spans.len(), 1);
    assert_eq!(
        reasons(&traces),
        [
            "trace_id has to be 16 bytes (32 hex digits), this one has 15",
            "trace_id is all zero",
            "span_id has to be 8 bytes (16 hex digits), this one has 0",
            "span_id is all zero",
        ]
    );
}

#[test]
fn a_parent_that_is_no_id_is_no_parent() {
    let parents = [vec![3; 8], vec![0; 8], vec![3; 7], vec![]];
    let spans = parents
        .map(|parent_span_id| wire::Span { parent_span_id, ..raw_span(vec![1; 16], vec![2; 8]) });
    let traces = crate::from_traces_request(request(spans.to_vec()), &Limits::default());
    let parents: Vec<_> = traces.spans.iter().map(|span| span.parent_span_id).collect();
    assert_eq!(parents, [Some([3; 8]), None, None, None]);
}

#[test]
fn values_of_every_type_are_moved_and_absent_ones_dropped() {
    let array = common::ArrayValue {
        values: vec![
            common::AnyValue { value: None },
            common::AnyValue { value: Some(Value::IntValue(1)) },
        ],
    };
    let mut span = raw_span(vec![1; 16], vec![2; 8]);
    span.attributes = vec![
        attribute("text", Value::StringValue("a".to_owned())),
        common::KeyValue { key: "absent".to_owned(), ..Default::default() },
        attribute("bytes", Value::BytesValue(vec![0, 255])),
        attribute("array", Value::ArrayValue(array)),
    ];
    let traces = crate::from_traces_request(request(vec![span]), &Limits::default());
    assert_eq!(
        traces.spans[0].attributes,
        [
            ("text".to_owned(), AnyValue::Text("a".to_owned())),
            ("bytes".to_owned(), AnyValue::Bytes(vec![0, 255])),
            ("array".to_owned(), AnyValue::Array(vec![AnyValue::Null, AnyValue::Int(1)])),
        ]
    );
    assert_eq!(traces.spans[0].resource.attributes[0].0, "service.name");
    assert_eq!(traces.spans[0].scope.name, "scope");
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::IntValue(1), |value, _| {
        Value::ArrayValue(common::ArrayValue {
            values: vec![common::AnyValue { value: Some(value) }],
        })
    })
}

#[test]
fn nesting_beyond_the_limit_rejects_the_span_and_beyond_prost_the_body() {
    let limits = Limits { nesting: 3, ..Limits::default() };
    let body = |levels| {
        let attributes = vec![attribute("deep", nested(levels))];
        request(vec![wire::Span { attributes, ..raw_span(vec![1; 16], vec![2; 8]) }])
            .encode_to_vec()
    };
    let decode = |levels| decode_traces(&body(levels), Format::Protobuf, &limits);
    assert_eq!(decode(3).unwrap().spans.len(), 1);
    assert_eq!(reasons(&decode(4).unwrap()), ["attribute \"deep\" is nested deeper than 3 levels"]);
    assert!(matches!(decode(200), Err(DecodeError::Protobuf(_))));
}

#[test]
fn too_many_attributes_reject_the_span() {
    let limits = Limits { attributes_per_span: 2, ..Limits::default() };
    let with = |count: usize| wire::Span {
        attributes: (0..count)
            .map(|at| attribute(&at.to_string(), Value::BoolValue(true)))
            .collect(),
        ..raw_span(vec![1; 16], vec![2; 8])
    };
    let traces = admit(request(vec![with(2), with(3)]), &limits);
    assert_eq!(traces.spans.len(), 1);
    assert_eq!(reasons(&traces), ["a span has 3 attributes, at most 2 are allowed"]);
}

#[test]
fn a_body_whose_elements_would_not_fit_is_refused_before_it_is_decoded() {
    let body = request(vec![wire::Span::default(); 10_000]).encode_to_vec();
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    assert!(body.len() < 64 << 10);
    assert!(matches!(
        decode_traces(&body, Format::Protobuf, &limits),
        Err(DecodeError::TooMany { .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_spans_or_an_error(body: Vec<u8>) {
        let _ = decode_traces(&body, Format::Protobuf, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
        let attributes = vec![attribute("deep", nested(4)), attribute("text", Value::StringValue("x".to_owned()))];
        let mut body = request(vec![wire::Span { attributes, ..raw_span(vec![1; 16], vec![2; 8]) }]).encode_to_vec();
        let index = at.index(body.len());
        body[index] = byte;
        let _ = decode_traces(&body, Format::Protobuf, &Limits::default());
        let _ = decode_traces(&body[..cut.index(body.len())], Format::Protobuf, &Limits::default());
    }
}
