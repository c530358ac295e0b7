use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::AnyValue;
use crate::{Format, decode_logs};

fn body(record: &serde_json::Value) -> serde_json::Value {
    json!({ "resourceLogs": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "app" } }] },
        "scopeLogs": [{ "scope": { "name": "scope" }, "logRecords": [record] }],
    }] })
}

fn full() -> serde_json::Value {
    json!({
        "timeUnixNano": "5", "observedTimeUnixNano": 6, "severityNumber": "SEVERITY_NUMBER_ERROR",
        "severityText": "ERROR", "body": { "kvlistValue": { "values": [{ "key": "content", "value": { "stringValue": "hi" } }] } },
        "attributes": [{ "key": "ms", "value": { "intValue": "812" } }], "droppedAttributesCount": 2, "flags": 3,
        "traceId": "0102030405060708090A0B0C0D0E0F10", "spanId": "0102030405060708", "eventName": "gen_ai.user.message",
        "tomorrow": { "a": [1] },
    })
}

fn read(body: &serde_json::Value) -> Logs {
    decode_logs(body.to_string().as_bytes(), Format::Json, &Limits::default()).unwrap()
}

#[test]
fn every_field_of_a_record_is_read() {
    let logs = read(&body(&full()));
    let record = &logs.records[0];
    assert_eq!((record.time_ns, record.observed_ns, record.severity_number), (5, 6, 17));
    assert_eq!((&*record.severity_text, &*record.event_name), ("ERROR", "gen_ai.user.message"));
    let content = ("content".into(), AnyValue::Text("hi".into()));
    assert_eq!(record.body, AnyValue::Map(vec![content]));
    assert_eq!(record.attributes, [("ms".into(), AnyValue::Int(812))]);
    assert_eq!((record.dropped_attributes, record.flags), (2, 3));
    assert_eq!(record.span_id, Some([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(record.trace_id.map(|id| id[15]), Some(16));
    assert_eq!((record.resource.attributes.len(), &*record.scope.name), (1, "scope"));
}

#[test]
fn the_least_record_is_taken_and_says_nothing() {
    for body in [json!({}), json!({ "resourceLogs": null }), json!({ "resourceLogs": [{}] })] {
        assert_eq!(read(&body), Logs::default(), "{body}");
    }
    let logs = read(&body(
        &json!({ "body": null, "traceId": "zz", "spanId": "", "severityNumber": null }),
    ));
    let record = &logs.records[0];
    assert_eq!((&record.body, record.trace_id, record.span_id), (&AnyValue::Null, None, None));
    assert_eq!((record.time_ns, record.severity_number), (0, 0));
}

#[test]
fn a_body_of_empty_records_is_refused_by_its_memory() {
    let records = vec!["{}"; 20_000].join(",");
    let body = format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{records}]}}]}}]}}");
    let read = |limits: &Limits| decode_logs(body.as_bytes(), Format::Json, limits);
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read(&limits), Err(DecodeError::TooMany { .. })));
    assert_eq!(read(&Limits::default()).unwrap().records.len(), 20_000);
    let limits = Limits { decompressed_bytes: 10, ..Limits::default() };
    assert!(matches!(read(&limits), Err(DecodeError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn any_text_is_records_or_an_error(body in ".*", bytes: Vec<u8>) {
        let _ = decode_logs(body.as_bytes(), Format::Json, &Limits::default());
        let _ = decode_logs(&bytes, Format::Json, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8) {
        let mut body = body(&full()).to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = decode_logs(&body, Format::Json, &Limits::default());
    }
}
