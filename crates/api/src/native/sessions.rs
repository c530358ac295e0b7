//! Sessions and users of an organisation.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::{Filter, GroupBy, GroupSummary, Groups, Order, Page, TraceFilter};
use schema::Table;
use serde::Deserialize;
use serde_json::{Value, json};

use super::traces::{Answer, TraceRoutes, within};
use crate::asked::{Asked, Span};
use crate::trouble::Trouble;

/// Groups of a page that nobody gave a limit for, and the most that one may ask for.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;

pub(crate) fn routes(state: TraceRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/sessions", get(sessions))
        .route("/scope/v1/orgs/{org}/users", get(users))
        .with_state(state)
}

#[derive(Debug, Deserialize)]
struct Wanted {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// A filter, as docs/api.md has it: groups with a trace that has such a span.
    q: Option<String>,
    limit: Option<usize>,
    before: Option<String>,
}

async fn sessions(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(wanted): Asked<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let shown = |group: &GroupSummary| {
        let mut shown = shown(group);
        shown["session_id"] = json!(group.id);
        shown["user_ids"] = json!(group.others);
        shown
    };
    listed(&state, &headers, &org, wanted, (GroupBy::Session, "sessions"), shown).await
}

async fn users(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(wanted): Asked<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let shown = |group: &GroupSummary| {
        let mut shown = shown(group);
        shown["user_id"] = json!(group.id);
        shown["session_ids"] = json!(group.others);
        shown
    };
    listed(&state, &headers, &org, wanted, (GroupBy::User, "users"), shown).await
}

async fn listed(
    state: &TraceRoutes,
    headers: &HeaderMap,
    org: &str,
    wanted: Wanted,
    (by, name): (GroupBy, &str),
    shown: impl Fn(&GroupSummary) -> Value,
) -> Answer {
    let org = state.door.enter(headers, org, Scope::Read).await?;
    let span = Span { from_us: wanted.from_us, to_us: wanted.to_us };
    let q = wanted.q.filter(|q| !q.is_empty());
    let filter =
        TraceFilter { filter: q.map(|q| Filter::parse(&q)).transpose()?, ..TraceFilter::default() };
    let before = wanted.before.as_deref().map(cursor).transpose()?;
    let stream = Table::traces(org);
    let groups = Groups {
        stream: &stream,
        range: within(span.or_last_hour(&state.clock))?,
        by,
        filter: &filter,
        sql: "",
        order: Order::Newest,
        page: before.map_or(Page::Offset(0), |(started_us, id)| Page::After(started_us, id)),
        limit: wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE),
    };
    let (found, more) = state.query.groups(&groups).await?;
    let last = found.last().filter(|_| more);
    let next = last.map(|last| format!("{}-{}", last.started_us, last.id));
    let shown: Vec<Value> = found.iter().map(shown).collect();
    Ok(Json(json!({ name: shown, "next": next })).into_response())
}

/// A cursor as [`listed`] writes it: `started_us-id`; the id may have dashes of its own.
fn cursor(text: &str) -> Result<(i64, &str), Trouble> {
    let parts = text.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id)));
    parts.ok_or_else(|| Trouble::invalid("before is no cursor of this list"))
}

fn shown(group: &GroupSummary) -> Value {
    json!({
        "started_us": group.started_us,
        "ended_us": group.ended_us,
        "traces": group.traces,
        "failed_traces": group.failed_traces,
        "spans": group.spans,
        "calls": group.calls,
        "errors": group.errors,
        "tokens_input": group.tokens_input,
        "tokens_output": group.tokens_output,
        "token_source": group.token_source,
        "cost_usd": group.cost_usd,
        "unpriced_calls": group.unpriced_calls,
        "first_input_preview": group.first_input,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_also_with_dashes_in_the_id() {
        assert_eq!(cursor("12-a-b").expect("is good"), (12, "a-b"));
        assert!(cursor("ab").is_err() && cursor("x-a").is_err());
    }
}
