//! Metrics exports in protobuf.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{self as wire, exemplar, metric, number_data_point};
use prost::Message;

use crate::DecodeError;
use crate::census::{self, Shape};
use crate::logs::beside;
use crate::metrics::{
    Distribution, Exemplar, Exponential, Head, Measured, MetricKind, Metrics, Number, Point,
    Quantiles, Side, Taker, Temporality,
};
use crate::model::{Limits, Rejected};
use crate::values::{key_values, resource, scope};

pub(crate) fn decode(body: &[u8], limits: &Limits) -> Result<Metrics, DecodeError> {
    census::admit(body, Shape::MetricsRequest, limits)?;
    admit(ExportMetricsServiceRequest::decode(body)?, limits)
}

/// Moves a decoded request over, metric by metric.
pub(crate) fn admit(
    request: ExportMetricsServiceRequest,
    limits: &Limits,
) -> Result<Metrics, DecodeError> {
    let mut taker = Taker::new(limits);
    for group in request.resource_metrics {
        let resource = resource(group.resource);
        for scoped in group.scope_metrics {
            let scope = Arc::new(scoped.scope.map(scope).unwrap_or_default());
            let beside = beside(&resource, &scope);
            for raw in scoped.metrics {
                let wire::Metric { name, description, unit, data, .. } = raw;
                let Some(data) = data else { continue };
                let (kind, temporality) = kind(&data);
                let head = Head {
                    name,
                    description,
                    unit,
                    kind,
                    temporality,
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                };
                take(&mut taker, head, beside, data, limits)?;
            }
        }
    }
    Ok(taker.done())
}

fn kind(data: &metric::Data) -> (MetricKind, Temporality) {
    match data {
        metric::Data::Gauge(_) => (MetricKind::Gauge, Temporality::Unspecified),
        metric::Data::Sum(sum) => {
            let kind =
                if sum.is_monotonic { MetricKind::Counter } else { MetricKind::UpDownCounter };
            (kind, Temporality::of(sum.aggregation_temporality))
        }
        metric::Data::Histogram(histogram) => {
            (MetricKind::Histogram, Temporality::of(histogram.aggregation_temporality))
        }
        metric::Data::ExponentialHistogram(histogram) => {
            (MetricKind::ExponentialHistogram, Temporality::of(histogram.aggregation_temporality))
        }
        metric::Data::Summary(_) => (MetricKind::Summary, Temporality::Unspecified),
    }
}

fn take(
    taker: &mut Taker<'_>,
    head: Head,
    beside: usize,
    data: metric::Data,
    limits: &Limits,
) -> Result<(), DecodeError> {
    match data {
        metric::Data::Gauge(wire::Gauge { data_points })
        | metric::Data::Sum(wire::Sum { data_points, .. }) => {
            taker.take(head, beside, data_points.into_iter().map(|raw| Ok(number_point(raw))))
        }
        metric::Data::Histogram(histogram) => taker.take(
            head,
            beside,
            histogram.data_points.into_iter().map(|raw| histogram_point(raw, limits)),
        ),
        metric::Data::ExponentialHistogram(histogram) => taker.take(
            head,
            beside,
            histogram.data_points.into_iter().map(|raw| exponential_point(raw, limits)),
        ),
        metric::Data::Summary(summary) => taker.take(
            head,
            beside,
            summary.data_points.into_iter().map(|raw| Ok(summary_point(raw))),
        ),
    }
}

fn number_point(raw: wire::NumberDataPoint) -> Point {
    let value = raw.value.map_or(Measured::Nothing, |value| {
        Measured::Number(match value {
            number_data_point::Value::AsDouble(double) => Number::Double(double),
            number_data_point::Value::AsInt(int) => Number::Int(int),
        })
    });
    Point {
        attributes: key_values(raw.attributes),
        start_ns: raw.start_time_unix_nano,
        time_ns: raw.time_unix_nano,
        flags: raw.flags,
        exemplars: exemplars(raw.exemplars),
        value,
    }
}

fn histogram_point(raw: wire::HistogramDataPoint, limits: &Limits) -> Result<Point, Rejected> {
    let distribution = Distribution {
        count: raw.count,
        sum: raw.sum,
        min: raw.min,
        max: raw.max,
        buckets: Vec::new(),
    };
    let distribution =
        distribution.with_bounds(&raw.explicit_bounds, &raw.bucket_counts, limits)?;
    Ok(Point {
        attributes: key_values(raw.attributes),
        start_ns: raw.start_time_unix_nano,
        time_ns: raw.time_unix_nano,
        flags: raw.flags,
        exemplars: exemplars(raw.exemplars),
        value: Measured::Distribution(distribution),
    })
}

fn exponential_point(
    raw: wire::ExponentialHistogramDataPoint,
    limits: &Limits,
) -> Result<Point, Rejected> {
    let side = |raw: Option<wire::exponential_histogram_data_point::Buckets>| {
        raw.map(|raw| Side { offset: raw.offset, counts: raw.bucket_counts }).unwrap_or_default()
    };
    let distribution = Distribution {
        count: raw.count,
        sum: raw.sum,
        min: raw.min,
        max: raw.max,
        buckets: Vec::new(),
    };
    let exponential = Exponential {
        scale: raw.scale,
        zero_count: raw.zero_count,
        zero_threshold: raw.zero_threshold,
        positive: side(raw.positive),
        negative: side(raw.negative),
    };
    Ok(Point {
        attributes: key_values(raw.attributes),
        start_ns: raw.start_time_unix_nano,
        time_ns: raw.time_unix_nano,
        flags: raw.flags,
        exemplars: exemplars(raw.exemplars),
        value: Measured::Distribution(distribution.with_exponential(&exponential, limits)?),
    })
}

fn summary_point(raw: wire::SummaryDataPoint) -> Point {
    let values = raw.quantile_values.iter().map(|value| (value.quantile, value.value)).collect();
    Point {
        attributes: key_values(raw.attributes),
        start_ns: raw.start_time_unix_nano,
        time_ns: raw.time_unix_nano,
        flags: raw.flags,
        exemplars: Vec::new(),
        value: Measured::Quantiles(Quantiles { count: raw.count, sum: raw.sum, values }),
    }
}

fn exemplars(raw: Vec<wire::Exemplar>) -> Vec<Exemplar> {
    let exemplar = |raw: wire::Exemplar| Exemplar {
        time_ns: raw.time_unix_nano,
        value: raw.value.map(|value| match value {
            exemplar::Value::AsDouble(double) => Number::Double(double),
            exemplar::Value::AsInt(int) => Number::Int(int),
        }),
        trace_id: raw.trace_id,
        span_id: raw.span_id,
        attributes: key_values(raw.filtered_attributes),
    };
    raw.into_iter().map(exemplar).collect()
}

#[cfg(test)]
mod tests;
