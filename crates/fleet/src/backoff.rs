//! How long to wait before the next try: longer each time, up to a bound.

use std::time::Duration;

/// The waits between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffSettings {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait. A process that lived longer than this starts over with the first wait.
    pub longest: Duration,
}

/// Doubles the wait with every failure in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    settings: BackoffSettings,
    failures: u32,
}

impl Backoff {
    pub(crate) const fn new(settings: BackoffSettings) -> Self {
        Self { settings, failures: 0 }
    }

    /// The wait after one more failure: half to all of the doubled wait, so that replicas spread out.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let full = self
            .settings
            .first
            .saturating_mul(1 << self.failures.min(20))
            .min(self.settings.longest);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Tells that a try lasted for `lived`.
    pub(crate) fn lived(&mut self, lived: Duration) {
        if lived > self.settings.longest {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BackoffSettings =
        BackoffSettings { first: Duration::from_secs(1), longest: Duration::from_secs(10) };

    #[test]
    fn waits_grow_to_the_bound_and_start_over_after_a_long_life() {
        let mut backoff = Backoff::new(SETTINGS);
        for full in [1, 2, 4, 8, 10, 10] {
            let full = Duration::from_secs(full);
            let wait = backoff.next_wait();
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
        }
        backoff.lived(SETTINGS.longest);
        assert!(backoff.next_wait() > SETTINGS.first);
        backoff.lived(SETTINGS.longest * 2);
        assert!(backoff.next_wait() <= SETTINGS.first);
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::new(SETTINGS);
        assert!((0..1_000).all(|_| backoff.next_wait() <= SETTINGS.longest));
    }
}
