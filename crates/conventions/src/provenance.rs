//! Under which key each figure and name was found, and how good it is: `llm_field_provenance`.

mod origin;

use std::fmt::Write as _;

use schema::Value;

use crate::cells::Cells;
use crate::column::{Column, column};
use crate::facts::{Fact, Family, Source};
use crate::tokens::{Count, Tokens};
use crate::view::{Found, View};

/// The columns whose origin is told, and the facts that fill them, best first.
const NAMES: &[(Column, &[Fact])] = &[
    (
        column!("llm_request_parameters_model"),
        &[
            Fact::RequestModel,
            Fact::SecondRequestModel,
            Fact::ModelName,
            Fact::ResponseModel,
            Fact::SecondResponseModel,
        ],
    ),
    (
        column!("llm_model_name"),
        &[Fact::ResponseModel, Fact::ModelName, Fact::SecondResponseModel, Fact::RawResponseModel],
    ),
    (column!("gen_ai_provider_name"), &[Fact::Provider]),
    (column!("session_id"), &[Fact::Session]),
    (column!("user_id"), &[Fact::User]),
    (column!("llm_usage_cost_total"), &[Fact::CostTotal]),
    (
        column!("gen_ai_response_time_to_first_chunk"),
        &[
            Fact::FirstChunkSeconds,
            Fact::FirstChunkMillis,
            Fact::CompletionStart,
            Fact::FirstTokenServerSeconds,
        ],
    ),
];

/// What says which kind of work a span is, in the order of belief.
const KINDS: &[Fact] = &[
    Fact::LangfuseType,
    Fact::OpenInferenceKind,
    Fact::OperationName,
    Fact::MlflowType,
    Fact::LangSmithKind,
    Fact::RequestType,
    Fact::TraceloopKind,
    Fact::VercelOperation,
];

const MESSAGES: &[(Column, [Family; 3], &[Fact])] = &[
    (
        column!("gen_ai_input_messages"),
        [Family::InputMessages, Family::GenAiPrompt, Family::Prompts],
        &[Fact::InputMessages, Fact::InputPayload],
    ),
    (
        column!("gen_ai_output_messages"),
        [Family::OutputMessages, Family::GenAiCompletion, Family::Choices],
        &[Fact::OutputMessages, Fact::OutputPayload, Fact::VercelText],
    ),
];

/// Fills the column on a span of a model call.
pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, tokens: &Tokens) {
    if cells.get(column!("llm_token_source")).is_none() {
        return;
    }
    let mut story = Story { json: String::with_capacity(512) };
    fill_kind(&mut story, view);
    for (column, facts) in NAMES {
        if let Some(value) = cells.get(*column) {
            story.tell(column.name().as_str(), name_of(view, facts, value), &[]);
        }
    }
    for count in Count::ALL {
        fill_count(&mut story, view, tokens, count);
    }
    for (column, families, facts) in MESSAGES {
        if cells.get(*column).is_some() {
            story.tell(column.name().as_str(), messages_of(view, *families, facts), &[]);
        }
    }
    fill_rejected(&mut story, view, tokens);
    if !story.json.is_empty() {
        story.json.push('}');
        cells.set(column!("llm_field_provenance"), story.json);
    }
}

/// Where something was found.
enum Origin {
    /// Under a key of the tables.
    Source(&'static Source),
    /// Under numbered keys.
    Family(Family),
    /// In an event of the span, or worked out.
    Derived,
}

struct Story {
    json: String,
}

impl Story {
    /// The names and flags are ours, and need no escapes.
    fn tell(&mut self, column: &str, origin: Origin, flags: &[&str]) {
        let quality = match origin {
            _ if flags.contains(&"maybe_estimated") => "assumed",
            Origin::Source(_) | Origin::Family(_)
                if flags.iter().any(|f| f.starts_with("added")) =>
            {
                "derived"
            }
            Origin::Source(_) | Origin::Family(_) => "reported",
            Origin::Derived => "derived",
        };
        self.json.push_str(if self.json.is_empty() { "{\"" } else { ",\"" });
        self.json.push_str(column);
        self.json.push_str("\":{");
        match origin {
            Origin::Source(source) => {
                self.json.push_str("\"k\":\"");
                push_key(&mut self.json, source);
                let _ = write!(self.json, "\",\"c\":\"{}\",", origin::of(source.name));
            }
            Origin::Family(family) => {
                let prefix = family.prefix();
                let _ = write!(self.json, "\"k\":\"{prefix}N\",\"c\":\"{}\",", origin::of(prefix));
            }
            Origin::Derived => {}
        }
        let _ = write!(self.json, "\"q\":\"{quality}\"");
        if !flags.is_empty() {
            let _ = write!(self.json, ",\"flags\":[\"{}\"]", flags.join("\",\""));
        }
        self.json.push('}');
    }
}

/// `J(output.value).usage.prompt_tokens` for what stands inside the JSON of an attribute.
fn push_key(json: &mut String, source: &Source) {
    match &source.json {
        None => json.push_str(source.name),
        Some(path) => {
            let _ = write!(json, "J({})", source.name);
            for step in &path.steps {
                json.push('.');
                json.push_str(step);
            }
        }
    }
}

fn fill_kind(story: &mut Story, view: &View<'_>) {
    let said = KINDS.iter().find_map(|fact| {
        view.filled(*fact).find(|(_, found)| found.text().is_some()).map(|(source, _)| source)
    });
    if let Some(source) = said {
        story.tell("openinference_span_kind", Origin::Source(source), &[]);
    }
}

/// The place that holds the very value; else the first that holds anything.
fn name_of(view: &View<'_>, facts: &[Fact], value: &Value) -> Origin {
    let all = || facts.iter().flat_map(|fact| view.filled(*fact));
    let holds = |found: &Found<'_>| match value {
        Value::Text(text) => found.text().is_some_and(|found| found == text.as_str()),
        Value::Float(float) => found.number() == Some(*float),
        Value::Int(_) | Value::Bool(_) | Value::Bytes(_) => false,
    };
    let exact = all().find(|(_, found)| holds(found));
    let any = || all().find(|(_, found)| found.text().is_some());
    exact.or_else(any).map_or(Origin::Derived, |(source, _)| Origin::Source(source))
}

fn fill_count(story: &mut Story, view: &View<'_>, tokens: &Tokens, count: Count) {
    let Some(number) = tokens.get(count) else { return };
    let column = match count {
        Count::Prompt => "llm_token_count_prompt",
        Count::Completion => "llm_token_count_completion",
        Count::Total => "llm_token_count_total",
        Count::CacheRead => "llm_token_count_prompt_details_cache_read",
        Count::CacheWrite => "llm_token_count_prompt_details_cache_write",
        Count::Reasoning => "llm_token_count_completion_details_reasoning",
    };
    let mut flags: Vec<&str> =
        tokens.flags.iter().filter(|(of, _)| *of == count).map(|(_, flag)| *flag).collect();
    let counted = || view.filled(count.fact()).filter(|(_, found)| found.count().is_some());
    let exact = counted().find(|(_, found)| found.count() == Some(number));
    let origin = match exact.or_else(|| counted().next()) {
        Some((source, found)) => {
            if found.count() != Some(number) {
                flags.push("added_up");
            }
            Origin::Source(source)
        }
        None => match view.filled(Fact::LangfuseUsage).next() {
            Some((source, _)) => {
                if tokens.is_derived() {
                    flags.push("added_up");
                }
                Origin::Source(source)
            }
            None => Origin::Derived,
        },
    };
    story.tell(column, origin, &flags);
}

fn messages_of(view: &View<'_>, families: [Family; 3], facts: &[Fact]) -> Origin {
    let (on_span, payloads) = facts.split_at(1);
    let first = |facts: &[Fact]| facts.iter().find_map(|fact| view.present(*fact));
    if let Some(source) = first(on_span) {
        return Origin::Source(source);
    }
    let family = families.into_iter().find(|family| view.family(*family).next().is_some());
    match (family, view.has(Fact::LangfuseType)) {
        (Some(family), false) => Origin::Family(family),
        (_, _) => match first(payloads) {
            Some(source) => Origin::Source(source),
            None => Origin::Derived,
        },
    }
}

/// Keys of counts that hold something that is no count, or one that was not believed.
fn fill_rejected(story: &mut Story, view: &View<'_>, tokens: &Tokens) {
    let mut rejected = Vec::new();
    for count in Count::ALL {
        for (source, found) in view.plain(count.fact()) {
            let counts = found.count().is_some() && tokens.get(count).is_some();
            if found.text().is_some() && !counts {
                rejected.push(source.name);
            }
        }
    }
    if !rejected.is_empty() {
        story.json.push_str(if story.json.is_empty() { "{" } else { "," });
        let _ = write!(story.json, "\"rejected\":[\"{}\"]", rejected.join("\",\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_json() {
        let mut story = Story { json: String::new() };
        story.tell("a", Origin::Family(Family::GenAiPrompt), &["x", "y"]);
        story.tell("b", Origin::Derived, &[]);
        assert_eq!(
            story.json,
            r#"{"a":{"k":"gen_ai.prompt.N","c":"traceloop_old","q":"reported","flags":["x","y"]},"b":{"q":"derived"}"#
        );
    }
}
