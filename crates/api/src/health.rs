//! Whether this server is well, and its own metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accounts::Scope;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use blobs::Blobs;
use gateway::Gateway;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use ingest::{Change, Ingest, Reason};
use lake::Lake;
use openmetrics::{Family, LabelName, Labels, Page, PageError, negotiate};
use query::Query;
use schema::Kind;
use serde_json::json;
use tasks::{Stage, Tasks};

use crate::door::Door;
use crate::storage_metrics;
use crate::trouble::{Native, Refusal, Trouble};

const INGESTED: Family = Family::new(
    "inferscope_ingest_records",
    "Spans, log records and data points by what became of them",
);
const REJECTED: Family = Family::new(
    "inferscope_ingest_rejected",
    "Refused spans, log records and data points by reason",
);
const CHANGES: Family =
    Family::new("inferscope_ingest_changes", "What was taken out of records or cut in them");
const OPEN_SPANS: Family = Family::new(
    "inferscope_ingest_open_trace_spans",
    "Spans that are remembered so that a call that several spans describe counts once",
);
const LOG_RECORDS: Family =
    Family::new("inferscope_log_records", "Records synced to the write-ahead log");
const LOG_SYNCS: Family = Family::new("inferscope_log_syncs", "Syncs of the write-ahead log");
const LOG_BYTES: Family =
    Family::new("inferscope_log_bytes", "Size of the write-ahead log").with_unit("bytes");
const HOT_BYTES: Family =
    Family::new("inferscope_hot_rows_bytes", "Rows in memory that are in no table file yet")
        .with_unit("bytes");
const DROPPED: Family = Family::new(
    "inferscope_gateway_records_dropped",
    "Calls that were not recorded because the queue was full",
);
const QUEUED: Family =
    Family::new("inferscope_gateway_records_queued_bytes", "Recorded calls that wait to be stored")
        .with_unit("bytes");
const TURNED_AWAY: Family = Family::new(
    "inferscope_gateway_calls_turned_away",
    "Calls without a login that may make them; they are not recorded",
);
const PANICS: Family =
    Family::new("inferscope_task_panics", "Panics of tasks, each a bug to report");
const STAGE: LabelName = LabelName::new("stage");
const QUERIES: Family =
    Family::new("inferscope_queries_running", "Questions that are being answered now");
const OUTCOME: LabelName = LabelName::new("outcome");
const REASON: LabelName = LabelName::new("reason");
const CHANGE: LabelName = LabelName::new("change");
const SIGNAL: LabelName = LabelName::new("signal");

#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) door: Door,
    pub(crate) ingest: Ingest,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) lake: Arc<Lake>,
    pub(crate) tasks: Tasks,
    pub(crate) turned_away: Arc<AtomicU64>,
    pub(crate) query: Query,
    pub(crate) blobs: Blobs,
}

pub(crate) fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// The listener opens its mouth last: when this answers, everything has been started. What is missing since then, it
/// says.
async fn ready(State(health): State<Health>) -> Response {
    let lost = health.tasks.lost();
    if lost.is_empty() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    let message =
        format!("ended by a panic: {}; the server's log says more, restart it", lost.join(", "));
    let answer = Json(json!({ "status": "not ready", "message": message }));
    (StatusCode::SERVICE_UNAVAILABLE, answer).into_response()
}

async fn metrics(
    State(health): State<Health>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Native>> {
    let identity = health.door.caller(&headers).await?;
    identity.may(&identity.home(), Scope::Read)?;
    let dialect = negotiate(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let mut page = Page::new(Vec::with_capacity(2048), dialect);
    health
        .write(&mut page)
        .map_err(|error| Trouble::new(fault::Fault::us(fault::Class::Bug), error.to_string()))?;
    Ok(([(CONTENT_TYPE, dialect.content_type())], page.finish()).into_response())
}

impl Health {
    fn write(&self, page: &mut Page) -> Result<(), PageError> {
        let signals = [Kind::Traces, Kind::Logs, Kind::Metrics];
        let books = signals.map(|kind| (kind.as_str(), self.ingest.books(kind)));
        let mut ingested = page.counter(&INGESTED)?;
        for (signal, books) in &books {
            for (outcome, count) in [
                ("received", books.received),
                ("stored", books.stored),
                ("duplicate", books.duplicates),
                ("rejected", books.rejected),
                ("failed", books.failed),
            ] {
                ingested.add(&Labels::of(&[(SIGNAL, signal), (OUTCOME, outcome)]), count);
            }
        }
        let mut rejected = page.counter(&REJECTED)?;
        for (signal, books) in &books {
            for (reason, count) in Reason::ALL.into_iter().zip(books.rejected_by) {
                rejected.add(&Labels::of(&[(SIGNAL, signal), (REASON, reason.as_str())]), count);
            }
        }
        let mut changes = page.counter(&CHANGES)?;
        for (signal, books) in &books {
            for (change, count) in Change::ALL.into_iter().zip(books.changed) {
                changes.add(&Labels::of(&[(SIGNAL, signal), (CHANGE, change.as_str())]), count);
            }
        }
        page.gauge(&OPEN_SPANS)?.add(&Labels::NONE, self.ingest.open_trace_spans() as u64);
        let log = self.ingest.log_stats();
        page.counter(&LOG_RECORDS)?.add(&Labels::NONE, log.records);
        page.counter(&LOG_SYNCS)?.add(&Labels::NONE, log.groups);
        page.gauge(&LOG_BYTES)?.add(&Labels::NONE, log.log_bytes);
        page.gauge(&HOT_BYTES)?.add(&Labels::NONE, self.lake.hot_bytes() as u64);
        page.counter(&DROPPED)?.add(&Labels::NONE, self.gateway.recording().dropped());
        let turned_away = self.turned_away.load(Ordering::Relaxed);
        page.counter(&TURNED_AWAY)?.add(&Labels::NONE, turned_away);
        let mut panics = page.counter(&PANICS)?;
        for stage in Stage::ORDER {
            panics.add(&Labels::of(&[(STAGE, stage.name())]), self.tasks.panics(stage));
        }
        page.gauge(&QUEUED)?.add(&Labels::NONE, self.gateway.recording().queued_bytes() as u64);
        page.gauge(&QUERIES)?.add(&Labels::NONE, self.query.running() as u64);
        storage_metrics::write(page, &self.lake)?;
        storage_metrics::write_parts(page, &self.blobs.counts())
    }
}
