use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Format, decode_traces};

fn read(body: &serde_json::Value) -> Result<Traces, DecodeError> {
    decode_traces(&body.to_string().into(), Format::Json, &Limits::default())
}

fn body(span: &serde_json::Value) -> serde_json::Value {
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] })
}

fn span(mut fields: serde_json::Value) -> Span {
    fields["traceId"] = json!("0102030405060708090A0B0C0D0E0F10");
    fields["spanId"] = json!("0102030405060708");
    let traces = read(&body(&fields)).unwrap();
    traces.spans.into_iter().next().unwrap()
}

#[test]
fn the_least_body_is_accepted() {
    for body in [json!({}), json!({ "resourceSpans": null }), json!({ "resourceSpans": [{}] })] {
        assert_eq!(read(&body).unwrap(), Traces::default(), "{body}");
    }
    let span = span(json!({}));
    assert_eq!(span.trace_id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!((span.name.as_str(), span.kind, span.start_ns, span.status), ("", 0, 0, None));
}

#[test]
fn numbers_come_as_numbers_or_text_and_enums_by_number_or_name() {
    let text = span(json!({
        "startTimeUnixNano": "1795477976875666739", "endTimeUnixNano": 1_795_477_976_979_448_197_u64,
        "kind": "SPAN_KIND_CLIENT", "flags": 256, "status": { "code": "STATUS_CODE_ERROR", "message": "no" },
    }));
    assert_eq!(
        (text.start_ns, text.end_ns),
        (1_795_477_976_875_666_739, 1_795_477_976_979_448_197)
    );
    assert_eq!((text.kind, text.flags), (3, 256));
    assert_eq!(text.status, Some(Status { code: 2, message: "no".to_owned() }));
    assert_eq!(span(json!({ "kind": 2, "status": { "code": 1 } })).kind, 2);
    assert_eq!(span(json!({ "kind": "SPAN_KIND_OF_TOMORROW", "status": {} })).kind, 0);
}

#[test]
fn unknown_fields_and_nulls_are_ignored_everywhere() {
    let span = span(json!({
        "tomorrow": { "a": [1] }, "parentSpanId": null, "name": null, "events": null, "status": null,
        "attributes": [
            { "key": "a", "value": { "stringValue": "b", "tomorrow": [{}] }, "tomorrow": 1 },
            { "key": "none", "value": {} }, { "key": "null", "value": null }, { "key": "absent" },
            { "key": "unknown", "value": { "futureValue": 1 } },
        ],
    }));
    assert_eq!(span.attributes, [("a".into(), AnyValue::Text("b".into()))]);
}

#[test]
fn values_of_every_type_are_read() {
    let values = json!([
        { "intValue": "-5" }, { "intValue": 7 }, { "doubleValue": 0.5 }, { "doubleValue": "NaN" }, { "doubleValue": 3 },
        { "boolValue": true }, { "bytesValue": "AP8=" }, { "bytesValue": "-_8" }, { "arrayValue": {} }, {},
        { "kvlistValue": { "values": [{ "key": "k", "value": { "intValue": 1 } }] } },
    ]);
    let span = span(
        json!({ "attributes": [{ "key": "all", "value": { "arrayValue": { "values": values } } }] }),
    );
    let AnyValue::Array(found) = &span.attributes[0].1 else { panic!("{span:?}") };
    assert!(matches!(found[3], AnyValue::Double(float) if float.is_nan()));
    assert_eq!(found[..3], [AnyValue::Int(-5), AnyValue::Int(7), AnyValue::Double(0.5)]);
    assert_eq!(found[4..6], [AnyValue::Double(3.0), AnyValue::Bool(true)]);
    assert_eq!(found[6..8], [AnyValue::Bytes(vec![0, 255]), AnyValue::Bytes(vec![0xfb, 0xff])]);
    let map = AnyValue::Map(vec![("k".into(), AnyValue::Int(1))]);
    assert_eq!(found[8..], [AnyValue::Array(vec![]), AnyValue::Null, map]);
}

#[test]
fn bad_ids_reject_their_span_only() {
    let ids = [
        ("zz", "0102030405060708"),
        ("", "0102030405060708"),
        ("01020304050607080900010203040506", "00"),
    ];
    for (trace_id, span_id) in ids {
        let traces = read(&body(&json!({ "traceId": trace_id, "spanId": span_id }))).unwrap();
        assert_eq!((traces.spans.len(), traces.rejected.len()), (0, 1));
    }
    let zz = read(&body(&json!({ "traceId": "zz" }))).unwrap();
    assert_eq!(zz.rejected[0].reason, "trace_id has to be 32 hex digits, this one is \"zz\"");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let body = Bytes::from_static(b"{\"resourceSpans\": 7}");
    let error = decode_traces(&body, Format::Json, &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body is no valid OTLP/JSON: invalid type: integer `7`, expected a list at line 1 column 19"
    );
    assert_eq!(error.fault().class, fault::Class::Invalid);
}

#[test]
fn nesting_ends_in_an_error_not_in_a_dead_thread() {
    let deep = format!("{}{}", "{\"arrayValue\":{\"values\":[".repeat(5000), "]}}".repeat(5000));
    let body = format!(
        "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"a\",\"value\":{deep}}}]}}}}]}}"
    );
    assert!(matches!(
        decode_traces(&body.clone().into(), Format::Json, &Limits::default()),
        Err(DecodeError::Json(_))
    ));
}

#[test]
fn a_body_of_empty_spans_is_refused_by_its_memory() {
    let spans = vec!["{}"; 20_000].join(",");
    let body = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(
        decode_traces(&body.clone().into(), Format::Json, &limits),
        Err(DecodeError::TooMany { .. })
    ));
    assert_eq!(
        decode_traces(&body.clone().into(), Format::Json, &Limits::default())
            .unwrap()
            .rejected
            .len(),
        20_000
    );
}

proptest! {
    #[test]
    fn any_text_is_spans_or_an_error(body in ".*", bytes: Vec<u8>) {
        let _ = decode_traces(&body.clone().into(), Format::Json, &Limits::default());
        let _ = decode_traces(&bytes.into(), Format::Json, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8) {
        let mut body = body(&json!({
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "kind": 3,
            "attributes": [{ "key": "a", "value": { "intValue": "5" } }],
        })).to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = decode_traces(&body.into(), Format::Json, &Limits::default());
    }
}
