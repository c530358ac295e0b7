use std::time::Duration;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use fault::{Class, Fault};

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
    #[error("Search stream not found: {0}")]
    StreamNotFound(String),
    /// A name that is no column of any stream of the query.
    #[error("Search field not found: {0}")]
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
    /// The SQL is valid and cannot be carried out.
    #[error("SQL execution error: {0}")]
    Execution(String),
    /// A parameter beside the SQL is bad.
    #[error("invalid parameter: {0}")]
    Parameter(String),
    /// The time limit passed before the first row.
    #[error("query timed out after {} s: narrow the time range or raise query.timeout_s", limit.as_secs_f64())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// The memory limit was reached.
    #[error("query needs more memory than query.memory_bytes allows: {0}")]
    Memory(String),
    /// Too many queries run at once.
    #[error("too many queries are running, try again")]
    Busy,
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
            | Self::Execution(_) => Fault::caller(Class::Invalid),
            Self::Timeout { .. } => Fault::caller(Class::Timeout),
            Self::Memory(_) | Self::Busy => {
                Fault::us(Class::Overloaded).after(Duration::from_secs(1))
            }
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
            Self::Execution(_) => 20_008,
            Self::Timeout { .. } => 20_010,
            Self::Parameter(_) | Self::Filter { .. } => 20_011,
            Self::Busy => 20_012,
            Self::Histogram(_) => 20_013,
            Self::Memory(_) => 503,
            Self::Lake(_) => 10_001,
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::SQL(error, _) => Self::Sql(error.to_string()),
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                SchemaError::FieldNotFound { field, .. } => Self::FieldNotFound(field.flat_name()),
                other => Self::Sql(other.to_string()),
            },
            DataFusionError::Plan(text) => match text.strip_prefix("Invalid function ") {
                Some(rest) => Self::Function(rest.replace(".\nDid", ". Did")),
                None => Self::Sql(text.clone()),
            },
            DataFusionError::ResourcesExhausted(text) => Self::Memory(text.clone()),
            other => Self::Execution(other.to_string()),
        }
    }
}
