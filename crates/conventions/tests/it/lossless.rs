//! No attribute of any span is ever lost.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bodies::{files, spans};
use base64::Engine as _;
use conventions::{Options, Vantage, Verdict, normalise, settle};
use otlp::{AnyValue, Event, Resource, Scope, Span, Status, Text};
use proptest::prelude::*;
use schema::{Row, Value};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Whether a cell or an entry of the overflow says what the attribute said.
fn says(found: &Value, value: &AnyValue) -> bool {
    match (found, value) {
        (_, AnyValue::Null) => true,
        (Value::Text(found), AnyValue::Text(text)) => found == text,
        (Value::Int(found), AnyValue::Int(int)) => found == int,
        (Value::Float(found), AnyValue::Double(float)) => found == float,
        (Value::Bool(found), AnyValue::Bool(bool)) => found == bool,
        (Value::Text(found), AnyValue::Bytes(bytes)) => *found == *text_of(bytes),
        (Value::Text(found), AnyValue::Array(_) | AnyValue::Map(_)) => {
            // Both are read from text, as serde_json's reading may be off by a unit in a float's last place.
            let read = |text: &str| serde_json::from_str::<Json>(text).ok();
            read(found).is_some() && read(found) == read(&json(value).to_string())
        }
        _ => false,
    }
}

/// What a structured attribute is as JSON, worked out apart from the crate.
fn json(value: &AnyValue) -> Json {
    match value {
        AnyValue::Null => Json::Null,
        AnyValue::Text(text) => Json::from(text.as_str()),
        AnyValue::Bool(bool) => Json::from(*bool),
        AnyValue::Int(int) => Json::from(*int),
        AnyValue::Double(float) => Json::from(*float),
        AnyValue::Bytes(bytes) => Json::from(text_of(bytes)),
        AnyValue::Array(values) => values.iter().map(json).collect(),
        AnyValue::Map(entries) => {
            entries.iter().map(|(key, value)| (key.to_string(), json(value))).collect()
        }
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Whether the attribute is where it belongs: in the column of its name, in the one with `attr_` before it, or in the
/// overflow under its key.
fn is_kept(row: &Row, prefix: &str, key: &str, value: &AnyValue) -> bool {
    let plain = |c: char| match c {
        'a'..='z' | '0'..='9' | '_' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '_',
    };
    let name = match (prefix, key) {
        ("service_", "service.name") => "service_name".to_owned(),
        _ => prefix.chars().chain(key.chars().map(plain)).collect(),
    };
    let column = |name: &str| row.get(name).is_some_and(|found| says(found, value));
    let again = format!("{key}#");
    column(&name)
        || column(&format!("attr_{name}"))
        || overflow(row)
            .iter()
            .filter(|(other, _)| *other == key || other.starts_with(&again))
            .any(|(_, found)| says(&cell(found), value))
}

/// Numbers are read by the standard library: serde_json's own reading may be off by a unit in the last place.
fn cell(raw: &RawValue) -> Value {
    match serde_json::from_str::<Json>(raw.get()) {
        Ok(Json::String(text)) => Value::from(text),
        Ok(Json::Bool(bool)) => Value::Bool(bool),
        Ok(Json::Number(_)) => match (raw.get().parse(), raw.get().parse()) {
            (Ok(int), _) => Value::Int(int),
            (_, Ok(float)) => Value::Float(float),
            (Err(_), Err(_)) => Value::Bytes(Vec::new()),
        },
        Ok(Json::Null | Json::Array(_) | Json::Object(_)) | Err(_) => Value::Bytes(Vec::new()),
    }
}

/// Every attribute of a span, with what stands before its name.
fn attributes_of(span: &Span) -> impl Iterator<Item = (&'static str, &(Text, AnyValue))> {
    let own = span.attributes.iter().map(|attribute| ("", attribute));
    let resource = span.resource.attributes.iter().map(|attribute| ("service_", attribute));
    let scope = span.scope.attributes.iter().map(|attribute| ("scope_", attribute));
    own.chain(resource).chain(scope)
}

fn overflow(row: &Row) -> HashMap<String, Box<RawValue>> {
    row.text("attributes_overflow")
        .map(|text| serde_json::from_str(text).expect("the overflow is JSON"))
        .unwrap_or_default()
}

#[test]
fn every_attribute_of_every_recorded_span_is_in_its_row() {
    for file in files() {
        for span in spans(&file) {
            let row = normalise(span.clone(), &Options::default());
            for (prefix, (key, value)) in attributes_of(&span) {
                assert!(is_kept(&row, prefix, key, value), "{file}: {key}");
            }
        }
    }
}

/// Keys that the tables know, keys that clash with columns, and others.
fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "llm.invocation_parameters",
        "input.value",
        "output.value",
        "llm.token_count.prompt",
        "gen_ai.usage.input_tokens",
        "gen_ai.request.model",
        "gen_ai.operation.name",
        "openinference.span.kind",
        "langfuse.observation.type",
        "langfuse.observation.usage_details",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "llm.input_messages.0.message.content",
        "llm.input_messages.99999999999.message.role",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt",
        "mlflow.spanType",
        "ai.operationId",
        "duration",
        "_timestamp",
        "events",
        "attributes_overflow",
        "inferscope.endpoint",
        "service.name",
        "name",
        "attr.duration",
        "metadata",
        "error.type",
        "http.response.status_code",
        "langfuse.observation.completion_start_time",
        "gen_ai.response.finish_reasons",
        "gen_ai.tool.definitions",
        "gen_ai.openai.api_base",
    ]);
    prop_oneof![known.prop_map(str::to_owned), ".{0,12}", "[a-c._]{0,4}"]
}

fn value() -> impl Strategy<Value = AnyValue> {
    let json = prop::sample::select(vec![
        "{}",
        "[]",
        "null",
        "\"x\"",
        "{\"model\":\"m\",\"max_tokens\":5}",
        "[{\"role\":\"user\",\"content\":\"hi\"}]",
        "[{\"role\":\"user\",\"parts\":[]}]",
        "{\"usage\":{\"prompt_tokens\":-1}}",
        "{\"input\":7,\"output\":9223372036854775807,\"input_x\":9223372036854775807}",
        "chat",
        "LLM",
        "generation",
        "EMBEDDING",
        "[[[1]]]",
        "{\"choices\":[{\"message\":null}]}",
        "2026-11-23T23:59:28Z",
        "http://[::1]:99999999999999999999/",
    ]);
    let leaf = prop_oneof![
        json.prop_map(|text| AnyValue::Text(text.into())),
        ".{0,20}".prop_map(|text| AnyValue::Text(text.into())),
        any::<i64>().prop_map(AnyValue::Int),
        (-1.0e9..1.0e9).prop_map(AnyValue::Double),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<Vec<u8>>().prop_map(AnyValue::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AnyValue::Array),
            prop::collection::vec(("[a-z]{0,6}".prop_map(Text::from), inner), 0..4)
                .prop_map(AnyValue::Map),
        ]
    })
}

fn attributes(most: usize) -> impl Strategy<Value = Vec<(Text, AnyValue)>> {
    prop::collection::vec((key().prop_map(Text::from), value()), 0..most)
}

fn span() -> impl Strategy<Value = Span> {
    let event_name = prop::sample::select(vec![
        "exception",
        "gen_ai.choice",
        "gen_ai.user.message",
        "gen_ai.content.prompt",
        "First Token Stream Event",
        "x",
    ]);
    let event =
        (event_name, any::<u64>(), attributes(4)).prop_map(|(name, time_ns, attributes)| Event {
            time_ns,
            name: name.into(),
            attributes,
            dropped_attributes: 0,
        });
    let own =
        (attributes(24), prop::collection::vec(event, 0..3), any::<u64>(), any::<u64>(), -1..4_i32);
    (own, attributes(4), attributes(3), ".{0,8}").prop_map(
        |((attributes, events, start_ns, end_ns, code), resource, scope, name)| Span {
            trace_id: [1; 16],
            span_id: [2; 8],
            parent_span_id: None,
            trace_state: String::new(),
            flags: 0,
            name: name.into(),
            kind: 1,
            start_ns,
            end_ns,
            attributes,
            events,
            links: Vec::new(),
            status: Some(Status { code, message: String::new() }),
            resource: Arc::new(Resource { attributes: resource }),
            scope: Arc::new(Scope {
                name: "x".to_owned(),
                version: String::new(),
                attributes: scope,
            }),
        },
    )
}

proptest! {
    #[test]
    fn every_attribute_of_any_span_is_in_its_row(span in span(), gateway: bool) {
        let vantage = if gateway { Vantage::Gateway } else { Vantage::App };
        let row = normalise(span.clone(), &Options { vantage, ..Options::default() });
        for (prefix, (key, value)) in attributes_of(&span) {
            prop_assert!(is_kept(&row, prefix, key, value), "{}: {:?} in {:?}", key, value, row);
        }
        // A span that does not count keeps its figures under other names.
        let mut wrapper = row.clone();
        settle(&mut wrapper, Verdict::Wrapper);
        for (_, (key, value)) in attributes_of(&span) {
            let moved = wrapper.cells().any(|(_, found)| says(found, value));
            let over = overflow(&wrapper).values().any(|found| says(&cell(found), value));
            prop_assert!(moved || over, "{}: {:?} in {:?}", key, value, wrapper);
        }
        let names: std::collections::HashSet<_> = row.cells().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names.len(), row.len());
        for (name, value) in row.cells() {
            if let Some(column) = schema::column(name) {
                let fits = matches!(
                    (value, column.ty),
                    (Value::Text(_), schema::Type::Text) | (Value::Int(_), schema::Type::Int) | (Value::Float(_), schema::Type::Float)
                        | (Value::Bool(_), schema::Type::Bool) | (Value::Bytes(_), schema::Type::Bytes)
                );
                prop_assert!(fits, "{}: {:?}", name, value);
            }
        }
    }
}
