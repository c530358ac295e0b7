//! The request's parameters, each as `llm_request_parameters_<name>` with the type that it was sent with.

use schema::Value;

use crate::attribute::{Origin, look_up};
use crate::cells::Cells;
use crate::column::column;
use crate::facts::{Fact, Family};
use crate::payload;
use crate::view::View;

/// What a request body holds beside parameters.
const CONTENTS: &[&str] = &[
    "model",
    "messages",
    "input",
    "prompt",
    "system",
    "instructions",
    "tools",
    "functions",
    "contents",
    "documents",
    "texts",
];

/// OpenTelemetry's names of parameters that the APIs call otherwise.
const RENAMED: &[(&str, &str)] = &[
    ("stop_sequences", "stop"),
    ("choice.count", "n"),
    ("reasoning.level", "reasoning_effort"),
    ("maxOutputTokens", "max_tokens"),
    ("maxTokens", "max_tokens"),
    ("topP", "top_p"),
    ("topK", "top_k"),
    ("stopSequences", "stop"),
    ("frequencyPenalty", "frequency_penalty"),
    ("presencePenalty", "presence_penalty"),
    ("maxRetries", "max_retries"),
];

/// Most parameters of one span that get a column; the JSON column has them all.
const MOST: usize = 64;

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>) {
    let max_tokens = view.count(Fact::MaxTokens);
    cells.set_some(column!("llm_request_parameters_max_tokens"), max_tokens);
    cells.set_some(column!("gen_ai_request_max_tokens"), max_tokens);
    cells.set_some(column!("llm_request_parameters_temperature"), view.number(Fact::Temperature));
    cells.set_some(column!("llm_request_parameters_top_p"), view.number(Fact::TopP));
    cells.set_some(column!("llm_request_parameters_stream"), stream(view));
    cells
        .set_some(column!("llm_invocation_parameters"), view.json_text(Fact::InvocationParameters));
    for object in [Fact::InvocationParameters, Fact::RequestBody]
        .into_iter()
        .filter_map(|fact| view.json(fact))
    {
        for (name, value) in object.as_object().into_iter().flatten().take(MOST) {
            if !CONTENTS.contains(&name.as_str())
                && let Some(value) = payload::cell_of(value)
            {
                add(cells, name, value);
            }
        }
    }
    for family in [Family::Request, Family::OpenAiRequest, Family::Settings] {
        for (name, value) in view.family(family).take(MOST) {
            let json = payload::json(value);
            if name != "model"
                && let Some(value) = payload::cell_of(&json)
            {
                add(cells, name, value);
            }
        }
    }
}

fn add(cells: &mut Cells, name: &str, value: Value) {
    let name = RENAMED.iter().find(|(other, _)| *other == name).map_or(name, |(_, name)| name);
    if (1..=64).contains(&name.len()) {
        cells.add_known(&look_up(Origin::Parameter, name), value);
    }
}

/// Whether the answer was streamed.
pub(crate) fn stream(view: &View<'_>) -> Option<bool> {
    view.truth(Fact::Stream).or_else(|| {
        let operation = view.text(Fact::VercelOperation)?;
        operation.to_ascii_lowercase().contains("stream").then_some(true)
    })
}
