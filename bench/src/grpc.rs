//! An OTLP export over gRPC whose body is ready made, so that the sender costs as little as over HTTP.

use std::net::SocketAddr;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A connection for exports.
pub(crate) struct Exporter {
    grpc: Grpc<Channel>,
    authorization: AsciiMetadataValue,
}

impl Exporter {
    pub(crate) async fn connect(address: SocketAddr, authorization: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        let grpc = Grpc::new(endpoint.connect().await?);
        Ok(Self { grpc, authorization: authorization.parse()? })
    }

    /// Sends one export; the answer as it is on the wire, empty when all was taken.
    pub(crate) async fn export(&mut self, body: Bytes) -> Result<Bytes, Status> {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = Request::new(body);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        let answer = self.grpc.unary(request, PathAndQuery::from_static(EXPORT), AsIs).await?;
        Ok(answer.into_inner())
    }
}

/// Messages are their bytes.
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
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
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
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
