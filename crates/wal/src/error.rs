//! What can go wrong with the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use fault::{Class, Fault};

/// Why the log did not do what was asked. Cloned to every waiter of a failed group.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk has no room: the record is not in the log, and a later try may succeed.
    #[error("no space left on the log's disk")]
    Full,
    /// Records wait for the disk up to the queue's bound: this one was not taken.
    #[error("{queued_bytes} bytes already wait for the log's disk")]
    Busy {
        /// What waits, payloads and bookkeeping.
        queued_bytes: usize,
    },
    /// The log holds as much as it may until it is trimmed: this record was not taken.
    #[error("the log holds {log_bytes} bytes, as much as it may before it is trimmed")]
    Backlog {
        /// What the segments take on disk.
        log_bytes: u64,
    },
    /// The record can never fit.
    #[error("a record of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// The size of the payload.
        bytes: usize,
        /// The largest payload that is taken.
        limit: usize,
    },
    /// A record without bytes was appended.
    #[error("a record must have at least one byte")]
    Empty,
    /// The log was closed, or its writer has ended.
    #[error("the log is closed")]
    Closed,
    /// Another process, or another handle of this one, has the log open.
    #[error("the log in {dir} is in use by another process")]
    InUse {
        /// The log's folder.
        dir: String,
    },
    /// A segment was written by a later version of this program.
    #[error("segment {segment} has format version {found}, this program reads up to {known}")]
    Version {
        /// The segment's file name.
        segment: String,
        /// The version byte in the file.
        found: u8,
        /// The newest version that this program reads.
        known: u8,
    },
    /// The disk answered with an error; whether the record is stored is not known.
    #[error("cannot {doing} the log")]
    Io {
        /// What was tried, as a verb: "sync".
        doing: &'static str,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
}

/// How long an exporter should wait while the disk is full or the log may not grow.
const ROOM_MAY_RETURN: Duration = Duration::from_secs(5);
/// How long a caller should wait for the queue to drain.
const QUEUE_DRAINS: Duration = Duration::from_secs(1);

impl Error {
    /// The error of `doing` something that the disk refused; no space left is [`Error::Full`].
    pub(crate) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { doing, source: Arc::new(source) },
        }
    }

    /// Class, blame and retry of this error.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Full | Self::Backlog { .. } => {
                Fault::us(Class::Overloaded).after(ROOM_MAY_RETURN)
            }
            Self::Busy { .. } => Fault::us(Class::Overloaded).after(QUEUE_DRAINS),
            Self::TooLarge { .. } => Fault::caller(Class::TooLarge),
            Self::Empty => Fault::us(Class::Bug),
            Self::Closed => Fault::us(Class::Unavailable).after(ROOM_MAY_RETURN),
            Self::InUse { .. } | Self::Version { .. } => Fault::us(Class::Unavailable),
            Self::Io { .. } => Fault::us(Class::Unavailable).after(QUEUE_DRAINS),
        }
    }
}

#[cfg(test)]
mod tests {
    use fault::Retry;

    use super::*;

    #[test]
    fn no_space_is_overload_with_a_hint_and_not_an_io_error() {
        let full = Error::io("write", io::ErrorKind::StorageFull.into());
        assert!(matches!(full, Error::Full));
        assert_eq!(full.fault().class, Class::Overloaded);
        assert_eq!(full.fault().retry, Retry::After(Duration::from_secs(5)));
        assert!(matches!(Error::io("sync", io::ErrorKind::Other.into()), Error::Io { .. }));
    }
}
