//! Traces of an organisation: lists, their facets, and one whole.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clock::SharedClock;
use http::HeaderMap;
use query::{
    Direction, Query, Sort, SortColumn, Sums, TraceCursor, TraceFilter, TraceList, TraceSummary,
    Within,
};
use schema::OrgName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::question::Question;
use crate::asked::{Asked, Span, limit};
use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// Traces of a page that nobody gave a limit for, and the most that one may ask for.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 500;
/// Fields whose values are counted when nobody names any, and the most that one may name.
const FACETS: &str = "model,status,error,service,endpoint,http";
const MOST_FACETS: usize = 16;
/// Values of a field that are shown when nobody says how many.
const VALUES: usize = 10;

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
        .with_state(state)
}

pub(super) type Answer = Result<Response, Refusal<Native>>;

/// Which traces, and what of them.
#[derive(Debug, Deserialize)]
struct Listed {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Names of trace streams, with commas between them.
    stream: Option<String>,
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
    limit: Option<String>,
    /// A column of the list.
    sort: Option<String>,
    /// `asc` or `desc`, the default.
    order: Option<String>,
    before: Option<String>,
    /// Facets: fields, with commas between them.
    fields: Option<String>,
}

impl TraceRoutes {
    pub(super) fn question(
        &self,
        org: &OrgName,
        span: Span,
        named: (Option<&str>, Option<&str>),
        fields: &[String],
    ) -> Result<Question, Trouble> {
        Question::new((&self.query, &self.clock), org, span, named, fields)
    }
}

async fn list(
    State(state): State<TraceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Listed>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    not_here("fields", asked.fields.as_ref())?;
    let started = std::time::Instant::now();
    let after = given(asked.before.as_deref()).map(TraceCursor::parse).transpose()?;
    let first = after.as_ref().map(TraceCursor::range);
    let span = Span {
        from_us: asked.from_us.or(first.map(|range| range.from_us)),
        to_us: asked.to_us.or(first.map(|range| range.to_us)),
    };
    let named = (asked.stream.as_deref(), asked.q.as_deref());
    let question = state.question(&org, span, named, &[])?;
    let filter = filter(&asked, &question)?;
    let list = TraceList {
        spans: question.spans(),
        filter: &filter,
        sort: sort(asked.sort.as_deref(), asked.order.as_deref())?,
        after: after.as_ref(),
        limit: limit(asked.limit.as_deref(), PAGE, LONGEST_PAGE)?,
    };
    let page = state.query.traces(&list).await?;
    let next = page.next.map(|next| next.encode());
    let traces: Vec<Value> = page.traces.iter().map(summary).collect();
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let answer = json!({ "traces": traces, "next": next, "took_ms": took_ms });
    Ok(Json(question.answered(answer)).into_response())
}

/// A list and its facets share their parameters, but for these.
fn not_here(name: &str, given: Option<&String>) -> Result<(), Trouble> {
    match given {
        None => Ok(()),
        Some(_) => Err(Trouble::invalid(format!("this route has no parameter {name:?}"))),
    }
}

/// A parameter that is there and not empty.
pub(super) fn given(parameter: Option<&str>) -> Option<&str> {
    parameter.filter(|text| !text.is_empty())
}

fn sort(column: Option<&str>, order: Option<&str>) -> Result<Sort, Trouble> {
    let direction = match given(order) {
        None | Some("desc") => Direction::Descending,
        Some("asc") => Direction::Ascending,
        Some(other) => {
            return Err(Trouble::invalid(format!("order {other:?} is neither asc nor desc")));
        }
    };
    match (given(column), given(order)) {
        (None, None) => Ok(Sort::Newest),
        (None, Some(_)) => Ok(Sort::By(SortColumn::named("started_us")?, direction)),
        (Some(column), _) => Ok(Sort::By(SortColumn::named(column)?, direction)),
    }
}

fn filter(asked: &Listed, question: &Question) -> Result<TraceFilter, Trouble> {
    let status = match given(asked.status.as_deref()) {
        None | Some("all") => None,
        Some("ok" | "OK") => Some("OK".to_owned()),
        Some("error" | "ERROR") => Some("ERROR".to_owned()),
        Some(other) => {
            return Err(Trouble::invalid(format!("status {other:?} is neither ok nor error")));
        }
    };
    let some = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
    Ok(TraceFilter {
        model: some(&asked.model),
        status,
        error_class: some(&asked.error_class),
        endpoint: some(&asked.endpoint),
        replica: some(&asked.replica),
        service: some(&asked.service),
        min_duration_us: asked.min_duration_us,
        http_class: given(asked.http_class.as_deref()).map(http_class).transpose()?,
        filter: question.filter.clone(),
        within: match given(asked.within.as_deref()) {
            None | Some("started") => Within::Started,
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
    Asked(asked): Asked<Listed>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    for (name, given) in [("sort", &asked.sort), ("order", &asked.order), ("before", &asked.before)]
    {
        not_here(name, given.as_ref())?;
    }
    let fields = asked.fields.as_deref().unwrap_or(FACETS).split(',').map(str::trim);
    let fields: Vec<String> = fields.filter(|field| !field.is_empty()).map(str::to_owned).collect();
    if fields.is_empty() || fields.len() > MOST_FACETS {
        let text =
            format!("fields has to name 1 to {MOST_FACETS} fields, with commas between them");
        return Err(Trouble::invalid(text).into());
    }
    let span = Span { from_us: asked.from_us, to_us: asked.to_us };
    let named = (asked.stream.as_deref(), asked.q.as_deref());
    let question = state.question(&org, span, named, &fields)?;
    let limit = limit(asked.limit.as_deref(), VALUES, LONGEST_PAGE)?;
    let filter = filter(&asked, &question)?;
    let facets = state.query.facets(question.spans(), &filter, &fields, limit).await?;
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
    Ok(Json(question.answered(json!({ "facets": shown }))).into_response())
}

fn summary(trace: &TraceSummary) -> Value {
    let mut shown = json!({
        "trace_id": trace.trace_id,
        "streams": trace.streams,
        "started_us": trace.started_us,
        "duration_us": trace.duration_us,
        "operation_name": trace.operation_name,
        "service_name": trace.service_name,
        "status": if trace.failed_spans > 0 { "ERROR" } else { "OK" },
        "error_class": trace.error_class,
        "error_message": trace.error_message,
        "model_requested": trace.model_requested,
        "model_answered": trace.model_answered,
        "ttft_s": trace.ttft_s,
        "endpoint": trace.endpoint,
        "replica_id": trace.replica_id,
        "http_status": trace.http_status,
        "spans": trace.spans,
        "input_preview": trace.input_preview(),
    });
    add(&mut shown, sums(&trace.sums));
    shown
}

/// What some calls come to; `token_source` is the weakest mark in it, and `token_sources` has the calls of each.
pub(super) fn sums(sums: &Sums) -> Value {
    let marks: serde_json::Map<String, Value> = sums
        .marks
        .weakest_first()
        .iter()
        .rev()
        .map(|(mark, calls)| ((*mark).to_owned(), (*calls).into()))
        .collect();
    json!({
        "calls": sums.calls,
        "errors": sums.errors,
        "tokens_input": sums.tokens_input,
        "tokens_output": sums.tokens_output,
        "tokens_total": sums.tokens_total,
        "token_source": sums.marks.weakest(),
        "token_sources": marks,
        "cost_usd": sums.cost_usd,
        "unpriced_calls": sums.unpriced_calls,
    })
}

/// Puts the fields of one object into another.
pub(super) fn add(to: &mut Value, fields: Value) {
    if let (Value::Object(to), Value::Object(fields)) = (to, fields) {
        to.extend(fields);
    }
}

/// Which streams a trace is looked for in.
#[derive(Debug, Deserialize)]
struct OneOf {
    stream: Option<String>,
}

async fn one(
    State(state): State<TraceRoutes>,
    Path((org, trace_id)): Path<(String, String)>,
    Asked(asked): Asked<OneOf>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let streams = state.query.trace_streams(&org, asked.stream.as_deref())?;
    let trace = state.query.trace(&streams, &trace_id).await?;
    let trace = trace.ok_or_else(|| Trouble::not_found("there is no such trace"))?;
    let mut totals = sums(&trace.summary.sums);
    add(
        &mut totals,
        json!({ "spans": trace.summary.spans, "failed_spans": trace.summary.failed_spans }),
    );
    let spans = trace.spans;
    let (streams, truncated) = (trace.summary.streams, trace.truncated);
    Ok(Json(Whole { trace_id: trace.summary.trace_id, streams, totals, spans, truncated })
        .into_response())
}

#[derive(Debug, Serialize)]
struct Whole {
    trace_id: String,
    streams: Vec<String>,
    totals: Value,
    spans: Box<RawValue>,
    truncated: bool,
}
