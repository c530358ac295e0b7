//! Histograms of both kinds as counts below bounds.

use crate::model::{Limits, Rejected};

/// Measurements, by how many lie below which bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Measurements.
    pub count: u64,
    /// Their sum; `None` where the sender does not know it.
    pub sum: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Buckets by rising bounds, the last one up to infinity; none where the sender has none. Of an exponential
    /// histogram only the buckets that hold something, and the last.
    pub buckets: Vec<Bucket>,
}

/// How many measurements lie at or below a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The bound.
    pub upper: f64,
    /// Measurements at or below it, those of all lower buckets included.
    pub cumulative: u64,
}

/// The buckets of one sign of an exponential histogram.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

/// An exponential histogram's buckets as they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exponential {
    pub(crate) scale: i32,
    pub(crate) zero_count: u64,
    pub(crate) zero_threshold: f64,
    pub(crate) positive: Side,
    pub(crate) negative: Side,
}

impl Distribution {
    /// With the buckets of a histogram: `counts` has one more than `bounds`.
    pub(crate) fn with_bounds(
        self,
        bounds: &[f64],
        counts: &[u64],
        limits: &Limits,
    ) -> Result<Self, Rejected> {
        limits.check_buckets(counts.len())?;
        let rejected = |reason: &str| Err(Rejected { reason: reason.to_owned() });
        if counts.is_empty() && bounds.is_empty() {
            return Ok(self);
        }
        if counts.len() != bounds.len() + 1 {
            return rejected("a histogram has to have one bucket more than it has bounds");
        }
        let rises = bounds.is_sorted_by(|lower, upper| lower < upper);
        if !rises || bounds.iter().any(|bound| bound.is_nan()) {
            return rejected("the bounds of a histogram have to rise");
        }
        let uppers = bounds.iter().copied().chain([f64::INFINITY]);
        Ok(self.with_buckets(uppers.zip(counts.iter().copied())))
    }

    /// With the buckets of an exponential histogram. Of those that are so close that their bounds are the same number,
    /// one is left.
    /// Source: OpenTelemetry metrics data model, "ExponentialHistogram".
    pub(crate) fn with_exponential(
        self,
        exponential: &Exponential,
        limits: &Limits,
    ) -> Result<Self, Rejected> {
        let Exponential { scale, zero_count, zero_threshold, positive, negative } = exponential;
        limits.check_buckets(positive.counts.len() + negative.counts.len())?;
        let bound = |index: i64| bound(*scale, index);
        let negatives = negative.filled().rev().map(|(index, count)| (-bound(index), count));
        // What is no threshold is none.
        let zero = (*zero_count > 0).then_some((zero_threshold.max(0.0), *zero_count));
        let positives = positive.filled().map(|(index, count)| (bound(index + 1), count));
        let end = (f64::INFINITY, 0);
        Ok(self.with_buckets(negatives.chain(zero).chain(positives).chain([end])))
    }

    fn with_buckets(mut self, buckets: impl Iterator<Item = (f64, u64)>) -> Self {
        let mut cumulative: u64 = 0;
        for (upper, count) in buckets {
            cumulative = cumulative.saturating_add(count);
            match self.buckets.last_mut() {
                Some(last) if last.upper >= upper => last.cumulative = cumulative,
                Some(_) | None => self.buckets.push(Bucket { upper, cumulative }),
            }
        }
        self
    }
}

impl Side {
    /// The buckets that hold something, with their index.
    fn filled(&self) -> impl DoubleEndedIterator<Item = (i64, u64)> {
        let indexed = self.counts.iter().enumerate().map(|(at, count)| {
            let at = i64::try_from(at).unwrap_or(i64::MAX);
            (i64::from(self.offset).saturating_add(at), *count)
        });
        indexed.filter(|(_, count)| *count > 0)
    }
}

/// The lower bound of a bucket: `2^(index · 2^-scale)`.
#[expect(clippy::cast_precision_loss, reason = "an index has 33 bits")]
fn bound(scale: i32, index: i64) -> f64 {
    // Beyond 64 in either direction all bounds are 0, 1 or infinity anyway.
    (index as f64 * f64::from(-scale.clamp(-64, 64)).exp2()).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(distribution: &Distribution) -> Vec<(f64, u64)> {
        distribution.buckets.iter().map(|bucket| (bucket.upper, bucket.cumulative)).collect()
    }

    fn explicit(bounds: &[f64], counts: &[u64]) -> Result<Distribution, Rejected> {
        Distribution::default().with_bounds(bounds, counts, &Limits::default())
    }

    fn exponential(exponential: &Exponential) -> Distribution {
        Distribution::default().with_exponential(exponential, &Limits::default()).expect("is good")
    }

    #[test]
    fn counts_add_up_to_infinity() {
        let found = explicit(&[0.5, 1.0], &[1, 0, 2]).expect("is good");
        assert_eq!(pairs(&found), [(0.5, 1), (1.0, 1), (f64::INFINITY, 3)]);
        assert_eq!(pairs(&explicit(&[], &[7]).expect("is good")), [(f64::INFINITY, 7)]);
        assert_eq!(pairs(&explicit(&[], &[]).expect("is good")), []);
    }

    #[test]
    fn buckets_that_do_not_fit_their_bounds_are_refused() {
        for (bounds, counts) in [(&[1.0][..], &[1][..]), (&[1.0], &[]), (&[], &[1, 2])] {
            assert!(explicit(bounds, counts).unwrap_err().reason.contains("one bucket more"));
        }
        for bounds in [&[1.0, 1.0][..], &[2.0, 1.0], &[f64::NAN]] {
            let counts = vec![1; bounds.len() + 1];
            assert!(explicit(bounds, &counts).unwrap_err().reason.contains("rise"));
        }
        let limits = Limits { buckets_per_point: 2, ..Limits::default() };
        let three = Distribution::default().with_bounds(&[1.0, 2.0], &[0, 0, 0], &limits);
        assert!(three.unwrap_err().reason.contains("at most 2"));
    }

    #[test]
    fn exponential_buckets_get_their_bounds() {
        // Scale 0: base 2. Index 0 is (1, 2], index 2 is (4, 8]; negative index 1 is [-4, -2).
        let found = exponential(&Exponential {
            scale: 0,
            zero_count: 5,
            zero_threshold: 0.0,
            positive: Side { offset: 0, counts: vec![3, 0, 1] },
            negative: Side { offset: 1, counts: vec![2] },
        });
        let expected = [(-2.0, 2), (0.0, 7), (2.0, 10), (8.0, 11), (f64::INFINITY, 11)];
        assert_eq!(pairs(&found), expected);
        // Scale 1: base √2. Index -2 is (1/2, 1/√2].
        let found = exponential(&Exponential {
            scale: 1,
            positive: Side { offset: -2, counts: vec![4] },
            ..Exponential::default()
        });
        assert!((found.buckets[0].upper - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(found.buckets[0].cumulative, 4);
    }

    proptest! {
        #[test]
        fn any_buckets_rise(scale: i32, offsets: (i32, i32), positive: Vec<u64>, negative: Vec<u64>, zero: (u64, f64)) {
            let found = exponential(&Exponential {
                scale,
                zero_count: zero.0,
                zero_threshold: zero.1,
                positive: Side { offset: offsets.0, counts: positive },
                negative: Side { offset: offsets.1, counts: negative },
            });
            let buckets = &found.buckets;
            prop_assert!(buckets.is_sorted_by(|a, b| a.upper < b.upper && a.cumulative <= b.cumulative));
            prop_assert_eq!(buckets.last().map(|last| last.upper), Some(f64::INFINITY));
        }
    }
}
