//! Any sequence of appends, flushes, upkeep, erasures, revisions, expiries, crashes and restarts shows exactly the
//! rows and values that it should.

use std::collections::{BTreeMap, BTreeSet};

use clock::{ManualClock, UnixNanos};
use lake::{Direction, Subject, UpkeepConfig};
use proptest::prelude::*;

use super::revising::{Crash, Paint, run};
use super::*;

const DAY: i64 = 86_400_000_000;
/// The days that rows are of; they are kept for three.
const DAYS: i64 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// Rows: day and trace of each.
    Append(Vec<(i64, u8)>),
    Flush,
    Upkeep,
    Erase(u8),
    /// A restart, so many days later.
    Restart(i64),
    /// Rows of some traces get this colour, from a day on.
    Revise(u8, i64, Crash),
    /// They are again as before the last revision that was not undone.
    Back(Crash),
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0..DAYS, 0..5_u8);
    prop_oneof![
        4 => prop::collection::vec(row, 1..6).prop_map(Step::Append),
        4 => Just(Step::Flush),
        3 => Just(Step::Upkeep),
        1 => (0..5_u8).prop_map(Step::Erase),
        1 => (0..2_i64).prop_map(Step::Restart),
        2 => (0..4_u8, 0..DAYS, crash()).prop_map(|(colour, day, at)| Step::Revise(colour, day, at)),
        2 => crash().prop_map(Step::Back),
    ]
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        3 => Just(Crash::Never),
        1 => (1..4_u64).prop_map(Crash::BeforeCommit),
        1 => (1..4_u64).prop_map(Crash::AfterCommit),
    ]
}

/// A row that should be there.
#[derive(Clone, Debug)]
struct Expected {
    id: String,
    day: i64,
    trace: u8,
    colour: Option<String>,
}

struct World {
    root: tempfile::TempDir,
    table: Table,
    clock: Arc<ManualClock>,
    lake: Arc<Lake>,
    /// What the write-ahead log holds.
    log: Vec<(u64, Vec<Row>)>,
    expected: Vec<Expected>,
    today: i64,
    ids: u64,
    /// Revisions that can be undone: their days, and what was there before.
    revisions: Vec<(String, i64, BTreeMap<String, Option<String>>)>,
}

fn config(root: &Path) -> LakeConfig {
    let upkeep = UpkeepConfig {
        gathered: 2,
        bytes_per_s: 0,
        history: Duration::ZERO,
        checkpoint_every: 4,
        retention_days: 3,
        target_bytes: 20_000,
        ..UpkeepConfig::default()
    };
    LakeConfig { upkeep, ..LakeConfig::in_folder(root) }
}

impl World {
    async fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let today = DAYS;
        let clock = Arc::new(ManualClock::at(UnixNanos::from_micros(today * DAY + 1)));
        let lake = Lake::open(config(root.path()), clock.clone()).await.expect("opens");
        let lake = Arc::new(lake);
        let table = Table::traces(OrgName::first());
        let (log, expected, revisions) = (Vec::new(), Vec::new(), Vec::new());
        Self { root, table, clock, lake, log, expected, today, ids: 0, revisions }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Append(rows) => self.append(rows),
            Step::Flush => {
                self.lake.flush(Flush::All).await.expect("flushes");
            }
            Step::Upkeep => self.upkeep().await,
            Step::Erase(trace) => {
                let subject = Subject::Trace(trace.to_string());
                self.lake.erase(&OrgName::first(), subject).await.expect("is taken");
                self.upkeep().await;
                self.expected.retain(|row| row.trace != *trace);
            }
            Step::Restart(days) => self.restart(*days).await,
            Step::Revise(colour, day, crash) => self.revise(*colour, *day, *crash).await,
            Step::Back(crash) => self.back(*crash).await,
        }
    }

    fn append(&mut self, rows: &[(i64, u8)]) {
        let rows = rows.iter().map(|(day, trace)| {
            self.ids += 1;
            let id = self.ids.to_string();
            let mut row = span(day * DAY + (self.ids as i64 * 7_919) % 1_000, &id);
            row.push(Name::fixed("trace_id"), trace.to_string());
            self.expected.push(Expected { id, day: *day, trace: *trace, colour: None });
            row
        });
        let rows: Vec<Row> = rows.collect();
        let position = self.log.len() as u64 + 1;
        self.log.push((position, rows.clone()));
        self.lake.append(&self.table, position, rows);
    }

    async fn upkeep(&mut self) {
        // So that all rows are in files, and what should expire does.
        self.lake.flush(Flush::All).await.expect("flushes");
        self.lake.upkeep().await;
        let failures: u64 = self.lake.upkeep_counts().failures.iter().map(|(_, n)| n).sum();
        assert_eq!(failures, 0, "{:?}", self.lake.streams(None));
        let first_kept = self.today - 3;
        self.expected.retain(|row| row.day >= first_kept);
    }

    async fn restart(&mut self, days: i64) {
        self.today += days;
        self.clock.set(UnixNanos::from_micros(self.today * DAY + 1));
        let lake = Lake::open(config(self.root.path()), self.clock.clone()).await.expect("opens");
        self.lake = Arc::new(lake);
        for (position, rows) in &self.log {
            self.lake.append(&self.table, *position, rows.clone());
        }
    }

    async fn revise(&mut self, colour: u8, from: i64, crash: Crash) {
        self.ids += 1;
        let (id, colour) = (self.ids.to_string(), format!("colour {colour}"));
        self.go(&id, Direction::Forth, from, Some(&colour), crash).await;
        let mut before = BTreeMap::new();
        for row in self.expected.iter_mut().filter(|row| row.day >= from && row.trace < 3) {
            before.insert(row.id.clone(), row.colour.replace(colour.clone()));
        }
        self.revisions.push((id, from, before));
    }

    async fn back(&mut self, crash: Crash) {
        let Some((id, from, before)) = self.revisions.pop() else { return };
        self.ids += 1;
        let name = self.ids.to_string();
        self.go(&name, Direction::Back(id), from, None, crash).await;
        for row in &mut self.expected {
            if let Some(colour) = before.get(&row.id) {
                row.colour.clone_from(colour);
            }
        }
    }

    /// Revises, over a crash if there is to be one.
    async fn go(&mut self, id: &str, way: Direction, from: i64, paint: Option<&str>, at: Crash) {
        let paint = Arc::new(Paint::of_traces(&["0", "1", "2"], paint));
        let range = (from * DAY, i64::MAX);
        if run(&self.lake, &self.table, (id, &way, range), &paint, at).await.is_none() {
            self.restart(0).await;
            let rest = run(&self.lake, &self.table, (id, &way, range), &paint, Crash::Never).await;
            rest.expect("there is no second crash");
        }
    }

    async fn check(&self, steps: &[Step]) {
        let rows = self.lake.rows(&self.table, i64::MIN, i64::MAX, &[]).await.expect("reads");
        let text = |row: &Row, name| row.text(name).map(str::to_owned);
        let mut found: Vec<_> =
            rows.iter().map(|row| (text(row, "span_id"), text(row, Paint::COLUMN))).collect();
        found.sort();
        let mut expected: Vec<_> =
            self.expected.iter().map(|row| (Some(row.id.clone()), row.colour.clone())).collect();
        expected.sort();
        assert_eq!(found, expected, "after {steps:?}");
        let distinct: BTreeSet<_> = found.iter().map(|(id, _)| id).collect();
        assert_eq!(distinct.len(), found.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_there_once_until_it_is_to_go(steps in prop::collection::vec(step(), 1..18)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut world = World::new().await;
            for (at, step) in steps.iter().enumerate() {
                world.take(step).await;
                world.check(&steps[..=at]).await;
            }
            world.upkeep().await;
            world.check(&steps).await;
        });
    }
}
