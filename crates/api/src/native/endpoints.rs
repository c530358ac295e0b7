//! Endpoints of an organisation: how they do, over time and by replica.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::Scope;
use analytics::{
    Analytics, Distribution, EndpointWindow, Percentiles, ReplicaSeries, Series, SeriesQuery,
    TimeRange, Timeline,
};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clock::SharedClock;
use fleet::{EndpointSnapshot, Engine, Fleet};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::asked::{Asked, Span};
use crate::door::Door;
use crate::hub::find;

use crate::trouble::{Native, Refusal, Trouble};

/// Parts of the small graph of an endpoint in the list.
const SPARKS: usize = 30;

#[derive(Clone)]
pub(crate) struct EndpointRoutes {
    pub(crate) door: Door,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) analytics: Arc<Analytics>,
    pub(crate) clock: SharedClock,
}

pub(crate) fn routes(state: EndpointRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/endpoints", get(list))
        .route("/scope/v1/orgs/{org}/endpoints/{name}", get(one))
        .route("/scope/v1/orgs/{org}/endpoints/{name}/series", get(series))
        .route("/scope/v1/orgs/{org}/endpoints/{name}/timeline", get(timeline))
        .with_state(state)
}

impl EndpointRoutes {
    fn range(&self, span: Span) -> Result<TimeRange, Trouble> {
        let (from_us, to_us) = span.or_last_hour(&self.clock);
        Ok(TimeRange::new(from_us, to_us)?)
    }
}

type Answer = Result<Response, Refusal<Native>>;

async fn list(
    State(state): State<EndpointRoutes>,
    Path(org): Path<String>,
    Asked(span): Asked<Span>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let windows = state.analytics.endpoint_windows(&org, state.range(span)?, SPARKS).await?;
    let of_org = |snapshot: &EndpointSnapshot| snapshot.namespace == org.as_str();
    let endpoints: Vec<Value> = state
        .fleet
        .snapshot()
        .into_iter()
        .filter(of_org)
        .map(|snapshot| summary(&snapshot, windows.get(&snapshot.name)))
        .collect();
    Ok(Json(json!({ "endpoints": endpoints })).into_response())
}

async fn one(
    State(state): State<EndpointRoutes>,
    Path((org, name)): Path<(String, String)>,
    Asked(span): Asked<Span>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let snapshot = find(&state.fleet, org.as_str(), &name)?;
    let window = state.analytics.endpoint_window(&org, &name, state.range(span)?, SPARKS).await?;
    let mut answer = summary(&snapshot, Some(&window));
    answer["replica_list"] = snapshot.replicas.iter().map(replica).collect();
    Ok(Json(answer).into_response())
}

fn summary(snapshot: &EndpointSnapshot, window: Option<&EndpointWindow>) -> Value {
    let window = window.map(|window| {
        json!({
            "requests": window.requests,
            "failed": window.failed,
            "requests_per_minute": window.requests_per_minute,
            "error_share": window.error_share,
            "latency_p95_s": window.latency_p95_s,
            "ttft_p95_s": window.ttft_p95_s,
            "sparkline": window.sparkline,
        })
    });
    json!({
        "namespace": snapshot.namespace,
        "name": snapshot.name,
        "model": snapshot.model,
        "engine": snapshot.engine.map(Engine::as_str),
        "state": snapshot.state.as_str(),
        "message": snapshot.message,
        "url": format!("/endpoints/{}/{}", snapshot.namespace, snapshot.name),
        "replicas": { "running": snapshot.running, "min": snapshot.min_replicas, "max": snapshot.max_replicas },
        "pending": snapshot.pending,
        "window": window.unwrap_or_else(nothing),
    })
}

/// The window of an endpoint that nobody has called: no requests, and no rate or percentile of none.
fn nothing() -> Value {
    json!({
        "requests": 0, "failed": 0, "requests_per_minute": 0.0, "error_share": null,
        "latency_p95_s": null, "ttft_p95_s": null, "sparkline": vec![0; SPARKS],
    })
}

fn replica(replica: &fleet::ReplicaSnapshot) -> Value {
    json!({
        "replica_id": replica.replica_id,
        "status": replica.status.as_str(),
        "since_us": replica.since.micros(),
        "message": replica.message,
        "url": replica.url.as_str(),
        "engine": replica.engine.map(Engine::as_str),
        "pid": replica.pid,
        "pending": replica.pending,
    })
}

#[derive(Debug, Deserialize)]
struct SeriesAsked {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Length of a bucket, seconds; a multiple of 10.
    step_s: Option<u32>,
    /// Replica ids, split by commas; all when absent.
    replica: Option<String>,
}

async fn series(
    State(state): State<EndpointRoutes>,
    Path((org, name)): Path<(String, String)>,
    Asked(asked): Asked<SeriesAsked>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    find(&state.fleet, org.as_str(), &name)?;
    let replicas = asked.replica.as_deref().unwrap_or_default().split(',');
    let query = SeriesQuery {
        org,
        endpoint: name,
        range: state.range(Span { from_us: asked.from_us, to_us: asked.to_us })?,
        step_s: asked.step_s.unwrap_or(60),
        replicas: replicas.filter(|id| !id.is_empty() && *id != "all").map(str::to_owned).collect(),
    };
    let series = state.analytics.series(&query).await?;
    Ok(Json(series_json(&series, &query)).into_response())
}

fn series_json(series: &Series, query: &SeriesQuery) -> Value {
    let code = |status: &Option<u16>| {
        status.map_or_else(|| "none".to_owned(), |status| status.to_string())
    };
    let by_code: BTreeMap<String, &Vec<u64>> =
        series.requests.iter().map(|(status, counts)| (code(status), counts)).collect();
    let totals: BTreeMap<String, u64> =
        series.request_totals.iter().map(|(status, count)| (code(status), *count)).collect();
    let by_replica: BTreeMap<&String, Value> =
        series.by_replica.iter().map(|(id, replica)| (id, replica_series(replica))).collect();
    json!({
        "from_us": query.range.from_us(),
        "to_us": query.range.to_us(),
        "step_s": series.step_s,
        "starts_us": series.starts_us,
        "partial_last": series.partial_last,
        "requests": { "by_code": by_code, "totals": totals, "failed": series.failed },
        "pending": { "mean": series.pending_mean, "max": series.pending_max },
        "latency_s": distribution(&series.latency_s),
        "ttft_s": distribution(&series.ttft_s),
        "output_tokens_per_s": series.output_tokens_per_s,
        "replicas": {
            "running": series.replicas_running, "max": series.replicas_max, "min": series.replicas_min,
        },
        "by_replica": by_replica,
        "hardware": {
            "cpu_percent": { "mean": series.cpu_percent_mean },
            "memory_bytes": { "mean": series.memory_bytes_mean, "limit": series.memory_limit_bytes },
            "gpu": null,
        },
    })
}

fn distribution(distribution: &Distribution) -> Value {
    let Percentiles { p50, p90, p95, p99, count } = distribution.window;
    json!({
        "p50": distribution.p50, "p90": distribution.p90, "p95": distribution.p95, "p99": distribution.p99,
        "count": distribution.count,
        "window": { "p50": p50, "p90": p90, "p95": p95, "p99": p99, "count": count },
    })
}

fn replica_series(replica: &ReplicaSeries) -> Value {
    json!({
        "requests": replica.requests,
        "latency_p95_s": replica.latency_p95_s,
        "pending": replica.pending,
        "cpu_percent": replica.cpu_percent,
        "memory_bytes": replica.memory_bytes,
    })
}

async fn timeline(
    State(state): State<EndpointRoutes>,
    Path((org, name)): Path<(String, String)>,
    Asked(span): Asked<Span>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    find(&state.fleet, org.as_str(), &name)?;
    let timeline = state.analytics.timeline(&org, &name, state.range(span)?).await?;
    Ok(Json(timeline_json(&timeline)).into_response())
}

fn timeline_json(timeline: &Timeline) -> Value {
    let replicas: Vec<Value> = timeline
        .replicas
        .iter()
        .map(|replica| {
            let segments: Vec<Value> = replica
                .segments
                .iter()
                .map(|segment| {
                    json!({
                        "status": segment.status.as_str(),
                        "from_us": segment.from_us,
                        "to_us": segment.to_us,
                        "message": segment.message,
                    })
                })
                .collect();
            json!({ "replica_id": replica.replica_id, "segments": segments })
        })
        .collect();
    let phase = |phase: &analytics::Phase| json!({ "status": phase.status.as_str(), "p50_s": phase.p50_s, "p95_s": phase.p95_s, "max_s": phase.max_s });
    let phases: Vec<Value> = timeline.startup.phases.iter().map(phase).collect();
    json!({ "replicas": replicas, "startup": { "n": timeline.startup.n, "phases": phases } })
}
