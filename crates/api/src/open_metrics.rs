//! An endpoint's metrics for Prometheus, Grafana and Datadog.
//!
//! Names, labels and types of the first three families are those of Hugging Face Inference Endpoints' metrics API;
//! the others follow its style. Absent values have no sample.

use std::sync::Arc;

use accounts::Scope;
use analytics::{Analytics, Latest};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fleet::Fleet;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use openmetrics::{Family, LabelName, Labels, Page, PageError, negotiate};
use schema::OrgName;

use crate::door::Door;
use crate::hub::find;
use crate::trouble::{Hub, Refusal, Trouble};

const LATENCY: Family =
    Family::new("latency_distribution", "Latency distribution over the last 5 minutes, seconds");
const REQUESTS: Family = Family::new("http_requests", "HTTP requests by code and replicas");
const CPU: Family = Family::new("cpu_usage_percent", "CPU percent").with_unit("percent");
const MEMORY: Family = Family::new("memory_usage_bytes", "Memory used").with_unit("bytes");
const MEMORY_LIMIT: Family =
    Family::new("memory_limit_bytes", "Maximum available memory").with_unit("bytes");
const PENDING: Family = Family::new("pending_requests", "Requests without an HTTP status yet");
const RUNNING: Family = Family::new("running_replicas", "Replicas that answer");
const LEAST: Family = Family::new("min_replicas", "Replicas that there are to be at least");
const MOST: Family = Family::new("max_replicas", "Replicas that there may be at most");

const REPLICA: LabelName = LabelName::new("replica_id");
const CODE: LabelName = LabelName::new("status_code");

#[derive(Clone)]
pub(crate) struct MetricsRoutes {
    pub(crate) door: Door,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) analytics: Arc<Analytics>,
}

pub(crate) fn routes(state: MetricsRoutes) -> Router {
    Router::new().route("/v2/endpoint/{namespace}/{name}/open-metrics", get(page)).with_state(state)
}

async fn page(
    State(state): State<MetricsRoutes>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Hub>> {
    let org = state.door.enter(&headers, &namespace, Scope::Read).await?;
    find(&state.fleet, org.as_str(), &name)?;
    let dialect = negotiate(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let mut page = Page::new(Vec::with_capacity(4096), dialect);
    write(&mut page, &state.analytics, &org, &name)
        .map_err(|error| Trouble::new(fault::Fault::us(fault::Class::Bug), error.to_string()))?;
    Ok(([(CONTENT_TYPE, dialect.content_type())], page.finish()).into_response())
}

fn write(
    page: &mut Page,
    analytics: &Analytics,
    org: &OrgName,
    name: &str,
) -> Result<(), PageError> {
    let latency = analytics.recent(org, name).latency;
    let quantiles = [0.5, 0.9, 0.95, 0.99].map(|q| (q, latency.quantile(q)));
    page.summary(&LATENCY)?.add(&Labels::NONE, &quantiles, latency.count(), latency.sum());
    let mut requests = page.counter(&REQUESTS)?;
    for total in analytics.request_totals(org, name) {
        // A call without a status got none because its caller left: it is no HTTP request by code.
        if let Some(status) = total.status {
            let replica = total.replica_id.as_deref().unwrap_or_default();
            requests.add(
                &Labels::of(&[(REPLICA, replica), (CODE, &status.to_string())]),
                total.requests,
            );
        }
    }
    gauges(page, &analytics.latest(org, name))
}

fn gauges(page: &mut Page, latest: &Latest) -> Result<(), PageError> {
    let of = |replica: &str| Labels::of(&[(REPLICA, replica)]);
    let mut cpu = page.gauge(&CPU)?;
    for (replica, hardware) in &latest.hardware {
        if let Some(percent) = hardware.cpu_percent {
            cpu.add(&of(replica), percent);
        }
    }
    let mut memory = page.gauge(&MEMORY)?;
    for (replica, hardware) in &latest.hardware {
        if let Some(bytes) = hardware.memory_bytes {
            memory.add(&of(replica), bytes);
        }
    }
    let mut limit = page.gauge(&MEMORY_LIMIT)?;
    for (replica, hardware) in &latest.hardware {
        if let Some(bytes) = hardware.memory_limit_bytes {
            limit.add(&of(replica), bytes);
        }
    }
    let mut pending = page.gauge(&PENDING)?;
    if let Some(now) = &latest.pending {
        // Calls that wait while there is no replica.
        pending.add(&of(""), now.waiting);
        for (replica, count) in &now.by_replica {
            pending.add(&of(replica), *count);
        }
    }
    let counts = latest.replicas;
    for (family, count) in [
        (&RUNNING, counts.map(|counts| counts.running)),
        (&LEAST, counts.map(|counts| counts.min)),
        (&MOST, counts.map(|counts| counts.max)),
    ] {
        let mut gauge = page.gauge(family)?;
        if let Some(count) = count {
            gauge.add(&Labels::NONE, count);
        }
    }
    Ok(())
}
