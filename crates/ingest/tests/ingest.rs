//! What admission promises: on disk before it is answered, stored once, refused by name, and a log that gets shorter.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clock::{ManualClock, UnixNanos};
use ingest::{Error, Ingest, IngestConfig};
use lake::{Flush, Lake, LakeConfig};
use otlp::{Rejected, Resource, Scope, Span, Traces};
use schema::{OrgName, Table};
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
    let clock = Arc::new(ManualClock::at(UnixNanos(NOW_NS)));
    let lake = Arc::new(
        Lake::open(LakeConfig::in_folder(root.join("lake")), clock.clone()).await.expect("opens"),
    );
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
    let books = house.ingest.books();
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
    assert_eq!(ingest.books().failed, 1);
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
