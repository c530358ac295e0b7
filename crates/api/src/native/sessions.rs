//! Sessions and users of an organisation.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::{GroupBy, GroupSummary, Groups, Order, Page, TraceFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::traces::{Answer, TraceRoutes, add, given, sums};
use crate::asked::{Asked, Span, limit};
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
    /// Names of trace streams, with commas between them.
    stream: Option<String>,
    /// A filter, as docs/api.md has it: groups with a trace that has such a span.
    q: Option<String>,
    limit: Option<String>,
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
    let before = given(wanted.before.as_deref()).map(Cursor::parse).transpose()?;
    let first = before.as_ref().map(|before| before.range);
    let span = Span {
        from_us: wanted.from_us.or(first.map(|(from_us, _)| from_us)),
        to_us: wanted.to_us.or(first.map(|(_, to_us)| to_us)),
    };
    let named = (wanted.stream.as_deref(), wanted.q.as_deref());
    let question = state.question(&org, span, named, &[])?;
    let filter = TraceFilter { filter: question.filter.clone(), ..TraceFilter::default() };
    let groups = Groups {
        spans: question.spans(),
        by,
        filter: &filter,
        sql: "",
        order: Order::Newest,
        page: before.map_or(Page::Offset(0), |before| Page::After(before.started_us, before.id)),
        limit: limit(wanted.limit.as_deref(), PAGE, LONGEST_PAGE)?,
    };
    let (found, more) = state.query.groups(&groups).await?;
    let last = found.last().filter(|_| more);
    let range = question.spans().range;
    let range = (range.from_us, range.to_us);
    let next =
        last.map(|last| Cursor { range, started_us: last.started_us, id: &last.id }.to_string());
    let shown: Vec<Value> = found.iter().map(shown).collect();
    Ok(Json(question.answered(json!({ name: shown, "next": next }))).into_response())
}

/// Where a page ended, and the range that the list is about: the other pages are about the same.
#[derive(Debug, PartialEq, Eq)]
struct Cursor<'a> {
    range: (i64, i64),
    started_us: i64,
    id: &'a str,
}

impl std::fmt::Display for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { range: (from_us, to_us), started_us, id } = self;
        write!(f, "{from_us}.{to_us}.{started_us}.{id}")
    }
}

impl<'a> Cursor<'a> {
    fn parse(text: &'a str) -> Result<Self, Trouble> {
        let mut parts = text.splitn(4, '.');
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        let numbers = number().zip(number()).zip(number());
        // The id may have dots of its own.
        let cursor = numbers.zip(parts.next());
        let cursor = cursor.map(|((range, started_us), id)| Self { range, started_us, id });
        cursor.ok_or_else(|| {
            Trouble::invalid("before is no cursor of this list: send back what next said")
        })
    }
}

fn shown(group: &GroupSummary) -> Value {
    let mut shown = json!({
        "started_us": group.started_us,
        "ended_us": group.ended_us,
        "traces": group.traces,
        "failed_traces": group.failed_traces,
        "spans": group.spans,
        "first_input_preview": group.first_input,
    });
    add(&mut shown, sums(&group.sums));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_also_with_dots_in_the_id() {
        let cursor = Cursor { range: (i64::MIN, 7), started_us: -12, id: "a.b-c" };
        assert_eq!(Cursor::parse(&cursor.to_string()).expect("is good"), cursor);
        for bad in ["", "1.2.3", "1.2.x.a", "12-a"] {
            assert!(Cursor::parse(bad).is_err(), "{bad}");
        }
    }
}
