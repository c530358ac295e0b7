//! OTLP over HTTP: traces in, under OpenObserve's paths and the plain one.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use ingest::{Accepted, Ingest};
use otlp::{Encoding, Format, Limits, Outcome, decode_traces, encode_traces_response, inflate};
use schema::{DEFAULT_STREAM, Kind, Table};

use crate::body::{Budget, read_body};
use crate::door::Door;
use crate::trouble::{OpenObserve, Refusal, Trouble};

#[derive(Clone)]
pub(crate) struct Otlp {
    pub(crate) door: Door,
    pub(crate) ingest: Ingest,
    pub(crate) limits: Limits,
    /// Most bytes of a body as it is sent.
    pub(crate) body_bytes: usize,
    /// Bytes of all bodies together.
    pub(crate) budget: Budget,
}

pub(crate) fn routes(otlp: Otlp) -> Router {
    Router::new()
        .route("/v1/traces", post(plain))
        // Langfuse's clients append this to their host.
        .route("/api/public/otel/v1/traces", post(plain))
        .route("/api/{org}/v1/traces", post(named))
        .route("/api/{org}/traces", post(named))
        .route("/api/{org}/otel/v1/traces", post(named))
        .route("/v1/logs", post(only_traces))
        .route("/v1/metrics", post(only_traces))
        .route("/api/{org}/v1/logs", post(only_traces))
        .route("/api/{org}/v1/metrics", post(only_traces))
        .with_state(otlp)
}

/// An exporter that sends all three signals must not end up at the gateway with two of them.
async fn only_traces() -> Refusal<OpenObserve> {
    Trouble::not_found("OTLP logs and metrics are not taken in yet: only traces are").into()
}

type Answer = Result<Response, Refusal<OpenObserve>>;

async fn plain(State(otlp): State<Otlp>, headers: HeaderMap, body: Body) -> Answer {
    otlp.take(None, &headers, body).await
}

async fn named(
    State(otlp): State<Otlp>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    otlp.take(Some(&org), &headers, body).await
}

impl Otlp {
    /// Who is asking comes before all else: what a stranger sends is not read.
    async fn take(&self, org: Option<&str>, headers: &HeaderMap, body: Body) -> Answer {
        let identity = self.door.caller(headers).await?;
        let org = self
            .door
            .enter_to_write(&identity, org.or_else(|| text(headers, "organization")))
            .await?;
        let format = Format::of(text(headers, CONTENT_TYPE.as_str()))?;
        let encoding = Encoding::of(text(headers, CONTENT_ENCODING.as_str()))?;
        self.ingest.has_room()?;
        let _budget = self.budget.take(headers, self.body_bytes)?;
        let body = read_body(body, self.body_bytes).await?;
        let stream = text(headers, "stream-name").unwrap_or(DEFAULT_STREAM);
        let table = Table::new(org, Kind::Traces, stream);
        let accepted = self.take_body(table, format, encoding, body).await?;
        Ok(answer(format, &accepted)?)
    }
}

impl Otlp {
    /// Takes a body of spans, on threads of its own if it is large, or may become so.
    pub(crate) async fn take_body(
        &self,
        table: Table,
        format: Format,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Accepted, ingest::Error> {
        let bytes = if encoding == Encoding::Identity { body.len() } else { usize::MAX };
        let limits = self.limits;
        let read = move || {
            let body = inflate(body, encoding, limits.decompressed_bytes)?;
            decode_traces(&body, format, &limits)
        };
        self.ingest.traces_of(table, bytes, read).await
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Partial success of a JSON request is 206, as OpenObserve's clients know it.
fn answer(format: Format, accepted: &Accepted) -> Result<Response, Trouble> {
    let outcome = outcome(accepted);
    let (kind, status) = match (format, &outcome) {
        (Format::Protobuf, _) => ("application/x-protobuf", StatusCode::OK),
        (Format::Json, None) => ("application/json", StatusCode::OK),
        (Format::Json, Some(_)) => ("application/json", StatusCode::PARTIAL_CONTENT),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .body(encode_traces_response(format, outcome.as_ref()).into())
        .map_err(|error| Trouble::invalid(error.to_string()))
}

/// What the sender is told of spans that were refused.
pub(crate) fn outcome(accepted: &Accepted) -> Option<Outcome> {
    let message = || accepted.reason.clone();
    (accepted.rejected > 0).then(|| Outcome { rejected: accepted.rejected, message: message() })
}
