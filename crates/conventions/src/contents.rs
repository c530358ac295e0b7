//! What was said to a model and by it: which columns hold it, and how to drop it from a row.

mod said;

use schema::{Name, Row, Value};
use serde_json::{Map, Value as Json};

use crate::attribute::flatten;
use said::Said;

/// Beginnings of the columns that hold contents: canonical ones, and attributes of every convention.
const CONTENTS: &[&str] = &[
    "llm_input",
    "llm_output",
    "gen_ai_input_messages",
    "gen_ai_output_messages",
    "gen_ai_system_instructions",
    "gen_ai_tool_call_arguments",
    "gen_ai_tool_call_result",
    "gen_ai_tool_args",
    "gen_ai_prompt",
    "gen_ai_completion",
    "gen_ai_content_",
    "gen_ai_event_content",
    "gen_ai_retrieval_query",
    "gen_ai_retrieval_documents",
    "gen_ai_evaluation_explanation",
    "input_value",
    "output_value",
    "input_images",
    "input_documents",
    "output_images",
    "output_documents",
    "llm_prompts",
    "llm_choices",
    "llm_prompt_template",
    "llm_tools",
    "llm_functions",
    "llm_request_functions",
    "gen_ai_tool_definitions",
    "gen_ai_tool_description",
    "gen_ai_tool_json_schema",
    "gen_ai_request_stop_sequences",
    "gen_ai_reasoning",
    "gen_ai_thinking",
    "embedding_text",
    "embedding_embeddings_",
    "retrieval_documents_",
    "reranker_query",
    "reranker_input_documents",
    "reranker_output_documents",
    "tool_parameters",
    "tool_description",
    "tool_json_schema",
    "crewai_",
    "traceloop_entity_input",
    "traceloop_entity_output",
    "traceloop_prompt_template",
    "langfuse_observation_input",
    "langfuse_observation_output",
    "langfuse_trace_input",
    "langfuse_trace_output",
    "ai_prompt",
    "ai_response_text",
    "ai_response_object",
    "ai_response_reasoning",
    "ai_response_toolcalls",
    "ai_response_files",
    "ai_result_",
    "ai_toolcall_args",
    "ai_toolcall_result",
    "ai_value",
    "ai_embedding",
    "ai_documents",
    "ai_ranking",
    "request_data",
    "response_data",
    "mlflow_spaninputs",
    "mlflow_spanoutputs",
    "mlflow_chunk",
    "pydantic_ai_all_messages",
    "all_messages_events",
    "final_result",
    "tool_arguments",
    "tool_response",
    "gcp_vertex_agent_llm_request",
    "gcp_vertex_agent_llm_response",
    "db_query_result",
    "db_query_text",
    "db_query_parameter",
    "db_query_summary",
    "db_statement",
    "logfire_msg",
];

/// Names that begin like contents and are none.
const FACTS: &[&str] = &[
    "gen_ai_prompt_name",
    "gen_ai_prompt_version",
    "ai_response_model",
    "llm_prompt_template_version",
    "crewai_version",
    "logfire_msg_template",
];

/// Where conventions keep what they know: a long text below one of these that is in no table is taken for contents.
const OPEN: &[&str] = &[
    "gen_ai_",
    "llm_",
    "ai_",
    "langfuse_",
    "langsmith_",
    "traceloop_",
    "openinference_",
    "mlflow_",
    "logfire_",
    "pydantic_ai_",
    "openlit_",
    "litellm_",
    "lk_",
    "gcp_",
    "input_",
    "output_",
    "prompt",
    "completion",
    "message",
    "request_",
    "response_",
    "tool_",
    "agent_",
    "task_",
    "metadata",
    "document",
    "retriev",
    "embedding_",
    "reranker_",
    "query",
    "question",
    "answer",
];

/// A text of an unknown column below these is a fact up to so many bytes: a name, an id, a version.
const LONGEST_FACT: usize = 128;

/// Promised columns that may repeat what was said, and say something without it.
const MAY_REPEAT: &[&str] = &["error_message", "status_message", "links", "operation_name"];

/// Drops what was said from a row: its columns, attributes in the overflow, the attributes of events, and whatever else
/// repeats it. Models, counts, times and errors stay. Answers whether there was anything.
pub fn drop_contents(row: &mut Row) -> bool {
    let said = Said::of(row);
    // LiteLLM's copy of the raw request has the provider's name in every key.
    let is_raw = row.text("operation_name") == Some("raw_gen_ai_request");
    let holds = |name: &str, value: &Value| {
        let promised = schema::column(name).is_some();
        holds_contents(name)
            || (is_raw && name.starts_with("llm_") && !promised)
            || value.as_text().is_some_and(|text| match promised {
                true => MAY_REPEAT.contains(&name) && said.is_in(text),
                false => may_hold(name, text, &said),
            })
    };
    let names: Vec<Name> = row
        .cells()
        .filter(|(name, value)| holds(name.as_str(), value))
        .map(|(name, _)| name.clone())
        .collect();
    let mut dropped = false;
    for name in names {
        dropped |= row.remove(&name).is_some();
    }
    dropped |= drop_from_overflow(row, &said);
    dropped |= drop_from_parameters(row);
    dropped | drop_from_events(row, &said)
}

/// Whether a text under a name that no table has may be what was said.
fn may_hold(name: &str, text: &str, said: &Said) -> bool {
    let name = name.strip_prefix("attr_").unwrap_or(name);
    let open =
        text.len() > LONGEST_FACT && OPEN.iter().any(|beginning| name.starts_with(beginning));
    (open && !FACTS.contains(&name)) || said.is_in(text)
}

/// Whether a column of this name holds what was said.
pub(crate) fn holds_contents(name: &str) -> bool {
    let name = name.strip_prefix("attr_").unwrap_or(name);
    CONTENTS.iter().any(|beginning| name.starts_with(beginning)) && !FACTS.contains(&name)
}

fn drop_from_overflow(row: &mut Row, said: &Said) -> bool {
    let Some(text) = row.text("attributes_overflow") else { return false };
    let Ok(Json::Object(mut overflow)) = serde_json::from_str::<Json>(text) else { return false };
    let before = overflow.len();
    overflow.retain(|key, value| {
        let name = flatten("", key);
        !holds_contents(&name) && !value.as_str().is_some_and(|text| may_hold(&name, text, said))
    });
    if overflow.len() == before {
        return false;
    }
    if overflow.is_empty() {
        row.remove("attributes_overflow");
    } else {
        row.set(Name::fixed("attributes_overflow"), Json::Object(overflow).to_string());
    }
    true
}

/// What a request's parameters keep: numbers, and the model. A text or list may be said: where to stop, what tools there
/// are, what form the answer has.
fn drop_from_parameters(row: &mut Row) -> bool {
    const COLUMN: &str = "llm_invocation_parameters";
    let Some(text) = row.text(COLUMN) else { return false };
    let Ok(Json::Object(mut parameters)) = serde_json::from_str::<Json>(text) else {
        return row.remove(COLUMN).is_some();
    };
    let before = parameters.len();
    parameters.retain(|key, value| {
        value.is_number() || value.is_boolean() || value.is_null() || key == "model"
    });
    if parameters.len() == before {
        return false;
    }
    row.set(Name::fixed(COLUMN), Json::Object(parameters).to_string());
    true
}

/// What an event keeps: that it happened, when, and what an exception says of itself, if it does not repeat what was said.
fn drop_from_events(row: &mut Row, said: &Said) -> bool {
    let Some(text) = row.text("events").filter(|text| *text != "[]") else { return false };
    let Ok(Json::Array(mut events)) = serde_json::from_str::<Json>(text) else { return false };
    let mut dropped = false;
    for event in events.iter_mut().filter_map(Json::as_object_mut) {
        let before = event.len();
        retain_facts(event, said);
        dropped |= event.len() < before;
    }
    if dropped {
        row.set(Name::fixed("events"), Value::from(Json::Array(events).to_string()));
    }
    dropped
}

fn retain_facts(event: &mut Map<String, Json>, said: &Said) {
    event.retain(|key, value| {
        let fact = matches!(key.as_str(), "name" | "_timestamp" | "droppedAttributesCount")
            || key.starts_with("exception.")
            || key.ends_with("msToFirstChunk");
        fact && !value.as_str().is_some_and(|text| said.is_in(text))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_goes_and_what_was_counted_stays() {
        let mut row = Row::default();
        for (name, text) in [
            ("llm_input", "hello"),
            ("gen_ai_input_messages", "[]"),
            ("llm_input_messages_0_message_content", "hello"),
            ("attr_input_value", "hello"),
            ("ai_response_model", "m"),
            ("gen_ai_prompt_name", "p"),
            ("gen_ai_response_model", "m"),
            ("status_message", "bad"),
            ("my_own", "stays"),
        ] {
            row.push(Name::from(name), text);
        }
        row.push(Name::fixed("attributes_overflow"), r#"{"input.value":"hello","other":1}"#);
        let events = r#"[{"name":"gen_ai.choice","_timestamp":1,"message":"hello"},{"name":"exception","_timestamp":2,"exception.type":"E"}]"#;
        row.push(Name::fixed("events"), events);
        assert!(drop_contents(&mut row));
        assert!(!format!("{row:?}").contains("hello"), "{row:?}");
        for name in ["ai_response_model", "gen_ai_prompt_name", "status_message", "my_own"] {
            assert!(row.get(name).is_some(), "{name}");
        }
        assert_eq!(row.text("attributes_overflow"), Some(r#"{"other":1}"#));
        assert!(row.text("events").is_some_and(|events| events.contains("exception.type")));
        assert!(!drop_contents(&mut row), "there is nothing more");
    }

    #[test]
    fn unknown_names_go_by_what_they_hold() {
        let question = "what is the capital of France?";
        let long = "x".repeat(200);
        let mut row = Row::default();
        row.push(Name::fixed("gen_ai_input_messages"), serde_json::json!([{ "role": "user", "parts": [{ "type": "text", "content": question }] }]).to_string());
        for (name, text) in [
            ("llm_prompts", "[]"),
            ("crewai_task_description", "short"),
            ("db_query_text", "SELECT 1"),
            ("gen_ai_request_stop_sequences", "[\"x\"]"),
            ("metadata", &*long),
            ("gen_ai_of_tomorrow", &*long),
            ("my_copy", &*format!("asked: {question}")),
            ("error_message", &*format!("cannot answer {question}")),
            ("status_message", "timed out"),
            ("my_note", &*long),
            ("gen_ai_agent_version", "1.2"),
            ("llm_invocation_parameters", r#"{"model":"m","temperature":0.5,"stop":["x"]}"#),
        ] {
            row.push(Name::from(name), text);
        }
        let overflow =
            serde_json::json!({ "a": question, "b": "other", "llm.unknown": long, "c": 1 });
        row.push(Name::fixed("attributes_overflow"), overflow.to_string());
        let events = serde_json::json!([{ "name": "exception", "exception.message": format!("at {question}"), "exception.type": "E" }]);
        row.push(Name::fixed("events"), events.to_string());
        assert!(drop_contents(&mut row));
        let left: Vec<&str> = row.cells().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            left,
            [
                "status_message",
                "my_note",
                "gen_ai_agent_version",
                "llm_invocation_parameters",
                "attributes_overflow",
                "events"
            ]
        );
        assert_eq!(
            row.text("llm_invocation_parameters"),
            Some(r#"{"model":"m","temperature":0.5}"#)
        );
        assert_eq!(row.text("attributes_overflow"), Some(r#"{"b":"other","c":1}"#));
        assert_eq!(row.text("events"), Some(r#"[{"exception.type":"E","name":"exception"}]"#));
    }
}
