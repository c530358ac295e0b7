use fault::{Class, Fault};

/// Why a body is no export request.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The `Content-Type` is none that OTLP knows.
    #[error(
        "content type {given:?} is not supported: send application/x-protobuf or application/json"
    )]
    ContentType {
        /// The header as it came, cut to a printable length.
        given: String,
    },
    /// The `Content-Encoding` is none that we know.
    #[error("content encoding {given:?} is not supported: send identity, gzip, zstd or deflate")]
    ContentEncoding {
        /// The header as it came, cut to a printable length.
        given: String,
    },
    /// The body, once decompressed, is larger than allowed.
    #[error("the body is larger than {max_bytes} bytes{}: send smaller batches", if *.compressed { " after decompression" } else { "" })]
    TooLarge {
        /// The bound, in bytes.
        max_bytes: usize,
        /// Whether the body came compressed.
        compressed: bool,
    },
    /// The body would take more memory than allowed once it is decoded.
    #[error(
        "the body holds too many records or attributes: decoded it would take more than {max_bytes} bytes; send smaller batches"
    )]
    TooMany {
        /// The bound, in bytes.
        max_bytes: usize,
    },
    /// The compressed body is damaged or of another encoding than its header says.
    #[error("the body is no valid {encoding} data: {source}")]
    Compression {
        /// The encoding that the header named.
        encoding: &'static str,
        /// What the decompressor said.
        #[source]
        source: std::io::Error,
    },
    /// The body is no export request of its signal in protobuf.
    #[error("the body is no valid OTLP protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// The body is no export request of its signal in OTLP/JSON.
    #[error("the body is no valid OTLP/JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl DecodeError {
    /// Class, blame and retry of the error: always the caller's doing, never worth the same bytes again.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::ContentType { .. }
            | Self::ContentEncoding { .. }
            | Self::Compression { .. }
            | Self::Protobuf(_)
            | Self::Json(_) => Fault::caller(Class::Invalid),
            Self::TooLarge { .. } | Self::TooMany { .. } => Fault::caller(Class::TooLarge),
        }
    }
}
