//! Traces and models of an organisation.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clock::SharedClock;
use http::HeaderMap;
use query::{
    Filter, ModelSummary, Quantiles, Query, TimeRange, TraceCursor, TraceFilter, TraceSummary,
    Within,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::asked::{Asked, Span};
use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// Traces of a page that nobody gave a limit for, and the most that one may ask for.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;
/// Fields whose values are counted when nobody names any, and the most that one may name.
const FACETS: &str = "model,status,error,service,endpoint,http";
const MOST_FACETS: usize = 16;

#[derive(Clone)]
pub(crate) struct TraceRoutes {
    pub(crate) door: Door,
    pub(crate) query: Query,
    pub(crate) clock: SharedClock,
}

pub(crate) fn routes(state: TraceRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/traces", get(list))
        .route("/scope/v1/orgs/{org}/traces/facets", get(facets))
        .route("/scope/v1/orgs/{org}/traces/{trace_id}", get(one))
        .route("/scope/v1/orgs/{org}/models", get(models))
        .with_state(state)
}

pub(super) type Answer = Result<Response, Refusal<Native>>;

#[derive(Debug, Deserialize)]
struct Wanted {
    from_us: Option<i64>,
    to_us: Option<i64>,
    model: Option<String>,
    status: Option<String>,
    error_class: Option<String>,
    endpoint: Option<String>,
    replica: Option<String>,
    service: Option<String>,
    /// A filter, as docs/api.md has it.
    q: Option<String>,
    min_duration_us: Option<i64>,
    /// `4xx` or `4`.
    http_class: Option<String>,
    /// Which end of a span the range is about: `started`, the default, or `ended`.
    within: Option<String>,
    limit: Option<usize>,
    before: Option<String>,
    /// Facets: fields, with commas between them.
    fields: Option<String>,
}

async fn list(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let started = std::time::Instant::now();
    let range = Span { from_us: asked.from_us, to_us: asked.to_us }.or_last_hour(&state.clock);
    let range = within(range)?;
    let before = asked.before.as_deref().map(cursor).transpose()?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let page = state.query.traces(&org, range, &filter(asked)?, before.as_ref(), limit).await?;
    let next = page.next.map(|next| format!("{}-{}", next.started_us, next.trace_id));
    let traces: Vec<Summary> = page.traces.into_iter().map(Summary::from).collect();
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(json!({ "traces": traces, "next": next, "took_ms": took_ms })).into_response())
}

pub(crate) fn within((from_us, to_us): (i64, i64)) -> Result<TimeRange, Trouble> {
    if from_us < to_us {
        Ok(TimeRange { from_us, to_us })
    } else {
        Err(Trouble::invalid("from_us has to be before to_us, both in microseconds"))
    }
}

fn filter(asked: Wanted) -> Result<TraceFilter, Trouble> {
    let status = match asked.status.as_deref() {
        None | Some("" | "all") => None,
        Some("ok" | "OK") => Some("OK".to_owned()),
        Some("error" | "ERROR") => Some("ERROR".to_owned()),
        Some(other) => {
            return Err(Trouble::invalid(format!("status {other:?} is neither ok nor error")));
        }
    };
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let q = some(asked.q).map(|q| Filter::parse(&q)).transpose()?;
    Ok(TraceFilter {
        model: some(asked.model),
        status,
        error_class: some(asked.error_class),
        endpoint: some(asked.endpoint),
        replica: some(asked.replica),
        service: some(asked.service),
        text: None,
        min_duration_us: asked.min_duration_us,
        http_class: some(asked.http_class).map(|class| http_class(&class)).transpose()?,
        filter: q,
        within: match asked.within.as_deref() {
            None | Some("" | "started") => Within::Started,
            Some("ended") => Within::Ended,
            Some(other) => {
                let text = format!("within {other:?} is neither started nor ended");
                return Err(Trouble::invalid(text));
            }
        },
    })
}

fn http_class(text: &str) -> Result<u8, Trouble> {
    match text.strip_suffix("xx").unwrap_or(text) {
        class @ ("1" | "2" | "3" | "4" | "5") => Ok(class.as_bytes()[0] - b'0'),
        _ => {
            Err(Trouble::invalid(format!("http_class {text:?} is none of 1xx, 2xx, 3xx, 4xx, 5xx")))
        }
    }
}

/// How the traces of a list spread over the values of some fields.
async fn facets(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let range = Span { from_us: asked.from_us, to_us: asked.to_us }.or_last_hour(&state.clock);
    let range = within(range)?;
    let fields = asked.fields.clone().unwrap_or_else(|| FACETS.to_owned());
    let fields: Vec<String> = fields
        .split(',')
        .map(|field| field.trim().to_owned())
        .filter(|field| !field.is_empty())
        .collect();
    if fields.is_empty() || fields.len() > MOST_FACETS {
        let text =
            format!("fields has to name 1 to {MOST_FACETS} fields, with commas between them");
        return Err(Trouble::invalid(text).into());
    }
    let limit = asked.limit.unwrap_or(10).clamp(1, LONGEST_PAGE);
    let facets = state.query.facets(&org, range, &filter(asked)?, &fields, limit).await?;
    let shown: Vec<_> = fields
        .iter()
        .zip(&facets)
        .map(|(field, facet)| {
            let values: Vec<_> = facet
                .values
                .iter()
                .map(|(value, traces)| json!({ "value": value, "traces": traces }))
                .collect();
            json!({
                "field": field, "column": facet.column, "values": values,
                "distinct_values": facet.distinct, "traces_without": facet.missing,
            })
        })
        .collect();
    Ok(Json(json!({ "facets": shown })).into_response())
}

/// A cursor as [`list`] writes it: `started_us-trace_id`.
fn cursor(text: &str) -> Result<TraceCursor, Trouble> {
    let bad = || Trouble::invalid("before is no cursor of this list");
    let (started_us, trace_id) = text.split_once('-').ok_or_else(bad)?;
    Ok(TraceCursor {
        started_us: started_us.parse().map_err(|_| bad())?,
        trace_id: trace_id.to_owned(),
    })
}

#[derive(Debug, Serialize)]
struct Summary {
    trace_id: String,
    started_us: i64,
    duration_us: i64,
    operation_name: Option<String>,
    service_name: Option<String>,
    status: &'static str,
    error_class: Option<String>,
    error_message: Option<String>,
    model_requested: Option<String>,
    model_answered: Option<String>,
    ttft_s: Option<f64>,
    tokens_input: Option<i64>,
    tokens_output: Option<i64>,
    token_source: Option<String>,
    cost_usd: Option<f64>,
    endpoint: Option<String>,
    replica_id: Option<String>,
    http_status: Option<i64>,
    spans: usize,
    calls: usize,
    input_preview: Option<String>,
}

impl From<TraceSummary> for Summary {
    fn from(trace: TraceSummary) -> Self {
        Self {
            trace_id: trace.trace_id,
            started_us: trace.started_us,
            duration_us: trace.duration_us,
            operation_name: trace.operation_name,
            service_name: trace.service_name,
            status: if trace.failed { "ERROR" } else { "OK" },
            error_class: trace.error_class,
            error_message: trace.error_message,
            model_requested: trace.model_requested,
            model_answered: trace.model_answered,
            ttft_s: trace.ttft_s,
            tokens_input: trace.tokens_input,
            tokens_output: trace.tokens_output,
            token_source: trace.token_source,
            cost_usd: trace.cost_usd,
            endpoint: trace.endpoint,
            replica_id: trace.replica_id,
            http_status: trace.http_status,
            spans: trace.spans,
            calls: trace.calls,
            input_preview: trace.input_preview,
        }
    }
}

async fn one(
    State(state): State<TraceRoutes>,
    Path((org, trace_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let trace = state.query.trace(&org, &trace_id).await?;
    let (spans, truncated) = trace.ok_or_else(|| Trouble::not_found("there is no such trace"))?;
    let spans =
        RawValue::from_string(spans).map_err(|error| Trouble::invalid(error.to_string()))?;
    Ok(Json(Whole { trace_id, spans, truncated }).into_response())
}

#[derive(Debug, Serialize)]
struct Whole {
    trace_id: String,
    spans: Box<RawValue>,
    truncated: bool,
}

#[derive(Debug, Deserialize)]
struct Compared {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// A field, as in a filter: model when absent.
    by: Option<String>,
}

async fn models(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Compared>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let span = Span { from_us: asked.from_us, to_us: asked.to_us };
    let by = asked.by.filter(|by| !by.is_empty()).unwrap_or_else(|| "model".to_owned());
    let range = within(span.or_last_hour(&state.clock))?;
    let models = state.query.models(&org, range, &by).await?;
    let models: Vec<_> = models.iter().map(|summary| model(summary, &by)).collect();
    Ok(Json(json!({ "by": by, "models": models })).into_response())
}

fn model(model: &ModelSummary, by: &str) -> serde_json::Value {
    let quantiles =
        |of: &Quantiles| json!({ "p50": of.p50, "p90": of.p90, "p95": of.p95, "p99": of.p99 });
    json!({
        "value": model.value,
        "model_requested": (by == "model").then_some(&model.value),
        "models_answered": model.answered,
        "calls": model.calls,
        "errors": model.errors,
        "errors_by_class": model.errors_by_class,
        "latency_p50_s": model.latency_s.p50,
        "latency_p95_s": model.latency_s.p95,
        "ttft_p50_s": model.ttft_s.p50,
        "latency_s": quantiles(&model.latency_s),
        "ttft_s": quantiles(&model.ttft_s),
        "output_tokens_per_s": quantiles(&model.output_tokens_per_s),
        "tokens_input": model.tokens_input,
        "tokens_output": model.tokens_output,
        "cost_usd": model.cost_usd,
        "unpriced_calls": model.unpriced_calls,
    })
}
