//! What was said to a model and by it: which columns hold it, and how to drop it from a row.

use schema::{Name, Row, Value};
use serde_json::{Map, Value as Json};

use crate::attribute::flatten;

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
    "llm_prompts_",
    "llm_choices_",
    "llm_prompt_template",
    "embedding_text",
    "embedding_embeddings_",
    "retrieval_documents_",
    "reranker_query",
    "reranker_input_documents",
    "reranker_output_documents",
    "tool_parameters",
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
    "logfire_msg",
];

/// Names that begin like contents and are none.
const FACTS: &[&str] = &[
    "gen_ai_prompt_name",
    "gen_ai_prompt_version",
    "ai_response_model",
    "llm_prompt_template_version",
    "logfire_msg_template",
];

/// Drops what was said from a row: its columns, attributes in the overflow, the attributes of events. Models, counts,
/// times and errors stay. Answers whether there was anything.
pub fn drop_contents(row: &mut Row) -> bool {
    // LiteLLM's copy of the raw request has the provider's name in every key.
    let is_raw = row.text("operation_name") == Some("raw_gen_ai_request");
    let holds = |name: &str| {
        holds_contents(name)
            || (is_raw && name.starts_with("llm_") && schema::column(name).is_none())
    };
    let names: Vec<Name> =
        row.cells().map(|(name, _)| name).filter(|name| holds(name)).cloned().collect();
    let mut dropped = false;
    for name in names {
        dropped |= row.remove(&name).is_some();
    }
    dropped |= drop_from_overflow(row);
    dropped | drop_from_events(row)
}

/// Whether a column of this name holds what was said.
pub(crate) fn holds_contents(name: &str) -> bool {
    let name = name.strip_prefix("attr_").unwrap_or(name);
    CONTENTS.iter().any(|beginning| name.starts_with(beginning)) && !FACTS.contains(&name)
}

fn drop_from_overflow(row: &mut Row) -> bool {
    let Some(text) = row.text("attributes_overflow") else { return false };
    let Ok(Json::Object(mut overflow)) = serde_json::from_str::<Json>(text) else { return false };
    let before = overflow.len();
    overflow.retain(|key, _| !holds_contents(&flatten("", key)));
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

/// What an event keeps: that it happened, when, and what an exception says of itself.
fn drop_from_events(row: &mut Row) -> bool {
    let Some(text) = row.text("events").filter(|text| *text != "[]") else { return false };
    let Ok(Json::Array(mut events)) = serde_json::from_str::<Json>(text) else { return false };
    let mut dropped = false;
    for event in events.iter_mut().filter_map(Json::as_object_mut) {
        let before = event.len();
        retain_facts(event);
        dropped |= event.len() < before;
    }
    if dropped {
        row.set(Name::fixed("events"), Value::from(Json::Array(events).to_string()));
    }
    dropped
}

fn retain_facts(event: &mut Map<String, Json>) {
    event.retain(|key, _| {
        matches!(key.as_str(), "name" | "_timestamp" | "droppedAttributesCount")
            || key.starts_with("exception.")
            || key.ends_with("msToFirstChunk")
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
}
