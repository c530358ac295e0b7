//! OTLP over gRPC: the same as over HTTP, on the same port.

use std::sync::Arc;

use accounts::Identity;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use otlp::{from_logs_request, from_metrics_request, from_traces_request};
use schema::{DEFAULT_STREAM, Kind, OrgName, Table};
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

use crate::door::Door;
use crate::otlp_http::{Otlp, outcome};
use crate::trouble::Trouble;

/// Largest message, bytes, also after decompression. A message is decoded at once, and takes many times its size; the
/// exporters of all languages send batches of far less.
const MOST_BYTES: usize = 16 << 20;

pub(crate) fn routes(otlp: Otlp) -> axum::Router {
    let most = otlp.limits.decompressed_bytes.min(MOST_BYTES);
    let door = otlp.door.clone();
    let traces = TraceServiceServer::new(Traces(otlp.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    let logs = LogsServiceServer::new(Logs(otlp.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    let metrics = MetricsServiceServer::new(Metrics(otlp))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    axum::Router::new()
        .route_service("/opentelemetry.proto.collector.trace.v1.TraceService/{method}", traces)
        .route_service("/opentelemetry.proto.collector.logs.v1.LogsService/{method}", logs)
        .route_service("/opentelemetry.proto.collector.metrics.v1.MetricsService/{method}", metrics)
        .route_layer(from_fn_with_state(door, admit))
}

/// Who is asking comes before all else: what a stranger sends is not read.
async fn admit(
    State(door): State<Door>,
    mut request: axum::extract::Request,
    next: Next,
) -> axum::response::Response {
    match door.caller(request.headers()).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(trouble) => trouble.grpc().into_http(),
    }
}

/// Where a request's content goes, and the content.
struct Sent<T> {
    org: OrgName,
    stream: String,
    request: T,
}

impl Otlp {
    /// Opens a request of a caller who may write to its organisation.
    async fn open<T>(&self, request: Request<T>) -> Result<Sent<T>, Trouble> {
        let (metadata, extensions, request) = request.into_parts();
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        let identity = extensions.get::<Arc<Identity>>().ok_or(accounts::Error::NoCredentials)?;
        let org = self.door.enter_to_write(identity, text("organization")).await?;
        let stream = text("stream-name").unwrap_or(DEFAULT_STREAM).to_owned();
        Ok(Sent { org, stream, request })
    }
}

fn count(rejected: u64) -> i64 {
    i64::try_from(rejected).unwrap_or(i64::MAX)
}

struct Traces(Otlp);

impl Traces {
    async fn take(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<ExportTraceServiceResponse, Trouble> {
        let Sent { org, stream, request } = self.0.open(request).await?;
        let traces = from_traces_request(request, &self.0.limits);
        let table = Table::new(org, Kind::Traces, &stream);
        let accepted = self.0.ingest.traces(table, traces).await?;
        let partial_success = outcome(&accepted).map(|outcome| ExportTracePartialSuccess {
            rejected_spans: count(outcome.rejected),
            error_message: outcome.message,
        });
        Ok(ExportTraceServiceResponse { partial_success })
    }
}

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.take(request).await.map(Response::new).map_err(|trouble| trouble.grpc())
    }
}

struct Logs(Otlp);

impl Logs {
    async fn take(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<ExportLogsServiceResponse, Trouble> {
        let Sent { org, stream, request } = self.0.open(request).await?;
        let logs = from_logs_request(request, &self.0.limits)?;
        let accepted = self.0.ingest.logs(Table::new(org, Kind::Logs, &stream), logs).await?;
        let partial_success = outcome(&accepted).map(|outcome| ExportLogsPartialSuccess {
            rejected_log_records: count(outcome.rejected),
            error_message: outcome.message,
        });
        Ok(ExportLogsServiceResponse { partial_success })
    }
}

#[tonic::async_trait]
impl LogsService for Logs {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.take(request).await.map(Response::new).map_err(|trouble| trouble.grpc())
    }
}

struct Metrics(Otlp);

impl Metrics {
    async fn take(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<ExportMetricsServiceResponse, Trouble> {
        // A metric's stream is named after it: no header picks one.
        let Sent { org, request, .. } = self.0.open(request).await?;
        let metrics = from_metrics_request(request, &self.0.limits)?;
        let accepted = self.0.ingest.metrics(org, metrics).await?;
        let partial_success = outcome(&accepted).map(|outcome| ExportMetricsPartialSuccess {
            rejected_data_points: count(outcome.rejected),
            error_message: outcome.message,
        });
        Ok(ExportMetricsServiceResponse { partial_success })
    }
}

#[tonic::async_trait]
impl MetricsService for Metrics {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.take(request).await.map(Response::new).map_err(|trouble| trouble.grpc())
    }
}
