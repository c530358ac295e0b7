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
    /// The body is no protobuf message of the kind that was asked for.
    #[error("the body is no valid OTLP protobuf: {0}")]
    Wire(#[from] WireError),
    /// The body is no export request of its signal in OTLP/JSON.
    #[error("the body is no valid OTLP/JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why bytes are no protobuf message of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field's number or length ends early, is too large, or is of a type that does not exist.
    #[error("a field is cut off or damaged at byte {at}")]
    Field {
        /// How many bytes of the body were understood.
        at: usize,
    },
    /// A field has another wire type than it should have.
    #[error("field {tag} has the wrong wire type at byte {at}")]
    WireType {
        /// The field's number in its message.
        tag: u32,
        /// How many bytes of the body were understood.
        at: usize,
    },
    /// A text is no UTF-8.
    #[error("a text is not UTF-8 at byte {at}")]
    Utf8 {
        /// Where the text begins.
        at: usize,
    },
    /// Values are nested deeper than any decoder of protobuf follows.
    #[error("values are nested too deep")]
    Nesting,
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
            | Self::Wire(_)
            | Self::Json(_) => Fault::caller(Class::Invalid),
            Self::TooLarge { .. } | Self::TooMany { .. } => Fault::caller(Class::TooLarge),
        }
    }
}
