use std::sync::Arc;
use std::time::Duration;

use clock::{SharedClock, SystemClock};

/// How one simulated replica behaves.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// The Hub ids that it serves; the first one also answers for `dummy`.
    pub models: Vec<String>,
    /// How long it answers 503 after the start.
    pub start_up: Duration,
    /// How many calls are worked on at once; at least 1.
    pub max_concurrency: usize,
    /// How many calls may wait for their turn before more are refused.
    pub max_waiting: usize,
    /// How fast tokens come.
    pub pace: Pace,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Which share of the calls fails by itself.
    pub failures: FailureRates,
    /// Spells of slowness; none for an even engine.
    pub slow_spells: Option<SlowSpells>,
    /// The length of embedding vectors, where the caller does not say.
    pub embedding_dimensions: usize,
    /// Tells the time for the answers' `created`.
    pub clock: SharedClock,
}

/// How fast tokens come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// From a call's turn to its first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub per_token: Duration,
    /// How much each wait varies, as a share of it: 0.2 means from 0.8 to 1.2 times.
    pub jitter: f64,
}

/// Which share of the calls fails by itself, each from 0 to 1; drawn anew for each call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailureRates {
    /// 500.
    pub server_error: f64,
    /// 429 with `Retry-After`.
    pub rate_limit: f64,
    /// The connection breaks in mid-answer.
    pub cut: f64,
}

/// At the end of each period, calls that begin are slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowSpells {
    /// The length of a period.
    pub every: Duration,
    /// The length of the slow part at its end.
    pub lasting: Duration,
    /// How many times slower.
    pub factor: f64,
}

impl SimulatorConfig {
    /// A replica of `models` with the pace of a small model on a good GPU, ready at once, without failures.
    #[must_use]
    pub fn new(models: Vec<String>) -> Self {
        Self {
            models,
            start_up: Duration::ZERO,
            max_concurrency: 16,
            max_waiting: 1024,
            pace: Pace::default(),
            seed: 0,
            failures: FailureRates::default(),
            slow_spells: None,
            embedding_dimensions: 384,
            clock: Arc::new(SystemClock),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        let (first_token, per_token) = (Duration::from_millis(120), Duration::from_millis(12));
        Self { first_token, per_token, jitter: 0.25 }
    }
}

impl Pace {
    /// No waiting at all.
    pub const INSTANT: Self =
        Self { first_token: Duration::ZERO, per_token: Duration::ZERO, jitter: 0.0 };
}

impl SlowSpells {
    /// How many times slower a call is that begins this long after the start.
    pub(crate) fn factor_at(&self, since_start: Duration) -> f64 {
        let period = self.every.as_secs_f64();
        let slow_from = period - self.lasting.as_secs_f64();
        let slow = period > 0.0 && since_start.as_secs_f64() % period >= slow_from;
        if slow { self.factor } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_slowly() {
        let spells = SlowSpells {
            every: Duration::from_secs(60),
            lasting: Duration::from_secs(15),
            factor: 4.0,
        };
        let factors = [0, 44, 45, 59, 60, 110].map(|at| spells.factor_at(Duration::from_secs(at)));
        assert_eq!(factors, [1.0, 1.0, 4.0, 4.0, 1.0, 4.0]);
    }
}
