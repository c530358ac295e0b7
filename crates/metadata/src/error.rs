use std::path::PathBuf;
use std::time::Duration;

use fault::{Class, Fault};

/// Why a row could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database file cannot be made or its access rights cannot be set.
    #[error("metadata file {path:?} cannot be prepared")]
    File {
        /// The database file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file was written by a later version of this program.
    #[error(
        "metadata has schema version {version}, which this program does not know; start a newer one"
    )]
    Newer {
        /// The schema version that was found.
        version: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("metadata cannot be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A row with that key is there already, or the row that it refers to is not.
    #[error("{what} clashes with what is stored")]
    Conflict {
        /// What was to be stored.
        what: &'static str,
    },
    /// A stored value is none that this program writes.
    #[error("metadata holds {column} = {value:?}, which means nothing")]
    Damaged {
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// The database refused.
    #[error("metadata is not available")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Conflict { .. } => Fault::caller(Class::Conflict),
            Self::Database(_) => Fault::us(Class::Unavailable).after(Duration::from_secs(1)),
            Self::File { .. } | Self::Newer { .. } | Self::Migration(_) | Self::Damaged { .. } => {
                Fault::us(Class::Bug)
            }
        }
    }

    /// The error of storing `what`: a broken constraint is a conflict.
    pub(crate) fn storing(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| match &error {
            sqlx::Error::Database(inner)
                if inner.is_unique_violation() || inner.is_foreign_key_violation() =>
            {
                Self::Conflict { what }
            }
            _ => Self::Database(error),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
