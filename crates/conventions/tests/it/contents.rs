//! Where no contents are kept, none survives: of no recorded client, in no column.

use conventions::{Options, drop_contents, join_streams, normalise};
use otlp::{AnyValue, Span};
use schema::{Row, Value};

use crate::bodies::{files, spans};

/// Parts of attributes' and events' keys under which clients send what was said.
const SAID: &[&str] = &[
    "content",
    "prompt",
    "completion",
    "input.value",
    "output.value",
    "message",
    "arguments",
    "query",
    "text",
    "entity.input",
    "entity.output",
    "observation.input",
    "observation.output",
    "spanInputs",
    "spanOutputs",
    "request_data",
    "response_data",
    "instructions",
    "tool.description",
    "documents",
];

/// Sentences of what a span was sent with: texts with several words, from JSON too. What a failure says of itself is
/// kept, also where a client gives it out as the answer.
fn sentences(span: &Span) -> Vec<String> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    failures.extend(span.status.iter().map(|status| status.message.clone()));
    let events = span.events.iter().flat_map(|event| &event.attributes);
    for (key, value) in span.attributes.iter().chain(events) {
        if ["exception.", "error", "status"].iter().any(|part| key.contains(part)) {
            of_value(value, &mut failures);
        } else if SAID.iter().any(|part| key.contains(part)) {
            of_value(value, &mut found);
        }
    }
    found.retain(|sentence| !failures.iter().any(|failure| failure.contains(sentence.as_str())));
    found
}

fn of_value(value: &AnyValue, found: &mut Vec<String>) {
    match value {
        AnyValue::Text(text) => of_text(text, found),
        AnyValue::Array(values) => values.iter().for_each(|value| of_value(value, found)),
        AnyValue::Map(entries) => entries.iter().for_each(|(_, value)| of_value(value, found)),
        AnyValue::Null
        | AnyValue::Bool(_)
        | AnyValue::Int(_)
        | AnyValue::Double(_)
        | AnyValue::Bytes(_) => {}
    }
}

fn of_text(text: &str, found: &mut Vec<String>) {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) if text.starts_with(['{', '[']) => of_json(&json, found),
        Ok(_) | Err(_) if text.split(' ').count() > 2 => found.push(text.to_owned()),
        Ok(_) | Err(_) => {}
    }
}

fn of_json(json: &serde_json::Value, found: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => of_text(text, found),
        serde_json::Value::Array(items) => items.iter().for_each(|item| of_json(item, found)),
        serde_json::Value::Object(fields) => {
            fields.values().for_each(|value| of_json(value, found))
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

/// The columns in which a sentence stands, as it is or as JSON has it.
fn holding<'r>(row: &'r Row, sentence: &str) -> Vec<&'r str> {
    let escaped = serde_json::Value::from(sentence).to_string();
    let escaped = &escaped[1..escaped.len() - 1];
    let twice = serde_json::Value::from(escaped).to_string();
    let twice = &twice[1..twice.len() - 1];
    let holds = |value: &Value| {
        value
            .as_text()
            .is_some_and(|text| [sentence, escaped, twice].iter().any(|form| text.contains(form)))
    };
    row.cells().filter(|(_, value)| holds(value)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn with_none_no_prompt_and_no_answer_survives_in_any_column() {
    let (mut sentences_met, mut left) = (0, Vec::new());
    for file in files() {
        let mut all = spans(&file);
        join_streams(&mut all);
        for span in all {
            let said = sentences(&span);
            let mut row = normalise(span, &Options::default());
            drop_contents(&mut row);
            sentences_met += said.len();
            for sentence in said {
                for column in holding(&row, &sentence) {
                    left.push(format!("{file}: {column}: {sentence:.80}"));
                }
            }
        }
    }
    left.sort();
    left.dedup();
    assert!(sentences_met > 500, "{sentences_met}");
    assert_eq!(left, [""; 0], "{} places", left.len());
}

#[test]
fn what_was_counted_stays() {
    for file in [
        "openobserve-sdk/02-chat.pb",
        "otel-openai-v2/28-chat-experimental.pb",
        "langfuse/01-chat.pb.gz",
    ] {
        for span in spans(file) {
            let whole = normalise(span, &Options::default());
            let mut row = whole.clone();
            drop_contents(&mut row);
            for column in [
                "llm_model_name",
                "llm_request_parameters_model",
                "llm_usage_tokens_total",
                "duration",
                "span_status",
                "llm_observation_type",
                "trace_id",
                "gen_ai_response_finish_reasons",
                "llm_tool_call_count",
                "service_name",
                "llm_convention",
            ] {
                assert_eq!(row.get(column), whole.get(column), "{file}: {column}");
            }
        }
    }
}
