//! OTLP over gRPC: the same as over HTTP, on the same port.
//!
//! A message is handed on as the bytes that it came in, and read as the body of an HTTP request is.

use std::pin::Pin;
use std::sync::Arc;

use accounts::Identity;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::any;
use bytes::{Buf as _, BufMut as _, Bytes};
use otlp::{Encoding, Format, Signal, encode_response};
use schema::DEFAULT_STREAM;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};

use crate::door::Door;
use crate::otlp_http::{Otlp, outcome};
use crate::trouble::Trouble;

/// Largest message, bytes, also after decompression: the exporters of all languages send batches of far less.
const MOST_BYTES: usize = 16 << 20;

pub(crate) fn routes(otlp: Otlp) -> axum::Router {
    let door = otlp.door.clone();
    let services = [
        ("trace.v1.TraceService", Signal::Traces),
        ("logs.v1.LogsService", Signal::Logs),
        ("metrics.v1.MetricsService", Signal::Metrics),
    ];
    let mut router = axum::Router::new();
    for (service, signal) in services {
        let path = format!("/opentelemetry.proto.collector.{service}");
        let export = move |State(otlp): State<Otlp>, request: axum::extract::Request| async move {
            export(otlp, signal, request).await
        };
        router = router
            .route(&format!("{path}/Export"), any(export))
            .route(&format!("{path}/{{method}}"), any(unknown));
    }
    router.route_layer(from_fn_with_state(door, admit)).with_state(otlp)
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

async fn export(
    otlp: Otlp,
    signal: Signal,
    request: axum::extract::Request,
) -> axum::response::Response {
    let most = otlp.limits.decompressed_bytes.min(MOST_BYTES);
    let mut grpc = Grpc::new(AsIs)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(most);
    grpc.unary(Export { otlp, signal }, request).await.map(Body::new)
}

async fn unknown() -> axum::response::Response {
    Status::unimplemented("the service has no such method").into_http()
}

/// Takes one export; its answer is bytes too.
struct Export {
    otlp: Otlp,
    signal: Signal,
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (otlp, signal) = (self.otlp.clone(), self.signal);
        Box::pin(async move {
            take(&otlp, signal, request).await.map(Response::new).map_err(|trouble| trouble.grpc())
        })
    }
}

async fn take(otlp: &Otlp, signal: Signal, request: Request<Bytes>) -> Result<Vec<u8>, Trouble> {
    let (metadata, extensions, body) = request.into_parts();
    let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
    let identity = extensions.get::<Arc<Identity>>().ok_or(accounts::Error::NoCredentials)?;
    let org = otlp.door.enter_to_write(identity, text("organization")).await?;
    let stream = text("stream-name").unwrap_or(DEFAULT_STREAM);
    otlp.ingest.has_room()?;
    let _budget = otlp.budget.take_bytes(body.len())?;
    let (format, encoding) = (Format::Protobuf, Encoding::Identity);
    let accepted = otlp.take_body(signal, org, stream, format, encoding, body).await?;
    Ok(encode_response(signal, format, outcome(&accepted).as_ref()))
}

/// Messages are their bytes.
struct AsIs;

impl Codec for AsIs {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsIs {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
