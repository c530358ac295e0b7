use std::time::Duration;

use fault::{Class, Fault};

/// Why a price was not taken.
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
            Self::BadKey | Self::BadRow(_) | Self::OtherKey { .. } => Fault::caller(Class::Invalid),
            Self::TooMany { .. } => Fault::caller(Class::Conflict),
            Self::Layer(_) => Fault::us(Class::Bug),
            Self::Stopping => Fault::us(Class::Unavailable).after(Duration::from_secs(2)),
            Self::Store(error) => error.fault(),
        }
    }
}
