use std::time::Duration;

use fault::{Class, Fault};

/// Why a price was not taken, or calls were not priced again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name under which it was to be stored is none.
    #[error("a price's key is 1 to 100 of letters, digits, '.', '_' and '-'")]
    BadKey,
    /// The text is no row of a price book.
    #[error("the body is no price: {0}")]
    BadRow(#[source] serde_json::Error),
    /// The row names another key than its address.
    #[error("the row's key is {inside:?}, its address says {outside:?}")]
    OtherKey {
        /// The key in the row.
        inside: String,
        /// The key in the address.
        outside: String,
    },
    /// The organisation has as many as it may have.
    #[error(
        "an organization has at most {limit} prices of its own (prices.most_overrides); remove one first"
    )]
    TooMany {
        /// How many.
        limit: usize,
    },
    /// Two rows have one key.
    #[error(transparent)]
    Layer(#[from] prices::LayerError),
    /// A re-pricing is under way, and nothing may change what it does.
    #[error("the re-pricing {id} is under way; wait until it has ended, or cancel it")]
    UnderWay {
        /// Its name.
        id: String,
    },
    /// The book is not the one that was asked for.
    #[error("the price book is {now} and not {asked}: look at a preview with it first")]
    OtherBook {
        /// The version that was asked for.
        asked: String,
        /// The version of now.
        now: String,
    },
    /// The range has no moment.
    #[error(
        "from_us = {from_us} has to be before to_us = {to_us}, both microseconds since 1970-01-01 UTC"
    )]
    BadRange {
        /// Its first moment.
        from_us: i64,
        /// The first one after it.
        to_us: i64,
    },
    /// There is no such stream of traces.
    #[error("there is no stream of traces {stream:?}")]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// There is no such re-pricing.
    #[error("there is no such re-pricing")]
    NoJob,
    /// A job that has ended cannot be cancelled.
    #[error("it has ended already: {state}")]
    HasEnded {
        /// How.
        state: &'static str,
    },
    /// An undo was to be undone.
    #[error("it is an undo itself; to have its prices again, start a re-pricing")]
    UndoOfUndo,
    /// It was undone before.
    #[error("it was undone before, by {by}")]
    UndoneBefore {
        /// The job that did.
        by: String,
    },
    /// It has changed no call.
    #[error("it has changed nothing: there is nothing to undo")]
    NothingToUndo,
    /// What calls cost before is not kept any more.
    #[error(
        "what the calls cost before is no longer kept (prices.undo_days); start a re-pricing instead"
    )]
    Forgotten,
    /// A later re-pricing was about some of the same calls.
    #[error("the later re-pricing {id} is about some of the same calls; undo that one first")]
    LaterOverlaps {
        /// Its name.
        id: String,
    },
    /// There are more calls than can be looked at.
    #[error("the calls could not be looked at within {} s (prices.preview_timeout_s); ask for a shorter range", limit.as_secs_f64())]
    PreviewTimeout {
        /// How long it may take.
        limit: Duration,
    },
    /// Stored calls could not be read or written.
    #[error("stored calls cannot be read or rewritten now; the server's log says why")]
    Lake(#[from] lake::Error),
    /// An entry could not be turned into text.
    #[error("what is kept of a re-pricing cannot be written")]
    Unwritable(#[source] serde_json::Error),
    /// The server is about to stop.
    #[error("the server is shutting down, send again later")]
    Stopping,
    /// The store refused.
    #[error("prices cannot be stored now")]
    Store(#[from] metadata::Error),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::BadKey | Self::BadRow(_) | Self::OtherKey { .. } | Self::BadRange { .. } => {
                Fault::caller(Class::Invalid)
            }
            Self::NoStream { .. } | Self::NoJob => Fault::caller(Class::NotFound),
            Self::TooMany { .. }
            | Self::UnderWay { .. }
            | Self::OtherBook { .. }
            | Self::HasEnded { .. }
            | Self::UndoOfUndo
            | Self::UndoneBefore { .. }
            | Self::NothingToUndo
            | Self::Forgotten
            | Self::LaterOverlaps { .. } => Fault::caller(Class::Conflict),
            Self::PreviewTimeout { .. } => Fault::caller(Class::Timeout),
            Self::Lake(error) => error.fault(),
            Self::Layer(_) | Self::Unwritable(_) => Fault::us(Class::Bug),
            Self::Stopping => Fault::us(Class::Unavailable).after(Duration::from_secs(2)),
            Self::Store(error) => error.fault(),
        }
    }
}
