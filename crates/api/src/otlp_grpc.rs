//! OTLP over gRPC: the same as over HTTP, on the same port.

use std::sync::Arc;

use accounts::Identity;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use otlp::from_traces_request;
use schema::{DEFAULT_STREAM, Kind, Table};
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
    let service = TraceServiceServer::new(Traces(otlp))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    axum::Router::new()
        .route_service("/opentelemetry.proto.collector.trace.v1.TraceService/{method}", service)
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

struct Traces(Otlp);

impl Traces {
    async fn take(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<ExportTraceServiceResponse, Trouble> {
        let (metadata, extensions, request) = request.into_parts();
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        let identity = extensions.get::<Arc<Identity>>().ok_or(accounts::Error::NoCredentials)?;
        let org = self.0.door.enter_to_write(identity, text("organization")).await?;
        let stream = text("stream-name").unwrap_or(DEFAULT_STREAM);
        let table = Table::new(org, Kind::Traces, stream);
        let traces = from_traces_request(request, &self.0.limits);
        let accepted = self.0.ingest.traces(table, traces).await?;
        let partial_success = outcome(&accepted).map(|outcome| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(outcome.rejected).unwrap_or(i64::MAX),
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
