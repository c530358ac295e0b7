use std::io;
use std::time::Duration;

use fault::{Class, Fault};

/// Why a table could not be read, written or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table's transaction log could not be read or written.
    #[error("table {table}: {source}")]
    Log {
        /// The table, as `org/kind/stream`.
        table: String,
        /// What the Delta library said.
        #[source]
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// The table's transaction log could not be read when the lake was opened, and has not been mended since.
    #[error("table {table} is damaged: {why}")]
    Damaged {
        /// The table, as `org/kind/stream`.
        table: String,
        /// What was found when it was opened.
        why: String,
    },
    /// A data file could not be written or read.
    #[error("data file of table {table}: {source}")]
    File {
        /// The table, as `org/kind/stream`.
        table: String,
        /// What the object store said.
        #[source]
        source: object_store::Error,
    },
    /// Rows could not be turned into columns or a file.
    #[error("columns of table {table}: {source}")]
    Columns {
        /// The table, as `org/kind/stream`.
        table: String,
        /// What the Arrow library said.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A data file could not be encoded.
    #[error("encoding table {table}: {source}")]
    Encode {
        /// The table, as `org/kind/stream`.
        table: String,
        /// What the Parquet library said.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A data file does not hold what it should.
    #[error("data file {path} of table {table}: {why}")]
    Unreadable {
        /// The table, as `org/kind/stream`.
        table: String,
        /// The file, below the table's folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The table's files changed while they were rewritten: what was written is thrown away.
    #[error("the files of table {table} changed while they were rewritten")]
    Overtaken {
        /// The table, as `org/kind/stream`.
        table: String,
    },
    /// Rows that were announced have not arrived in time.
    #[error("rows of table {table} are still on their way through the log")]
    StillComing {
        /// The table, as `org/kind/stream`.
        table: String,
    },
    /// As many erasures wait as may.
    #[error("{most} erasures are waiting, send this one again when some are done")]
    TooManyErasures {
        /// The bound.
        most: usize,
    },
    /// A scan failed.
    #[error("scan: {0}")]
    Scan(#[from] datafusion::error::DataFusionError),
    /// The folder of the tables could not be read or made.
    #[error("folder {path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blocking step was aborted by a panic or a shutdown.
    #[error("a background step of table {table} was aborted")]
    Aborted {
        /// The table, as `org/kind/stream`.
        table: String,
    },
}

impl Error {
    /// Class, blame and retry. What fails here is ours, and may pass: the rows stay in the log and in memory.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Log { .. }
            | Self::Damaged { .. }
            | Self::File { .. }
            | Self::Folder { .. }
            | Self::Unreadable { .. }
            | Self::Overtaken { .. }
            | Self::StillComing { .. }
            | Self::TooManyErasures { .. }
            | Self::Aborted { .. } => Fault::us(Class::Unavailable).after(Duration::from_secs(5)),
            Self::Columns { .. } | Self::Encode { .. } | Self::Scan(_) => Fault::us(Class::Bug),
        }
    }
}
