//! OTLP over gRPC: the same as over HTTP, on the same port.

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

use crate::otlp_http::{Otlp, outcome};
use crate::trouble::Trouble;

pub(crate) fn routes(otlp: Otlp) -> axum::Router {
    let most = otlp.limits.decompressed_bytes;
    let service = TraceServiceServer::new(Traces(otlp))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    tonic::service::Routes::new(service).into_axum_router()
}

struct Traces(Otlp);

impl Traces {
    async fn take(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<ExportTraceServiceResponse, Trouble> {
        let (metadata, _, request) = request.into_parts();
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        let authorization = metadata.get("authorization").map(|value| value.as_bytes());
        let identity = self.0.door.by_authorization(authorization).await?;
        let org = self.0.door.enter_to_write(&identity, text("organization")).await?;
        let stream = text("stream-name").unwrap_or(DEFAULT_STREAM);
        let table = Table::new(org, Kind::Traces, stream);
        let accepted = self.0.ingest.traces(table, from_traces_request(request)).await?;
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
