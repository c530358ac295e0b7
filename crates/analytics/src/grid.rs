use crate::Error;
use crate::window::{WINDOW_US, window_of};

/// How many buckets an answer has at most.
const MOST_BUCKETS: i64 = 2_000;

/// A stretch of time that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    from_us: i64,
    to_us: i64,
}

impl TimeRange {
    /// From `from_us` up to but without `to_us`, µs since 1970-01-01 UTC.
    ///
    /// # Errors
    /// When the end is not after the begin.
    pub const fn new(from_us: i64, to_us: i64) -> Result<Self, Error> {
        if from_us < to_us {
            Ok(Self { from_us, to_us })
        } else {
            Err(Error::EmptyRange { from_us, to_us })
        }
    }

    /// The begin, µs since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_us(&self) -> i64 {
        self.from_us
    }

    /// The end, µs since 1970-01-01 UTC.
    #[must_use]
    pub const fn to_us(&self) -> i64 {
        self.to_us
    }

    /// The range of the windows that the range touches.
    pub(crate) const fn windows(&self) -> Self {
        let from_us = window_of(self.from_us);
        let to_us = window_of(self.to_us.saturating_sub(1)).saturating_add(WINDOW_US);
        Self { from_us, to_us }
    }

    pub(crate) const fn contains(&self, us: i64) -> bool {
        self.from_us <= us && us < self.to_us
    }

    pub(crate) const fn length_us(&self) -> i64 {
        self.to_us.saturating_sub(self.from_us)
    }
}

/// Buckets of equal length, aligned to multiples of it since 1970-01-01 UTC, over a whole range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    start_us: i64,
    step_us: i64,
    buckets: i64,
}

impl Grid {
    pub(crate) fn new(range: TimeRange, step_s: u32) -> Result<Self, Error> {
        let step_us = i64::from(step_s) * 1_000_000;
        if step_us == 0 || step_us % WINDOW_US != 0 {
            return Err(Error::Step { step_s });
        }
        let start_us = range.from_us.div_euclid(step_us).saturating_mul(step_us);
        let last = range.to_us.saturating_sub(1).div_euclid(step_us).saturating_mul(step_us);
        let buckets = last.saturating_sub(start_us) / step_us + 1;
        if buckets > MOST_BUCKETS {
            return Err(Error::TooManyBuckets { buckets, most: MOST_BUCKETS });
        }
        Ok(Self { start_us, step_us, buckets })
    }

    /// The whole range of the buckets.
    pub(crate) const fn range(&self) -> TimeRange {
        TimeRange {
            from_us: self.start_us,
            to_us: self.start_us.saturating_add(self.buckets * self.step_us),
        }
    }

    pub(crate) fn starts_us(&self) -> Vec<i64> {
        (0..self.buckets).map(|bucket| self.start_us + bucket * self.step_us).collect()
    }

    /// The bucket that a window lies in.
    pub(crate) fn bucket_of(&self, window: i64) -> Option<usize> {
        let inside = self.range().contains(window);
        inside.then(|| usize::try_from((window - self.start_us) / self.step_us).ok()).flatten()
    }

    /// How many seconds of a bucket are over at `now_us`; `None` when it has not begun.
    #[expect(clippy::cast_precision_loss, reason = "a step is far below 2^53 µs")]
    pub(crate) fn elapsed_s(&self, start_us: i64, now_us: i64) -> Option<f64> {
        let elapsed = now_us.saturating_sub(start_us).min(self.step_us);
        (elapsed > 0).then_some(elapsed as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(from_s: i64, to_s: i64, step_s: u32) -> Result<Grid, Error> {
        Grid::new(TimeRange::new(from_s * 1_000_000, to_s * 1_000_000).expect("not empty"), step_s)
    }

    #[test]
    fn buckets_are_aligned_and_cover_the_range() {
        let grid = grid(95, 181, 60).expect("good");
        assert_eq!(grid.starts_us(), [60_000_000, 120_000_000, 180_000_000]);
        assert_eq!(grid.bucket_of(170_000_000), Some(1));
        assert_eq!((grid.bucket_of(50_000_000), grid.bucket_of(240_000_000)), (None, None));
        assert_eq!(grid.elapsed_s(180_000_000, 195_000_000), Some(15.0));
        assert_eq!(grid.elapsed_s(180_000_000, 180_000_000), None);
    }

    #[test]
    fn bad_questions_are_refused() {
        assert!(matches!(grid(0, 100, 15), Err(Error::Step { step_s: 15 })));
        assert!(matches!(grid(0, 100, 0), Err(Error::Step { step_s: 0 })));
        assert!(matches!(
            grid(0, 100_000, 10),
            Err(Error::TooManyBuckets { buckets: 10_000, most: 2_000 })
        ));
        assert!(matches!(TimeRange::new(5, 5), Err(Error::EmptyRange { .. })));
        let whole = TimeRange::new(i64::MIN, i64::MAX).expect("not empty");
        assert!(Grid::new(whole, u32::MAX - 5).is_err());
    }
}
