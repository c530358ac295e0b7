use serde_json::Value;

use crate::field::text;
use crate::sse::SseEvent;

/// Whether an event carries the first piece of what the model says, and so ends the time to first token.
///
/// Text, reasoning, a refusal, a tool call or audio counts; the opening chunk that only names the role does
/// not, nor does a chunk with nothing but usage or a finish reason.
#[must_use]
pub fn is_content(event: &SseEvent<'_>) -> bool {
    !event.is_done()
        && serde_json::from_slice::<Value>(event.data).is_ok_and(|chunk| has_content(&chunk))
}

/// The same of a chunk that has been parsed.
pub(crate) fn has_content(chunk: &Value) -> bool {
    match chunk.get("choices") {
        Some(choices) => choices.as_array().is_some_and(|all| all.iter().any(choice_has_content)),
        None => is_responses_delta(chunk),
    }
}

fn choice_has_content(choice: &Value) -> bool {
    choice.get("text").is_some_and(says_something)
        || choice.get("delta").is_some_and(|delta| {
            CONTENT_FIELDS.iter().any(|field| delta.get(field).is_some_and(says_something))
        })
}

const CONTENT_FIELDS: [&str; 7] = [
    "content",
    "reasoning_content",
    "reasoning",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
];

fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The Responses API: `response.output_text.delta` and its like.
fn is_responses_delta(event: &Value) -> bool {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    kind.starts_with("response.")
        && kind.ends_with(".delta")
        && event.get("delta").and_then(text).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content(data: &str) -> bool {
        is_content(&SseEvent { name: None, data: data.as_bytes() })
    }

    #[test]
    fn the_role_alone_is_not_the_first_token() {
        for chunk in [
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"text":""}]}"#,
            r#"{"type":"response.created","response":{}}"#,
            r#"{"error":{"message":"x"}}"#,
            "[DONE]",
            "not json",
        ] {
            assert!(!content(chunk), "{chunk}");
        }
    }

    #[test]
    fn text_reasoning_and_tool_calls_are() {
        for chunk in [
            r#"{"choices":[{"delta":{"role":"assistant","content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":"","reasoning_content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}"#,
            r#"{"choices":[{"text":"a"}]}"#,
            r#"{"type":"response.output_text.delta","delta":"a"}"#,
        ] {
            assert!(content(chunk), "{chunk}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = is_content(&SseEvent { name: None, data: &data });
        }
    }
}
