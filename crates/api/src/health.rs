//! Whether this server is well, and its own metrics.

use std::sync::Arc;

use accounts::Scope;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use gateway::Gateway;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use ingest::Ingest;
use lake::Lake;
use openmetrics::{Family, LabelName, Labels, Page, PageError, negotiate};
use serde_json::json;

use crate::door::Door;
use crate::storage_metrics;
use crate::trouble::{Native, Refusal, Trouble};

const SPANS: Family = Family::new("inferscope_ingest_spans", "Spans by what became of them");
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
const OUTCOME: LabelName = LabelName::new("outcome");

#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) door: Door,
    pub(crate) ingest: Ingest,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) lake: Arc<Lake>,
}

pub(crate) fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        // The listener opens its mouth last: when this answers, everything else does.
        .route("/readyz", get(|| async { Json(json!({ "status": "ready" })) }))
        .route("/metrics", get(metrics))
        .with_state(health)
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
        let books = self.ingest.books();
        let mut spans = page.counter(&SPANS)?;
        for (outcome, count) in [
            ("received", books.received),
            ("stored", books.stored),
            ("duplicate", books.duplicates),
            ("rejected", books.rejected),
            ("failed", books.failed),
        ] {
            spans.add(&Labels::of(&[(OUTCOME, outcome)]), count);
        }
        let log = self.ingest.log_stats();
        page.counter(&LOG_RECORDS)?.add(&Labels::NONE, log.records);
        page.counter(&LOG_SYNCS)?.add(&Labels::NONE, log.groups);
        page.gauge(&LOG_BYTES)?.add(&Labels::NONE, log.log_bytes);
        page.gauge(&HOT_BYTES)?.add(&Labels::NONE, self.lake.hot_bytes() as u64);
        page.counter(&DROPPED)?.add(&Labels::NONE, self.gateway.recording().dropped());
        page.gauge(&QUEUED)?.add(&Labels::NONE, self.gateway.recording().queued_bytes() as u64);
        storage_metrics::write(page, &self.lake)
    }
}
