//! What is different about some calls.

use accounts::Scope;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use query::{Difference, Filter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::traces::{Answer, TraceRoutes, within};
use crate::asked::Span;
use crate::body::read_body;
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
    /// The calls to explain, as a filter.
    q: String,
    limit: Option<usize>,
}

async fn explain(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let body = read_body(body, MOST_BYTES).await?;
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|error| Trouble::invalid(format!("the body is no such request: {error}")))?;
    let span = Span { from_us: wanted.from_us, to_us: wanted.to_us };
    let range = within(span.or_last_hour(&state.clock))?;
    let filter = Filter::parse(&wanted.q)?;
    let limit = wanted.limit.unwrap_or(SHOWN).clamp(1, MOST_SHOWN);
    let found = state.query.explain(&org, range, &filter, limit).await?;
    let differences: Vec<Value> = found.differences.iter().map(shown).collect();
    Ok(Json(json!({
        "selected_calls": found.selected, "other_calls": found.rest, "sampled": found.sampled,
        "differences": differences,
    }))
    .into_response())
}

fn shown(difference: &Difference) -> Value {
    let values: Vec<Value> = difference
        .values
        .iter()
        .map(|share| {
            json!({
                "value": share.value,
                "selected_share": share.selected, "other_share": share.rest,
            })
        })
        .collect();
    json!({ "column": difference.column, "score": difference.score, "values": values })
}
