use serde_json::Value;

use crate::api_error::{ApiError, in_band_error};
use crate::field::{text, text_at};
use crate::message::{Output, ToolCall};
use crate::usage::Usage;

/// What an engine answered, whole or put together from a stream; what it did not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The model that answered, by the engine's own name for it.
    pub model: Option<String>,
    /// The id that the engine gave the answer.
    pub response_id: Option<String>,
    /// The engine's build or configuration, as it calls it.
    pub system_fingerprint: Option<String>,
    /// The token counts; of several in a stream, the last.
    pub usage: Option<Usage>,
    /// What was said, one for each choice; none for embeddings.
    pub outputs: Vec<Output>,
    /// The error, also one that came under HTTP 200.
    pub error: Option<ApiError>,
    /// How the answer ended.
    pub ending: Ending,
    /// Bytes of text that were left out, because the reader's bound was reached.
    pub omitted_bytes: u64,
    /// Chunks, choices and tool calls that were not understood, or were more than the reader keeps.
    pub skipped: u64,
}

/// Whether the engine came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The answer broke off, or is still on its way.
    #[default]
    Open,
    /// The engine said that it was done.
    Done,
}

impl Answer {
    /// Why the model stopped, for each choice that says so.
    #[must_use]
    pub fn finish_reasons(&self) -> Vec<&str> {
        self.outputs.iter().filter_map(|output| output.finish_reason.as_deref()).collect()
    }

    /// The text of all choices together; empty when nothing was said.
    #[must_use]
    pub fn text(&self) -> String {
        self.outputs.iter().map(|output| output.text.as_str()).collect()
    }

    /// The tool calls of all choices.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.outputs.iter().flat_map(|output| &output.tool_calls)
    }

    /// The outputs in OpenTelemetry's part form.
    #[must_use]
    pub fn output_messages(&self) -> Vec<Value> {
        self.outputs.iter().map(Output::to_message).collect()
    }

    /// Takes over what an answer and each chunk of a stream say alike.
    pub(crate) fn note_head(&mut self, body: &Value) {
        let inner = body.get("response").unwrap_or(body);
        note(&mut self.model, inner, "model");
        note(&mut self.response_id, inner, "id");
        note(&mut self.system_fingerprint, inner, "system_fingerprint");
        self.usage = Usage::of(body).or(self.usage);
        if self.error.is_none() {
            self.error = in_band_error(body);
        }
    }
}

fn note(fact: &mut Option<String>, body: &Value, field: &str) {
    if fact.is_none() {
        *fact = text_at(body, field);
    }
}

/// Reads a whole answer of the chat, completions, embeddings or Responses API, or an error body.
///
/// None when the body is not a JSON object (or was kept only in part).
#[must_use]
pub fn parse_answer(body: &[u8]) -> Option<Answer> {
    let body: Value = serde_json::from_slice(body).ok()?;
    if !body.is_object() {
        return None;
    }
    let mut answer = Answer { ending: Ending::Done, ..Answer::default() };
    answer.note_head(&body);
    answer.outputs = match body.get("choices").and_then(Value::as_array) {
        Some(choices) => choices.iter().map(chat_output).collect(),
        None => responses_output(&body).into_iter().collect(),
    };
    Some(answer)
}

fn chat_output(choice: &Value) -> Output {
    let said = choice.get("message").unwrap_or(&Value::Null);
    let calls = said.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice);
    let calls = calls.unwrap_or_default().iter().chain(said.get("function_call"));
    let text = choice.get("text").or_else(|| said.get("content")).map(spoken).unwrap_or_default();
    Output {
        role: text_at(said, "role"),
        text: text + said.get("refusal").and_then(Value::as_str).unwrap_or_default(),
        reasoning: reasoning(said).unwrap_or_default().to_owned(),
        tool_calls: calls.filter_map(ToolCall::read).collect(),
        finish_reason: text_at(choice, "finish_reason"),
    }
}

/// The reasoning of a message or delta, under either of its names.
pub(crate) fn reasoning(said: &Value) -> Option<&str> {
    ["reasoning_content", "reasoning"].iter().find_map(|name| text(said.get(name)?))
}

/// The text of a `content`: itself, or the texts of its items.
pub(crate) fn spoken(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().filter_map(|item| item.get("text").and_then(Value::as_str)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// The items of a Responses answer as one output; its finish reason is the reason for an incomplete answer,
/// else the status, in the API's own words.
pub(crate) fn responses_output(response: &Value) -> Option<Output> {
    let items = response.get("output")?.as_array()?;
    let mut output = Output { role: Some("assistant".to_owned()), ..Output::default() };
    for item in items {
        match item.get("type").and_then(Value::as_str) {
            Some("function_call") => output.tool_calls.extend(ToolCall::read(item)),
            Some("reasoning") => {
                output.reasoning += &item.get("summary").map(spoken).unwrap_or_default();
                output.reasoning += &item.get("content").map(spoken).unwrap_or_default();
            }
            _ => output.text += &item.get("content").map(spoken).unwrap_or_default(),
        }
    }
    output.finish_reason = responses_finish(response);
    Some(output)
}

pub(crate) fn responses_finish(response: &Value) -> Option<String> {
    let reason = response.pointer("/incomplete_details/reason").and_then(text);
    reason.map(str::to_owned).or_else(|| text_at(response, "status"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Answer {
        parse_answer(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_chat_answer_is_read_whole() {
        let answer = parse(&json!({
            "id": "c1", "model": "llama3.1-8b", "system_fingerprint": "fp",
            "choices": [{"finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "hi", "reasoning": "hm", "tool_calls": [
                    {"id": "t1", "function": {"name": "add", "arguments": "{}"}}]}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }));
        assert_eq!(answer.model.as_deref(), Some("llama3.1-8b"));
        assert_eq!(answer.response_id.as_deref(), Some("c1"));
        assert_eq!(answer.usage.unwrap().total, Some(5));
        assert_eq!((answer.text().as_str(), answer.finish_reasons()), ("hi", vec!["tool_calls"]));
        assert_eq!(answer.tool_calls().next().unwrap().name, "add");
        assert_eq!(answer.outputs[0].reasoning, "hm");
        assert_eq!((answer.error, answer.ending), (None, Ending::Done));
    }

    #[test]
    fn completions_and_embeddings_are_read() {
        let completion =
            parse(&json!({"model": "m", "choices": [{"text": "a", "finish_reason": "length"}]}));
        assert_eq!(
            (completion.text().as_str(), completion.finish_reasons()),
            ("a", vec!["length"])
        );
        let embedding = parse(
            &json!({"model": "e", "data": [{"embedding": [0.1]}], "usage": {"prompt_tokens": 4}}),
        );
        assert_eq!((embedding.outputs.len(), embedding.usage.unwrap().prompt), (0, Some(4)));
        assert_eq!(embedding.usage.unwrap().completion, None);
    }

    #[test]
    fn a_responses_answer_is_read() {
        let answer = parse(&json!({
            "id": "r1", "object": "response", "model": "m", "status": "incomplete", "error": null,
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
                {"type": "function_call", "call_id": "t1", "name": "add", "arguments": "{}"}],
            "usage": {"input_tokens": 3, "output_tokens": 2},
        }));
        assert_eq!(
            (answer.text().as_str(), answer.finish_reasons()),
            ("hi", vec!["max_output_tokens"])
        );
        assert_eq!(answer.tool_calls().next().unwrap().id.as_deref(), Some("t1"));
        assert_eq!((answer.usage.unwrap().prompt, answer.error), (Some(3), None));
    }

    #[test]
    fn an_error_under_http_200_is_an_error_and_half_a_body_is_none() {
        assert!(parse(&json!({"error": {"message": "x"}})).error.is_some());
        assert_eq!(parse_answer(b"{\"id\":"), None);
        assert_eq!(parse_answer(b"[]"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_answer(&body);
        }
    }
}
