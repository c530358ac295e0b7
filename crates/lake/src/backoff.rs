//! Leaving a table alone for a while after a flush of it failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The first pause; each further one is twice as long.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after failures that followed each other.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Mutex<Option<Pause>>);

#[derive(Clone, Copy, Debug)]
struct Pause {
    length: Duration,
    ends: Instant,
}

impl Backoff {
    fn pause(&self) -> MutexGuard<'_, Option<Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time for another try.
    pub(crate) fn is_over(&self) -> bool {
        self.pause().is_none_or(|pause| pause.ends <= Instant::now())
    }

    /// A try failed.
    pub(crate) fn failed(&self) {
        let mut pause = self.pause();
        let length = pause.map_or(SHORTEST, |pause| (pause.length * 2).min(LONGEST));
        *pause = Some(Pause { length, ends: Instant::now() + length });
    }

    /// A try succeeded.
    pub(crate) fn succeeded(&self) {
        *self.pause() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_minute_and_end_with_a_success() {
        let backoff = Backoff::default();
        assert!(backoff.is_over());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff.failed();
            tokio::time::advance(Duration::from_millis(seconds * 1_000 - 1)).await;
            assert!(!backoff.is_over(), "{seconds} s");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(backoff.is_over(), "{seconds} s");
        }
        backoff.succeeded();
        backoff.failed();
        tokio::time::advance(SHORTEST).await;
        assert!(backoff.is_over());
    }
}
