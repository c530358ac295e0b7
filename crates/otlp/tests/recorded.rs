//! Bodies that real client libraries sent.

use bytes::Bytes;
use otlp::{AnyValue, Encoding, Format, Limits, Span, decode_traces, inflate};

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
