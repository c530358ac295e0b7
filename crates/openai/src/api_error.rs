use serde_json::Value;

use crate::field::{cut, text, text_at, word};

/// An engine's or router's error, told in whatever shape it uses; what it does not say is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The message for people, at most 4 KiB of it.
    pub message: Option<String>,
    /// The body's `type` (or `error_type`): `invalid_request_error`, `overloaded`, …
    pub kind: Option<String>,
    /// The body's `code`, as text; some engines write the HTTP status here.
    pub code: Option<String>,
    /// The request field that is to blame.
    pub param: Option<String>,
    /// The HTTP status, where the body states one; inside a stream there is no other.
    pub status: Option<u16>,
}

/// Reads the body of a failed answer: OpenAI's nested object, the router's plain string, the flat form of
/// vLLM and SGLang, TGI's `error_type`, FastAPI's `detail`, a bare `message`, or plain text.
///
/// None when the body says nothing (empty, HTML, or JSON without any of these).
#[must_use]
pub fn parse_error(body: &[u8]) -> Option<ApiError> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(items)) => error_of(items.first()?),
        Ok(body) => error_of(&body),
        Err(_) => plain_text(body),
    }
}

fn error_of(body: &Value) -> Option<ApiError> {
    let error = in_band_error(body).unwrap_or_else(|| object(body));
    (error != ApiError::default()).then_some(error)
}

/// The error of an answer or chunk that is marked as one, whatever its HTTP status was.
pub(crate) fn in_band_error(body: &Value) -> Option<ApiError> {
    let error = body.get("error").or_else(|| body.pointer("/response/error"));
    if let Some(error) = error.filter(|error| is_true(error)) {
        return Some(read(error, body));
    }
    let flat = ["object", "type"].iter().any(|field| body[*field] == "error");
    flat.then(|| object(body))
}

fn read(error: &Value, body: &Value) -> ApiError {
    match error {
        Value::Object(fields) => match fields.get("error") {
            Some(inner @ Value::Object(_)) => object(inner), // a proxy's error around an engine's
            _ => object(error),
        },
        Value::String(_) | Value::Array(_) => ApiError { message: message(error), ..object(body) },
        Value::Null | Value::Bool(_) | Value::Number(_) => object(body),
    }
}

fn object(fields: &Value) -> ApiError {
    let status = ["http_status_code", "status_code", "status", "code"];
    ApiError {
        message: ["message", "detail", "msg"].iter().find_map(|name| message(fields.get(name)?)),
        kind: text_at(fields, "error_type").or_else(|| text_at(fields, "type")),
        code: fields.get("code").and_then(word),
        param: text_at(fields, "param"),
        status: status.iter().find_map(|name| http_status(fields.get(name)?)),
    }
}

/// The text of a message, of a list of messages, or of FastAPI's list of objects.
fn message(value: &Value) -> Option<String> {
    let whole = match value {
        Value::Array(items) => {
            let all: Vec<&str> = items.iter().filter_map(message_text).collect();
            all.join("; ")
        }
        _ => message_text(value)?.to_owned(),
    };
    (!whole.is_empty()).then(|| cut(&whole, MESSAGE_LIMIT).to_owned())
}

fn message_text(value: &Value) -> Option<&str> {
    text(value).or_else(|| ["msg", "message"].iter().find_map(|name| text(value.get(name)?)))
}

fn http_status(value: &Value) -> Option<u16> {
    let status = value.as_u64().and_then(|status| u16::try_from(status).ok())?;
    (400..600).contains(&status).then_some(status)
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn plain_text(body: &[u8]) -> Option<ApiError> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let readable = !text.is_empty() && !text.starts_with(['<', '{', '[']);
    readable.then(|| ApiError {
        message: Some(cut(text, MESSAGE_LIMIT).to_owned()),
        ..ApiError::default()
    })
}

const MESSAGE_LIMIT: usize = 4 * 1024;

#[cfg(test)]
mod tests;
