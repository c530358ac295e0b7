use fault::{Class, Fault};

/// Why a request body cannot be routed by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeekError {
    /// The body is not JSON.
    #[error("the body is not valid JSON: line {line}, column {column}")]
    NotJson {
        /// Line of the first wrong byte, counted from 1.
        line: usize,
        /// Column of the first wrong byte.
        column: usize,
    },
    /// The body is JSON, but a field that decides the route has another type.
    #[error("`{field}` must be {expected}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it must be, in words.
        expected: &'static str,
    },
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotObject,
}

impl PeekError {
    /// Always the caller's: the body is wrong.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NotJson { .. } | Self::Field { .. } | Self::NotObject => {
                Fault::caller(Class::Invalid)
            }
        }
    }
}

/// One server-sent event is longer than the decoder's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is longer than {limit} bytes")]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
}

impl TooLong {
    /// The upstream's: it sent more than an event may hold.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::upstream(Class::TooLarge)
    }
}

/// The stream ended inside a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event stream ended inside a line")]
pub struct Truncated;

impl Truncated {
    /// The upstream's: it stopped in mid-event.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::upstream(Class::Unavailable)
    }
}
