use crate::labels::Labels;
use crate::number::{Count, Number, write_canonical};

/// The samples of a counter family.
#[derive(Debug)]
pub struct Counter<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) name: String,
}

impl Counter<'_> {
    /// Adds one series. The caller names each label set once.
    pub fn add(&mut self, labels: &Labels, count: impl Into<Count>) {
        sample(self.out, &self.name, labels, Number::from(count.into()));
    }
}

/// The samples of a gauge family.
#[derive(Debug)]
pub struct Gauge<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) name: &'static str,
}

impl Gauge<'_> {
    /// Adds one series. The caller names each label set once, and adds none for an absent value.
    pub fn add(&mut self, labels: &Labels, value: impl Into<Number>) {
        sample(self.out, self.name, labels, value.into());
    }
}

/// The samples of a summary family.
#[derive(Debug)]
pub struct Summary<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) name: &'static str,
}

impl Summary<'_> {
    /// Adds one series: its quantiles (`None` is written as `NaN`, the format's word for no value),
    /// then `_count`, then `_sum`.
    pub fn add(&mut self, labels: &Labels, quantiles: &[(f64, Option<f64>)], count: u64, sum: f64) {
        for (quantile, value) in quantiles {
            let bound = Bound { label: "quantile", value: *quantile };
            bounded(self.out, self.name, labels, bound, Number::Real(value.unwrap_or(f64::NAN)));
        }
        part(self.out, self.name, "_count", labels, Number::Whole(count));
        part(self.out, self.name, "_sum", labels, Number::Real(sum));
    }
}

/// The samples of a histogram family.
#[derive(Debug)]
pub struct Histogram<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) name: &'static str,
}

impl Histogram<'_> {
    /// Adds one series: for each finite upper bound, ascending, how many measurements are not above
    /// it; then the `+Inf` bucket, `_count` and `_sum`.
    pub fn add(&mut self, labels: &Labels, buckets: &[(f64, u64)], count: u64, sum: f64) {
        for (upper, not_above) in buckets.iter().copied().chain([(f64::INFINITY, count)]) {
            self.out.extend_from_slice(self.name.as_bytes());
            bounded(
                self.out,
                "_bucket",
                labels,
                Bound { label: "le", value: upper },
                Number::Whole(not_above),
            );
        }
        part(self.out, self.name, "_count", labels, Number::Whole(count));
        part(self.out, self.name, "_sum", labels, Number::Real(sum));
    }
}

/// The samples of an info family.
#[derive(Debug)]
pub struct Info<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) name: String,
}

impl Info<'_> {
    /// Adds one set of facts.
    pub fn add(&mut self, labels: &Labels) {
        sample(self.out, &self.name, labels, Number::Whole(1));
    }
}

fn sample(out: &mut Vec<u8>, name: &str, labels: &Labels, value: Number) {
    out.extend_from_slice(name.as_bytes());
    if labels.inner().is_empty() {
        out.push(b' ');
    } else {
        out.push(b'{');
        out.extend_from_slice(labels.inner().as_bytes());
        out.extend_from_slice(b"} ");
    }
    value.write(out);
    out.push(b'\n');
}

/// A sample whose name has an ending, such as `_count`.
fn part(out: &mut Vec<u8>, name: &str, ending: &str, labels: &Labels, value: Number) {
    out.extend_from_slice(name.as_bytes());
    sample(out, ending, labels, value);
}

/// The label that a page writes itself: `quantile` or `le`.
struct Bound {
    label: &'static str,
    value: f64,
}

/// A sample with one more label than its series.
fn bounded(out: &mut Vec<u8>, name: &str, labels: &Labels, bound: Bound, value: Number) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'{');
    out.extend_from_slice(labels.inner().as_bytes());
    if !labels.inner().is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(bound.label.as_bytes());
    out.extend_from_slice(b"=\"");
    write_canonical(out, bound.value);
    out.extend_from_slice(b"\"} ");
    value.write(out);
    out.push(b'\n');
}
