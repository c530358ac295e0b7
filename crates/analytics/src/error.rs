use fault::{Class, Fault};

use crate::HistoryError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The range ends before it begins.
    #[error("the range ends at {to_us} µs, which is not after its begin at {from_us} µs")]
    EmptyRange {
        /// Begin of the range, µs since 1970-01-01 UTC.
        from_us: i64,
        /// End of the range, µs since 1970-01-01 UTC.
        to_us: i64,
    },
    /// A bucket is not a whole number of windows.
    #[error("a step of {step_s} s is not a multiple of 10 s")]
    Step {
        /// The step that was asked for, seconds.
        step_s: u32,
    },
    /// The answer would be too long.
    #[error("{buckets} buckets are more than {most}: take a longer step or a shorter range")]
    TooManyBuckets {
        /// How many buckets the question has.
        buckets: i64,
        /// How many it may have.
        most: i64,
    },
    /// The stored rollups could not be read.
    #[error("the stored rollups cannot be read")]
    History(#[from] HistoryError),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::EmptyRange { .. } | Self::Step { .. } | Self::TooManyBuckets { .. } => {
                Fault::caller(Class::Invalid)
            }
            Self::History(error) => error.fault(),
        }
    }
}
