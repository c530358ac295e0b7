//! Wall-clock time as a handle, so that only the binary and tests decide what time it is.
//!
//! [`SystemClock`] is the real one, [`ManualClock`] is moved by hand in tests. Durations are not
//! taken from here: they come from `std::time::Instant`, which never runs backwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time: nanoseconds since 1970-01-01 UTC. Covers the years 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// The point `micros` microseconds after 1970-01-01 UTC, saturating at the range's ends.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// Whole microseconds since 1970-01-01 UTC, rounded down.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
}

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixNanos;
}

/// A clock that can be handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixNanos {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: UnixNanos) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets the clock, forwards or backwards.
    pub fn set(&self, now: UnixNanos) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixNanos {
        UnixNanos(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_round_down_before_1970_too() {
        assert_eq!(UnixNanos(1_999).micros(), 1);
        assert_eq!(UnixNanos(-1).micros(), -1);
        assert_eq!(UnixNanos::from_micros(i64::MAX).0, i64::MAX);
    }

    #[test]
    fn a_manual_clock_shows_what_it_was_set_to() {
        let clock = ManualClock::at(UnixNanos(5));
        clock.set(UnixNanos(3));
        assert_eq!(clock.now(), UnixNanos(3));
    }
}
