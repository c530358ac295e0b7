use std::sync::atomic::{AtomicU64, Ordering};

use schema::Kind;

use crate::Error;

/// The books of each signal.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    spans: Books,
    records: Books,
    points: Books,
}

impl Shelf {
    /// The books of what streams of a kind are made of.
    pub(crate) const fn of(&self, kind: Kind) -> &Books {
        match kind {
            Kind::Traces => &self.spans,
            Kind::Logs => &self.records,
            Kind::Metrics => &self.points,
        }
    }
}

/// Counts of what came in and what became of it, since start. They balance: received = stored + duplicates +
/// rejected + failed.
#[derive(Debug, Default)]
pub(crate) struct Books {
    received: AtomicU64,
    stored: AtomicU64,
    duplicates: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
}

/// The books of one signal at one moment: its spans, log records or data points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// What arrived and could be read.
    pub received: u64,
    /// What was logged and stored.
    pub stored: u64,
    /// Spans that had been stored before; repeats of the other signals are not recognised.
    pub duplicates: u64,
    /// What was refused, with a reason in the answer.
    pub rejected: u64,
    /// What the log did not take. A program was told to send them again; a call of the gateway is lost.
    pub failed: u64,
}

impl Books {
    /// Enters what became of `received` things, of which `rejected` were refused and the others offered to the log:
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
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            received: self.received.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
