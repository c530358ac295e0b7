//! How fast upkeep may read and write, and when it has to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The longest sleep between two looks at whether to stop.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// Tells work on a blocking thread to stop. The work stops when this is dropped, too.
#[derive(Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// What the work looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The work was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Holds work on a blocking thread to a number of bytes a second.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_s: u64,
    stop: Arc<AtomicBool>,
    began: Instant,
    spent: u64,
}

impl Pace {
    /// `bytes_per_s` is what may be read and written in a second, both together; 0 bounds nothing.
    pub(crate) fn new(bytes_per_s: u64, stop: Arc<AtomicBool>) -> Self {
        Self { bytes_per_s, stop, began: Instant::now(), spent: 0 }
    }

    /// Counts bytes that were read or written, and sleeps when they came too fast.
    pub(crate) fn spend(&mut self, bytes: u64) -> Result<(), Stopped> {
        self.spent = self.spent.saturating_add(bytes);
        loop {
            if self.stop.load(Ordering::SeqCst) {
                return Err(Stopped);
            }
            let ahead = self.due().saturating_sub(self.began.elapsed());
            if ahead.is_zero() {
                return Ok(());
            }
            std::thread::sleep(ahead.min(LONGEST_SLEEP));
        }
    }

    /// How long what was spent should have taken.
    fn due(&self) -> Duration {
        match self.bytes_per_s {
            0 => Duration::ZERO,
            rate => Duration::from_millis(self.spent.saturating_mul(1_000) / rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_time_that_the_rate_gives_them() {
        let stop = Stop::default();
        let mut pace = Pace::new(1_000, stop.flag());
        let began = Instant::now();
        pace.spend(30).expect("goes on");
        pace.spend(30).expect("goes on");
        assert_eq!(pace.due(), Duration::from_millis(60));
        assert!(began.elapsed() >= Duration::from_millis(60));
        assert_eq!(Pace { bytes_per_s: 0, ..pace }.due(), Duration::ZERO);
    }

    #[test]
    fn work_stops_when_nobody_waits_for_it() {
        let stop = Stop::default();
        let mut pace = Pace::new(1, stop.flag());
        drop(stop);
        assert_eq!(pace.spend(1_000_000), Err(Stopped), "and does not sleep first");
    }
}
