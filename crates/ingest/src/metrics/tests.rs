use std::sync::Arc;

use otlp::{AnyValue, Bucket, Quantiles, Resource, Scope};
use schema::{Value, stream_name};

use super::*;

fn point(value: Measured) -> Point {
    let route = ("route".into(), AnyValue::Text("/chat".into()));
    Point { attributes: vec![route], start_ns: 4_000, time_ns: 5_000, value, ..Point::default() }
}

fn metric(name: &str, kind: MetricKind, values: Vec<Measured>) -> Metric {
    let service = ("service.name".into(), AnyValue::Text("app".into()));
    Metric {
        name: name.to_owned(),
        description: String::new(),
        unit: "s".to_owned(),
        kind,
        temporality: Temporality::Cumulative,
        points: values.into_iter().map(point).collect(),
        resource: Arc::new(Resource { attributes: vec![service] }),
        scope: Arc::new(Scope { name: "my.app".to_owned(), ..Scope::default() }),
    }
}

fn number(number: i64) -> Measured {
    Measured::Number(Number::Int(number))
}

/// The streams of metrics, each with what `le`, `quantile` and `value` its rows have.
fn spread(metrics: &[Metric], room: usize) -> (Vec<(String, Vec<String>)>, Refusals) {
    let mut sheets = Sheets::new(OrgName::first(), room);
    for metric in metrics {
        sheets.add(metric, |table| table.stream == "there");
    }
    let mut refusals = Refusals::default();
    let short = |row: &Row| {
        let label = row.text("le").or(row.text("quantile")).unwrap_or("-");
        format!("{label} {}", row.float("value").map_or_else(|| "null".into(), |v| v.to_string()))
    };
    let rows = sheets.done(&mut refusals).into_iter();
    let sheets = rows.map(|(table, rows)| (table.stream, rows.iter().map(short).collect()));
    (sheets.collect(), refusals)
}

fn stream(name: &str, rows: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), rows.iter().map(|row| (*row).to_owned()).collect())
}

#[test]
fn each_metric_is_a_stream_and_each_part_of_a_histogram_too() {
    let buckets =
        vec![Bucket { upper: 0.5, cumulative: 1 }, Bucket { upper: f64::INFINITY, cumulative: 3 }];
    let full = Distribution { count: 3, sum: Some(4.5), min: Some(0.25), max: None, buckets };
    let bare = Distribution { count: 2, ..Distribution::default() };
    let quantiles = Quantiles { count: 4, sum: 6.0, values: vec![(0.5, 1.5), (0.99, 3.0)] };
    let (streams, refusals) = spread(
        &[
            metric("app.Requests", MetricKind::Counter, vec![number(3), number(4)]),
            metric("gone", MetricKind::Gauge, vec![Measured::Nothing]),
            metric(
                "latency",
                MetricKind::Histogram,
                vec![Measured::Distribution(full), Measured::Distribution(bare)],
            ),
            metric("quantiles", MetricKind::Summary, vec![Measured::Quantiles(quantiles)]),
        ],
        100,
    );
    assert_eq!(
        streams,
        [
            stream("app_requests", &["- 3", "- 4"]),
            stream("gone", &["- null"]),
            stream("latency_bucket", &["0.5 1", "+Inf 3"]),
            stream("latency_count", &["- 3", "- 2"]),
            stream("latency_min", &["- 0.25"]),
            stream("latency_sum", &["- 4.5"]),
            stream("quantiles", &["0.5 1.5", "0.99 3"]),
            stream("quantiles_count", &["- 4"]),
            stream("quantiles_sum", &["- 6"]),
        ]
    );
    assert_eq!(refusals.count(), 0);
}

#[test]
fn a_row_has_its_labels_type_unit_and_temporality() {
    let mut metric = metric("app.inflight", MetricKind::UpDownCounter, vec![number(2)]);
    metric.points[0].exemplars = vec![Exemplar {
        time_ns: 3_000,
        value: Some(Number::Double(0.5)),
        trace_id: vec![0xab; 2],
        span_id: Vec::new(),
        attributes: Vec::new(),
    }];
    let mut sheets = Sheets::new(OrgName::first(), 1);
    sheets.add(&metric, |_| false);
    let (table, rows) = sheets.done(&mut Refusals::default()).remove(0);
    assert_eq!(table.to_string(), "default/metrics/app_inflight");
    let text = |text: &str| Value::Text(text.into());
    let cells: Vec<_> =
        rows[0].cells().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let (hash, cells) = cells.split_last().expect("has cells");
    assert_eq!(
        cells,
        [
            ("_timestamp", Value::Int(5)),
            ("value", Value::Float(2.0)),
            ("__name__", text("app_inflight")),
            ("__type__", text("updowncounter")),
            ("__unit__", text("s")),
            ("__temporality__", text("cumulative")),
            ("start_time", Value::Int(4_000)),
            ("flag", Value::Int(0)),
            ("exemplars", text(r#"[{"_timestamp":3,"trace_id":"abab","value":0.5}]"#)),
            ("service_name", text("app")),
            ("instrumentation_library_name", text("my.app")),
            ("route", text("/chat")),
        ]
    );
    assert_eq!((hash.0, hash.1.as_text().map(str::len)), ("__hash__", Some(16)));
}

#[test]
fn points_of_one_series_share_a_hash_whatever_their_order_and_time() {
    let hash = |attributes: &[(&str, i64)], time_ns: u64| {
        let mut metric = metric("m", MetricKind::Gauge, vec![number(1)]);
        let attributes = attributes.iter().map(|(key, v)| ((*key).into(), AnyValue::Int(*v)));
        metric.points[0].attributes = attributes.collect();
        metric.points[0].time_ns = time_ns;
        let mut sheets = Sheets::new(OrgName::first(), 1);
        sheets.add(&metric, |_| false);
        let sheets = sheets.done(&mut Refusals::default());
        sheets[0].1[0].text("__hash__").map(str::to_owned)
    };
    assert_eq!(hash(&[("a", 1), ("b", 2)], 1_000), hash(&[("b", 2), ("a", 1)], 9_000));
    assert_ne!(hash(&[("a", 1), ("b", 2)], 1_000), hash(&[("a", 2), ("b", 1)], 1_000));
}

#[test]
fn a_metric_that_needs_more_streams_than_there_may_be_is_refused_whole() {
    let bare =
        || Measured::Distribution(Distribution { sum: Some(1.0), ..Distribution::default() });
    let (streams, refusals) = spread(
        &[
            metric("one", MetricKind::Gauge, vec![number(1)]),
            metric("histogram", MetricKind::Histogram, vec![bare(), bare()]),
            metric("there", MetricKind::Gauge, vec![number(1)]),
            metric("one", MetricKind::Gauge, vec![number(2)]),
            metric("two", MetricKind::Gauge, vec![number(1)]),
            metric("three", MetricKind::Gauge, vec![number(1)]),
        ],
        2,
    );
    let names: Vec<_> = streams.iter().map(|(name, rows)| (name.as_str(), rows.len())).collect();
    // The histogram needs two streams where one is left; "two" gets that one.
    assert_eq!(names, [("one", 2), ("there", 1), ("two", 1)]);
    let refused = refusals.accepted(5, 0);
    assert_eq!(refused.rejected, 3);
    assert_eq!(
        refused.reason,
        "storage.most_streams allows no more metrics streams: \"histogram\" and 1 more metrics not taken"
    );
}

#[test]
fn no_metric_can_write_to_a_stream_of_the_server() {
    for name in ["_rollups", ".rollups", " _rollups", "-rollups"] {
        let streams = streams(&metric(name, MetricKind::Gauge, Vec::new()));
        assert_eq!((&*streams[0].name, &*streams[0].label), ("metric_rollups", "metric_rollups"));
    }
    assert_eq!(base("  "), "metric");
}

#[test]
fn long_names_are_cut_before_their_suffix() {
    let name = "a.".repeat(100);
    let metric = metric(&name, MetricKind::Summary, Vec::new());
    let lengths: Vec<_> = streams(&metric)
        .iter()
        .map(|stream| (stream.name.len(), stream.label.len(), stream.part))
        .collect();
    let expected = [(100, 200, Part::Quantiles), (100, 206, Part::Count), (100, 204, Part::Sum)];
    assert_eq!(lengths, expected);
    assert!(streams(&metric)[1].name.ends_with("_count"));
    assert_eq!(stream_name(&streams(&metric)[1].name), streams(&metric)[1].name);
}
