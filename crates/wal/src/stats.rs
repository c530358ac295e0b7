//! What the log has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::log::Log;
use crate::record::Position;

/// Counts since the log was opened, and its size now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Records that were synced.
    pub records: u64,
    /// Their payload, in bytes.
    pub bytes: u64,
    /// Groups that were synced: `records / groups` is what one sync served.
    pub groups: u64,
    /// Time spent writing and syncing groups.
    pub busy: Duration,
    /// Records refused because the queue or the log was at its bound.
    pub refused: u64,
    /// Groups that found the disk full.
    pub full: u64,
    /// Groups that failed for another reason.
    pub failed: u64,
    /// Segments removed by trimming.
    pub trimmed_segments: u64,
    /// Trims that the disk refused; the next trim tries again.
    pub failed_trims: u64,
    /// Segments on disk.
    pub segments: u64,
    /// Bytes on disk.
    pub log_bytes: u64,
    /// Bytes that wait for the disk, payloads and bookkeeping.
    pub queued_bytes: usize,
    /// The position that the next record gets.
    pub next: Position,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) records: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) busy_nanos: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) trimmed_segments: AtomicU64,
    pub(crate) failed_trims: AtomicU64,
    segments: AtomicU64,
    log_bytes: AtomicU64,
    next: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}

impl Counters {
    /// Notes the size that the log has now.
    pub(crate) fn note(&self, log: &Log) {
        self.segments.store(log.segments(), Relaxed);
        self.log_bytes.store(log.bytes(), Relaxed);
        self.next.store(log.next_position().0, Relaxed);
    }

    pub(crate) fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Relaxed)
    }

    pub(crate) fn snapshot(&self, queued_bytes: usize) -> Stats {
        Stats {
            records: self.records.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            groups: self.groups.load(Relaxed),
            busy: Duration::from_nanos(self.busy_nanos.load(Relaxed)),
            refused: self.refused.load(Relaxed),
            full: self.full.load(Relaxed),
            failed: self.failed.load(Relaxed),
            trimmed_segments: self.trimmed_segments.load(Relaxed),
            failed_trims: self.failed_trims.load(Relaxed),
            segments: self.segments.load(Relaxed),
            log_bytes: self.log_bytes(),
            queued_bytes,
            next: Position(self.next.load(Relaxed)),
        }
    }
}
