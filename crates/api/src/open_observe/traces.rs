//! Traces of a stream: the latest, sessions, users, one as a graph, one whole.

use std::time::Instant;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::{
    GroupBy, GroupSummary, Groups, Latest, LatestTrace, Node, Order, Page, Scanned, Spans, TimesOf,
    TraceFilter,
};
use schema::Table;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Compatible, Paged, answer_id};
use crate::search::{self, Parameters, Written, events};
use crate::trouble::Trouble;

pub(super) fn routes() -> Router<Compatible> {
    Router::new()
        .route("/api/{org}/{stream}/traces/latest", get(latest))
        .route("/api/{org}/{stream}/traces/latest_stream", get(latest_stream))
        .route("/api/{org}/{stream}/traces/session", get(sessions))
        .route("/api/{org}/{stream}/traces/session/details", get(session_details))
        .route("/api/{org}/{stream}/traces/user", get(users))
        .route("/api/{org}/{stream}/traces/time_range", get(time_range))
        .route("/api/{org}/{stream}/traces/{trace_id}/dag", get(dag))
        .route("/api/{org}/{stream}/traces/{trace_id}/details", get(details))
}

#[derive(Debug, Deserialize)]
struct Sorted {
    #[serde(default)]
    sort_by: String,
    #[serde(default)]
    sort_order: String,
    session_id: Option<String>,
}

impl Sorted {
    fn order(&self) -> Result<Order, Trouble> {
        match (self.sort_by.as_str(), self.sort_order.as_str()) {
            ("" | "start_time", "" | "desc") => Ok(Order::Newest),
            ("" | "start_time", "asc") => Ok(Order::Oldest),
            ("duration", "" | "desc") => Ok(Order::Longest),
            ("duration", "asc") => Ok(Order::Shortest),
            (by, order) => Err(Trouble::invalid(format!(
                "sort_by {by:?} is not start_time or duration, or sort_order {order:?} is not desc or asc"
            ))),
        }
    }
}

/// A page of traces: the answer's body.
async fn listed(
    state: &Compatible,
    stream: &Table,
    paged: &Paged,
    sorted: &Sorted,
    session: Option<&str>,
) -> Result<Value, Trouble> {
    let started = Instant::now();
    let latest = Latest {
        stream,
        range: paged.range()?,
        filter: &paged.filter,
        session,
        order: sorted.order()?,
        offset: paged.offset()?,
        limit: paged.limit()?,
    };
    let hits: Vec<Value> = state.query.latest(&latest).await?.iter().map(shown).collect();
    page(started, paged, hits)
}

fn page(started: Instant, paged: &Paged, hits: Vec<Value>) -> Result<Value, Trouble> {
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(json!({
        "took": took, "total": hits.len(), "from": paged.from, "size": paged.limit()?,
        "hits": hits, "trace_id": answer_id(),
    }))
}

async fn latest(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(paged): Parameters<Paged>,
    Parameters(sorted): Parameters<Sorted>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    Ok(Json(listed(&state, &stream, &paged, &sorted, None).await?).into_response())
}

/// The same page as events. It is short, so it comes in one piece.
async fn latest_stream(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(paged): Parameters<Paged>,
    Parameters(sorted): Parameters<Sorted>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let range = paged.range()?;
    let mut results = listed(&state, &stream, &paged, &sorted, None).await?;
    let hits = std::mem::replace(&mut results["hits"], json!([]));
    let metadata = json!({
        "results": results, "streaming_aggs": false, "streaming_id": answer_id(),
        "time_offset": { "start_time": range.from_us, "end_time": range.to_us },
    });
    let frames = events::frame("search_response_metadata", &metadata)
        + &events::hits_frame(hits.to_string())?
        + &events::end();
    Ok(events::response(futures::stream::once(async move { frames })))
}

async fn session_details(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(paged): Parameters<Paged>,
    Parameters(sorted): Parameters<Sorted>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let session = sorted.session_id.as_deref().filter(|session| !session.is_empty());
    let session = session.ok_or_else(|| Trouble::invalid("session_id is empty"))?;
    Ok(Json(listed(&state, &stream, &paged, &sorted, Some(session)).await?).into_response())
}

#[derive(Debug, Deserialize)]
struct Whose {
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    session_id: String,
}

/// From when to when (µs) a trace is, or the traces that name a session.
async fn time_range(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(whose): Parameters<Whose>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let (of, missing) = match (whose.trace_id.as_str(), whose.session_id.as_str()) {
        ("", "") => return Err(Trouble::invalid("trace_id or session_id has to be given").into()),
        ("", session) => (TimesOf::Session(session), "Session not found"),
        (trace_id, "") => (TimesOf::Trace(trace_id), "Trace not found"),
        (_, _) => {
            return Err(Trouble::invalid("give trace_id or session_id, not both").into());
        }
    };
    let times = state.query.times(&stream, &of).await?;
    let times = times.ok_or_else(|| Trouble::not_found(missing))?;
    Ok(Json(json!({ "start_time": times.from_us, "end_time": times.to_us })).into_response())
}

/// A trace in a list: `duration` is µs, the moments are ns.
fn shown(trace: &LatestTrace) -> Value {
    let of = &trace.summary;
    let services: Vec<Value> = trace
        .services
        .iter()
        .map(|(service, count, duration)| {
            json!({ "service_name": service, "count": count, "duration": duration })
        })
        .collect();
    json!({
        "trace_id": of.trace_id,
        "start_time": of.started_ns,
        "end_time": of.ended_ns,
        "duration": of.ended_ns.saturating_sub(of.started_ns) / 1_000,
        "spans": [of.spans, of.failed_spans],
        "service_name": services,
        "first_event": { "service_name": of.service_name, "operation_name": of.operation_name },
        "gen_ai_usage_input_tokens": of.sums.tokens_input,
        "gen_ai_usage_output_tokens": of.sums.tokens_output,
        "gen_ai_usage_total_tokens": of.sums.tokens_total,
        "gen_ai_usage_cost": of.sums.cost_usd,
        "gen_ai_input_messages": of.input,
        "models": of.models,
    })
}

async fn sessions(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(paged): Parameters<Paged>,
    Parameters(sorted): Parameters<Sorted>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let session = |group: &GroupSummary| {
        let (started_ns, ended_ns) = (nanos(group.started_us), nanos(group.ended_us));
        json!({
            "session_id": group.id,
            "start_time": started_ns, "end_time": ended_ns, "duration": ended_ns - started_ns,
            "trace_count": group.traces,
            "gen_ai_usage_input_tokens": group.sums.tokens_input,
            "gen_ai_usage_output_tokens": group.sums.tokens_output,
            "gen_ai_usage_total_tokens": group.sums.tokens_total,
            "gen_ai_usage_cost": group.sums.cost_usd,
            "error_count": group.failed_traces,
            "user_ids": group.others,
            "first_user_message": group.first_input,
        })
    };
    grouped(&state, &stream, (&paged, &sorted), GroupBy::Session, session).await
}

async fn users(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(paged): Parameters<Paged>,
    Parameters(sorted): Parameters<Sorted>,
    headers: HeaderMap,
) -> Answer {
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let user = |group: &GroupSummary| {
        json!({
            "user_id": group.id,
            "first_event": nanos(group.started_us), "last_event": nanos(group.ended_us),
            "total_events": group.spans,
            "gen_ai_usage_total_tokens": group.sums.tokens_total,
            "gen_ai_usage_cost": group.sums.cost_usd,
        })
    };
    grouped(&state, &stream, (&paged, &sorted), GroupBy::User, user).await
}

async fn grouped(
    state: &Compatible,
    stream: &Table,
    (paged, sorted): (&Paged, &Sorted),
    by: GroupBy,
    shown: impl Fn(&GroupSummary) -> Value,
) -> Answer {
    let started = Instant::now();
    let filter = TraceFilter::default();
    let groups = Groups {
        spans: Spans { streams: std::slice::from_ref(stream), range: paged.range()? },
        by,
        filter: &filter,
        sql: &paged.filter,
        order: sorted.order()?,
        page: Page::Offset(paged.offset()?),
        limit: paged.limit()?,
    };
    let (found, more) = state.query.groups(&groups).await?;
    let mut answer = page(started, paged, found.iter().map(shown).collect())?;
    answer["has_more"] = json!(more);
    answer["total_is_exact"] = json!(!more);
    Ok(Json(answer).into_response())
}

const fn nanos(micros: i64) -> i64 {
    micros.saturating_mul(1_000)
}

/// The spans of a trace as nodes, with an edge from each span to those below it. `start_time` and `end_time` of the
/// request do not matter: a trace is read whole by its id.
async fn dag(
    State(state): State<Compatible>,
    Path((org, stream, trace_id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let started = Instant::now();
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let (nodes, truncated) = state.query.graph(&stream, &trace_id).await?;
    if nodes.is_empty() {
        return Err(Trouble::not_found("Trace not found").into());
    }
    let known: std::collections::HashSet<&str> =
        nodes.iter().map(|node| node.span_id.as_str()).collect();
    let edges: Vec<Value> = nodes
        .iter()
        .filter_map(|node| {
            let parent = node.parent_span_id.as_deref().filter(|parent| known.contains(parent))?;
            Some(json!({ "from": parent, "to": node.span_id }))
        })
        .collect();
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let shown: Vec<Value> = nodes.iter().map(node).collect();
    let answer = json!({
        "took": took, "trace_id": trace_id.to_lowercase(), "nodes": shown, "edges": edges,
        "truncated": truncated,
    });
    Ok(Json(answer).into_response())
}

fn node(node: &Node) -> Value {
    json!({
        "span_id": node.span_id,
        "parent_span_id": node.parent_span_id,
        "service_name": node.service_name,
        "operation_name": node.operation_name,
        "span_status": node.span_status,
        "start_time": node.start_time,
        "end_time": node.end_time,
        "gen_ai_operation_name": node.gen_ai_operation_name,
    })
}

/// All columns of a trace's spans, as a search answers.
async fn details(
    State(state): State<Compatible>,
    Path((org, stream, trace_id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, crate::trouble::Refusal<crate::trouble::OpenObserve>> {
    let started = Instant::now();
    let stream = state.traces_of(&headers, &org, &stream).await?;
    let found = state.query.spans(&stream, &trace_id).await?;
    let (spans, truncated) = found.ok_or_else(|| Trouble::not_found("Trace not found"))?;
    let total = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&spans)
        .map_or(0, |spans| spans.len() as u64);
    let most = state.query.most_trace_spans();
    let partial = truncated.then(|| format!("the trace has more than {most} spans"));
    let answer = search::Answer::new(Written {
        hits: spans,
        total,
        took: started.elapsed(),
        partial,
        scanned: Scanned::default(),
        about: None,
        from: 0,
        size: i64::try_from(most).unwrap_or(i64::MAX),
    })?;
    Ok(Json(answer).into_response())
}
