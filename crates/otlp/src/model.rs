use std::sync::Arc;

use text::Text;

/// What one export request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a body after decompression.
    pub decompressed_bytes: usize,
    /// Most bytes of memory that the decoded request may take, counted by its elements.
    pub decoded_bytes: usize,
    /// Most attributes of one span, log record or data point; one with more is rejected.
    pub attributes_per_span: usize,
    /// Deepest nesting of an attribute's arrays and maps; what has a deeper one is rejected. The
    /// decoders refuse the whole body at about 30 levels of maps, so a larger number has no effect.
    pub nesting: usize,
    /// Most buckets, or quantiles, of one data point; a point with more is rejected.
    pub buckets_per_point: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            decompressed_bytes: 64 << 20,
            decoded_bytes: 512 << 20,
            attributes_per_span: 16_384,
            nesting: 24,
            buckets_per_point: 1_024,
        }
    }
}

impl Limits {
    /// Whether the attributes of a thing are neither too many nor too deep.
    pub(crate) fn check_attributes(
        &self,
        what: &str,
        attributes: &[(Text, AnyValue)],
    ) -> Result<(), Rejected> {
        let (has, most) = (attributes.len(), self.attributes_per_span);
        if has > most {
            let reason = format!("{what} has {has} attributes, at most {most} are allowed");
            return Err(Rejected { reason });
        }
        self.check_nesting(attributes)
    }

    pub(crate) fn check_nesting(&self, attributes: &[(Text, AnyValue)]) -> Result<(), Rejected> {
        let Some((key, _)) = attributes.iter().find(|(_, value)| !value.fits(self.nesting)) else {
            return Ok(());
        };
        let key: String = key.chars().take(80).collect();
        let reason = format!("attribute {key:?} is nested deeper than {} levels", self.nesting);
        Err(Rejected { reason })
    }

    pub(crate) fn check_buckets(&self, has: usize) -> Result<(), Rejected> {
        let most = self.buckets_per_point;
        if has > most {
            let reason = format!("a data point has {has} buckets, at most {most} are allowed");
            return Err(Rejected { reason });
        }
        Ok(())
    }
}

/// The spans of one export request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    /// The spans that can be stored.
    pub spans: Vec<Span>,
    /// The spans that cannot, each with its reason.
    pub rejected: Vec<Rejected>,
}

/// A span, log record or data point that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Why, as one clause for the sender.
    pub reason: String,
}

/// One span, its ids checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Id of the trace, not all zero.
    pub trace_id: [u8; 16],
    /// Id of the span, not all zero.
    pub span_id: [u8; 8],
    /// Id of the parent; `None` on a root.
    pub parent_span_id: Option<[u8; 8]>,
    /// W3C tracestate, empty if there is none.
    pub trace_state: String,
    /// OTLP span flags.
    pub flags: u32,
    /// Name of the span.
    pub name: Text,
    /// OTLP span kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Start, nanoseconds since 1970-01-01 UTC.
    pub start_ns: u64,
    /// End, nanoseconds since 1970-01-01 UTC; 0 if the span did not end.
    pub end_ns: u64,
    /// Attributes in the order they were sent; a name can occur twice.
    pub attributes: Vec<(Text, AnyValue)>,
    /// Events in the order they were sent.
    pub events: Vec<Event>,
    /// Links in the order they were sent.
    pub links: Vec<Link>,
    /// Status, if one was sent.
    pub status: Option<Status>,
    /// What the span is about: process, host, service.
    pub resource: Arc<Resource>,
    /// What made the span.
    pub scope: Arc<Scope>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// When, nanoseconds since 1970-01-01 UTC.
    pub time_ns: u64,
    /// Name of the event.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(Text, AnyValue)>,
    /// How many attributes the sender dropped.
    pub dropped_attributes: u32,
}

/// A pointer to another span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Id of the other trace, as many bytes as were sent.
    pub trace_id: Vec<u8>,
    /// Id of the other span, as many bytes as were sent.
    pub span_id: Vec<u8>,
    /// W3C tracestate of the other span.
    pub trace_state: String,
    /// OTLP flags of the other span.
    pub flags: u32,
    /// The link's attributes.
    pub attributes: Vec<(Text, AnyValue)>,
    /// How many attributes the sender dropped.
    pub dropped_attributes: u32,
}

/// How a span ended, as its sender says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// 0 unset, 1 ok, 2 error.
    pub code: i32,
    /// The sender's words, empty if there are none.
    pub message: String,
}

/// What a group of spans is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Its attributes, such as `service.name`.
    pub attributes: Vec<(Text, AnyValue)>,
}

/// The instrumentation that made a group of spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Name of the instrumentation, empty if there is none.
    pub name: String,
    /// Its version, empty if there is none.
    pub version: String,
    /// Its attributes.
    pub attributes: Vec<(Text, AnyValue)>,
}

/// An attribute's value. An attribute without a value is dropped; inside arrays and maps it is `Null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AnyValue {
    /// No value: only inside arrays and maps.
    #[default]
    Null,
    /// UTF-8 text: a slice of the body that it came in, where that was protobuf.
    Text(Text),
    /// True or false.
    Bool(bool),
    /// A 64-bit signed integer.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// Opaque bytes.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<AnyValue>),
    /// A list of named values; a name can occur twice.
    Map(Vec<(Text, AnyValue)>),
}

impl AnyValue {
    /// Whether arrays and maps are nested at most `levels` deep; a plain value has no level.
    pub(crate) fn fits(&self, levels: usize) -> bool {
        match self {
            Self::Null
            | Self::Text(_)
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::Bytes(_) => true,
            Self::Array(values) => levels > 0 && values.iter().all(|value| value.fits(levels - 1)),
            Self::Map(entries) => {
                levels > 0 && entries.iter().all(|(_, value)| value.fits(levels - 1))
            }
        }
    }
}

impl Span {
    /// The span itself, or why it cannot be stored.
    pub(crate) fn checked(self, limits: &Limits) -> Result<Self, Rejected> {
        limits.check_attributes("a span", &self.attributes)?;
        let events = self.events.iter().map(|event| &event.attributes);
        let links = self.links.iter().map(|link| &link.attributes);
        events.chain(links).try_for_each(|attributes| limits.check_nesting(attributes))?;
        Ok(self)
    }
}

/// Checks an id's length and that it is not all zero.
pub(crate) fn id<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], Rejected> {
    let id: [u8; N] = bytes.try_into().map_err(|_| Rejected {
        reason: format!(
            "{name} has to be {N} bytes ({} hex digits), this one has {}",
            N * 2,
            bytes.len()
        ),
    })?;
    if id == [0; N] {
        return Err(Rejected { reason: format!("{name} is all zero") });
    }
    Ok(id)
}

/// A parent's id; anything that is no id means that there is no parent.
pub(crate) fn parent(bytes: &[u8]) -> Option<[u8; 8]> {
    let id: [u8; 8] = bytes.try_into().ok()?;
    (id != [0; 8]).then_some(id)
}
