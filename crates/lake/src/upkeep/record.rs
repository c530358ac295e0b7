//! What upkeep remembers of one table, in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::UnixNanos;
use tokio::time::Instant;

use crate::error::Error;

/// What upkeep remembers of one table.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Remembered>);

#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Files that could not be merged: they are not tried again in this process.
    pub(crate) left_alone: HashSet<String>,
    /// Files whose footer was read and is well.
    pub(crate) checked: HashSet<String>,
    /// Files on the disk that the table does not refer to: since when, and their bytes.
    pub(crate) unreferenced: HashMap<String, (Instant, u64)>,
    /// When the folder was last looked through.
    pub(crate) looked: Option<Instant>,
    /// The version of the newest checkpoint.
    pub(crate) checkpoint: Option<u64>,
    /// When the log was last cleaned.
    pub(crate) cleaned: Option<Instant>,
    pub(crate) last_merge: Option<UnixNanos>,
    pub(crate) last_error: Option<(UnixNanos, String)>,
}

impl Record {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step failed. There may be files now that nobody refers to.
    pub(crate) fn failed(&self, now: UnixNanos, error: &Error) {
        let mut record = self.lock();
        record.last_error = Some((now, error.to_string()));
        record.looked = None;
    }

    /// The table no longer refers to some files.
    pub(crate) fn let_go(&self) {
        self.lock().looked = None;
    }

    /// Bytes that vacuum will give back.
    pub(crate) fn unreferenced_bytes(&self) -> u64 {
        self.lock().unreferenced.values().map(|(_, bytes)| bytes).sum()
    }
}
