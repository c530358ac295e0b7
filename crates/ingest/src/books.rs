use std::sync::atomic::{AtomicU64, Ordering};

use schema::Kind;

use crate::Error;

/// The books of each signal.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    spans: Books,
    records: Books,
    points: Books,
}

impl Ledger {
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
/// rejected + failed, and rejected is the sum over its reasons.
#[derive(Debug, Default)]
pub(crate) struct Books {
    received: AtomicU64,
    stored: AtomicU64,
    duplicates: AtomicU64,
    failed: AtomicU64,
    rejected: [AtomicU64; Reason::ALL.len()],
    changed: [AtomicU64; Change::ALL.len()],
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
    /// The refused spans by reason, in the order of [`Reason::ALL`].
    pub rejected_by: [u64; Reason::ALL.len()],
    /// What was changed in spans before they were stored, in the order of [`Change::ALL`].
    pub changed: [u64; Change::ALL.len()],
}

/// Why a span was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its ids are none, or it has more attributes or deeper ones than is allowed.
    Malformed,
    /// It began too long ago.
    TooOld,
    /// It begins too far ahead of now.
    TooFarAhead,
    /// It would need one more stream than there may be.
    TooManyStreams,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 4] =
        [Self::Malformed, Self::TooOld, Self::TooFarAhead, Self::TooManyStreams];

    /// The word for it on `/metrics`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::TooManyStreams => "too_many_streams",
        }
    }
}

/// What was changed in spans before they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Columns that were longer than they may be, and cut.
    TruncatedColumns,
    /// Places where a rule of redaction found something.
    RedactedMatches,
    /// Values of authorization headers.
    Authorizations,
    /// Spans whose contents were dropped as the stream keeps none.
    WithoutContents,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 4] = [
        Self::TruncatedColumns,
        Self::RedactedMatches,
        Self::Authorizations,
        Self::WithoutContents,
    ];

    /// The word for it on `/metrics`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TruncatedColumns => "column_truncated",
            Self::RedactedMatches => "match_redacted",
            Self::Authorizations => "authorization_dropped",
            Self::WithoutContents => "contents_dropped",
        }
    }
}

/// How many spans of a batch were refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused([u64; Reason::ALL.len()]);

impl Refused {
    pub(crate) const fn add(&mut self, reason: Reason, count: u64) {
        self.0[reason as usize] += count;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Books {
    /// Enters what became of `received` spans, of which some were refused and the others offered to the log: stored,
    /// or known as duplicates; on an error, all of those failed.
    pub(crate) fn enter(
        &self,
        received: u64,
        refused: Refused,
        outcome: &Result<(u64, u64), Error>,
    ) {
        let (stored, duplicates, failed) = match *outcome {
            Ok((stored, duplicates)) => (stored, duplicates, 0),
            Err(_) => (0, 0, received - refused.total()),
        };
        self.received.fetch_add(received, Ordering::Relaxed);
        self.stored.fetch_add(stored, Ordering::Relaxed);
        self.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        self.failed.fetch_add(failed, Ordering::Relaxed);
        for (rejected, refused) in self.rejected.iter().zip(refused.0) {
            rejected.fetch_add(refused, Ordering::Relaxed);
        }
    }

    /// Notes how often something was changed.
    pub(crate) fn note(&self, change: Change, times: u64) {
        if times > 0 {
            self.changed[change as usize].fetch_add(times, Ordering::Relaxed);
        }
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        let all = |counts: &[AtomicU64]| -> Vec<u64> {
            counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
        };
        let rejected_by: [u64; Reason::ALL.len()] =
            all(&self.rejected).try_into().unwrap_or_default();
        Counts {
            received: self.received.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            duplicates: self.duplicates.load(Ordering::Relaxed),
            rejected: rejected_by.iter().sum(),
            failed: self.failed.load(Ordering::Relaxed),
            rejected_by,
            changed: all(&self.changed).try_into().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reasons_and_changes_stand_at_their_own_places() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
        for (at, change) in Change::ALL.into_iter().enumerate() {
            assert_eq!(change as usize, at);
        }
        let books = Books::default();
        books.note(Change::RedactedMatches, 2);
        assert_eq!(books.counts().changed, [0, 2, 0, 0]);
    }

    proptest! {
        #[test]
        fn the_books_balance(
            batches in prop::collection::vec((any::<[u8; Reason::ALL.len()]>(), 0..9_u64, 0..9_u64, any::<bool>()), 0..20),
        ) {
            let books = Books::default();
            let mut expected = [0; Reason::ALL.len()];
            for (bad, stored, duplicates, fails) in batches {
                let mut refused = Refused::default();
                for (reason, count) in Reason::ALL.into_iter().zip(bad) {
                    refused.add(reason, u64::from(count));
                    expected[reason as usize] += u64::from(count);
                }
                let outcome = if fails { Err(Error::Stopping) } else { Ok((stored, duplicates)) };
                books.enter(refused.total() + stored + duplicates, refused, &outcome);
            }
            let counts = books.counts();
            prop_assert_eq!(counts.received, counts.stored + counts.duplicates + counts.rejected + counts.failed);
            prop_assert_eq!(counts.rejected_by, expected);
        }
    }
}
