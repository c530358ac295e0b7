//! Bodies that real client libraries sent.

use bytes::Bytes;
use otlp::{
    AnyValue, Encoding, Format, Limits, LogRecord, Measured, Metric, MetricKind, Number, Span,
    decode_logs, decode_metrics, decode_traces, inflate,
};

fn spans(file: &str) -> Vec<Span> {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let body = Bytes::from(std::fs::read(path).expect("the fixture is there"));
    let encoding = if file.ends_with(".gz") { Encoding::Gzip } else { Encoding::Identity };
    let format = if file.contains(".json") { Format::Json } else { Format::Protobuf };
    let limits = Limits::default();
    let body = inflate(body, encoding, limits.decompressed_bytes).expect("the body inflates");
    let traces = decode_traces(&body, format, &limits).expect("the body decodes");
    assert_eq!(traces.rejected, []);
    traces.spans
}

fn value<'a>(span: &'a Span, key: &str) -> &'a AnyValue {
    &span.attributes.iter().find(|(name, _)| name == key).expect("the attribute is there").1
}

#[test]
fn each_body_gives_its_spans() {
    let counts = [
        ("01-seed-exact.pb", 1),
        ("09-tools.pb", 2),
        ("47-chat-gzip.pb.gz", 1),
        ("01-chat-json.json", 1),
        ("05-session-json.json", 2),
        ("06-chat-json-gzip.json.gz", 1),
        ("11-ok-json.json", 5),
    ];
    for (file, count) in counts {
        assert_eq!(spans(file).len(), count, "{file}");
    }
}

#[test]
fn json_and_protobuf_of_one_program_say_the_same() {
    let (protobuf, json) = (&spans("01-seed-exact.pb")[0], &spans("01-chat-json.json")[0]);
    for key in [
        "llm.model_name",
        "llm.token_count.prompt",
        "llm.invocation_parameters",
        "openinference.span.kind",
    ] {
        assert_eq!(value(protobuf, key), value(json, key), "{key}");
    }
    assert_eq!(value(json, "llm.token_count.total"), &AnyValue::Int(39));
    assert_eq!(
        (&protobuf.name, protobuf.kind, protobuf.scope.name.as_str()),
        (&json.name, json.kind, json.scope.name.as_str())
    );
    assert_eq!(protobuf.start_ns, 1_795_477_976_875_666_739);
    assert_eq!(protobuf.end_ns, 1_795_477_976_979_448_197);
}

#[test]
fn spans_of_one_group_share_their_resource_and_scope() {
    let spans = spans("09-tools.pb");
    assert!(std::sync::Arc::ptr_eq(&spans[0].resource, &spans[1].resource));
    assert!(std::sync::Arc::ptr_eq(&spans[0].scope, &spans[1].scope));
}

fn body(file: &str) -> (Bytes, Format) {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let body = Bytes::from(std::fs::read(path).expect("the fixture is there"));
    let encoding = if file.ends_with(".gz") { Encoding::Gzip } else { Encoding::Identity };
    let format = if file.contains(".json") { Format::Json } else { Format::Protobuf };
    (inflate(body, encoding, 1 << 20).expect("the body inflates"), format)
}

fn records(file: &str) -> Vec<LogRecord> {
    let (body, format) = body(file);
    let logs = decode_logs(&body, format, &Limits::default()).expect("the body decodes");
    assert_eq!(logs.rejected, []);
    logs.records
}

fn metrics(file: &str) -> Vec<Metric> {
    let (body, format) = body(file);
    let metrics = decode_metrics(&body, format, &Limits::default()).expect("the body decodes");
    assert_eq!(metrics.rejected, []);
    metrics.metrics
}

#[test]
fn each_log_body_gives_its_records() {
    let counts = [
        ("38-logs-metrics-logs.pb", 4),
        ("50-logs-metrics-gzip-logs.pb.gz", 4),
        ("23-chat-captured-logs.pb", 2),
        ("27-tools-captured-logs.pb", 8),
        ("15-ok-json-logs.json", 1),
        ("20-fail-json-gzip-logs.json.gz", 2),
    ];
    for (file, count) in counts {
        assert_eq!(records(file).len(), count, "{file}");
    }
    let warning = &records("38-logs-metrics-logs.pb")[0];
    assert_eq!(warning.body, AnyValue::Text("slow answer for user-7".into()));
    assert_eq!((warning.severity_number, &*warning.severity_text), (13, "WARN"));
    assert_eq!(warning.time_ns, 1_795_478_066_412_454_144);
    assert_eq!(warning.attributes[1], ("ms".into(), AnyValue::Int(812)));
    let ask = &records("15-ok-json-logs.json")[0];
    assert_eq!(ask.body, AnyValue::Text("ask tracing".into()));
    assert_eq!(ask.span_id, Some([0xce, 0xd9, 0x81, 0x8c, 0xa0, 0x05, 0x9d, 0x9a]));
    let message = &records("23-chat-captured-logs.pb")[0];
    assert_eq!((&*message.event_name, message.time_ns), ("gen_ai.user.message", 0));
    assert!(message.observed_ns > 0);
}

#[test]
fn each_metrics_body_gives_its_points() {
    let counts = [
        ("37-logs-metrics-metrics.pb", 4, 4),
        ("02-chat-metrics.pb", 2, 3),
        ("02-chat-openllmetry-metrics.pb", 3, 5),
        ("13-ok-json-metrics.json", 5, 9),
    ];
    for (file, metric_count, points) in counts {
        let found = metrics(file);
        let sum: usize = found.iter().map(|metric| metric.points.len()).sum();
        assert_eq!((found.len(), sum), (metric_count, points), "{file}");
    }
    let found = metrics("37-logs-metrics-metrics.pb");
    let kinds: Vec<_> = found.iter().map(|metric| (&*metric.name, metric.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("app.requests", MetricKind::Counter),
            ("app.inflight", MetricKind::UpDownCounter),
            ("app.latency", MetricKind::Histogram),
            ("app.temp", MetricKind::Gauge),
        ]
    );
    assert_eq!(found[0].points[0].value, Measured::Number(Number::Int(3)));
    let Measured::Distribution(latency) = &found[2].points[0].value else { panic!("{found:?}") };
    assert_eq!((latency.count, latency.sum), (4, Some(995.5)));
    assert_eq!((latency.min, latency.max, latency.buckets.len()), (Some(3.5), Some(900.0), 16));
    // Of 4 measurements one is up to 5, one up to 25, one up to 100, one up to 1000.
    let below = |bound: f64| {
        let bucket = latency.buckets.iter().find(|bucket| bucket.upper >= bound);
        bucket.map(|bucket| bucket.cumulative)
    };
    assert_eq!([0.0, 5.0, 25.0, 75.0, 100.0, 1e3, 1e9].map(below), [0, 1, 2, 2, 3, 4, 4].map(Some));
}
