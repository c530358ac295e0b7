use std::time::Duration;

use datafusion::error::DataFusionError;
use fault::{Class, Fault};

use crate::wording;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no SQL, or not one statement.
    #[error("SQL not valid: {0}")]
    Sql(String),
    /// The statement would change something, or reads what is not a stream.
    #[error("only SELECT over this organization's streams is allowed: {0}")]
    NotAllowed(String),
    /// No such stream in this organisation.
    #[error(
        "Search stream not found: {0}: nothing of this kind was sent to it; the kind is traces unless the request or the name, as in logs.{0}, says another"
    )]
    StreamNotFound(String),
    /// A name that is no column of what a part of the query reads from.
    #[error("Search field not found: {0}: what this SELECT reads from has no such column or alias")]
    FieldNotFound(String),
    /// A function that does not exist, or is of the dialect and not built.
    #[error("Function not defined: {0}")]
    Function(String),
    /// A histogram without a good interval.
    #[error("histogram: {0}")]
    Histogram(String),
    /// `match_all` where there is nothing to search.
    #[error("{0}")]
    NoFullText(String),
    /// A filter of a list that cannot be read.
    #[error("filter, at character {at}: {why}")]
    Filter {
        /// Where, in characters, the first is 1.
        at: usize,
        /// What is wrong there.
        why: String,
    },
    /// A value of one type stands where another is needed.
    #[error("incompatible type: {0}")]
    Type(String),
    /// The SQL is valid and cannot be carried out.
    #[error("SQL execution error: {0}")]
    Execution(String),
    /// The work broke down: a bug, which is in the server's log.
    #[error("the query broke down by a fault of the server, whose log says why")]
    Broken(String),
    /// A parameter beside the SQL is bad.
    #[error("invalid parameter: {0}")]
    Parameter(String),
    /// The time limit passed before the first row.
    #[error("query timed out after {} s: narrow the time range or raise {setting}", limit.as_secs_f64())]
    Timeout {
        /// The limit.
        limit: Duration,
        /// The setting that says so.
        setting: &'static str,
    },
    /// The memory limit was reached.
    #[error(
        "query needs more memory than all queries together may take (query.memory_bytes): group by fewer values, select fewer columns or narrow the time range"
    )]
    Memory,
    /// Too many queries run at once.
    #[error(
        "as many queries are running as may run at once (query.concurrent): try again in a moment"
    )]
    Busy,
    /// A data file could not be read; the reason names folders and is for the log.
    #[error("a data file cannot be read now; the server's log says why")]
    File(String),
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] lake::Error),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Sql(_)
            | Self::NotAllowed(_)
            | Self::StreamNotFound(_)
            | Self::FieldNotFound(_)
            | Self::Function(_)
            | Self::Histogram(_)
            | Self::NoFullText(_)
            | Self::Filter { .. }
            | Self::Parameter(_)
            | Self::Type(_)
            | Self::Execution(_) => Fault::caller(Class::Invalid),
            Self::Timeout { .. } => Fault::caller(Class::Timeout),
            Self::Memory | Self::Busy => Fault::us(Class::Overloaded).after(Duration::from_secs(1)),
            Self::File(_) | Self::Broken(_) => Fault::us(Class::Bug),
            Self::Lake(error) => error.fault(),
        }
    }

    /// OpenObserve's number for the error, which its clients switch on.
    /// Source: OpenObserve's search error codes.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::Sql(_) | Self::NotAllowed(_) => 20_001,
            Self::StreamNotFound(_) => 20_002,
            Self::NoFullText(_) => 20_003,
            Self::FieldNotFound(_) => 20_004,
            Self::Function(_) => 20_005,
            Self::File(_) => 20_006,
            Self::Type(_) => 20_007,
            Self::Execution(_) | Self::Broken(_) => 20_008,
            Self::Timeout { .. } => 20_010,
            Self::Parameter(_) | Self::Filter { .. } => 20_011,
            Self::Histogram(_) => 20_013,
            Self::Memory | Self::Busy => 503,
            Self::Lake(_) => 10_001,
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        wording::of(&error)
    }
}
