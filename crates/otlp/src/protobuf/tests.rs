mod plain;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use opentelemetry_proto::tonic::trace::v1 as wire;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
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

fn read(request: &ExportTraceServiceRequest, limits: &Limits) -> Traces {
    decode_traces(&request.encode_to_vec().into(), Format::Protobuf, limits).expect("is a request")
}

fn reasons(traces: &Traces) -> Vec<&str> {
    traces.rejected.iter().map(|rejected| rejected.reason.as_str()).collect()
}

#[test]
fn bad_ids_reject_their_span_only() {
    let traces = read(
        &request(vec![
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
    let traces = read(&request(spans.to_vec()), &Limits::default());
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
    let traces = read(&request(vec![span]), &Limits::default());
    assert_eq!(
        traces.spans[0].attributes,
        [
            ("text".into(), AnyValue::Text("a".into())),
            ("bytes".into(), AnyValue::Bytes(vec![0, 255])),
            ("array".into(), AnyValue::Array(vec![AnyValue::Null, AnyValue::Int(1)])),
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
fn nesting_beyond_the_limit_rejects_the_span_and_beyond_all_decoders_the_body() {
    let limits = Limits { nesting: 3, ..Limits::default() };
    let body = |levels| {
        let attributes = vec![attribute("deep", nested(levels))];
        request(vec![wire::Span { attributes, ..raw_span(vec![1; 16], vec![2; 8]) }])
            .encode_to_vec()
            .into()
    };
    let decode = |levels| decode_traces(&body(levels), Format::Protobuf, &limits);
    assert_eq!(decode(3).unwrap().spans.len(), 1);
    assert_eq!(reasons(&decode(4).unwrap()), ["attribute \"deep\" is nested deeper than 3 levels"]);
    assert!(matches!(decode(200), Err(DecodeError::Wire(WireError::Nesting))));
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
    let traces = read(&request(vec![with(2), with(3)]), &limits);
    assert_eq!(traces.spans.len(), 1);
    assert_eq!(reasons(&traces), ["a span has 3 attributes, at most 2 are allowed"]);
}

#[test]
fn a_body_whose_elements_would_not_fit_is_refused_before_it_is_decoded() {
    let body = Bytes::from(request(vec![wire::Span::default(); 10_000]).encode_to_vec());
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    assert!(body.len() < 64 << 10);
    assert!(matches!(
        decode_traces(&body, Format::Protobuf, &limits),
        Err(DecodeError::TooMany { .. })
    ));
}

#[test]
fn texts_share_the_body_s_memory() {
    let mut span = raw_span(vec![1; 16], vec![2; 8]);
    span.attributes = vec![attribute("key", Value::StringValue("value".to_owned()))];
    let body = Bytes::from(request(vec![span]).encode_to_vec());
    let traces = decode_traces(&body, Format::Protobuf, &Limits::default()).expect("is a request");
    let lies_in_body = |text: &Text| body.as_ptr_range().contains(&text.as_ptr());
    let (key, value) = &traces.spans[0].attributes[0];
    let AnyValue::Text(value) = value else { panic!("{value:?}") };
    assert!([key, value, &traces.spans[0].name].into_iter().all(lies_in_body));
}

#[test]
fn a_resource_behind_its_spans_belongs_to_them() {
    let resource = request(vec![]).encode_to_vec();
    let spans = request(vec![raw_span(vec![1; 16], vec![2; 8])]);
    // Both halves of one ResourceSpans, the other way around; each body is `0a length message`.
    let without = wire::ResourceSpans { resource: None, ..spans.resource_spans[0].clone() };
    let joined = [without.encode_to_vec(), resource[2..].to_vec()].concat();
    let mut body = vec![0x0a];
    prost::encoding::encode_varint(joined.len() as u64, &mut body);
    body.extend(joined);
    let traces = decode_traces(&body.into(), Format::Protobuf, &Limits::default());
    assert_eq!(traces.expect("is a request").spans[0].resource.attributes[0].0, "service.name");
}

fn any_wire_value() -> impl Strategy<Value = Option<Value>> {
    let plain = prop_oneof![
        ".{0,8}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-1e9..1e9).prop_map(Value::DoubleValue),
        any::<Vec<u8>>().prop_map(Value::BytesValue),
        any::<i32>().prop_map(Value::StringValueStrindex),
    ];
    let value = plain.prop_recursive(3, 12, 3, |inner| {
        let value = inner.prop_map(|value| common::AnyValue { value: Some(value) });
        let entry = ("[a-c]?", proptest::option::of(value.clone()))
            .prop_map(|(key, value)| common::KeyValue { key, value, ..Default::default() });
        prop_oneof![
            proptest::collection::vec(value, 0..3)
                .prop_map(|values| Value::ArrayValue(common::ArrayValue { values })),
            proptest::collection::vec(entry, 0..3)
                .prop_map(|values| Value::KvlistValue(common::KeyValueList { values })),
        ]
    });
    proptest::option::of(value)
}

fn any_attributes() -> impl Strategy<Value = Vec<common::KeyValue>> {
    let attribute = ("[a-z.]{0,6}", any_wire_value()).prop_map(|(key, value)| common::KeyValue {
        key,
        value: Some(common::AnyValue { value }),
        ..Default::default()
    });
    proptest::collection::vec(attribute, 0..4)
}

prop_compose! {
    fn any_span()(
        ids in prop_oneof![Just((vec![1; 16], vec![2; 8])), any::<(Vec<u8>, Vec<u8>)>()],
        texts in any::<[String; 3]>(),
        numbers: (u32, i32, u64, u64, u32),
        attributes in any_attributes(),
        inner in any_attributes(),
        status: Option<(i32, String)>,
    ) -> wire::Span {
        let [name, trace_state, inner_name] = texts;
        let (flags, kind, start_time_unix_nano, end_time_unix_nano, dropped_attributes_count) = numbers;
        let event = wire::span::Event {
            name: inner_name, time_unix_nano: end_time_unix_nano, attributes: inner.clone(), dropped_attributes_count,
        };
        let link = wire::span::Link {
            trace_id: ids.0.clone(), span_id: ids.1.clone(), trace_state: trace_state.clone(), flags,
            attributes: inner, dropped_attributes_count,
        };
        wire::Span {
            trace_id: ids.0, parent_span_id: ids.1.clone(), span_id: ids.1, name, trace_state, flags, kind,
            start_time_unix_nano, end_time_unix_nano, attributes, events: vec![event], links: vec![link],
            status: status.map(|(code, message)| wire::Status { code, message }),
            dropped_attributes_count, dropped_events_count: flags, dropped_links_count: flags,
        }
    }
}

proptest! {
    #[test]
    fn every_request_is_read_as_prost_reads_it(spans in proptest::collection::vec(any_span(), 0..3)) {
        let request = request(spans);
        let limits = Limits::default();
        prop_assert_eq!(read(&request, &limits), plain::admit(request, &limits));
    }

    #[test]
    fn any_bytes_are_spans_or_an_error(body: Vec<u8>) {
        let _ = decode_traces(&body.into(), Format::Protobuf, &Limits::default());
    }

    /// Where prost reads a damaged body, we read the same; and we never panic.
    #[test]
    fn a_body_damaged_anywhere_is_read_as_prost_reads_it(
        span in any_span(), at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index,
    ) {
        let mut body = request(vec![span]).encode_to_vec();
        let index = at.index(body.len());
        body[index] = byte;
        let limits = Limits::default();
        for body in [&body[..], &body[..cut.index(body.len())]] {
            let ours = decode_traces(&Bytes::copy_from_slice(body), Format::Protobuf, &limits);
            if let Ok(request) = ExportTraceServiceRequest::decode(body) {
                let same = ours.expect("prost reads it");
                // NaN is not equal to itself.
                prop_assert_eq!(format!("{same:?}"), format!("{:?}", plain::admit(request, &limits)));
            }
        }
    }
}
