//! Prices of an organisation: the book, its own rows, what has no price, and a box to try a call in.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clock::SharedClock;
use http::{HeaderMap, StatusCode};
use prices::{
    Call, Explanation, LayerKind, Line, Outcome, Row, SHIPPED_AS_OF, SHIPPED_SOURCE, Tokens,
};
use query::{Query, UnpricedModel};
use serde::Deserialize;
use serde_json::{Value, json};
use tariffs::{Override, Tariffs, Written};

use crate::asked::{Asked, Span, limit};
use crate::body::{json as json_of, read_body};
use crate::door::Door;
use crate::native::question::Question;
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request.
const MOST_BYTES: usize = 64 * 1024;
/// Rows of a page that nobody gave a limit for, and the most that one may ask for.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

#[derive(Clone)]
pub(crate) struct PriceRoutes {
    pub(crate) door: Door,
    pub(crate) tariffs: Tariffs,
    pub(crate) query: Query,
    pub(crate) clock: SharedClock,
}

pub(crate) fn routes(state: PriceRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/prices", get(list))
        .route("/scope/v1/orgs/{org}/prices/overrides", get(overrides))
        .route("/scope/v1/orgs/{org}/prices/overrides/{key}", get(one).put(put).delete(remove))
        .route("/scope/v1/orgs/{org}/prices/test", post(test))
        .route("/scope/v1/orgs/{org}/prices/unpriced", get(unpriced))
        .with_state(state)
}

type Answer = Result<Response, Refusal<Native>>;

#[derive(Debug, Deserialize)]
struct Wanted {
    /// A part of a model's, provider's or row's name.
    q: Option<String>,
    /// `org`, `file` or `shipped`.
    layer: Option<String>,
    limit: Option<String>,
    offset: Option<usize>,
}

async fn list(
    State(state): State<PriceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Wanted>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let layer = asked.layer.filter(|layer| !layer.is_empty());
    if let Some(layer) = &layer
        && !["org", "file", "shipped"].contains(&layer.as_str())
    {
        let said = format!("layer {layer:?} is none of org, file and shipped");
        return Err(Trouble::invalid(said).into());
    }
    let part = asked.q.unwrap_or_default().trim().to_lowercase();
    let book = state.tariffs.shelf().book(&org);
    let found: Vec<(LayerKind, &Row)> = book
        .rows()
        .filter(|(kind, _)| layer.as_deref().is_none_or(|layer| layer == kind.as_str()))
        .filter(|(_, row)| part.is_empty() || row.mentions(&part))
        .collect();
    let limit = limit(asked.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let offset = asked.offset.unwrap_or(0);
    let rows: Vec<Value> =
        found.iter().skip(offset).take(limit).map(|(kind, row)| row_json(*kind, row)).collect();
    Ok(Json(json!({
        "shipped": { "as_of": SHIPPED_AS_OF, "source": SHIPPED_SOURCE },
        "unit": "USD per 1,000,000 tokens",
        "total": found.len(),
        "offset": offset,
        "rows": rows,
    }))
    .into_response())
}

/// A row as the book's format has it, with where it stands.
fn row_json(kind: LayerKind, row: &Row) -> Value {
    let mut json = row.to_json();
    json["layer"] = kind.as_str().into();
    json["price_row"] = format!("{}:{}", kind.as_str(), row.key()).into();
    json
}

async fn overrides(
    State(state): State<PriceRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let rows: Vec<Value> = state.tariffs.list(&org).await.iter().map(override_json).collect();
    Ok(Json(json!({ "overrides": rows })).into_response())
}

fn override_json(own: &Override) -> Value {
    json!({
        "key": own.row.key(),
        "row": own.row.to_json(),
        "changed_us": own.changed_us,
        "changed_by": own.changed_by,
    })
}

async fn one(
    State(state): State<PriceRoutes>,
    Path((org, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let own = state.tariffs.get(&org, &key).await.ok_or_else(no_such_price)?;
    Ok(Json(override_json(&own)).into_response())
}

async fn put(
    State(state): State<PriceRoutes>,
    Path((org, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    let (org, who) = state.door.enter_as(&headers, &org, Scope::Admin).await?;
    let body = read_body(body, MOST_BYTES).await?;
    let text = std::str::from_utf8(&body)
        .map_err(|error| Trouble::invalid(format!("the body is no UTF-8: {error}")))?;
    let (own, written) = state.tariffs.put(&org, &key, text, &who.subject).await?;
    let status = match written {
        Written::New => StatusCode::CREATED,
        Written::Replaced => StatusCode::OK,
    };
    Ok((status, Json(override_json(&own))).into_response())
}

async fn remove(
    State(state): State<PriceRoutes>,
    Path((org, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let (org, who) = state.door.enter_as(&headers, &org, Scope::Admin).await?;
    if state.tariffs.remove(&org, &key, &who.subject).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(no_such_price().into())
    }
}

fn no_such_price() -> Trouble {
    Trouble::not_found("the organization has no price of that key")
}

#[derive(Debug, Deserialize)]
struct Unpriced {
    from_us: Option<i64>,
    to_us: Option<i64>,
    /// Names of trace streams, with commas between them.
    stream: Option<String>,
}

async fn unpriced(
    State(state): State<PriceRoutes>,
    Path(org): Path<String>,
    Asked(asked): Asked<Unpriced>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let span = Span { from_us: asked.from_us, to_us: asked.to_us };
    let named = (asked.stream.as_deref(), None);
    let question = Question::new((&state.query, &state.clock), &org, span, named, &[])?;
    let found = state.query.unpriced(question.spans()).await?;
    let models: Vec<Value> = found.iter().map(unpriced_json).collect();
    Ok(Json(question.answered(json!({ "models": models }))).into_response())
}

fn unpriced_json(model: &UnpricedModel) -> Value {
    let estimate = model.estimate_median_usd.map(|median| {
        json!({ "low": model.estimate_low_usd, "median": median, "high": model.estimate_high_usd })
    });
    json!({
        "model_requested": model.requested,
        "model_answered": model.answered,
        "provider": model.provider,
        "endpoint": model.endpoint,
        "reason": model.reason,
        "calls": model.calls,
        "tokens_input": model.tokens_input,
        "tokens_output": model.tokens_output,
        "estimate_usd": estimate,
    })
}

/// A call to be tried, as its columns would tell it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tried {
    request_model: Option<String>,
    response_model: Option<String>,
    provider: Option<String>,
    host: Option<String>,
    /// The own endpoint; with it, the call is one that our gateway passed on.
    endpoint: Option<String>,
    /// When it began, µs since 1970-01-01 UTC; now when absent.
    at_us: Option<i64>,
    failed: bool,
    /// An embedding or ranking: no output is paid for.
    input_only: bool,
    tokens_input: Option<i64>,
    tokens_output: Option<i64>,
    tokens_cache_read: Option<i64>,
    tokens_cache_write: Option<i64>,
    tokens_reasoning: Option<i64>,
    tokens_audio_input: Option<i64>,
    tokens_audio_output: Option<i64>,
    reported_usd: Option<f64>,
}

async fn test(
    State(state): State<PriceRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let tried: Tried = json_of(&read_body(body, MOST_BYTES).await?, "call to price")?;
    let call = Call {
        request_model: tried.request_model.as_deref(),
        response_model: tried.response_model.as_deref(),
        provider: tried.provider.as_deref(),
        host: tried.host.as_deref(),
        endpoint: tried.endpoint.as_deref(),
        through_gateway: tried.endpoint.is_some(),
        started_us: tried.at_us.unwrap_or_else(|| state.clock.now().micros()),
        failed: tried.failed,
        input_only: tried.input_only,
        tokens: Tokens {
            input: tried.tokens_input,
            output: tried.tokens_output,
            cache_read: tried.tokens_cache_read,
            cache_write: tried.tokens_cache_write,
            reasoning: tried.tokens_reasoning,
            audio_input: tried.tokens_audio_input,
            audio_output: tried.tokens_audio_output,
        },
        reported: tried.reported_usd,
    };
    let book = state.tariffs.shelf().book(&org);
    Ok(Json(explanation(&book.explain(&call))).into_response())
}

fn explanation(explained: &Explanation) -> Value {
    let quote = &explained.quote;
    let (cost, hit, source) = match &quote.outcome {
        Outcome::Reported(_, Some((cost, hit))) => (Some(cost), Some(hit), Some("reported")),
        Outcome::Reported(_, None) => (None, None, Some("reported")),
        Outcome::Priced(cost, hit) => (Some(cost), Some(hit), Some(hit.rule.as_str())),
        Outcome::Estimated { hit, .. } => (None, Some(hit), Some("table:median")),
        Outcome::Unpriced(_) => (None, None, None),
    };
    let by_book = cost.map(|cost| {
        json!({
            "input": cost.input.dollars(),
            "output": cost.output.dollars(),
            "call": cost.call.dollars(),
            "total": cost.total().dollars(),
        })
    });
    let (reported, estimate, reason) = match &quote.outcome {
        Outcome::Reported(usd, _) => (Some(*usd), None, None),
        Outcome::Priced(..) => (None, None, None),
        Outcome::Estimated { low, median, high, .. } => {
            let (low, median, high) = (low.dollars(), median.dollars(), high.dollars());
            let estimate = json!({ "low": low, "median": median, "high": high });
            (None, Some(estimate), Some(prices::Unpriced::ProviderUnknown))
        }
        Outcome::Unpriced(reason) => (None, None, Some(*reason)),
    };
    let candidates: Vec<Value> = explained
        .candidates
        .iter()
        .map(|(kind, row, usd)| json!({ "row": row_json(*kind, row), "cost_usd": usd }))
        .collect();
    json!({
        "state": quote.state(),
        "reported_usd": reported,
        "cost_usd": by_book,
        "estimate_usd": estimate,
        "source": source,
        "row": hit.map(|hit| row_json(hit.layer(), hit.row())),
        "provider": quote.serving.as_ref().map(|serving| {
            json!({ "name": serving.provider.as_ref(), "why": serving.evidence.as_str() })
        }),
        "unpriced": reason.map(|reason| json!({ "reason": reason.as_str(), "text": reason.sentence() })),
        "lines": explained.lines.iter().map(line).collect::<Vec<_>>(),
        "steps": explained.steps,
        "candidates": candidates,
    })
}

fn line(line: &Line) -> Value {
    let usd = line.usd.dollars();
    let text = match line.tokens {
        Some(tokens) => {
            format!("{tokens} tokens of {} × {} USD / 1,000,000 = {usd} USD", line.what, line.price)
        }
        None => format!("{} = {usd} USD", line.what),
    };
    json!({ "what": line.what, "tokens": line.tokens, "price_usd": line.price, "usd": usd, "text": text })
}
