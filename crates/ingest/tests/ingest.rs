//! What admission promises: on disk before it is answered, stored once, refused by name, and a log that gets shorter.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, UnixNanos};
use ingest::{Error, Ingest, IngestConfig};
use lake::{Flush, Lake, LakeConfig};
use otlp::{
    AnyValue, Distribution, LogRecord, Logs, Measured, Metric, MetricKind, Metrics, Number, Point,
    Rejected, Resource, Scope, Span, Temporality, Traces,
};
use schema::{Kind, OrgName, Row, Table};
use tasks::{Grace, Tasks};
use wal::{Wal, WalConfig};

/// 2026-11-24.
const NOW_NS: i64 = 1_795_478_400_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

struct House {
    ingest: Ingest,
    lake: Arc<Lake>,
    tasks: Tasks,
    replayed: ingest::Replayed,
}

async fn open(root: &Path, config: IngestConfig) -> House {
    open_with(root, config, LakeConfig::in_folder(root.join("lake"))).await
}

async fn open_with(root: &Path, config: IngestConfig, lake: LakeConfig) -> House {
    let clock = Arc::new(ManualClock::at(UnixNanos(NOW_NS)));
    let lake = Arc::new(Lake::open(lake, clock.clone()).await.expect("opens"));
    let small = WalConfig { segment_bytes: 4096, ..WalConfig::default() };
    let (log, replay) = Wal::open(&root.join("wal"), small).expect("opens");
    let tasks = Tasks::new();
    let ingest = Ingest::new(log, Arc::clone(&lake), clock, tasks.clone(), config);
    let replayed = ingest.replay(replay, |_, _, _| {});
    House { ingest, lake, tasks, replayed }
}

impl House {
    async fn rows(&self) -> usize {
        self.lake.rows(&table(), i64::MIN, i64::MAX, &[]).await.expect("reads").len()
    }

    async fn rows_of(&self, table: &Table) -> Vec<Row> {
        self.lake.rows(table, i64::MIN, i64::MAX, &[]).await.expect("reads")
    }

    /// The process ends without a flush.
    async fn die(self) {
        self.tasks.stop(Grace::each(Duration::from_secs(5))).await;
    }
}

fn table() -> Table {
    Table::traces(OrgName::first())
}

fn span(id: u8, start_ns: i64) -> Span {
    Span {
        trace_id: [id; 16],
        span_id: [id; 8],
        parent_span_id: None,
        trace_state: String::new(),
        flags: 0,
        name: "a span".to_owned(),
        kind: 1,
        start_ns: start_ns.unsigned_abs(),
        end_ns: start_ns.unsigned_abs() + 1_000,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: None,
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    }
}

fn traces(spans: Vec<Span>) -> Traces {
    Traces { spans, rejected: Vec::new() }
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash_and_a_repeat_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    let batch = || traces(vec![span(1, NOW_NS), span(2, NOW_NS), span(1, NOW_NS)]);
    let accepted = house.ingest.traces(table(), batch()).await.expect("is taken");
    assert_eq!((accepted.stored, accepted.duplicates), (2, 1));
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    assert_eq!((house.replayed.rows, house.rows().await), (2, 2));
    let again = house.ingest.traces(table(), batch()).await.expect("is taken");
    assert_eq!((again.stored, again.duplicates, house.rows().await), (0, 3, 2));
    house.lake.flush(Flush::All).await.expect("flushes");
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    assert_eq!(house.rows().await, 2, "the log and the table hold the same rows once");
}

#[tokio::test]
async fn a_span_of_an_absurd_time_is_refused_and_the_others_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    let spans = vec![
        span(1, NOW_NS - 300 * DAY_NS),
        span(2, NOW_NS - 500 * DAY_NS),
        span(3, NOW_NS + DAY_NS),
    ];
    let rejected = vec![Rejected { reason: "trace_id is all zero".to_owned() }];
    let accepted =
        house.ingest.traces(table(), Traces { spans, rejected }).await.expect("is taken");
    assert_eq!((accepted.stored, accepted.rejected), (1, 3));
    assert!(accepted.reason.contains("400 days"), "{}", accepted.reason);
    let books = house.ingest.books(Kind::Traces);
    assert_eq!(books.received, books.stored + books.duplicates + books.rejected + books.failed);
}

#[tokio::test]
async fn the_log_gets_shorter_when_its_rows_are_in_tables_and_nobody_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = IngestConfig { remembered_for: Duration::ZERO, ..IngestConfig::default() };
    let house = open(folder.path(), config).await;
    for id in 1..=60 {
        house.ingest.traces(table(), traces(vec![span(id, NOW_NS)])).await.expect("is taken");
    }
    let before = house.ingest.log_stats().segments;
    house.ingest.trim(u64::MAX);
    assert_eq!(house.ingest.log_stats().segments, before, "no table holds the rows yet");
    house.lake.flush(Flush::All).await.expect("flushes");
    house.ingest.trim(1);
    assert_eq!(house.ingest.log_stats().segments, before, "somebody else needs it from the start");
    house.ingest.trim(u64::MAX);
    house.ingest.trim(u64::MAX);
    let wait = async {
        while house.ingest.log_stats().segments >= before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("segments are removed");
}

#[tokio::test]
async fn a_log_beyond_its_bytes_is_trimmed_though_it_is_young() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = IngestConfig { remembered_bytes: 4096, ..IngestConfig::default() };
    let house = open(folder.path(), config).await;
    for id in 1..=60 {
        house.ingest.traces(table(), traces(vec![span(id, NOW_NS)])).await.expect("is taken");
        house.lake.flush(Flush::All).await.expect("flushes");
        house.ingest.trim(u64::MAX);
    }
    let wait = async {
        while house.ingest.log_stats().log_bytes > 3 * 4096 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the log stays short");
}

#[tokio::test]
async fn when_memory_is_full_nothing_is_taken_and_the_sender_is_told_to_come_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(UnixNanos(NOW_NS)));
    let none = LakeConfig {
        most_hot_bytes: 0,
        most_streams: 1,
        ..LakeConfig::in_folder(folder.path().join("lake"))
    };
    let lake = Arc::new(Lake::open(none, clock.clone()).await.expect("opens"));
    let (log, _) = Wal::open(&folder.path().join("wal"), WalConfig::default()).expect("opens");
    let ingest = Ingest::new(log, lake, clock, Tasks::new(), IngestConfig::default());
    let error = ingest.traces(table(), traces(vec![span(1, NOW_NS)])).await.expect_err("is full");
    assert!(
        matches!(error, Error::NoRoom) && matches!(error.fault().retry, fault::Retry::After(_))
    );
    assert_eq!(ingest.books(Kind::Traces).failed, 1);
}

fn record(body: &str, time_ns: i64) -> LogRecord {
    LogRecord {
        time_ns: time_ns.unsigned_abs(),
        body: AnyValue::Text(body.to_owned()),
        ..LogRecord::default()
    }
}

fn metric(name: &str, kind: MetricKind, values: Vec<(i64, Measured)>) -> Metric {
    let point = |(time_ns, value): (i64, Measured)| Point {
        time_ns: time_ns.unsigned_abs(),
        value,
        ..Point::default()
    };
    Metric {
        name: name.to_owned(),
        description: String::new(),
        unit: String::new(),
        kind,
        temporality: Temporality::Delta,
        points: values.into_iter().map(point).collect(),
        resource: Arc::default(),
        scope: Arc::default(),
    }
}

fn gauge(name: &str) -> Metric {
    let value = Measured::Number(Number::Double(0.5));
    metric(name, MetricKind::Gauge, vec![(NOW_NS, value)])
}

#[tokio::test]
async fn log_records_are_there_after_a_crash_and_bad_ones_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    let table = Table::new(OrgName::first(), Kind::Logs, "My App");
    let records = vec![
        record("good", NOW_NS),
        LogRecord::default(),
        record("old", NOW_NS - 500 * DAY_NS),
        record("tomorrow", NOW_NS + DAY_NS),
    ];
    let rejected = vec![Rejected { reason: "too deep".to_owned() }];
    let accepted = house.ingest.logs(table.clone(), Logs { records, rejected }).await;
    let accepted = accepted.expect("is taken");
    assert_eq!((accepted.stored, accepted.rejected), (2, 3));
    assert_eq!(
        accepted.reason,
        "too deep; log records are more than 400 days old or more than 10 minutes ahead of the server's clock"
    );
    let books = house.ingest.books(Kind::Logs);
    assert_eq!((books.received, books.stored, books.rejected), (5, 2, 3));
    assert_eq!(house.ingest.books(Kind::Traces).received, 0, "each signal has books of its own");
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    let rows = house.rows_of(&Table::new(OrgName::first(), Kind::Logs, "my_app")).await;
    let times: Vec<_> = rows.iter().map(|row| row.int("_timestamp")).collect();
    assert_eq!(times, [Some(NOW_NS / 1000); 2], "a record without a time has ours");
    assert!(rows.iter().any(|row| row.text("body") == Some("good")));
}

#[tokio::test]
async fn metrics_of_one_request_are_one_record_of_the_log_and_many_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    let held = Distribution { count: 3, sum: Some(1.5), ..Distribution::default() };
    let values = vec![(NOW_NS, Measured::Distribution(held)), (NOW_NS + DAY_NS, Measured::Nothing)];
    let latency = metric("latency", MetricKind::Histogram, values);
    let metrics = Metrics { metrics: vec![gauge("cpu"), latency], rejected: Vec::new() };
    let before = house.ingest.log_stats().records;
    let accepted = house.ingest.metrics(OrgName::first(), metrics).await.expect("is taken");
    assert_eq!((accepted.stored, accepted.rejected), (2, 1));
    assert!(accepted.reason.starts_with("data points are more than"), "{}", accepted.reason);
    assert_eq!(house.ingest.log_stats().records, before + 1);
    let books = house.ingest.books(Kind::Metrics);
    assert_eq!((books.received, books.stored, books.rejected), (3, 2, 1));
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    assert_eq!(house.replayed.rows, 3);
    for (stream, value) in [("cpu", 0.5), ("latency_count", 3.0), ("latency_sum", 1.5)] {
        let rows = house.rows_of(&Table::new(OrgName::first(), Kind::Metrics, stream)).await;
        assert_eq!(rows.iter().map(|row| row.float("value")).collect::<Vec<_>>(), [Some(value)]);
    }
}

#[tokio::test]
async fn a_flood_of_metric_names_ends_at_the_cap_and_leaves_room_for_other_kinds() {
    let folder = tempfile::tempdir().expect("a folder");
    let few = LakeConfig { most_streams: 100, ..LakeConfig::in_folder(folder.path().join("lake")) };
    let house = open_with(folder.path(), IngestConfig::default(), few).await;
    let flood = |from: usize| {
        let metrics = (from..from + 10_000).map(|n| gauge(&format!("m{n}"))).collect();
        Metrics { metrics, rejected: Vec::new() }
    };
    let org = OrgName::first;
    let accepted = house.ingest.metrics(org(), flood(0)).await.expect("is taken in part");
    assert_eq!((accepted.stored, accepted.rejected), (100, 9_900));
    assert_eq!(
        accepted.reason,
        "storage.most_streams allows no more metrics streams: \"m100\" and 9899 more metrics not taken"
    );
    let again = house.ingest.metrics(org(), flood(50)).await.expect("is taken in part");
    assert_eq!(again.stored, 50, "streams that are there go on");
    assert_eq!(house.lake.tables(&org(), Kind::Metrics).len(), 100);
    let logs = Logs { records: vec![record("hi", NOW_NS)], rejected: Vec::new() };
    let logs = house.ingest.logs(Table::new(org(), Kind::Logs, "app"), logs).await;
    assert_eq!(logs.expect("has a cap of its own").stored, 1);
    house.ingest.rows(Table::rollups(org()), vec![Row::default()]).await.expect("always");
}

#[tokio::test]
async fn one_log_stream_too_many_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = LakeConfig { most_streams: 1, ..LakeConfig::in_folder(folder.path().join("lake")) };
    let house = open_with(folder.path(), IngestConfig::default(), one).await;
    let logs = || Logs { records: vec![record("hi", NOW_NS)], rejected: Vec::new() };
    let table = |stream: &str| Table::new(OrgName::first(), Kind::Logs, stream);
    house.ingest.logs(table("one"), logs()).await.expect("is taken");
    let error = house.ingest.logs(table("two"), logs()).await.expect_err("is one too many");
    assert!(matches!(error, Error::TooManyStreams { ref stream } if stream == "two"), "{error}");
    assert_eq!(house.ingest.books(Kind::Logs).failed, 1);
}
