//! Calls of an organisation side by side.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::{ModelSummary, Quantiles};
use serde::Deserialize;
use serde_json::{Value, json};

use super::traces::{Answer, TraceRoutes, add, given, sums};
use crate::asked::{Asked, Span};

pub(crate) fn routes(state: TraceRoutes) -> Router {
    Router::new().route("/scope/v1/orgs/{org}/models", get(models)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct Compared {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Names of trace streams, with commas between them.
    stream: Option<String>,
    /// A filter, as docs/api.md has it: only calls that meet it.
    q: Option<String>,
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
    let by = given(asked.by.as_deref()).unwrap_or("model");
    let named = (asked.stream.as_deref(), asked.q.as_deref());
    let question = state.question(&org, span, named, &[])?;
    let found = state.query.models(question.spans(), by, question.filter.as_ref()).await?;
    let models: Vec<Value> = found.groups.iter().map(|group| model(group, by)).collect();
    let answer = json!({
        "by": by, "models": models, "more": found.more,
        "calls": found.calls, "calls_without_value": found.without,
        "sums_exceed_total": found.overlapping,
    });
    Ok(Json(question.answered(answer)).into_response())
}

fn model(model: &ModelSummary, by: &str) -> Value {
    let quantiles =
        |of: &Quantiles| json!({ "p50": of.p50, "p90": of.p90, "p95": of.p95, "p99": of.p99 });
    let mut shown = json!({
        "value": model.value,
        "model_requested": (by == "model").then_some(&model.value),
        "models_answered": model.answered,
        "errors_by_class": model.errors_by_class,
        "latency_p50_s": model.latency_s.p50,
        "latency_p95_s": model.latency_s.p95,
        "ttft_p50_s": model.ttft_s.p50,
        "latency_s": quantiles(&model.latency_s),
        "ttft_s": quantiles(&model.ttft_s),
        "output_tokens_per_s": quantiles(&model.output_tokens_per_s),
    });
    add(&mut shown, sums(&model.sums));
    shown
}
