//! Where a span keeps its messages, in the order in which the places are believed.

use std::borrow::Cow;

use otlp::{AnyValue, Event};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use text::Text;

use super::part::{Message, Part};
use super::{Side, chat, indexed};
use crate::facts::{Fact, Family};
use crate::kind::Kind;
use crate::payload::{self, json_text_of};
use crate::view::{self, Found, View};

/// The messages of one side, as JSON text, and what they tell.
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    pub(crate) json: Text,
    pub(crate) tool_calls: i64,
    pub(crate) finish_reasons: Vec<Cow<'a, str>>,
    pub(crate) says_something: bool,
}

pub(crate) fn read<'v>(view: &'v View<'_>, kind: Kind, side: Side) -> Option<Messages<'v>> {
    let (attribute, families) = match side {
        Side::Input => {
            ("gen_ai.input.messages", [Family::InputMessages, Family::GenAiPrompt, Family::Prompts])
        }
        Side::Output => (
            "gen_ai.output.messages",
            [Family::OutputMessages, Family::GenAiCompletion, Family::Choices],
        ),
    };
    let on_span = view
        .span
        .attributes
        .iter()
        .find(|(key, _)| key == attribute)
        .map(|(_, value)| Found::Attribute(value));
    let on_event = || {
        let event = view
            .span
            .events
            .iter()
            .find(|event| event.name == "gen_ai.client.inference.operation.details")?;
        view::attribute(&event.attributes, attribute)
    };
    if let Some(found) = on_span.or_else(on_event) {
        return of_attribute(found, side);
    }
    let is_model = kind.is_candidate() && kind != Kind::Embedding;
    let payload_first = view.has(Fact::LangfuseType);
    if payload_first
        && is_model
        && let Some(messages) = of_payload(view, side)
    {
        return Some(messages);
    }
    for family in families {
        if let Some(messages) = Messages::of(indexed::messages(view.family(family), side)) {
            return Some(messages);
        }
    }
    let of_events = of_events(view, side);
    if of_events.is_some() || !is_model {
        return of_events;
    }
    of_vercel(view, side).or_else(|| of_payload(view, side))
}

impl<'a> Messages<'a> {
    /// The messages, unless there are none.
    fn of(messages: Vec<Message<'a>>) -> Option<Self> {
        if messages.is_empty() {
            return None;
        }
        let parts = || messages.iter().flat_map(|message| &message.parts);
        Some(Self {
            json: json_text_of(&messages).into(),
            tool_calls: count(parts().filter(|part| matches!(part, Part::ToolCall { .. }))),
            says_something: parts().any(Part::says_something),
            finish_reasons: messages
                .into_iter()
                .filter_map(|message| message.finish_reason)
                .collect(),
        })
    }

    fn owned(self) -> Messages<'static> {
        Messages {
            json: self.json,
            tool_calls: self.tool_calls,
            finish_reasons: self
                .finish_reasons
                .into_iter()
                .map(|reason| reason.into_owned().into())
                .collect(),
            says_something: self.says_something,
        }
    }
}

fn count(all: impl Iterator) -> i64 {
    i64::try_from(all.count()).unwrap_or(i64::MAX)
}

/// As much of the part form as tells that it is the part form.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    parts: Vec<PartOutline<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct PartOutline<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<&'a serde_json::value::RawValue>,
}

impl PartOutline<'_> {
    fn says_something(&self) -> bool {
        self.content.is_none_or(|content| !matches!(content.get(), "\"\"" | "null"))
    }
}

/// `gen_ai.*.messages`: kept as written if they are in the part form, else brought into it.
fn of_attribute<'v>(found: Found<'v>, side: Side) -> Option<Messages<'v>> {
    if let Found::Attribute(AnyValue::Text(text)) = found
        && let Ok(outline) = serde_json::from_str::<Vec<Outline<'v>>>(text)
    {
        let parts = || outline.iter().flat_map(|message| &message.parts);
        let reasons = outline.iter().filter_map(|message| message.finish_reason.clone());
        return Some(Messages {
            json: text.clone(),
            tool_calls: count(parts().filter(|part| part.kind == "tool_call")),
            says_something: parts().any(PartOutline::says_something),
            finish_reasons: reasons.filter(|reason| !reason.is_empty()).collect(),
        });
    }
    let text = found.content()?;
    let payload = serde_json::from_str(&text).unwrap_or_else(|_| Json::from(&*text));
    Messages::of(chat::messages(&payload, side)).map(Messages::owned)
}

fn of_payload<'v>(view: &'v View<'_>, side: Side) -> Option<Messages<'v>> {
    let fact = match side {
        Side::Input => Fact::InputPayload,
        Side::Output => Fact::OutputPayload,
    };
    let of_json = |found: Found<'v>| match found {
        Found::Json(payload) => Messages::of(chat::messages(payload, side)),
        Found::Attribute(_) => None,
    };
    view.first(fact, of_json).or_else(|| of_plain_text(view, side))
}

/// An input or output that is no JSON is one message's text.
fn of_plain_text<'v>(view: &'v View<'_>, side: Side) -> Option<Messages<'v>> {
    let fact = match side {
        Side::Input => Fact::Input,
        Side::Output => Fact::Output,
    };
    let text = view.text(fact)?;
    if text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let payload = Json::from(&*text);
    Messages::of(chat::messages(&payload, side)).map(Messages::owned)
}

/// Vercel's answer, which is spread over several attributes.
fn of_vercel<'v>(view: &'v View<'_>, side: Side) -> Option<Messages<'v>> {
    if side == Side::Input {
        return None;
    }
    let mut parts: Vec<Part<'v>> = Vec::new();
    parts.extend(view.text(Fact::VercelReasoning).map(Part::reasoning));
    parts.extend(view.text(Fact::VercelText).map(Part::text));
    let calls = view.json(Fact::VercelToolCalls).and_then(Json::as_array).into_iter().flatten();
    parts.extend(calls.filter_map(Json::as_object).filter_map(chat::tool_call));
    if parts.is_empty() {
        return None;
    }
    Messages::of(vec![Message { role: "assistant".into(), parts, name: None, finish_reason: None }])
}

/// Span events: one a message up to OpenTelemetry 1.36, one for all up to 1.27.
fn of_events<'v>(view: &'v View<'_>, side: Side) -> Option<Messages<'v>> {
    let (whole, key) = match side {
        Side::Input => ("gen_ai.content.prompt", "gen_ai.prompt"),
        Side::Output => ("gen_ai.content.completion", "gen_ai.completion"),
    };
    let events = &view.span.events;
    let mut payloads: Vec<Json> = events.iter().filter_map(|event| of_event(event, side)).collect();
    if payloads.is_empty() {
        let event = events.iter().find(|event| event.name == whole)?;
        let found = view::attribute(&event.attributes, key)?;
        let text = found.content()?;
        payloads.push(serde_json::from_str(&text).unwrap_or_else(|_| Json::from(&*text)));
    }
    let messages = payloads.iter().flat_map(|payload| chat::messages(payload, side)).collect();
    Messages::of(messages).map(Messages::owned)
}

/// A message's event as a chat message.
fn of_event(event: &Event, side: Side) -> Option<Json> {
    role_of(&event.name, side)?;
    let mut fields: Map<String, Json> = Map::new();
    for (key, value) in &event.attributes {
        let json = payload::json(value);
        // Structures arrive as JSON text here.
        let parsed = json
            .as_str()
            .filter(|text| text.starts_with(['{', '[']))
            .and_then(|text| serde_json::from_str(text).ok());
        fields.insert(key.to_string(), parsed.unwrap_or(json));
    }
    if let Some(Json::Object(content)) = fields.remove("gen_ai.event.content") {
        fields.extend(content);
    }
    chat_message(&event.name, fields, side)
}

/// The role that an event's name gives its message; `None` if it is no message of that side.
fn role_of(name: &str, side: Side) -> Option<&'static str> {
    match (name, side) {
        ("gen_ai.choice", Side::Output) => Some("assistant"),
        ("gen_ai.system.message", Side::Input) => Some("system"),
        ("gen_ai.user.message", Side::Input) => Some("user"),
        ("gen_ai.assistant.message", Side::Input) => Some("assistant"),
        ("gen_ai.tool.message", Side::Input) => Some("tool"),
        _ => None,
    }
}

fn chat_message(name: &str, mut message: Map<String, Json>, side: Side) -> Option<Json> {
    let role = role_of(name, side)?;
    message.entry("role").or_insert_with(|| json!(role));
    if let Some(Json::Object(inner)) = message.get_mut("message") {
        inner.entry("role").or_insert_with(|| json!(role));
    }
    Some(Json::Object(message))
}

/// A message that came as a log record, in the part form; `None` if it has no content.
pub(crate) fn of_event_fields(name: &str, fields: Map<String, Json>, side: Side) -> Option<String> {
    let payload = chat_message(name, fields, side)?;
    let mut messages = chat::messages(&payload, side);
    messages.retain(|message| !message.parts.is_empty());
    Messages::of(messages).map(|messages| messages.json.into())
}

/// All messages of one side, as an attribute of a log record has them.
pub(crate) fn of_whole(found: Found<'_>, side: Side) -> Option<String> {
    of_attribute(found, side).map(|messages| messages.json.into())
}
