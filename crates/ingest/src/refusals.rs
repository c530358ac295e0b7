//! What of a batch was refused, and why.

use otlp::Rejected;

use crate::books::{Reason, Refused};
use crate::ingest::Accepted;

/// How many different reasons an answer spells out.
const REASONS: usize = 3;

/// Counts refused spans, records or points, and keeps the first few reasons.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    refused: Refused,
    reasons: Vec<String>,
}

impl Refusals {
    pub(crate) fn of(rejected: &[Rejected]) -> Self {
        let mut refusals = Self::default();
        for Rejected { reason } in rejected {
            refusals.add(Reason::Malformed, 1, reason);
        }
        refusals
    }

    /// So many more were refused, and the words for it.
    pub(crate) fn add(&mut self, reason: Reason, count: u64, words: &str) {
        self.refused.add(reason, count);
        let is_new = !self.reasons.iter().any(|known| known == words);
        if count > 0 && is_new && self.reasons.len() < REASONS {
            self.reasons.push(words.to_owned());
        }
    }

    pub(crate) const fn refused(&self) -> Refused {
        self.refused
    }

    pub(crate) fn count(&self) -> u64 {
        self.refused.total()
    }

    /// The answer, when so many were stored.
    pub(crate) fn accepted(self, stored: u64, duplicates: u64) -> Accepted {
        let reason = self.reasons.join("; ");
        Accepted { stored, duplicates, rejected: self.refused.total(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_different_reasons_are_kept() {
        let reasons = ["a", "b", "a", "c", "d"].map(|reason| Rejected { reason: reason.into() });
        let mut refusals = Refusals::of(&reasons);
        refusals.add(Reason::TooOld, 0, "nobody");
        let accepted = refusals.accepted(7, 1);
        assert_eq!((accepted.rejected, &*accepted.reason), (5, "a; b; c"));
        assert_eq!((accepted.stored, accepted.duplicates), (7, 1));
    }
}
