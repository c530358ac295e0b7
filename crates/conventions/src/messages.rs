//! What was sent and what came back: as text, and as messages in OpenTelemetry's part form.

mod chat;
pub(crate) mod indexed;
pub(crate) mod part;
mod source;

use serde_json::Value as Json;
use text::Text;

use crate::cells::Cells;
use crate::column::{Column, column};
use crate::facts::{Fact, Family};
use crate::kind::Kind;
use crate::model;
use crate::payload::json_text_of;
use crate::view::{Found, View};
use chat::HIDDEN;
use source::Messages;
pub(crate) use source::{of_event_fields, of_whole};

/// What the contents say about the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents {
    /// Whether the model said anything.
    pub(crate) answered: bool,
}

/// Which way messages went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, kind: Kind) -> Contents {
    let sent = source::read(view, kind, Side::Input);
    let got = source::read(view, kind, Side::Output);
    fill_text(
        cells,
        view,
        Fact::Input,
        Fact::InputMime,
        sent.as_ref(),
        [column!("llm_input"), column!("input_mime_type")],
    );
    fill_text(
        cells,
        view,
        Fact::Output,
        Fact::OutputMime,
        got.as_ref(),
        [column!("llm_output"), column!("output_mime_type")],
    );
    cells
        .set_some(column!("llm_tool_call_count"), got.as_ref().map(|messages| messages.tool_calls));
    let ends = got.as_ref().map(|messages| messages.finish_reasons.as_slice()).unwrap_or_default();
    cells.set_some(column!("gen_ai_response_finish_reasons"), model::finish_reasons(view, ends));
    let answered = got.as_ref().is_some_and(|messages| messages.says_something);
    cells.set_some(column!("gen_ai_input_messages"), sent.map(|messages| messages.json));
    cells.set_some(column!("gen_ai_output_messages"), got.map(|messages| messages.json));
    cells.set_some(
        column!("gen_ai_system_instructions"),
        view.first(Fact::SystemInstructions, Found::shared_content),
    );
    if kind.is_candidate() || kind == Kind::Agent {
        cells.set_some(column!("gen_ai_tool_definitions"), tool_definitions(view));
    }
    if view.text(Fact::Input).as_deref() == Some(HIDDEN)
        || view.text(Fact::Output).as_deref() == Some(HIDDEN)
    {
        cells.set(column!("content_redacted"), true);
    }
    Contents { answered }
}

/// The plain copy of one side, and its MIME type.
fn fill_text(
    cells: &mut Cells,
    view: &View<'_>,
    fact: Fact,
    mime: Fact,
    messages: Option<&Messages<'_>>,
    [text, kind]: [Column; 2],
) {
    let content = view
        .first(fact, Found::shared_content)
        .or_else(|| messages.map(|messages| messages.json.clone()));
    let mime = view
        .shared(mime)
        .or_else(|| content.as_deref().map(|content| Text::fixed(mime_of(content))));
    cells.set_some(kind, mime);
    cells.set_some(text, content);
}

fn mime_of(content: &str) -> &'static str {
    let structured = content.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(content).is_ok();
    if structured { "application/json" } else { "text/plain" }
}

/// The tools that the model was offered, as a JSON array.
fn tool_definitions(view: &View<'_>) -> Option<Text> {
    if let Some(listed) = view.json_text(Fact::ToolDefinitions) {
        return Some(listed);
    }
    let schemas: Vec<Json> = view
        .family(Family::Tools)
        .filter(|(key, _)| key.ends_with(".tool.json_schema"))
        .filter_map(|(_, value)| Found::Attribute(value).content())
        .map(|text| serde_json::from_str(&text).unwrap_or_else(|_| Json::from(&*text)))
        .collect();
    if !schemas.is_empty() {
        return Some(json_text_of(&schemas).into());
    }
    let functions = indexed::functions(view.family(Family::Functions));
    (!functions.is_empty()).then(|| json_text_of(&functions).into())
}
