//! Messages that arrive as numbered attributes: `llm.input_messages.0.message.role` and the like.

use std::borrow::Cow;

use otlp::AnyValue;
use serde_json::{Map, Value as Json};

use super::Side;
use super::part::{Content, Message, Part};
use crate::payload;
use crate::view::Found;

/// Most messages, parts or tool calls of one list.
const MOST: usize = 10_000;

/// Things by number, in the order of their numbers; gaps are fine.
struct Numbered<T>(Vec<(usize, T)>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> Numbered<T> {
    /// The thing of that number. Keys mostly come in order, so the last one is looked at first.
    fn at(&mut self, number: usize) -> Option<&mut T> {
        let place = match self.0.last() {
            Some((last, _)) if *last == number => Ok(self.0.len() - 1),
            Some((last, _)) if *last > number => {
                self.0.binary_search_by_key(&number, |(number, _)| *number)
            }
            Some(_) | None => Err(self.0.len()),
        };
        let place = match place {
            Ok(place) => place,
            Err(_) if self.0.len() >= MOST => return None,
            Err(place) => {
                self.0.insert(place, (number, T::default()));
                place
            }
        };
        self.0.get_mut(place).map(|(_, thing)| thing)
    }

    fn in_order(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|(_, thing)| thing)
    }
}

/// One message while its attributes are collected.
#[derive(Default)]
struct Draft<'a> {
    role: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    content: Option<Cow<'a, str>>,
    contents: Numbered<Block<'a>>,
    tool_calls: Numbered<Call<'a>>,
    function: Call<'a>,
    tool_call_id: Option<Cow<'a, str>>,
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct Block<'a> {
    kind: Option<&'a str>,
    text: Option<&'a str>,
    url: Option<&'a str>,
}

#[derive(Default)]
struct Call<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    arguments: Option<&'a str>,
}

/// The messages of a family; the keys have lost their common beginning.
pub(crate) fn messages<'a>(
    members: impl Iterator<Item = (&'a str, &'a AnyValue)>,
    side: Side,
) -> Vec<Message<'a>> {
    let mut drafts: Numbered<Draft<'a>> = Numbered::default();
    for (key, value) in members {
        let Some((number, field)) = numbered(key) else { continue };
        let Some(text) = Found::Attribute(value).content() else { continue };
        if let Some(draft) = drafts.at(number) {
            // OpenInference puts `message.` before every field, the completions API `prompt.` or `completion.`.
            let field = ["message.", "prompt.", "completion."]
                .into_iter()
                .find_map(|prefix| field.strip_prefix(prefix))
                .unwrap_or(field);
            draft.take(field, value, text);
        }
    }
    drafts.in_order().map(|draft| draft.finish(side)).collect()
}

/// The number at the start of a key, and what follows it.
fn numbered(key: &str) -> Option<(usize, &str)> {
    let (number, field) = key.split_once('.')?;
    Some((number.parse().ok()?, field))
}

impl<'a> Draft<'a> {
    fn take(&mut self, field: &'a str, value: &'a AnyValue, text: Cow<'a, str>) {
        let borrowed = if let AnyValue::Text(text) = value { Some(text.as_str()) } else { None };
        match field {
            "role" => self.role = Some(text),
            "name" => self.name = Some(text),
            "content" | "text" | "refusal" => self.content = Some(text),
            "tool_call_id" => self.tool_call_id = Some(text),
            "finish_reason" => self.finish_reason = Some(text),
            "function_call_name" | "function_call.name" => self.function.name = Some(text),
            "function_call_arguments_json" | "function_call.arguments" => {
                self.function.arguments = borrowed
            }
            _ => {
                if let Some((number, rest)) = field.strip_prefix("contents.").and_then(numbered) {
                    if let Some(block) = self.contents.at(number) {
                        block.take(rest.strip_prefix("message_content.").unwrap_or(rest), borrowed);
                    }
                } else if let Some((number, rest)) =
                    field.strip_prefix("tool_calls.").and_then(numbered)
                    && let Some(call) = self.tool_calls.at(number)
                {
                    call.take(rest.strip_prefix("tool_call.").unwrap_or(rest), text, borrowed);
                }
            }
        }
    }

    fn finish(self, side: Side) -> Message<'a> {
        let role = self.role.unwrap_or(match side {
            Side::Input => "user".into(),
            Side::Output => "assistant".into(),
        });
        let mut parts = Vec::with_capacity(1);
        let has_blocks = !self.contents.0.is_empty();
        parts.extend(self.contents.in_order().filter_map(Block::part));
        // Some libraries write the same text once more beside the blocks.
        match self.content {
            Some(text) if role == "tool" => {
                let response = match text {
                    Cow::Borrowed(text) => Content::of_text(text),
                    Cow::Owned(text) => Content::Text(text.into()),
                };
                parts.push(Part::ToolCallResponse { id: self.tool_call_id, response });
            }
            Some(text) if !has_blocks => parts.push(Part::text(text)),
            Some(_) | None => {}
        }
        parts.extend(self.tool_calls.in_order().chain([self.function]).filter_map(Call::part));
        Message { role, parts, name: self.name, finish_reason: self.finish_reason }
    }
}

impl<'a> Block<'a> {
    fn take(&mut self, field: &str, text: Option<&'a str>) {
        match field {
            "type" => self.kind = text,
            "text" => self.text = text,
            "image.image.url" | "audio.audio.url" | "file.file.url" | "image_url.url" => {
                self.url = text
            }
            _ => {}
        }
    }

    fn part(self) -> Option<Part<'a>> {
        let modality = match self.kind {
            Some("audio") => "audio",
            Some("file") => "file",
            Some(_) | None => "image",
        };
        match (self.url, self.text) {
            (Some(url), _) => Some(Part::uri(url, modality)),
            (None, Some(text)) if matches!(self.kind, Some("reasoning" | "thinking")) => {
                Some(Part::reasoning(text))
            }
            (None, Some(text)) => Some(Part::text(text)),
            (None, None) => None,
        }
    }
}

impl<'a> Call<'a> {
    fn take(&mut self, field: &str, text: Cow<'a, str>, borrowed: Option<&'a str>) {
        match field {
            "id" => self.id = Some(text),
            "name" | "function.name" => self.name = Some(text),
            "arguments" | "function.arguments" => self.arguments = borrowed,
            _ => {}
        }
    }

    fn part(self) -> Option<Part<'a>> {
        let name = self.name?;
        Some(Part::ToolCall { id: self.id, name, arguments: self.arguments.map(Content::of_text) })
    }
}

/// Documents, from `….N.document.{id,content,score,metadata}`.
pub(crate) fn documents<'a>(
    members: impl Iterator<Item = (&'a str, &'a AnyValue)>,
) -> Vec<Map<String, Json>> {
    let mut documents: Numbered<Map<String, Json>> = Numbered::default();
    for (key, value) in members {
        let Some((number, field)) = numbered(key) else { continue };
        let field = field.strip_prefix("document.").unwrap_or(field);
        if let Some(document) = documents.at(number) {
            document.insert(field.to_owned(), payload::json(value));
        }
    }
    documents.in_order().collect()
}

/// Functions that the model was offered, from `llm.request.functions.N.{name,description,parameters}`.
pub(crate) fn functions<'a>(
    members: impl Iterator<Item = (&'a str, &'a AnyValue)>,
) -> Vec<Map<String, Json>> {
    let mut functions: Numbered<Map<String, Json>> = Numbered::default();
    for (key, value) in members {
        let Some((number, field)) = numbered(key) else { continue };
        let Some(text) = Found::Attribute(value).content() else { continue };
        let parsed = if field == "parameters" { serde_json::from_str(&text).ok() } else { None };
        if let Some(function) = functions.at(number) {
            function.insert(field.to_owned(), parsed.unwrap_or_else(|| Json::from(text)));
        }
    }
    functions.in_order().collect()
}
