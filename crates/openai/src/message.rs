use serde_json::{Map, Value, json};

use crate::field::{text, text_at};
use crate::part::{id, parts, reasoning_part, text_part, tool_call_part, tool_response_part};

/// One thing that the model said: the message of a choice, with streams put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The role; `assistant` where the engine named one.
    pub role: Option<String>,
    /// The text; empty when there was none.
    pub text: String,
    /// The reasoning that the engine showed; empty when there was none.
    pub reasoning: String,
    /// The tools that it wants called.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped; none when the answer broke off.
    pub finish_reason: Option<String>,
}

/// A wish of the model to have a tool called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id.
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them, JSON as a rule.
    pub arguments: String,
}

impl Output {
    /// OpenTelemetry's part form of this output: `{role, parts, finish_reason?}`.
    #[must_use]
    pub fn to_message(&self) -> Value {
        let mut all = Vec::new();
        if !self.reasoning.is_empty() {
            all.push(reasoning_part(&self.reasoning));
        }
        if !self.text.is_empty() {
            all.push(text_part(&self.text));
        }
        all.extend(self.tool_calls.iter().map(ToolCall::to_part));
        message(self.role.as_deref().unwrap_or("assistant"), all, self.finish_reason.as_deref())
    }
}

impl ToolCall {
    fn to_part(&self) -> Value {
        let arguments = Some(self.arguments.as_str()).filter(|text| !text.is_empty());
        tool_call_part(self.id.as_deref(), &self.name, &arguments.map_or(Value::Null, Value::from))
    }

    /// Reads a tool call of the chat API, or a function call of the Responses API.
    pub(crate) fn read(call: &Value) -> Option<Self> {
        let function = call.get("function").unwrap_or(call);
        let arguments = function.get("arguments").map(as_text).unwrap_or_default();
        let id = text_at(call, "call_id").or_else(|| text_at(call, "id"));
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        (id.is_some() || !name.is_empty()).then_some(Self { id, name, arguments })
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Chat messages, a Responses `input` list, or a bare prompt, in OpenTelemetry's part form:
/// `[{role, parts[], name?}]`.
///
/// A message that is in part form already stays as it is; what is neither text nor message is left out.
#[must_use]
pub fn input_messages(messages: &Value) -> Vec<Value> {
    match messages {
        Value::String(prompt) => vec![message("user", vec![text_part(prompt)], None)],
        Value::Array(items) => items.iter().filter_map(input_message).collect(),
        Value::Object(_) => input_message(messages).into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The `choices` of an answer in OpenTelemetry's part form: `[{role, parts[], finish_reason?}]`.
#[must_use]
pub fn output_messages(choices: &Value) -> Vec<Value> {
    let choices = choices.as_array().map(Vec::as_slice).unwrap_or_default();
    choices.iter().filter_map(choice_message).collect()
}

fn choice_message(choice: &Value) -> Option<Value> {
    let finish = choice.get("finish_reason").and_then(text);
    if let Some(said) = choice.get("message").filter(|said| said.is_object()) {
        let role = said.get("role").and_then(text).unwrap_or("assistant");
        return Some(message(role, chat_parts(said), finish));
    }
    let completion = choice.get("text")?.as_str()?;
    Some(message("assistant", vec![text_part(completion)], finish))
}

fn input_message(item: &Value) -> Option<Value> {
    if let Some(prompt) = item.as_str() {
        return Some(message("user", vec![text_part(prompt)], None));
    }
    let fields = item.as_object()?;
    if fields.get("parts").is_some_and(Value::is_array) {
        return Some(item.clone());
    }
    if let Some(call) = responses_item(item) {
        return Some(call);
    }
    let role = fields.get("role").and_then(text).unwrap_or("user");
    let mut message = message(role, chat_parts(item), None);
    if let Some(name) = fields.get("name").and_then(text) {
        message["name"] = Value::from(name);
    }
    Some(message)
}

/// The items of a Responses `input` that are no messages: calls and their outputs.
fn responses_item(item: &Value) -> Option<Value> {
    match item.get("type")?.as_str()? {
        "function_call" => Some(message("assistant", vec![ToolCall::read(item)?.to_part()], None)),
        "function_call_output" => {
            let output = item.get("output").cloned().unwrap_or(Value::Null);
            Some(message("tool", vec![tool_response_part(id(item, "call_id"), output)], None))
        }
        "reasoning" => Some(message("assistant", parts(item), None)),
        _ => None,
    }
}

/// The parts of a chat message: reasoning, content, refusal and tool calls, in this order.
fn chat_parts(said: &Value) -> Vec<Value> {
    let content = said.get("content").unwrap_or(&Value::Null);
    let role = said.get("role").and_then(Value::as_str).unwrap_or_default();
    if matches!(role, "tool" | "function") {
        let id = id(said, "tool_call_id").or_else(|| id(said, "name"));
        return vec![tool_response_part(id, content.clone())];
    }
    let reasoning =
        ["reasoning_content", "reasoning"].iter().find_map(|name| text(said.get(name)?));
    let mut all: Vec<Value> = reasoning.map(reasoning_part).into_iter().collect();
    if content != "" {
        all.extend(parts(content));
    }
    all.extend(said.get("refusal").and_then(text).map(text_part));
    let calls = said.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice);
    let calls = calls.unwrap_or_default().iter().chain(said.get("function_call"));
    all.extend(calls.filter_map(ToolCall::read).map(|call| call.to_part()));
    all
}

fn message(role: &str, parts: Vec<Value>, finish_reason: Option<&str>) -> Value {
    let mut fields = Map::from_iter([
        ("role".to_owned(), Value::from(role)),
        ("parts".to_owned(), json!(parts)),
    ]);
    if let Some(reason) = finish_reason {
        fields.insert("finish_reason".to_owned(), Value::from(reason));
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests;
