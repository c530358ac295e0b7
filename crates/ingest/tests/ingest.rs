//! What admission promises: on disk before it is answered, stored once, refused by name, and a log that gets shorter.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, UnixNanos};
use ingest::{Change, Error, Ingest, IngestConfig, Limits, Reason};
use lake::{Flush, Lake, LakeConfig};
use otlp::{
    AnyValue, Distribution, LogRecord, Logs, Measured, Metric, MetricKind, Metrics, Number, Point,
    Rejected, Resource, Scope, Span, Temporality, Traces,
};
use redaction::{Capture, Operator, Policies};
use schema::{Kind, OrgName, Row, Table, Value};
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
        self.stored().await.len()
    }

    async fn stored(&self) -> Vec<Row> {
        self.lake.rows(&table(), i64::MIN, i64::MAX, &[]).await.expect("reads")
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
        name: "a span".into(),
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
    assert_eq!(
        Reason::ALL.map(Reason::as_str),
        ["malformed", "too_old", "too_far_ahead", "too_many_streams"]
    );
    assert_eq!((books.rejected, books.rejected_by), (3, [1, 1, 1, 0]));
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
        body: AnyValue::Text(body.into()),
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
    let accepted = house.ingest.logs_of(table.clone(), 0, || Ok(Logs { records, rejected })).await;
    let accepted = accepted.expect("is taken");
    assert_eq!((accepted.stored, accepted.rejected), (2, 3));
    assert_eq!(
        accepted.reason,
        "too deep; 1 log records are more than 400 days old; 1 log records are more than 10 minutes ahead of the server's clock"
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
    let accepted =
        house.ingest.metrics_of(OrgName::first(), 0, move || Ok(metrics)).await.expect("is taken");
    assert_eq!((accepted.stored, accepted.rejected), (2, 1));
    assert!(accepted.reason.starts_with("1 data points are more than"), "{}", accepted.reason);
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
    let accepted =
        house.ingest.metrics_of(org(), 0, move || Ok(flood(0))).await.expect("is taken in part");
    assert_eq!((accepted.stored, accepted.rejected), (100, 9_900));
    assert_eq!(
        accepted.reason,
        "storage.most_streams allows no more metrics streams: \"m100\" and 9899 more metrics not taken"
    );
    let again =
        house.ingest.metrics_of(org(), 0, move || Ok(flood(50))).await.expect("is taken in part");
    assert_eq!(again.stored, 50, "streams that are there go on");
    let tables = house.lake.tables(&org());
    assert_eq!(tables.iter().filter(|table| table.kind == Kind::Metrics).count(), 100);
    let logs = Logs { records: vec![record("hi", NOW_NS)], rejected: Vec::new() };
    let logs = house.ingest.logs_of(Table::new(org(), Kind::Logs, "app"), 0, || Ok(logs)).await;
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
    house.ingest.logs_of(table("one"), 0, move || Ok(logs())).await.expect("is taken");
    let error = house
        .ingest
        .logs_of(table("two"), 0, move || Ok(logs()))
        .await
        .expect_err("is one too many");
    assert!(matches!(error, Error::TooManyStreams { ref stream } if stream == "two"), "{error}");
    assert_eq!(house.ingest.books(Kind::Logs).failed, 1);
}

/// A model call of trace 1, below `parent`.
fn call(id: u8, parent: Option<u8>, attributes: &[(&str, &str)]) -> Span {
    let text = |text: &str| AnyValue::Text(text.into());
    let mut span = span(1, NOW_NS);
    span.span_id = [id; 8];
    span.parent_span_id = parent.map(|parent| [parent; 8]);
    span.attributes = [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")]
        .iter()
        .chain(attributes)
        .map(|(key, value)| ((*key).into(), text(value)))
        .collect();
    span
}

fn calls_and_tokens(rows: &[Row]) -> (usize, i64) {
    let leaves = rows.iter().filter(|row| row.get("llm_is_leaf") == Some(&Value::Bool(true)));
    let tokens = rows.iter().filter_map(|row| row.int("llm_token_count_total")).sum();
    (leaves.count(), tokens)
}

#[tokio::test]
async fn a_call_that_several_spans_describe_counts_once_also_over_batches_and_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let usage = [("gen_ai.usage.input_tokens", "21"), ("gen_ai.usage.output_tokens", "18")];
    let house = open(folder.path(), IngestConfig::default()).await;
    let send = |house: &House, spans| {
        let ingest = house.ingest.clone();
        async move { ingest.traces(table(), traces(spans)).await.expect("is taken") }
    };
    send(&house, vec![call(3, Some(2), &usage)]).await;
    send(&house, vec![call(2, Some(1), &usage)]).await;
    assert_eq!(calls_and_tokens(&house.stored().await), (1, 39));
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    assert_eq!(house.ingest.open_trace_spans(), 2, "the log tells what was judged");
    send(&house, vec![call(1, None, &usage)]).await;
    let rows = house.stored().await;
    assert_eq!(calls_and_tokens(&rows), (1, 39));
    let outer = rows.iter().find(|row| row.text("span_id") == Some("0101010101010101"));
    assert_eq!(
        outer.and_then(|row| row.text("llm_duplicate_of")),
        Some("0303030303030303"),
        "{outer:?}"
    );
}

#[tokio::test]
async fn what_is_not_to_be_kept_never_reaches_the_disk() {
    const SECRET: &str = "hf_abcdefghijklmnop1234";
    for (capture, input) in
        [(Capture::Redacted, Some("my key is [redacted:api-key]")), (Capture::None, None)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let operator = Operator { capture, ..Operator::default() };
        let privacy = Arc::new(Policies::new(operator).expect("is good"));
        let house = open(folder.path(), IngestConfig { privacy, ..IngestConfig::default() }).await;
        let said = format!("my key is {SECRET}");
        let attributes =
            [("input.value", &*said), ("http.request.header.authorization", "Basic c2VjcmV0")];
        let spans = vec![call(1, None, &attributes)];
        house.ingest.traces(table(), traces(spans.clone())).await.expect("is taken");
        let gateway = Span { span_id: [9; 8], ..spans[0].clone() };
        house.ingest.calls(table(), vec![gateway], |_, _| {}).await.expect("is taken");
        for row in house.stored().await {
            assert_eq!(row.text("llm_input"), input, "{capture:?}");
            assert_eq!(row.get("content_redacted"), Some(&Value::Bool(true)));
        }
        let changed = house.ingest.books(Kind::Traces).changed;
        assert_eq!(changed[Change::Authorizations as usize], 2);
        assert!(changed[Change::RedactedMatches as usize] >= 2);
        let emptied = if capture == Capture::None { 2 } else { 0 };
        assert_eq!(changed[Change::WithoutContents as usize], emptied);
        house.lake.flush(Flush::All).await.expect("flushes");
        house.die().await;
        for secret in [SECRET, "c2VjcmV0"] {
            assert!(!holds(folder.path(), secret.as_bytes()), "{capture:?}: {secret} is on disk");
        }
    }
}

/// Whether a file below the folder holds the bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("is a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        let content = std::fs::read(path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { value_bytes: 20, ..Limits::default() };
    let house = open(folder.path(), IngestConfig { limits, ..IngestConfig::default() }).await;
    let long = "x".repeat(50);
    let spans = vec![call(1, None, &[("my.note", &long), ("input.value", &long)])];
    house.ingest.traces(table(), traces(spans)).await.expect("is taken");
    let rows = house.stored().await;
    let cut = format!("{}…[truncated 30 bytes]", "x".repeat(20));
    assert_eq!(rows[0].text("my_note"), Some(&*cut));
    assert_eq!(rows[0].text("input_value"), Some(&*long));
    assert!(rows[0].text("truncated_columns").is_some_and(|names| names.contains("my_note")));
    assert!(house.ingest.books(Kind::Traces).changed[Change::TruncatedColumns as usize] >= 1);
}

/// The recorded body of the README's program.
fn seed() -> Traces {
    let path = format!(
        "{}/../conventions/tests/fixtures/openobserve-sdk/01-seed-exact.pb",
        env!("CARGO_MANIFEST_DIR")
    );
    let body = bytes::Bytes::from(std::fs::read(path).expect("the fixture is there"));
    otlp::decode_traces(&body, otlp::Format::Protobuf, &otlp::Limits::default()).expect("decodes")
}

#[tokio::test]
async fn a_call_is_priced_when_it_is_admitted_by_the_book_of_that_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = Arc::new(prices::Shelf::shipped());
    let config = IngestConfig { prices: Arc::clone(&shelf), ..IngestConfig::default() };
    let house = open(folder.path(), config).await;
    let team: OrgName = "team".parse().expect("a name");
    let own = prices::Row::parse(r#"{"key":"own","id":"llama3.1-8b","input":1,"output":2}"#)
        .expect("a row");
    shelf.set(&team, vec![own]).expect("one row");
    for org in [OrgName::first(), team] {
        house.ingest.traces(Table::traces(org.clone()), seed()).await.expect("taken");
    }
    let cost = async |org: &str| {
        let table = Table::traces(org.parse().expect("a name"));
        let rows = house.lake.rows(&table, i64::MIN, i64::MAX, &[]).await.expect("reads");
        (rows[0].float("llm_usage_cost_total"), rows[0].text("llm_price_row").map(str::to_owned))
    };
    // 21 and 18 tokens: at 0.10 and 0.10, and at 1 and 2.
    assert_eq!(
        cost("default").await,
        (Some(0.000_003_9), Some("shipped:cerebras/llama-3.1-8b".to_owned()))
    );
    assert_eq!(cost("team").await, (Some(0.000_057), Some("org:own".to_owned())));
}

#[tokio::test]
async fn many_spans_become_columns_at_once_and_are_as_safe_as_few() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    // The first batch makes the table; the second finds it there, and its rows are columns before they are visible.
    let batch = |ids: std::ops::RangeInclusive<u8>| {
        let with_text = |id| {
            let text = format!("the prompt of the span with the number {id}").into();
            let attributes = vec![("input.value".into(), AnyValue::Text(text))];
            Span { attributes, ..span(id, NOW_NS) }
        };
        traces(ids.map(with_text).collect())
    };
    for ids in [1..=40, 30..=80] {
        house.ingest.traces(table(), batch(ids)).await.expect("is taken");
    }
    assert_eq!(house.rows().await, 80);
    house.die().await;

    let house = open(folder.path(), IngestConfig::default()).await;
    assert_eq!((house.replayed.rows, house.rows().await), (80, 80));
    house.ingest.traces(table(), batch(81..=120)).await.expect("is taken");
    house.lake.flush(Flush::All).await.expect("flushes");
    let rows = house.lake.rows(&table(), i64::MIN, i64::MAX, &[]).await.expect("reads");
    let text = |row: &schema::Row| row.text("input_value").map(str::to_owned);
    let mut texts: Vec<_> = rows.iter().filter_map(text).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((rows.len(), texts.len()), (120, 120));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_named_and_counts_as_no_span() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = open(folder.path(), IngestConfig::default()).await;
    for bytes in [2, usize::MAX] {
        let read = || {
            let cut_off = bytes::Bytes::from_static(&[0x0a, 0x7f]);
            otlp::decode_traces(&cut_off, otlp::Format::Protobuf, &otlp::Limits::default())
        };
        let error = house.ingest.traces_of(table(), bytes, read).await.expect_err("is cut off");
        assert!(matches!(error, Error::Body(_)), "{error}");
    }
    assert_eq!(house.ingest.books(Kind::Traces), ingest::Counts::default());
}

#[tokio::test]
async fn a_batch_that_no_memory_would_hold_is_refused_and_may_come_again_smaller() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(UnixNanos(NOW_NS)));
    let small =
        LakeConfig { most_hot_bytes: 4_000, ..LakeConfig::in_folder(folder.path().join("lake")) };
    let lake = Arc::new(Lake::open(small, clock.clone()).await.expect("opens"));
    let (log, _) = Wal::open(&folder.path().join("wal"), WalConfig::default()).expect("opens");
    let ingest = Ingest::new(log, lake, clock, Tasks::new(), IngestConfig::default());
    let with = |len: usize| {
        let attributes = vec![("a".into(), AnyValue::Text("x".repeat(len).into()))];
        traces(vec![Span { attributes, ..span(1, NOW_NS) }])
    };
    let error = ingest.traces(table(), with(4_000)).await.expect_err("is too heavy");
    assert!(matches!(error, Error::TooHeavy { .. }), "{error}");
    assert_eq!(error.fault().class, fault::Class::TooLarge);
    assert_eq!(ingest.traces(table(), with(10)).await.expect("is taken").stored, 1);
}
