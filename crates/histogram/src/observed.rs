use crate::index;

/// Counts of measurements in exponential buckets, with their exact count, sum, least and largest.
///
/// Only what is finite and not negative is a measurement; anything else is left out. Values below
/// the smallest normal float count as zero. All counts saturate, so nothing overflows.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub(crate) scale: i8,
    pub(crate) zeros: u64,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Occupied buckets, ascending by index; no count is 0.
    pub(crate) buckets: Vec<(i32, u64)>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    #[must_use]
    pub const fn new() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self {
            scale: index::START_SCALE,
            zeros: 0,
            count: 0,
            sum: 0.0,
            min,
            max,
            buckets: Vec::new(),
        }
    }

    /// Counts one measurement.
    pub fn observe(&mut self, value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        self.count = self.count.saturating_add(1);
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value < f64::MIN_POSITIVE {
            self.zeros = self.zeros.saturating_add(1);
            return;
        }
        let index = index::of(value) >> (index::START_SCALE - self.scale);
        add(&mut self.buckets, 0, index, 1);
        self.shrink_to_bound();
    }

    /// Adds all that `other` counted. The order of merges does not change any count.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.count = self.count.saturating_add(other.count);
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.scale < self.scale {
            self.lower_scale_to(other.scale);
        }
        let down = other.scale - self.scale;
        let mut at = 0;
        for &(index, count) in &other.buckets {
            at = add(&mut self.buckets, at, index >> down, count);
        }
        self.shrink_to_bound();
    }

    /// The value below or at which a share `q` of the measurements lies; `None` when empty.
    ///
    /// It is the measurement of rank `⌈q × count⌉` in ascending order (the nearest-rank rule, no
    /// interpolation between measurements), told as the middle of its bucket and kept within the
    /// least and the largest measurement, which are exact. `q` outside 0 to 1 counts as the nearer end.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is not negative; above 2^53 measurements it may be off by one part in 2^53"
    )]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 || q.is_nan() {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).clamp(1, self.count);
        if rank == 1 {
            return Some(self.min);
        }
        if rank == self.count {
            return Some(self.max);
        }
        Some(self.middle_of_rank(rank).clamp(self.min, self.max))
    }

    /// How many measurements there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sum of all measurements; 0 when empty.
    #[must_use]
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// The least measurement, exact.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest measurement, exact.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The largest relative error of a quantile: 0.0055 unless the scale had to go down.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        index::relative_error(self.scale)
    }

    fn middle_of_rank(&self, rank: u64) -> f64 {
        let mut seen = self.zeros;
        if rank <= seen {
            return 0.0;
        }
        for &(index, count) in &self.buckets {
            seen = seen.saturating_add(count);
            if rank <= seen {
                return index::middle(index, self.scale);
            }
        }
        self.max
    }

    fn shrink_to_bound(&mut self) {
        while self.buckets.len() > index::MAX_BUCKETS && self.scale > index::LOWEST_SCALE {
            self.lower_scale_to(self.scale - 1);
        }
    }

    fn lower_scale_to(&mut self, scale: i8) {
        let down = self.scale - scale;
        self.scale = scale;
        for bucket in &mut self.buckets {
            bucket.0 >>= down;
        }
        self.buckets.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(later.1);
            }
            same
        });
    }
}

/// Adds `count` to bucket `index`, which is not before position `from`; returns its position.
fn add(buckets: &mut Vec<(i32, u64)>, from: usize, index: i32, count: u64) -> usize {
    match buckets[from..].binary_search_by_key(&index, |bucket| bucket.0) {
        Ok(found) => {
            let bucket = &mut buckets[from + found];
            bucket.1 = bucket.1.saturating_add(count);
            from + found
        }
        Err(place) => {
            buckets.insert(from + place, (index, count));
            from + place
        }
    }
}
