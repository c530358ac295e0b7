use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use proptest::prelude::*;
use wire::exponential_histogram_data_point::Buckets;
use wire::summary_data_point::ValueAtQuantile;

use super::*;
use crate::{Format, decode_metrics};

fn attributes() -> Vec<common::KeyValue> {
    let value = Some(common::AnyValue { value: Some(Value::StringValue("/chat".to_owned())) });
    vec![common::KeyValue { key: "route".to_owned(), value, ..Default::default() }]
}

fn request(metrics: Vec<wire::Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![wire::ScopeMetrics { metrics, ..Default::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![wire::ResourceMetrics { scope_metrics, ..Default::default() }],
    }
}

fn metric(name: &str, data: metric::Data) -> wire::Metric {
    let (name, unit) = (name.to_owned(), "s".to_owned());
    wire::Metric { name, unit, data: Some(data), ..Default::default() }
}

fn read(metrics: Vec<wire::Metric>) -> Metrics {
    let body = request(metrics).encode_to_vec();
    decode_metrics(&body, Format::Protobuf, &Limits::default()).unwrap()
}

fn number(value: Option<number_data_point::Value>) -> wire::NumberDataPoint {
    wire::NumberDataPoint {
        attributes: attributes(),
        start_time_unix_nano: 4,
        time_unix_nano: 5,
        value,
        flags: u32::from(value.is_none()),
        exemplars: vec![wire::Exemplar {
            time_unix_nano: 3,
            value: Some(exemplar::Value::AsInt(9)),
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            filtered_attributes: attributes(),
        }],
    }
}

fn histogram() -> wire::HistogramDataPoint {
    wire::HistogramDataPoint {
        time_unix_nano: 5,
        count: 3,
        sum: Some(4.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.5],
        min: Some(0.1),
        ..Default::default()
    }
}

fn of_every_kind() -> Vec<wire::Metric> {
    let sum = |is_monotonic, aggregation_temporality| {
        let data_points = vec![number(Some(number_data_point::Value::AsInt(7)))];
        metric::Data::Sum(wire::Sum { data_points, aggregation_temporality, is_monotonic })
    };
    let exponential = wire::ExponentialHistogramDataPoint {
        time_unix_nano: 5,
        count: 2,
        zero_count: 1,
        positive: Some(Buckets { offset: 0, bucket_counts: vec![1] }),
        ..Default::default()
    };
    let quantile_values = vec![ValueAtQuantile { quantile: 0.5, value: 1.5 }];
    let summary = wire::SummaryDataPoint {
        time_unix_nano: 5,
        count: 4,
        sum: 6.0,
        quantile_values,
        ..Default::default()
    };
    let gauge = wire::Gauge { data_points: vec![number(None)] };
    vec![
        metric("gauge", metric::Data::Gauge(gauge)),
        metric("counter", sum(true, 2)),
        metric("updown", sum(false, 1)),
        metric(
            "histogram",
            metric::Data::Histogram(wire::Histogram {
                data_points: vec![histogram()],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "exponential",
            metric::Data::ExponentialHistogram(wire::ExponentialHistogram {
                data_points: vec![exponential],
                aggregation_temporality: 1,
            }),
        ),
        metric("summary", metric::Data::Summary(wire::Summary { data_points: vec![summary] })),
    ]
}

#[test]
fn metrics_of_every_kind_are_read() {
    let Metrics { metrics, rejected } = read(of_every_kind());
    assert_eq!(rejected, []);
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
    assert_eq!((&*metrics[0].name, &*metrics[0].unit), ("gauge", "s"));
    let values: Vec<_> = metrics.iter().map(|metric| &metric.points[0].value).collect();
    assert_eq!(values[0], &Measured::Nothing);
    assert_eq!(values[1], &Measured::Number(Number::Int(7)));
    let Measured::Distribution(found) = values[3] else { panic!("{:?}", values[3]) };
    assert_eq!((found.count, found.sum, found.min, found.max), (3, Some(4.5), Some(0.1), None));
    let buckets: Vec<_> = found.buckets.iter().map(|b| (b.upper, b.cumulative)).collect();
    assert_eq!(buckets, [(0.5, 1), (f64::INFINITY, 3)]);
    let Measured::Distribution(found) = values[4] else { panic!("{:?}", values[4]) };
    let buckets: Vec<_> = found.buckets.iter().map(|b| (b.upper, b.cumulative)).collect();
    assert_eq!(buckets, [(0.0, 1), (2.0, 2), (f64::INFINITY, 2)]);
    let expected = Quantiles { count: 4, sum: 6.0, values: vec![(0.5, 1.5)] };
    assert_eq!(values[5], &Measured::Quantiles(expected));
    let point = &metrics[1].points[0];
    assert_eq!((point.start_ns, point.time_ns, point.attributes.len()), (4, 5, 1));
    assert_eq!(metrics[0].points[0].flags, 1);
    let exemplar = &point.exemplars[0];
    assert_eq!((exemplar.time_ns, exemplar.value), (3, Some(Number::Int(9))));
    assert_eq!((&exemplar.trace_id, exemplar.attributes.len()), (&vec![1; 16], 1));
}

#[test]
fn bad_points_are_refused_alone_and_bad_names_with_all_their_points() {
    let bad = wire::HistogramDataPoint { explicit_bounds: vec![0.5, 0.6], ..histogram() };
    let timeless = wire::HistogramDataPoint { time_unix_nano: 0, ..histogram() };
    let data = |data_points| {
        metric::Data::Histogram(wire::Histogram { data_points, aggregation_temporality: 2 })
    };
    let found = read(vec![
        metric("good", data(vec![bad, timeless, histogram()])),
        metric("", data(vec![histogram(), histogram()])),
        metric(&"x".repeat(256), data(vec![histogram()])),
    ]);
    assert_eq!((found.metrics.len(), found.points()), (1, 1));
    let reasons: Vec<_> = found.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
    let name = "the name of a metric has to be 1 to 255 bytes long";
    assert_eq!(
        reasons,
        [
            "a histogram has to have one bucket more than it has bounds",
            "a data point has no time",
            name,
            name,
            name
        ]
    );
}

#[test]
fn a_small_body_that_would_become_many_rows_is_refused() {
    let limits = Limits { decoded_bytes: 1 << 20, ..Limits::default() };
    let wide = wire::HistogramDataPoint {
        bucket_counts: vec![1; 1_001],
        explicit_bounds: (0..1_000).map(f64::from).collect(),
        ..histogram()
    };
    let data = metric::Data::Histogram(wire::Histogram {
        data_points: vec![wide; 10],
        aggregation_temporality: 2,
    });
    let body = request(vec![metric("wide", data)]).encode_to_vec();
    assert!(body.len() < 200_000);
    let read = |limits: &Limits| decode_metrics(&body, Format::Protobuf, limits);
    assert!(matches!(read(&limits), Err(DecodeError::TooMany { .. })));
    assert_eq!(read(&Limits::default()).unwrap().points(), 10);
    let few = Limits { buckets_per_point: 1_000, ..Limits::default() };
    assert_eq!(read(&few).unwrap().rejected.len(), 10);
}

proptest! {
    #[test]
    fn any_bytes_are_metrics_or_an_error(body: Vec<u8>) {
        let _ = decode_metrics(&body, Format::Protobuf, &Limits::default());
    }

    #[test]
    fn a_real_body_damaged_anywhere_never_panics(at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index) {
        let mut body = request(of_every_kind()).encode_to_vec();
        let index = at.index(body.len());
        body[index] = byte;
        let _ = decode_metrics(&body, Format::Protobuf, &Limits::default());
        let _ = decode_metrics(&body[..cut.index(body.len())], Format::Protobuf, &Limits::default());
    }
}
