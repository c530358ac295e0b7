//! Messages inside JSON payloads: OpenAI chat and Responses, Anthropic, Vercel, and the part form itself.

use serde_json::{Map, Value as Json};

use super::Side;
use super::part::{Content, Message, Part};

/// The mask that OpenInference puts where contents are hidden.
pub(super) const HIDDEN: &str = "__REDACTED__";

/// Where a request or an answer keeps its messages, the most particular first.
const LISTS: &[&str] =
    &["messages", "choices", "output", "input", "contents", "candidates", "events"];

/// The messages of a payload; none if it has no shape that we know.
pub(crate) fn messages(payload: &Json, side: Side) -> Vec<Message<'_>> {
    match payload {
        Json::Null | Json::Bool(_) | Json::Number(_) => Vec::new(),
        Json::String(text) if text.is_empty() || text == HIDDEN => Vec::new(),
        Json::String(text) => vec![said(side, vec![Part::text(text.as_str())])],
        Json::Array(list) => list_of(list, side),
        Json::Object(object) => of_object(object, side),
    }
}

fn list_of(list: &[Json], side: Side) -> Vec<Message<'_>> {
    // A list of blocks without roles is one message: Anthropic's content, a Responses answer's output.
    let is_message = |item: &Json| {
        item.as_object().is_some_and(|object| {
            let marks = ["role", "message", "parts", "delta", "event.name"];
            let completion = object.contains_key("text") && !object.contains_key("type");
            completion || marks.into_iter().any(|key| object.contains_key(key))
        })
    };
    let is_call =
        |item: &Json| matches!(kind(item), Some("function_call" | "function_call_output"));
    if list.iter().any(|item| is_message(item) || is_call(item)) {
        return list.iter().filter_map(|item| message(item, side)).collect();
    }
    if side == Side::Input && list.iter().all(Json::is_string) {
        return list
            .iter()
            .filter_map(Json::as_str)
            .map(|text| said(side, vec![Part::text(text)]))
            .collect();
    }
    let parts: Vec<_> = list.iter().filter_map(block).collect();
    let known = parts.iter().any(|part| !matches!(part, Part::Other(_)));
    if known { vec![said(side, parts)] } else { Vec::new() }
}

fn of_object(object: &Map<String, Json>, side: Side) -> Vec<Message<'_>> {
    if object.contains_key("role") || object.contains_key("parts") || object.contains_key("message")
    {
        return message_of(object, side).into_iter().collect();
    }
    if let Some(list) = LISTS.iter().find_map(|key| object.get(*key)) {
        return messages(list, side);
    }
    match (side, object.get("prompt"), object.get("combined_chunk_content")) {
        (Side::Input, Some(prompt), _) | (Side::Output, _, Some(prompt)) => messages(prompt, side),
        _ => Vec::new(),
    }
}

fn message(item: &Json, side: Side) -> Option<Message<'_>> {
    match item {
        Json::Object(object) => message_of(object, side),
        Json::String(text) => Some(said(side, vec![Part::text(text.as_str())])),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

fn message_of(object: &Map<String, Json>, side: Side) -> Option<Message<'_>> {
    let text = |key: &str| object.get(key).and_then(Json::as_str);
    let finish_reason = text("finish_reason")
        .or_else(|| text("stop_reason"))
        .filter(|text| !text.is_empty())
        .map(Into::into);
    // A choice around its message, or a completion's text.
    if let Some(Json::Object(inner)) = object.get("message").or_else(|| object.get("delta")) {
        let message = message_of(inner, side)?;
        return Some(Message {
            finish_reason: message.finish_reason.clone().or(finish_reason),
            ..message
        });
    }
    let role = text("role").map_or_else(|| role(object, side), str::to_owned);
    let mut parts = Vec::with_capacity(1);
    if let Some(Json::Array(own)) = object.get("parts") {
        parts.extend(own.iter().filter_map(block));
    } else if let Some(content) =
        object.get("content").filter(|content| role == "tool" && !content.is_array())
    {
        let id = text("tool_call_id").or_else(|| text("id")).map(Into::into);
        parts.push(Part::ToolCallResponse { id, response: Content::of_json(content) });
    } else if let Some(content) = object.get("content").or_else(|| object.get("text")) {
        parts.extend(content_parts(content));
    } else {
        parts.extend(block_of(object));
    }
    parts.extend(text("reasoning_content").filter(|text| !text.is_empty()).map(Part::reasoning));
    let calls = object.get("tool_calls").and_then(Json::as_array).into_iter().flatten();
    parts.extend(calls.filter_map(Json::as_object).filter_map(tool_call));
    parts.extend(object.get("function_call").and_then(Json::as_object).and_then(tool_call));
    // Without a role, the name is that of a function.
    let name = text("name").filter(|_| object.contains_key("role")).map(Into::into);
    Some(Message { role: role.into(), parts, name, finish_reason })
}

/// The role of a message that does not say it.
fn role(object: &Map<String, Json>, side: Side) -> String {
    let named = object
        .get("event.name")
        .and_then(Json::as_str)
        .and_then(|name| name.strip_prefix("gen_ai."));
    let named = named.and_then(|name| name.strip_suffix(".message"));
    match (object.get("type").and_then(Json::as_str), named, side) {
        (_, Some(role), _) => role.to_owned(),
        (Some("function_call" | "reasoning"), ..) => "assistant".to_owned(),
        (Some("function_call_output"), ..) => "tool".to_owned(),
        (_, None, Side::Input) => "user".to_owned(),
        (_, None, Side::Output) => "assistant".to_owned(),
    }
}

fn content_parts(content: &Json) -> Vec<Part<'_>> {
    match content {
        Json::String(text) if text == HIDDEN => Vec::new(),
        Json::String(text) => vec![Part::text(text.as_str())],
        Json::Array(blocks) => blocks.iter().filter_map(block).collect(),
        Json::Object(_) => block(content).into_iter().collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => Vec::new(),
    }
}

fn kind(item: &Json) -> Option<&str> {
    item.get("type").and_then(Json::as_str)
}

/// One block of a message's content.
fn block(item: &Json) -> Option<Part<'_>> {
    match item {
        Json::String(text) => Some(Part::text(text.as_str())),
        Json::Object(object) => block_of(object).or(Some(Part::Other(item))),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

fn block_of(object: &Map<String, Json>) -> Option<Part<'_>> {
    let text = |key: &str| object.get(key).and_then(Json::as_str);
    let first =
        |keys: &[&str]| keys.iter().find_map(|key| object.get(*key)).filter(|json| !json.is_null());
    let id = || {
        ["id", "call_id", "toolCallId", "tool_call_id", "tool_use_id"]
            .into_iter()
            .find_map(text)
            .map(Into::into)
    };
    match text("type")? {
        "text" | "input_text" | "output_text" => {
            text("content").or_else(|| text("text")).map(Part::text)
        }
        "reasoning" | "thinking" => {
            ["content", "thinking", "text"].into_iter().find_map(text).map(Part::reasoning)
        }
        "image_url" | "input_image" => {
            let url = object
                .get("image_url")
                .map(|image| image.get("url").unwrap_or(image))
                .and_then(Json::as_str)?;
            Some(Part::uri(url, "image"))
        }
        "input_audio" => {
            let audio = object.get("input_audio")?;
            let format = audio
                .get("format")
                .and_then(Json::as_str)
                .map(|format| format!("audio/{format}").into());
            Some(Part::blob(format, "audio", audio.get("data").and_then(Json::as_str)?))
        }
        "input_file" | "file" => {
            let file = object.get("file").and_then(Json::as_object).unwrap_or(object);
            let field = |key: &str| file.get(key).and_then(Json::as_str);
            let by_id = field("file_id").map(|id| Part::File { file_id: id.into() });
            by_id.or_else(|| {
                field("file_url").or_else(|| field("file_data")).map(|url| Part::uri(url, "file"))
            })
        }
        "tool_call" | "tool_use" | "tool-call" | "function_call" => {
            let name = text("name").or_else(|| text("toolName"))?;
            let arguments = first(&["arguments", "input", "args"]).map(Content::of_json);
            // Responses calls its item `id`, and the call `call_id`: the answer names the latter.
            let id = text("call_id").map(Into::into).or_else(id);
            Some(Part::ToolCall { id, name: name.into(), arguments })
        }
        "tool_call_response" | "tool_result" | "tool-result" | "function_call_output" => {
            let response = first(&["response", "result", "output", "content"])
                .map_or(Content::Json(&Json::Null), Content::of_json);
            let id = ["id", "call_id", "tool_use_id", "toolCallId"]
                .into_iter()
                .find_map(text)
                .map(Into::into);
            Some(Part::ToolCallResponse { id, response })
        }
        _ => None,
    }
}

/// An entry of `tool_calls`: a function with its arguments, or Vercel's flat form.
pub(crate) fn tool_call(call: &Map<String, Json>) -> Option<Part<'_>> {
    let function = call.get("function").and_then(Json::as_object).unwrap_or(call);
    let text = |object: &'_ Map<String, Json>, keys: [&str; 2]| {
        keys.into_iter().find_map(|key| object.get(key)?.as_str().map(str::to_owned))
    };
    let name = text(function, ["name", "toolName"])?;
    let arguments = ["arguments", "input", "args"]
        .into_iter()
        .find_map(|key| function.get(key))
        .map(Content::of_json);
    Some(Part::ToolCall {
        id: text(call, ["id", "toolCallId"]).map(Into::into),
        name: name.into(),
        arguments,
    })
}

fn said(side: Side, parts: Vec<Part<'_>>) -> Message<'_> {
    let role = match side {
        Side::Input => "user",
        Side::Output => "assistant",
    };
    Message { role: role.into(), parts, name: None, finish_reason: None }
}

#[cfg(test)]
mod tests;
