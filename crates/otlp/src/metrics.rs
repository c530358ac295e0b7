//! Metrics of one export request.

mod distribution;

use std::sync::Arc;
use text::Text;

use crate::DecodeError;
use crate::model::{AnyValue, Limits, Rejected, Resource, Scope};
use crate::spread::{self, Spread};

pub use distribution::{Bucket, Distribution};
pub(crate) use distribution::{Exponential, Side};

/// Longest name of a metric, bytes. Source: OpenTelemetry metrics API, "Instrument name syntax".
const LONGEST_NAME: usize = 255;
/// About how many bytes a row of a data point takes beyond its attributes.
const ROW: usize = 512;

/// The metrics of one export request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// The metrics with the data points that can be stored.
    pub metrics: Vec<Metric>,
    /// The data points that cannot, each with its reason.
    pub rejected: Vec<Rejected>,
}

impl Metrics {
    /// How many data points can be stored.
    #[must_use]
    pub fn points(&self) -> usize {
        self.metrics.iter().map(|metric| metric.points.len()).sum()
    }
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, 1 to 255 bytes.
    pub name: String,
    /// What it measures, empty if the sender does not say.
    pub description: String,
    /// Its unit as UCUM writes it, empty if the sender does not say.
    pub unit: String,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// What its numbers count from.
    pub temporality: Temporality,
    /// Its data points.
    pub points: Vec<Point>,
    /// What the metric is about: process, host, service.
    pub resource: Arc<Resource>,
    /// What made the metric.
    pub scope: Arc<Scope>,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value of a moment.
    Gauge,
    /// A sum that can fall.
    UpDownCounter,
    /// A sum that only grows.
    Counter,
    /// Measurements in buckets with given bounds.
    Histogram,
    /// Measurements in buckets whose bounds grow by a factor.
    ExponentialHistogram,
    /// Quantiles that the sender worked out.
    Summary,
}

/// What the numbers of a sum or a histogram count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// The sender does not say, or the question does not arise.
    #[default]
    Unspecified,
    /// From the point before.
    Delta,
    /// From the start.
    Cumulative,
}

impl Temporality {
    pub(crate) const fn of(number: i32) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// One data point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Attributes in the order they were sent; a name can occur twice.
    pub attributes: Vec<(Text, AnyValue)>,
    /// Since when it counts, nanoseconds since 1970-01-01 UTC; 0 if that is not known.
    pub start_ns: u64,
    /// When it was taken, nanoseconds since 1970-01-01 UTC.
    pub time_ns: u64,
    /// OTLP flags: 1 says that there is no value.
    pub flags: u32,
    /// Single measurements behind it.
    pub exemplars: Vec<Exemplar>,
    /// What was measured.
    pub value: Measured,
}

/// What a data point holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Measured {
    /// Nothing: the sender lost sight of the series.
    #[default]
    Nothing,
    /// A number of a gauge or a sum.
    Number(Number),
    /// Counts in buckets.
    Distribution(Distribution),
    /// Quantiles.
    Quantiles(Quantiles),
}

/// A number, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A float.
    Double(f64),
}

/// What a summary says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Measurements.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Each quantile (0 to 1) and its value.
    pub values: Vec<(f64, f64)>,
}

/// One measurement behind a data point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exemplar {
    /// When it was made, nanoseconds since 1970-01-01 UTC.
    pub time_ns: u64,
    /// What it measured.
    pub value: Option<Number>,
    /// Trace in which it was made, as many bytes as were sent.
    pub trace_id: Vec<u8>,
    /// Span in which it was made, as many bytes as were sent.
    pub span_id: Vec<u8>,
    /// Attributes that the data point does not have.
    pub attributes: Vec<(Text, AnyValue)>,
}

impl Point {
    /// How many rows the point becomes.
    fn rows(&self) -> usize {
        match &self.value {
            Measured::Nothing | Measured::Number(_) => 1,
            Measured::Distribution(distribution) => 5 + distribution.buckets.len(),
            Measured::Quantiles(quantiles) => 2 + quantiles.values.len(),
        }
    }

    fn checked(self, limits: &Limits) -> Result<Self, Rejected> {
        limits.check_attributes("a data point", &self.attributes)?;
        for exemplar in &self.exemplars {
            limits.check_attributes("an exemplar", &exemplar.attributes)?;
        }
        let quantiles = match &self.value {
            Measured::Quantiles(quantiles) => quantiles.values.len(),
            // Buckets are counted before their bounds are worked out.
            Measured::Nothing | Measured::Number(_) | Measured::Distribution(_) => 0,
        };
        limits.check_buckets(quantiles)?;
        if self.time_ns == 0 {
            return Err(Rejected { reason: "a data point has no time".to_owned() });
        }
        Ok(self)
    }
}

/// What a metric says beside its points.
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) unit: String,
    pub(crate) kind: MetricKind,
    pub(crate) temporality: Temporality,
    pub(crate) resource: Arc<Resource>,
    pub(crate) scope: Arc<Scope>,
}

/// Takes metrics in one after the other.
pub(crate) struct Taker<'a> {
    limits: &'a Limits,
    spread: Spread,
    metrics: Metrics,
}

impl<'a> Taker<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, spread: Spread::new(limits), metrics: Metrics::default() }
    }

    /// Takes a metric's points; one that is bad is rejected alone, unless it is the name that is bad.
    pub(crate) fn take(
        &mut self,
        head: Head,
        beside: usize,
        points: impl ExactSizeIterator<Item = Result<Point, Rejected>>,
    ) -> Result<(), DecodeError> {
        if !(1..=LONGEST_NAME).contains(&head.name.len()) {
            let reason = format!("the name of a metric has to be 1 to {LONGEST_NAME} bytes long");
            let bad = points.map(|_| Rejected { reason: reason.clone() });
            self.metrics.rejected.extend(bad);
            return Ok(());
        }
        let mut good = Vec::with_capacity(points.len());
        for point in points {
            match point.and_then(|point| point.checked(self.limits)) {
                Ok(point) => {
                    let row = ROW + beside + spread::weight(&point.attributes);
                    self.spread.add(row.saturating_mul(point.rows()))?;
                    good.push(point);
                }
                Err(rejected) => self.metrics.rejected.push(rejected),
            }
        }
        let Head { name, description, unit, kind, temporality, resource, scope } = head;
        if !good.is_empty() {
            self.metrics.metrics.push(Metric {
                name,
                description,
                unit,
                kind,
                temporality,
                points: good,
                resource,
                scope,
            });
        }
        Ok(())
    }

    pub(crate) fn done(self) -> Metrics {
        self.metrics
    }
}
