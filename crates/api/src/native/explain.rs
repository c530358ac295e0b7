//! What is different about some calls: as one answer, or as it becomes known.

use std::convert::Infallible;

use accounts::Scope;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use query::{Difference, Explaining, Explanation, FEWEST_CALLS, MOST_CHANCE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::question::Question;
use super::traces::{Answer, TraceRoutes};
use crate::asked::{Span, limit};
use crate::body::{json as json_of, read_body};
use crate::trouble::Trouble;

/// Most bytes of a request.
const MOST_BYTES: usize = 64 * 1024;
/// Columns that are shown when nobody says how many, and at most.
const SHOWN: usize = 20;
const MOST_SHOWN: usize = 100;

pub(crate) fn routes(state: TraceRoutes) -> Router {
    Router::new().route("/scope/v1/orgs/{org}/explain", post(explain)).with_state(state)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Names of trace streams, with commas between them.
    stream: Option<String>,
    /// The calls to explain, as a filter.
    q: String,
    limit: Option<i64>,
}

/// How an explanation is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// Once, when it is whole.
    Whole,
    /// After each part of the range, as server-sent events.
    Events,
    /// After each part of the range, as lines.
    Lines,
}

impl Given {
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
        let given = |media: &str| match media.split(';').next().unwrap_or_default().trim() {
            "text/event-stream" => Some(Self::Events),
            "application/x-ndjson" | "application/jsonl" | "application/ndjson" => {
                Some(Self::Lines)
            }
            "*/*" | "application/*" | "application/json" => Some(Self::Whole),
            _ => None,
        };
        accept.split(',').find_map(given).unwrap_or(Self::Whole)
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::Whole => "application/json",
        }
    }

    fn written(self, name: &str, said: &Value) -> Bytes {
        match self {
            Self::Events => format!("event: {name}\ndata: {said}\n\n").into(),
            Self::Lines | Self::Whole => format!("{said}\n").into(),
        }
    }
}

async fn explain(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let wanted: Wanted = json_of(&read_body(body, MOST_BYTES).await?, "such request")?;
    let span = Span { from_us: wanted.from_us, to_us: wanted.to_us };
    let question = state.question(&org, span, (wanted.stream.as_deref(), Some(&wanted.q)), &[])?;
    let asked = wanted.limit.map(|limit| limit.to_string());
    let limit = limit(asked.as_deref(), SHOWN, MOST_SHOWN)?;
    let filter = question.filter.clone();
    let filter = filter.ok_or_else(|| Trouble::invalid("q has to name the calls to explain"))?;
    let mut explaining = state.query.explain(question.spans(), &filter, limit).await?;
    match Given::of(&headers) {
        Given::Whole => {
            let mut last = None;
            while let Some(found) = explaining.next().await? {
                last = Some(found);
            }
            let last = last.ok_or_else(|| Trouble::invalid("there is nothing to explain"))?;
            Ok(Json(question.answered(shown(&last))).into_response())
        }
        given => {
            // What fails at once is answered with a status.
            let first = explaining.next().await?;
            let written = Written { explaining, question, given, next: first };
            let body = Body::from_stream(futures::stream::unfold(Some(written), step));
            let headers = [(CONTENT_TYPE, given.content_type()), (CACHE_CONTROL, "no-cache")];
            Ok((headers, body).into_response())
        }
    }
}

/// An explanation on its way out.
struct Written {
    explaining: Explaining,
    question: Question,
    given: Given,
    next: Option<Explanation>,
}

/// The next bytes; it reads on only when they are taken.
async fn step(written: Option<Written>) -> Option<(Result<Bytes, Infallible>, Option<Written>)> {
    let mut written = written?;
    let found = match written.next.take() {
        Some(found) => found,
        None => match written.explaining.next().await {
            Ok(found) => found?,
            Err(error) => {
                let said = json!({ "error": Trouble::from(error).message });
                return Some((Ok(written.given.written("error", &said)), None));
            }
        },
    };
    let said = written.question.answered(shown(&found));
    Some((Ok(written.given.written("explanation", &said)), Some(written)))
}

fn shown(found: &Explanation) -> Value {
    let list =
        |differences: &[Difference]| -> Vec<Value> { differences.iter().map(difference).collect() };
    json!({
        "selected_calls": found.selected, "other_calls": found.rest,
        "looked_at": found.selected + found.rest, "of": found.of, "complete": found.complete,
        "too_few": found.too_few, "needed_calls": FEWEST_CALLS,
        "compared_columns": found.compared, "most_p_value": MOST_CHANCE,
        "differences": list(&found.differences),
        "follows_from_selection": list(&found.follows),
    })
}

fn difference(difference: &Difference) -> Value {
    let values: Vec<Value> = difference
        .values
        .iter()
        .map(|share| {
            json!({
                "value": share.value,
                "selected_calls": share.selected_calls, "other_calls": share.rest_calls,
                "selected_share": share.selected, "other_share": share.rest,
                "lift": share.lift(),
            })
        })
        .collect();
    json!({
        "column": difference.column, "score": difference.score,
        "p_value": difference.p_value, "values": values,
    })
}
