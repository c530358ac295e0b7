//! Messages in OpenTelemetry's part form.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Longest text of one part, in bytes.
const TEXT_BYTES: usize = 256 << 10;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: Cow<'a, str>,
    pub(crate) parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part<'a> {
    Text {
        content: Cow<'a, str>,
    },
    Reasoning {
        content: Cow<'a, str>,
    },
    ToolCall {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        name: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        arguments: Option<Content<'a>>,
    },
    ToolCallResponse {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        response: Content<'a>,
    },
    Uri {
        uri: Cow<'a, str>,
        modality: &'static str,
    },
    Blob {
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<Cow<'a, str>>,
        modality: &'static str,
        content: &'a str,
    },
    File {
        file_id: Cow<'a, str>,
    },
    /// A part that we do not know, as it came.
    #[serde(untagged)]
    Other(&'a Json),
}

/// Anything that a tool takes or gives.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    /// JSON as it was written.
    Raw(&'a RawValue),
    Json(&'a Json),
    Text(Cow<'a, str>),
}

impl<'a> Part<'a> {
    pub(crate) fn text(content: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { content: cut_cow(content.into()) }
    }

    pub(crate) fn reasoning(content: impl Into<Cow<'a, str>>) -> Self {
        Self::Reasoning { content: cut_cow(content.into()) }
    }

    /// An image or a file by URL: a `data:` URL becomes a blob.
    pub(crate) fn uri(uri: &'a str, modality: &'static str) -> Self {
        let data = uri.strip_prefix("data:").and_then(|rest| rest.split_once(','));
        let Some((kind, content)) = data else {
            return Self::Uri { uri: cut(uri, TEXT_BYTES), modality };
        };
        let mime_type = kind.split(';').next().filter(|mime| !mime.is_empty()).map(Cow::Borrowed);
        Self::blob(mime_type, modality, content)
    }

    pub(crate) fn blob(
        mime_type: Option<Cow<'a, str>>,
        modality: &'static str,
        content: &'a str,
    ) -> Self {
        Self::Blob { mime_type, modality, content }
    }

    /// Whether the part has content: an empty text is what a failed call leaves.
    pub(crate) fn says_something(&self) -> bool {
        match self {
            Self::Text { content } | Self::Reasoning { content } => !content.is_empty(),
            Self::ToolCall { .. }
            | Self::ToolCallResponse { .. }
            | Self::Uri { .. }
            | Self::Blob { .. }
            | Self::File { .. }
            | Self::Other(_) => true,
        }
    }
}

impl<'a> Content<'a> {
    /// Text that holds a JSON list or object stays JSON.
    pub(crate) fn of_text(text: &'a str) -> Self {
        let structured = text.trim_start().starts_with(['{', '[']);
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if structured => Self::Raw(raw),
            Ok(_) | Err(_) => Self::Text(cut(text, TEXT_BYTES)),
        }
    }

    pub(crate) fn of_json(json: &'a Json) -> Self {
        json.as_str().map_or(Self::Json(json), Self::of_text)
    }
}

fn cut_cow(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => cut(text, TEXT_BYTES),
        Cow::Owned(text) if text.len() <= TEXT_BYTES => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(cut(&text, TEXT_BYTES).into_owned()),
    }
}

/// The text, or its first `most` bytes and how much is missing.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(most);
    Cow::Owned(format!("{}…[truncated {} bytes]", &text[..end], text.len() - end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(part: &Part<'_>) -> String {
        serde_json::to_string(part).unwrap()
    }

    #[test]
    fn parts_are_written_as_opentelemetry_has_them() {
        assert_eq!(json(&Part::text("hi")), r#"{"type":"text","content":"hi"}"#);
        let call = Part::ToolCall {
            id: Some("c1".into()),
            name: "f".into(),
            arguments: Some(Content::of_text(r#"{"city": "Paris"}"#)),
        };
        assert_eq!(
            json(&call),
            r#"{"type":"tool_call","id":"c1","name":"f","arguments":{"city": "Paris"}}"#
        );
        let answer = Part::ToolCallResponse { id: None, response: Content::of_text("21C") };
        assert_eq!(json(&answer), r#"{"type":"tool_call_response","response":"21C"}"#);
        assert_eq!(
            json(&Part::uri("https://x/y.png", "image")),
            r#"{"type":"uri","uri":"https://x/y.png","modality":"image"}"#
        );
        let blob = Part::uri("data:image/png;base64,AAAA", "image");
        assert_eq!(
            json(&blob),
            r#"{"type":"blob","mime_type":"image/png","modality":"image","content":"AAAA"}"#
        );
        let other = serde_json::json!({ "type": "compaction", "x": 1 });
        assert_eq!(json(&Part::Other(&other)), r#"{"type":"compaction","x":1}"#);
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_says_so() {
        assert_eq!(cut("aéb", 2), "a…[truncated 3 bytes]");
        assert_eq!(cut("aéb", 4), "aéb");
    }
}
