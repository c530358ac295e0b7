use serde_json::Value;

use crate::words;

/// The two dialects of asking for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Text,
}

/// A request for text, as far as the simulator cares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The model, as it was written; empty when it was left out.
    pub(crate) model: String,
    /// Whether, and how, the answer is streamed.
    pub(crate) delivery: Delivery,
    pub(crate) max_tokens: Option<usize>,
    /// All text of the prompt, one message a line.
    pub(crate) prompt: String,
    /// Words of messages that begin with `CACHED`.
    pub(crate) cached: usize,
}

/// How the answer goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    #[default]
    Whole,
    Stream,
    /// A stream with a usage chunk at its end.
    StreamWithUsage,
}

impl Ask {
    /// Reads a request body; the error is the sentence for the caller.
    pub(crate) fn read(body: &[u8], dialect: Dialect) -> Result<Self, AskError> {
        let body: Value = serde_json::from_slice(body)?;
        let texts = match dialect {
            Dialect::Chat => messages(body.get("messages"))?,
            Dialect::Text => texts(body.get("prompt").ok_or(AskError::Missing("prompt"))?),
        };
        let cached = texts.iter().filter(|text| text.split_whitespace().next() == Some("CACHED"));
        Ok(Self {
            model: body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            delivery: delivery(&body),
            max_tokens: max_tokens(&body)?,
            cached: cached.map(|text| words::count(text)).sum(),
            prompt: texts.join("\n"),
        })
    }
}

/// Why a body cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the body is not valid JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`max_tokens` must be a whole number of at least 1")]
    MaxTokens,
}

fn messages(messages: Option<&Value>) -> Result<Vec<String>, AskError> {
    let messages = messages.and_then(Value::as_array).ok_or(AskError::Missing("messages"))?;
    Ok(messages.iter().map(|message| texts(&message["content"]).join("\n")).collect())
}

/// The texts of a content, a prompt or an input: itself, or those of its items. A token id becomes a word.
pub(crate) fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(item) => item.get("text").map(texts).unwrap_or_default(),
        Value::Number(id) => vec![id.to_string()],
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn delivery(body: &Value) -> Delivery {
    let usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    match body.get("stream") {
        Some(Value::Bool(true)) if usage => Delivery::StreamWithUsage,
        Some(Value::Bool(true)) => Delivery::Stream,
        _ => Delivery::Whole,
    }
}

fn max_tokens(body: &Value) -> Result<Option<usize>, AskError> {
    let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| body.get(name));
    match limit {
        None | Some(Value::Null) => Ok(None),
        Some(limit) => {
            let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
            limit.filter(|limit| *limit > 0).map(Some).ok_or(AskError::MaxTokens)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str, dialect: Dialect) -> Ask {
        Ask::read(body.as_bytes(), dialect).unwrap()
    }

    #[test]
    fn a_chat_is_read() {
        let ask = read(
            r#"{"model":"a/b","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"messages":[
                {"role":"system","content":"CACHED be brief"},
                {"role":"user","content":[{"type":"text","text":"one two"},{"type":"image_url"}]}]}"#,
            Dialect::Chat,
        );
        assert_eq!((ask.model.as_str(), ask.max_tokens), ("a/b", Some(9)));
        assert_eq!(ask.delivery, Delivery::StreamWithUsage);
        assert_eq!((words::count(&ask.prompt), ask.cached), (5, 3));
    }

    #[test]
    fn prompts_of_text_and_of_token_ids_are_read() {
        assert_eq!(words::count(&read(r#"{"prompt":"a b"}"#, Dialect::Text).prompt), 2);
        assert_eq!(words::count(&read(r#"{"prompt":["a b","c"]}"#, Dialect::Text).prompt), 3);
        assert_eq!(words::count(&read(r#"{"prompt":[1,2,3]}"#, Dialect::Text).prompt), 3);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |body: &str| Ask::read(body.as_bytes(), Dialect::Chat).unwrap_err().to_string();
        assert!(error("{").starts_with("the body is not valid JSON"));
        assert_eq!(error("{}"), "`messages` is missing");
        assert!(error(r#"{"messages":[],"max_tokens":0}"#).starts_with("`max_tokens` must"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Ask::read(&body, Dialect::Chat);
            let _ = Ask::read(&body, Dialect::Text);
        }
    }
}
