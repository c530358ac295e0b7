use serde_json::{Map, Value, json};

use crate::field::{text, text_at};

/// The parts of a message's `content`: text, or a list of typed items of the OpenAI or Anthropic dialect.
pub(crate) fn parts(content: &Value) -> Vec<Value> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text_part(text)],
        Value::Array(items) => items.iter().map(part).collect(),
        Value::Bool(_) | Value::Number(_) => vec![text_part(&content.to_string())],
        Value::Object(_) => vec![part(content)],
    }
}

pub(crate) fn text_part(text: &str) -> Value {
    json!({"type": "text", "content": text})
}

pub(crate) fn reasoning_part(text: &str) -> Value {
    json!({"type": "reasoning", "content": text})
}

/// A tool call; arguments that are valid JSON become that JSON, others stay text.
pub(crate) fn tool_call_part(id: Option<&str>, name: &str, arguments: &Value) -> Value {
    let mut part = typed("tool_call");
    put(&mut part, "id", id.map(Value::from));
    put(&mut part, "name", Some(Value::from(name)));
    put(&mut part, "arguments", Some(parsed(arguments)).filter(|value| !value.is_null()));
    Value::Object(part)
}

/// What a tool answered.
pub(crate) fn tool_response_part(id: Option<&str>, response: Value) -> Value {
    let mut part = typed("tool_call_response");
    put(&mut part, "id", id.map(Value::from));
    put(&mut part, "response", Some(response));
    Value::Object(part)
}

/// One item of a content list; an unknown one stays as it is.
fn part(item: &Value) -> Value {
    if let Some(text) = item.as_str() {
        return text_part(text);
    }
    known_part(item).unwrap_or_else(|| item.clone())
}

fn known_part(item: &Value) -> Option<Value> {
    match item.get("type")?.as_str()? {
        "text" | "input_text" | "output_text" => item.get("text")?.as_str().map(text_part),
        "refusal" => item.get("refusal")?.as_str().map(text_part),
        "thinking" => item.get("thinking")?.as_str().map(reasoning_part),
        "reasoning" => reasoning(item),
        "image_url" | "input_image" => image(item),
        "image" => anthropic_image(item.get("source")?),
        "input_audio" => audio(item.get("input_audio")?),
        "file" | "input_file" => file(item.get("file").unwrap_or(item)),
        "tool_use" => {
            let name = item.get("name")?.as_str()?;
            Some(tool_call_part(id(item, "id"), name, item.get("input").unwrap_or(&Value::Null)))
        }
        "tool_result" => {
            let response = item.get("content").cloned().unwrap_or(Value::Null);
            Some(tool_response_part(id(item, "tool_use_id"), response))
        }
        _ => None,
    }
}

/// The Responses API's reasoning item: its summary's texts; some engines put the text there directly.
fn reasoning(item: &Value) -> Option<Value> {
    if let Some(text) = item.get("text").or_else(|| item.get("content")).and_then(text) {
        return Some(reasoning_part(text));
    }
    let summary = item.get("summary")?.as_array()?;
    let texts: Vec<&str> = summary.iter().filter_map(|part| text(part.get("text")?)).collect();
    (!texts.is_empty()).then(|| reasoning_part(&texts.join("\n")))
}

fn image(item: &Value) -> Option<Value> {
    let image = item.get("image_url");
    let url = image.and_then(|image| image.as_str().or_else(|| image.get("url")?.as_str()));
    match url {
        Some(url) => Some(located(url, "image")),
        None => text_at(item, "file_id").map(|file| file_part(&file, "image")),
    }
}

fn anthropic_image(source: &Value) -> Option<Value> {
    match source.get("type")?.as_str()? {
        "base64" => {
            let mime = source.get("media_type").and_then(Value::as_str);
            Some(blob(mime, "image", source.get("data")?.as_str()?))
        }
        "url" => Some(located(source.get("url")?.as_str()?, "image")),
        _ => None,
    }
}

fn audio(audio: &Value) -> Option<Value> {
    let mime = text_at(audio, "format").map(|format| format!("audio/{format}"));
    Some(blob(mime.as_deref(), "audio", audio.get("data")?.as_str()?))
}

fn file(file: &Value) -> Option<Value> {
    if let Some(id) = text_at(file, "file_id") {
        return Some(file_part(&id, "document"));
    }
    let place = ["file_data", "file_url"].iter().find_map(|name| text(file.get(name)?))?;
    Some(located(place, "document"))
}

/// A `data:` address becomes a blob, any other a link.
fn located(address: &str, modality: &str) -> Value {
    let inline = address.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    match inline {
        Some((head, content)) => {
            let mime = head.split(';').next().filter(|mime| !mime.is_empty());
            blob(mime, modality, content)
        }
        None => json!({"type": "uri", "modality": modality, "uri": address}),
    }
}

fn blob(mime: Option<&str>, modality: &str, content: &str) -> Value {
    let mut part = typed("blob");
    put(&mut part, "mime_type", mime.map(Value::from));
    put(&mut part, "modality", Some(Value::from(modality)));
    put(&mut part, "content", Some(Value::from(content)));
    Value::Object(part)
}

fn file_part(id: &str, modality: &str) -> Value {
    json!({"type": "file", "modality": modality, "file_id": id})
}

pub(crate) fn id<'a>(item: &'a Value, field: &str) -> Option<&'a str> {
    text(item.get(field)?)
}

/// JSON inside text becomes that JSON when it is an object or a list.
fn parsed(arguments: &Value) -> Value {
    let inner = arguments.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    inner.filter(|value| value.is_object() || value.is_array()).unwrap_or_else(|| arguments.clone())
}

fn typed(kind: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), Value::from(kind))])
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value);
    }
}
