use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fault::{Class, Fault};

/// Why a part could not be stored, read or swept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk has no room.
    #[error("the disk is full, a binary part could not be stored")]
    Full,
    /// The disk refused. Which path is for this server's log, and not for whoever asked.
    #[error("the store of binary parts could not be used: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// Class, blame and retry.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Full => Fault::us(Class::Overloaded).after(Duration::from_secs(5)),
            Self::Io { .. } => Fault::us(Class::Unavailable).after(Duration::from_secs(1)),
        }
    }
}
