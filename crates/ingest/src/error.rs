use std::time::Duration;

use fault::{Class, Fault};

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rows come faster than they can be written to the tables.
    #[error("too many rows wait to be written to storage, send again later")]
    NoRoom,
    /// The data folder has reached its ceiling.
    #[error("the data folder has reached storage.max_bytes, send again later")]
    Full,
    /// The same spans were sent before and are being stored at this moment.
    #[error("these spans are being stored from an earlier request, send again later")]
    InFlight,
    /// The organisation has as many streams as it may have.
    #[error(
        "stream {stream:?} would be one more than storage.most_streams allows: check the stream-name header"
    )]
    TooManyStreams {
        /// The stream that was not made.
        stream: String,
    },
    /// The body cannot be read as what it should be.
    #[error(transparent)]
    Body(#[from] otlp::DecodeError),
    /// The body cannot be taken apart into JSON records.
    #[error(transparent)]
    Records(#[from] jsonlogs::ReadError),
    /// The batch's rows would not fit into memory, whatever else is there: attributes of a resource count for each of
    /// its spans.
    #[error(
        "the rows of this batch would take {bytes} bytes, more than storage.most_hot_bytes allows: send smaller batches"
    )]
    TooHeavy {
        /// What the rows weigh.
        bytes: usize,
    },
    /// A binary part could not be stored, and no row is stored without what it names.
    #[error(transparent)]
    Part(#[from] blobs::Error),
    /// The log did not take the batch.
    #[error("the batch could not be logged: {0}")]
    Log(#[from] wal::Error),
    /// The server is about to stop.
    #[error("the server is shutting down, send again later")]
    Stopping,
}

impl Error {
    /// Class, blame and retry: what passes is worth sending again, and exporters are told so.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoRoom => Fault::us(Class::Overloaded).after(Duration::from_secs(2)),
            // Room is looked for every so often, and not at once.
            Self::Full => Fault::us(Class::Overloaded).after(Duration::from_secs(30)),
            Self::InFlight => Fault::us(Class::Overloaded).after(Duration::from_secs(1)),
            Self::Stopping => Fault::us(Class::Unavailable).after(Duration::from_secs(2)),
            Self::TooManyStreams { .. } => Fault::caller(Class::Invalid),
            Self::TooHeavy { .. } => Fault::caller(Class::TooLarge),
            Self::Body(error) => error.fault(),
            Self::Records(error) => error.fault(),
            Self::Part(error) => error.fault(),
            Self::Log(error) => error.fault(),
        }
    }
}
