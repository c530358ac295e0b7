//! Metrics exports in OTLP/JSON.

use std::sync::Arc;

use serde::Deserialize;

use super::budget::{self, list};
use super::scalar::{self, Float, Int, Temporality as RawTemporality, Uint, or_default};
use super::{KeyValue, RawResource, RawScope, present};
use crate::DecodeError;
use crate::logs::beside;
use crate::metrics::{
    Distribution, Exemplar, Exponential, Head, Measured, MetricKind, Metrics, Number, Point,
    Quantiles, Side, Taker, Temporality,
};
use crate::model::{Limits, Rejected};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Metrics, DecodeError> {
    super::fits(body, limits)?;
    let request: Request = budget::within(limits.decoded_bytes, || serde_json::from_slice(body))?;
    let mut taker = Taker::new(limits);
    for group in request.resource_metrics {
        let resource = group.resource.admit();
        for scoped in group.scope_metrics {
            let scope = scoped.scope.admit();
            let beside = beside(&resource, &scope);
            for mut raw in scoped.metrics {
                let Some((kind, data)) = kind(&mut raw) else { continue };
                let head = Head {
                    name: raw.name,
                    description: raw.description,
                    unit: raw.unit,
                    kind,
                    temporality: Temporality::of(data.aggregation_temporality.0),
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                };
                let points = data.data_points.into_iter();
                taker.take(head, beside, points.map(|raw| raw.admit(kind, limits)))?;
            }
        }
    }
    Ok(taker.done())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    #[serde(alias = "resource_metrics", deserialize_with = "list")]
    resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResourceMetrics {
    #[serde(deserialize_with = "or_default")]
    resource: RawResource,
    #[serde(alias = "scope_metrics", deserialize_with = "list")]
    scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeMetrics {
    #[serde(deserialize_with = "or_default")]
    scope: RawScope,
    #[serde(deserialize_with = "list")]
    metrics: Vec<RawMetric>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawMetric {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    description: String,
    #[serde(deserialize_with = "or_default")]
    unit: String,
    gauge: Option<RawPoints>,
    sum: Option<RawPoints>,
    histogram: Option<RawPoints>,
    #[serde(alias = "exponential_histogram")]
    exponential_histogram: Option<RawPoints>,
    summary: Option<RawPoints>,
}

/// The points of any kind of metric.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawPoints {
    #[serde(alias = "data_points", deserialize_with = "list")]
    data_points: Vec<RawPoint>,
    #[serde(alias = "aggregation_temporality", deserialize_with = "or_default")]
    aggregation_temporality: RawTemporality,
    #[serde(alias = "is_monotonic", deserialize_with = "or_default")]
    is_monotonic: bool,
}

/// A data point of any kind: each kind has some of the fields.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawPoint {
    #[serde(deserialize_with = "list")]
    attributes: Vec<KeyValue>,
    #[serde(alias = "start_time_unix_nano", deserialize_with = "or_default")]
    start_time_unix_nano: Uint,
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Uint,
    #[serde(deserialize_with = "or_default")]
    flags: Uint,
    #[serde(deserialize_with = "list")]
    exemplars: Vec<RawExemplar>,
    #[serde(alias = "as_double")]
    as_double: Option<Float>,
    #[serde(alias = "as_int")]
    as_int: Option<Int>,
    #[serde(deserialize_with = "or_default")]
    count: Uint,
    sum: Option<Float>,
    min: Option<Float>,
    max: Option<Float>,
    #[serde(alias = "bucket_counts", deserialize_with = "list")]
    bucket_counts: Vec<Uint>,
    #[serde(alias = "explicit_bounds", deserialize_with = "list")]
    explicit_bounds: Vec<Float>,
    #[serde(deserialize_with = "or_default")]
    scale: Int,
    #[serde(alias = "zero_count", deserialize_with = "or_default")]
    zero_count: Uint,
    #[serde(alias = "zero_threshold", deserialize_with = "or_default")]
    zero_threshold: Float,
    #[serde(deserialize_with = "or_default")]
    positive: RawSide,
    #[serde(deserialize_with = "or_default")]
    negative: RawSide,
    #[serde(alias = "quantile_values", deserialize_with = "list")]
    quantile_values: Vec<RawQuantile>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawSide {
    #[serde(deserialize_with = "or_default")]
    offset: Int,
    #[serde(alias = "bucket_counts", deserialize_with = "list")]
    bucket_counts: Vec<Uint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawQuantile {
    #[serde(deserialize_with = "or_default")]
    quantile: Float,
    #[serde(deserialize_with = "or_default")]
    value: Float,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawExemplar {
    #[serde(alias = "filtered_attributes", deserialize_with = "list")]
    filtered_attributes: Vec<KeyValue>,
    #[serde(alias = "time_unix_nano", deserialize_with = "or_default")]
    time_unix_nano: Uint,
    #[serde(alias = "as_double")]
    as_double: Option<Float>,
    #[serde(alias = "as_int")]
    as_int: Option<Int>,
    #[serde(alias = "span_id", deserialize_with = "or_default")]
    span_id: String,
    #[serde(alias = "trace_id", deserialize_with = "or_default")]
    trace_id: String,
}

/// The kind of a metric, and its points; `None` of a kind that this version does not know.
fn kind(raw: &mut RawMetric) -> Option<(MetricKind, RawPoints)> {
    let sum = |points: RawPoints| {
        let kind =
            if points.is_monotonic { MetricKind::Counter } else { MetricKind::UpDownCounter };
        (kind, points)
    };
    let of = |kind: MetricKind| move |points: RawPoints| (kind, points);
    (raw.gauge.take().map(of(MetricKind::Gauge)))
        .or_else(|| raw.sum.take().map(sum))
        .or_else(|| raw.histogram.take().map(of(MetricKind::Histogram)))
        .or_else(|| raw.exponential_histogram.take().map(of(MetricKind::ExponentialHistogram)))
        .or_else(|| raw.summary.take().map(of(MetricKind::Summary)))
}

impl RawPoint {
    fn admit(self, kind: MetricKind, limits: &Limits) -> Result<Point, Rejected> {
        let value = match kind {
            MetricKind::Gauge | MetricKind::UpDownCounter | MetricKind::Counter => {
                number(self.as_int, self.as_double).map_or(Measured::Nothing, Measured::Number)
            }
            MetricKind::Histogram => {
                let bounds: Vec<f64> = self.explicit_bounds.iter().map(|bound| bound.0).collect();
                let counts = counts(&self.bucket_counts);
                let distribution = self.distribution();
                Measured::Distribution(distribution.with_bounds(&bounds, &counts, limits)?)
            }
            MetricKind::ExponentialHistogram => {
                let distribution = self.distribution();
                Measured::Distribution(distribution.with_exponential(&self.exponential(), limits)?)
            }
            MetricKind::Summary => {
                let values = self.quantile_values.iter();
                let values = values.map(|value| (value.quantile.0, value.value.0)).collect();
                let sum = self.sum.as_ref().map_or(0.0, |sum| sum.0);
                Measured::Quantiles(Quantiles { count: self.count.0, sum, values })
            }
        };
        Ok(Point {
            attributes: present(self.attributes),
            start_ns: self.start_time_unix_nano.0,
            time_ns: self.time_unix_nano.0,
            flags: self.flags.low_32_bits(),
            exemplars: self.exemplars.into_iter().map(RawExemplar::admit).collect(),
            value,
        })
    }

    fn distribution(&self) -> Distribution {
        let float = |float: &Option<Float>| float.as_ref().map(|float| float.0);
        Distribution {
            count: self.count.0,
            sum: float(&self.sum),
            min: float(&self.min),
            max: float(&self.max),
            buckets: Vec::new(),
        }
    }

    fn exponential(&self) -> Exponential {
        Exponential {
            scale: self.scale.clamped_to_32_bits(),
            zero_count: self.zero_count.0,
            zero_threshold: self.zero_threshold.0,
            positive: self.positive.admit(),
            negative: self.negative.admit(),
        }
    }
}

impl RawSide {
    fn admit(&self) -> Side {
        Side { offset: self.offset.clamped_to_32_bits(), counts: counts(&self.bucket_counts) }
    }
}

impl RawExemplar {
    fn admit(self) -> Exemplar {
        Exemplar {
            time_ns: self.time_unix_nano.0,
            value: number(self.as_int, self.as_double),
            trace_id: scalar::hex(&self.trace_id).unwrap_or_default(),
            span_id: scalar::hex(&self.span_id).unwrap_or_default(),
            attributes: present(self.filtered_attributes),
        }
    }
}

fn number(int: Option<Int>, double: Option<Float>) -> Option<Number> {
    int.map(|int| Number::Int(int.0)).or_else(|| double.map(|double| Number::Double(double.0)))
}

fn counts(raw: &[Uint]) -> Vec<u64> {
    raw.iter().map(|count| count.0).collect()
}

#[cfg(test)]
mod tests;
