//! OTLP over HTTP: traces, logs and metrics in, under OpenObserve's paths and the plain ones.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use ingest::{Accepted, Ingest};
use otlp::{
    Encoding, Format, Limits, Outcome, Signal, decode_logs, decode_metrics, decode_traces,
    encode_response, inflate,
};
use schema::{DEFAULT_STREAM, Kind, OrgName, Table};

use crate::body::{Budget, pass_over, read_lent};
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
    let traces = Router::new()
        .route("/v1/traces", post(plain))
        // Langfuse's clients append this to their host.
        .route("/api/public/otel/v1/traces", post(plain))
        .route("/api/{org}/v1/traces", post(named))
        .route("/api/{org}/traces", post(named))
        .route("/api/{org}/otel/v1/traces", post(named))
        .with_state((otlp.clone(), Signal::Traces));
    let logs = Router::new()
        .route("/v1/logs", post(plain))
        .route("/api/{org}/v1/logs", post(named))
        .with_state((otlp.clone(), Signal::Logs));
    let metrics = Router::new()
        .route("/v1/metrics", post(plain))
        .route("/api/{org}/v1/metrics", post(named))
        .with_state((otlp, Signal::Metrics));
    traces.merge(logs).merge(metrics)
}

type Answer = Result<Response, Refusal<OpenObserve>>;
type Way = State<(Otlp, Signal)>;

async fn plain(State((otlp, signal)): Way, headers: HeaderMap, body: Body) -> Answer {
    otlp.take(signal, None, &headers, body).await
}

async fn named(
    State((otlp, signal)): Way,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    otlp.take(signal, Some(&org), &headers, body).await
}

impl Otlp {
    async fn take(
        &self,
        signal: Signal,
        org: Option<&str>,
        headers: &HeaderMap,
        mut body: Body,
    ) -> Answer {
        let answer = self.read(signal, org, headers, &mut body).await;
        if let Err(refused) = &answer {
            pass_over(headers, body, self.body_bytes, &refused.trouble).await;
        }
        answer
    }

    /// Who is asking comes before all else: what a stranger sends is not looked at.
    async fn read(
        &self,
        signal: Signal,
        org: Option<&str>,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Answer {
        let identity = self.door.caller(headers).await?;
        let org = self
            .door
            .enter_to_write(&identity, org.or_else(|| text(headers, "organization")))
            .await?;
        let format = Format::of(text(headers, CONTENT_TYPE.as_str()))?;
        let encoding = Encoding::of(text(headers, CONTENT_ENCODING.as_str()))?;
        self.ingest.has_room()?;
        let _budget = self.budget.take(headers, self.body_bytes)?;
        let body = read_lent(body, self.body_bytes).await?;
        let stream = text(headers, "stream-name").unwrap_or(DEFAULT_STREAM);
        let accepted = self.take_body(signal, org, stream, format, encoding, body).await?;
        Ok(answer(signal, format, &accepted)?)
    }

    /// Takes a body, on threads of its own if it is large, or may become so.
    pub(crate) async fn take_body(
        &self,
        signal: Signal,
        org: OrgName,
        stream: &str,
        format: Format,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Accepted, ingest::Error> {
        let bytes = if encoding == Encoding::Identity { body.len() } else { usize::MAX };
        let limits = self.limits;
        let inflated = move || inflate(body, encoding, limits.decompressed_bytes);
        match signal {
            Signal::Traces => {
                let read = move || decode_traces(&inflated()?, format, &limits);
                self.ingest.traces_of(Table::new(org, Kind::Traces, stream), bytes, read).await
            }
            Signal::Logs => {
                let read = move || decode_logs(&inflated()?, format, &limits);
                self.ingest.logs_of(Table::new(org, Kind::Logs, stream), bytes, read).await
            }
            // A metric's stream is named after it: no header picks one.
            Signal::Metrics => {
                let read = move || decode_metrics(&inflated()?, format, &limits);
                self.ingest.metrics_of(org, bytes, read).await
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Partial success of a JSON request of traces is 206, as OpenObserve's clients know it; of the others 200.
fn answer(signal: Signal, format: Format, accepted: &Accepted) -> Result<Response, Trouble> {
    let outcome = outcome(accepted);
    let status = match (signal, format, &outcome) {
        (Signal::Traces, Format::Json, Some(_)) => StatusCode::PARTIAL_CONTENT,
        (Signal::Traces | Signal::Logs | Signal::Metrics, Format::Json | Format::Protobuf, _) => {
            StatusCode::OK
        }
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, format.content_type())
        .body(encode_response(signal, format, outcome.as_ref()).into())
        .map_err(|error| Trouble::invalid(error.to_string()))
}

/// What the sender is told of what was refused.
pub(crate) fn outcome(accepted: &Accepted) -> Option<Outcome> {
    let message = || accepted.reason.clone();
    (accepted.rejected > 0).then(|| Outcome { rejected: accepted.rejected, message: message() })
}
