use fault::{Class, Fault};

/// Why a body cannot be taken apart into records.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no UTF-8.
    #[error("the body is not UTF-8 at byte {at}")]
    Utf8 {
        /// Where it is not.
        at: usize,
    },
    /// It is no JSON array or object.
    #[error("the body is no JSON array of records: {0}")]
    Json(#[from] serde_json::Error),
    /// A line of a bulk request should say what to do with the next, and does not.
    #[error(
        "line {line} of the bulk request is no action: send {{\"index\":{{\"_index\":\"stream\"}}}} or {{\"create\":…}} before each record"
    )]
    Action {
        /// The line, from 1.
        line: usize,
    },
    /// It has more records, or values in them, than may be taken at once.
    #[error("the body has more than {most} {what}: send smaller batches")]
    TooMany {
        /// How many may be.
        most: usize,
        /// Of what.
        what: &'static str,
    },
}

impl ReadError {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Utf8 { .. } | Self::Json(_) | Self::Action { .. } => {
                Fault::caller(Class::Invalid)
            }
            Self::TooMany { .. } => Fault::caller(Class::TooLarge),
        }
    }
}
