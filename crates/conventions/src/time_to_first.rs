//! Time to the first streamed content, in seconds.

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::parameters;
use crate::timestamp;
use crate::view::{self, Found, View};

/// Events that mark the first content.
const FIRST_CONTENT: &[&str] = &[
    "First Token Stream Event",
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
    "ai.stream.firstChunk",
    "mlflow.chunk.item.0",
];

/// A clock's step that is forgiven, in seconds.
const SLACK: f64 = 0.001;

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>) -> Option<f64> {
    let duration = seconds(view, view.span.end_ns);
    let seconds = read(view)
        .filter(|seconds| *seconds >= 0.0 && duration.is_none_or(|all| *seconds <= all + SLACK));
    cells.set_some(column!("gen_ai_response_time_to_first_chunk"), seconds);
    seconds
}

fn read(view: &View<'_>) -> Option<f64> {
    view.number(Fact::FirstChunkSeconds)
        .or_else(|| view.number(Fact::FirstChunkMillis).map(|millis| millis / 1000.0))
        .or_else(|| seconds(view, timestamp::nanos(&view.text(Fact::CompletionStart)?)?))
        .or_else(|| of_event(view))
        // OpenLIT writes the whole duration here when the answer was not streamed.
        .or_else(|| {
            view.number(Fact::FirstTokenServerSeconds)
                .filter(|_| parameters::stream(view) == Some(true))
        })
}

fn of_event(view: &View<'_>) -> Option<f64> {
    let event =
        view.span.events.iter().find(|event| FIRST_CONTENT.contains(&event.name.as_str()))?;
    let millis = ["ai.stream.msToFirstChunk", "ai.response.msToFirstChunk"]
        .into_iter()
        .find_map(|key| view::attribute(&event.attributes, key).and_then(Found::number));
    millis.map(|millis| millis / 1000.0).or_else(|| seconds(view, event.time_ns))
}

/// Seconds from the span's start to a point in time; `None` if that is before it.
#[expect(clippy::cast_precision_loss, reason = "a span's length in nanoseconds, far below 2^53")]
fn seconds(view: &View<'_>, at_ns: u64) -> Option<f64> {
    at_ns.checked_sub(view.span.start_ns).map(|nanos| nanos as f64 / 1e9)
}
