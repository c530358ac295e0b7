use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Format, decode_metrics};

fn body() -> serde_json::Value {
    let attributes = json!([{ "key": "route", "value": { "stringValue": "/chat" } }]);
    let exemplar = json!({ "timeUnixNano": "3", "asDouble": 0.5, "spanId": "0102030405060708", "traceId": "" });
    let number = json!({ "attributes": attributes, "startTimeUnixNano": "4", "timeUnixNano": "5", "asInt": "7", "exemplars": [exemplar] });
    let histogram = json!({
        "timeUnixNano": "5", "count": "3", "sum": 4.5, "bucketCounts": ["1", 2], "explicitBounds": [0.5], "min": 0.1,
    });
    let exponential = json!({
        "timeUnixNano": "5", "count": 2, "scale": 0, "zeroCount": "1", "positive": { "bucketCounts": ["1"] }, "negative": null,
    });
    let summary = json!({ "timeUnixNano": 5, "count": 4, "sum": 6, "quantileValues": [{ "quantile": 0.5, "value": 1.5 }] });
    json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [
        { "name": "gauge", "unit": "s", "gauge": { "dataPoints": [{ "timeUnixNano": "5", "flags": 1 }] } },
        { "name": "counter", "sum": { "dataPoints": [number], "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "isMonotonic": true } },
        { "name": "updown", "sum": { "dataPoints": [number], "aggregationTemporality": 1 } },
        { "name": "histogram", "histogram": { "dataPoints": [histogram], "aggregationTemporality": 2 } },
        { "name": "exponential", "exponentialHistogram": { "dataPoints": [exponential], "aggregationTemporality": 1 } },
        { "name": "summary", "summary": { "dataPoints": [summary] } },
        { "name": "of tomorrow", "heatmap": { "dataPoints": [{}] } },
    ] }] }] })
}

#[test]
fn metrics_of_every_kind_are_read() {
    let found =
        decode_metrics(body().to_string().as_bytes(), Format::Json, &Limits::default()).unwrap();
    let metrics = &found.metrics;
    assert_eq!((found.rejected.len(), metrics.len()), (0, 6));
    let kinds: Vec<_> = metrics.iter().map(|metric| (metric.kind, metric.temporality)).collect();
    assert_eq!(
        kinds,
        [
            (MetricKind::Gauge, Temporality::Unspecified),
            (MetricKind::Counter, Temporality::Cumulative),
            (MetricKind::UpDownCounter, Temporality::Delta),
            (MetricKind::Histogram, Temporality::Cumulative),
            (MetricKind::ExponentialHistogram, Temporality::Delta),
            (MetricKind::Summary, Temporality::Unspecified),
        ]
    );
    let values: Vec<_> = metrics.iter().map(|metric| &metric.points[0].value).collect();
    assert_eq!(values[0], &Measured::Nothing);
    assert_eq!(values[1], &Measured::Number(Number::Int(7)));
    let Measured::Distribution(histogram) = values[3] else { panic!("{:?}", values[3]) };
    assert_eq!((histogram.count, histogram.sum, histogram.max), (3, Some(4.5), None));
    assert_eq!(histogram.buckets.iter().map(|b| b.cumulative).collect::<Vec<_>>(), [1, 3]);
    let Measured::Distribution(exponential) = values[4] else { panic!("{:?}", values[4]) };
    let buckets: Vec<_> = exponential.buckets.iter().map(|b| (b.upper, b.cumulative)).collect();
    assert_eq!(buckets, [(0.0, 1), (2.0, 2), (f64::INFINITY, 2)]);
    let expected = Quantiles { count: 4, sum: 6.0, values: vec![(0.5, 1.5)] };
    assert_eq!(values[5], &Measured::Quantiles(expected));
    let exemplar = &metrics[1].points[0].exemplars[0];
    assert_eq!((exemplar.value, exemplar.span_id.len()), (Some(Number::Double(0.5)), 8));
    assert_eq!((&*metrics[0].unit, metrics[1].points[0].attributes.len()), ("s", 1));
}

#[test]
fn a_body_of_empty_points_is_refused_by_its_memory() {
    let points = vec!["{}"; 5_000].join(",");
    let body = format!(
        "{{\"resourceMetrics\":[{{\"scopeMetrics\":[{{\"metrics\":[{{\"name\":\"a\",\"gauge\":{{\"dataPoints\":[{points}]}}}}]}}]}}]}}"
    );
    let read = |limits: &Limits| decode_metrics(body.as_bytes(), Format::Json, limits);
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read(&limits), Err(DecodeError::TooMany { .. })));
    assert_eq!(read(&Limits::default()).unwrap().rejected.len(), 5_000, "they have no time");
}

proptest! {
    #[test]
    fn any_text_is_metrics_or_an_error(body in ".*", bytes: Vec<u8>) {
        let _ = decode_metrics(body.as_bytes(), Format::Json, &Limits::default());
        let _ = decode_metrics(&bytes, Format::Json, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8) {
        let mut body = body().to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = decode_metrics(&body, Format::Json, &Limits::default());
    }
}
