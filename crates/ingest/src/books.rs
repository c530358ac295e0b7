use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// Counts of what came in and what became of it, since start. They balance: received = stored + duplicates +
/// rejected + failed.
#[derive(Debug, Default)]
pub struct Books {
    received: AtomicU64,
    stored: AtomicU64,
    duplicates: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
}

/// The books at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Spans that arrived and could be read.
    pub received: u64,
    /// Spans that were logged and stored.
    pub stored: u64,
    /// Spans that had been stored before.
    pub duplicates: u64,
    /// Spans that were refused, each with a reason in the answer.
    pub rejected: u64,
    /// Spans that the log did not take. A program was told to send them again; a call of the gateway is lost.
    pub failed: u64,
}

impl Books {
    /// Enters what became of `received` spans, of which `rejected` were refused and the others offered to the log:
    /// stored, or known as duplicates; on an error, all of those failed.
    pub(crate) fn enter(&self, received: u64, rejected: u64, outcome: &Result<(u64, u64), Error>) {
        let counts = Counts { received, rejected, ..Counts::default() };
        self.add(match *outcome {
            Ok((stored, duplicates)) => Counts { stored, duplicates, ..counts },
            Err(_) => Counts { failed: received - rejected, ..counts },
        });
    }

    fn add(&self, counts: Counts) {
        self.received.fetch_add(counts.received, Ordering::Relaxed);
        self.stored.fetch_add(counts.stored, Ordering::Relaxed);
        self.duplicates.fetch_add(counts.duplicates, Ordering::Relaxed);
        self.rejected.fetch_add(counts.rejected, Ordering::Relaxed);
        self.failed.fetch_add(counts.failed, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            received: self.received.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
