use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource as WireResource;
use proptest::prelude::*;

use super::*;
use crate::model::AnyValue;
use crate::{Format, decode_logs};

fn attribute(key: &str, value: Value) -> common::KeyValue {
    let value = Some(common::AnyValue { value: Some(value) });
    common::KeyValue { key: key.to_owned(), value, ..Default::default() }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn request(service: &str, log_records: Vec<wire::LogRecord>) -> ExportLogsServiceRequest {
    let scope = common::InstrumentationScope { name: "scope".to_owned(), ..Default::default() };
    let scope_logs =
        vec![wire::ScopeLogs { scope: Some(scope), log_records, ..Default::default() }];
    let attributes = vec![attribute("service.name", text(service))];
    let resource = Some(WireResource { attributes, ..Default::default() });
    ExportLogsServiceRequest {
        resource_logs: vec![wire::ResourceLogs { resource, scope_logs, ..Default::default() }],
    }
}

fn read(request: &ExportLogsServiceRequest, limits: &Limits) -> Result<Logs, DecodeError> {
    decode_logs(&request.encode_to_vec(), Format::Protobuf, limits)
}

fn full() -> wire::LogRecord {
    let entry = attribute("content", text("hi"));
    wire::LogRecord {
        time_unix_nano: 5,
        observed_time_unix_nano: 6,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(common::AnyValue {
            value: Some(Value::KvlistValue(common::KeyValueList { values: vec![entry] })),
        }),
        attributes: vec![attribute("ms", Value::IntValue(812))],
        dropped_attributes_count: 2,
        flags: 3,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "gen_ai.user.message".to_owned(),
    }
}

#[test]
fn every_field_of_a_record_is_read() {
    let logs = read(&request("app", vec![full()]), &Limits::default()).unwrap();
    let record = &logs.records[0];
    assert_eq!((record.time_ns, record.observed_ns, record.severity_number), (5, 6, 17));
    assert_eq!((&*record.severity_text, &*record.event_name), ("ERROR", "gen_ai.user.message"));
    let content = ("content".into(), AnyValue::Text("hi".into()));
    assert_eq!(record.body, AnyValue::Map(vec![content]));
    assert_eq!(record.attributes, [("ms".into(), AnyValue::Int(812))]);
    assert_eq!((record.dropped_attributes, record.flags), (2, 3));
    assert_eq!((record.trace_id, record.span_id), (Some([1; 16]), Some([2; 8])));
    assert_eq!(record.resource.attributes[0].0, "service.name");
    assert_eq!(record.scope.name, "scope");
}

#[test]
fn what_is_no_id_means_that_a_record_belongs_to_no_trace() {
    let ids = [(vec![0; 16], vec![0; 8]), (vec![1; 15], vec![1; 9]), (vec![], vec![])];
    let records =
        ids.map(|(trace_id, span_id)| wire::LogRecord { trace_id, span_id, ..full() }).to_vec();
    let logs = read(&request("app", records), &Limits::default()).unwrap();
    assert!(logs.records.iter().all(|record| (record.trace_id, record.span_id) == (None, None)));
    assert_eq!((logs.records.len(), logs.rejected.len()), (3, 0));
}

#[test]
fn records_that_are_too_much_are_refused_alone() {
    let nested = |levels: usize| {
        (0..levels).fold(Value::IntValue(1), |value, _| {
            let values = vec![common::AnyValue { value: Some(value) }];
            Value::ArrayValue(common::ArrayValue { values })
        })
    };
    let body = |levels| Some(common::AnyValue { value: Some(nested(levels)) });
    let limits = Limits { nesting: 2, attributes_per_span: 1, ..Limits::default() };
    let two = vec![attribute("a", text("b")), attribute("c", text("d"))];
    let logs = read(
        &request(
            "app",
            vec![
                wire::LogRecord { body: body(2), ..full() },
                wire::LogRecord { body: body(3), ..full() },
                wire::LogRecord { attributes: two, ..full() },
                wire::LogRecord { attributes: vec![attribute("deep", nested(3))], ..full() },
            ],
        ),
        &limits,
    )
    .unwrap();
    assert_eq!(logs.records.len(), 1);
    let reasons: Vec<_> = logs.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "the body of a log record is nested deeper than 2 levels",
            "a log record has 2 attributes, at most 1 are allowed",
            "attribute \"deep\" is nested deeper than 2 levels",
        ]
    );
}

#[test]
fn a_small_body_that_would_need_much_memory_is_refused() {
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    let many = request("app", vec![wire::LogRecord::default(); 10_000]);
    assert!(matches!(read(&many, &limits), Err(DecodeError::TooMany { .. })));
    // Each of a hundred records would carry its own copy of 20 kB.
    let wide = request(&"x".repeat(20_000), vec![wire::LogRecord::default(); 100]);
    assert!(matches!(read(&wide, &limits), Err(DecodeError::TooMany { .. })));
    assert_eq!(read(&wide, &Limits::default()).unwrap().records.len(), 100);
    let limits = Limits { decompressed_bytes: 100, ..Limits::default() };
    assert!(matches!(read(&wide, &limits), Err(DecodeError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn any_bytes_are_records_or_an_error(body: Vec<u8>) {
        let _ = decode_logs(&body, Format::Protobuf, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
        let mut body = request("app", vec![full(), full()]).encode_to_vec();
        let index = at.index(body.len());
        body[index] = byte;
        let _ = decode_logs(&body, Format::Protobuf, &Limits::default());
        let _ = decode_logs(&body[..cut.index(body.len())], Format::Protobuf, &Limits::default());
    }
}
