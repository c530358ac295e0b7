//! JSON logs in: OpenObserve's arrays and lines, and Elasticsearch's bulk requests.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use ingest::Outcomes;
use jsonlogs::{Form, Limits};
use otlp::{Encoding, inflate};
use schema::stream_name;
use serde_json::{Value, json};

use crate::body::{pass_over, read_lent};
use crate::otlp_http::Otlp;
use crate::trouble::{OpenObserve, Refusal};

/// Refused records that an answer names, each with its place; all are counted.
const NAMED: usize = 100;

#[derive(Clone)]
pub(crate) struct JsonLogs {
    /// The doors, and what bodies may cost.
    pub(crate) otlp: Otlp,
    pub(crate) limits: Limits,
}

pub(crate) fn routes(state: JsonLogs) -> Router {
    Router::new()
        .route("/api/{org}/{stream}/_json", post(array))
        .route("/api/{org}/{stream}/_multi", post(lines))
        .route("/api/{org}/_bulk", post(bulk))
        .with_state(state)
}

type Answer = Result<Response, Refusal<OpenObserve>>;

async fn array(
    State(state): State<JsonLogs>,
    Path((org, stream)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    state.take_into(&org, &stream, Form::Array, &headers, body).await
}

async fn lines(
    State(state): State<JsonLogs>,
    Path((org, stream)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    state.take_into(&org, &stream, Form::Lines, &headers, body).await
}

/// Which stream, and by what name a record is called there, is in the body: the answer has both, record by record.
async fn bulk(
    State(state): State<JsonLogs>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let began = Instant::now();
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let see = move |entries: &[jsonlogs::Entry]| {
        let name = |entry: &jsonlogs::Entry| (entry.action, entry.stream.clone(), entry.id.clone());
        let _ = tell.send(entries.iter().map(name).collect::<Vec<_>>());
    };
    let outcomes = state.take(&org, None, Form::Bulk, &headers, body, see).await?;
    let names = told.try_recv().unwrap_or_default();
    let items: Vec<Value> = names
        .into_iter()
        .zip(&outcomes)
        .map(|((action, stream, id), refused)| json!({ action: item(stream.as_deref(), id, refused.as_deref()) }))
        .collect();
    Ok(Json(json!({
        "took": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "errors": outcomes.iter().any(Option::is_some),
        "items": items,
    }))
    .into_response())
}

fn item(stream: Option<&str>, id: Option<String>, refused: Option<&str>) -> Value {
    let mut item = json!({
        "_index": stream.map(stream_name),
        "_id": id.unwrap_or_else(|| format!("{:016x}", rand::random::<u64>())),
        "_version": 1,
        "_seq_no": 0,
        "_primary_term": 1,
    });
    match refused {
        None => {
            item["status"] = 200.into();
            item["result"] = "created".into();
            item["_shards"] = json!({ "total": 1, "successful": 1, "failed": 0 });
        }
        Some(why) => {
            item["status"] = 400.into();
            item["error"] = json!({ "type": "document_parsing_exception", "reason": why });
        }
    }
    item
}

impl JsonLogs {
    async fn take_into(
        &self,
        org: &str,
        stream: &str,
        form: Form,
        headers: &HeaderMap,
        body: Body,
    ) -> Answer {
        let outcomes = self.take(org, Some(stream), form, headers, body, |_| {}).await?;
        Ok(Json(json!({ "code": 200, "status": [status(stream, &outcomes)] })).into_response())
    }

    async fn take(
        &self,
        org: &str,
        stream: Option<&str>,
        form: Form,
        headers: &HeaderMap,
        mut body: Body,
        see: impl FnOnce(&[jsonlogs::Entry]) + Send + 'static,
    ) -> Result<Outcomes, Refusal<OpenObserve>> {
        let outcomes = self.read(org, stream, form, headers, &mut body, see).await;
        if let Err(refused) = &outcomes {
            pass_over(headers, body, self.otlp.body_bytes, &refused.trouble).await;
        }
        outcomes
    }

    /// As OTLP bodies are taken: who is asking comes before all else, and a large one is read on threads of its own.
    async fn read(
        &self,
        org: &str,
        stream: Option<&str>,
        form: Form,
        headers: &HeaderMap,
        body: &mut Body,
        see: impl FnOnce(&[jsonlogs::Entry]) + Send + 'static,
    ) -> Result<Outcomes, Refusal<OpenObserve>> {
        let Otlp { door, ingest, body_bytes, budget, .. } = &self.otlp;
        let identity = door.caller(headers).await?;
        let org = door.enter_to_write(&identity, Some(org)).await?;
        let named = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
        let encoding = Encoding::of(named)?;
        ingest.has_room()?;
        let _budget = budget.take(headers, *body_bytes)?;
        let body = read_lent(body, *body_bytes).await?;
        let bytes = if encoding == Encoding::Identity { body.len() } else { usize::MAX };
        let (limits, most) = (self.limits, self.otlp.limits.decompressed_bytes);
        let read = move || {
            let entries = jsonlogs::read(&inflate(body, encoding, most)?, form, &limits)?;
            see(&entries);
            Ok(entries)
        };
        Ok(ingest.entries_of(org, stream.map(str::to_owned), bytes, read).await?)
    }
}

/// How many records a stream took, the first reason for which it did not take some, and which those are.
fn status(stream: &str, outcomes: &Outcomes) -> Value {
    let refused = || outcomes.iter().enumerate().filter_map(|(at, why)| Some((at, why.as_ref()?)));
    let failed = refused().count();
    let mut status = json!({
        "name": stream_name(stream),
        "successful": outcomes.len() - failed,
        "failed": failed,
    });
    if let Some((_, first)) = refused().next() {
        status["error"] = first.as_str().into();
        let named = refused().take(NAMED);
        status["errors"] = named.map(|(at, why)| json!({ "index": at, "error": why })).collect();
    }
    status
}
