//! Any sequence of appends, flushes, upkeep, erasures, expiries and restarts shows exactly the rows that it should.

use std::collections::BTreeSet;

use clock::{ManualClock, UnixNanos};
use lake::{Subject, UpkeepConfig};
use proptest::prelude::*;

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
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0..DAYS, 0..5_u8);
    prop_oneof![
        4 => prop::collection::vec(row, 1..6).prop_map(Step::Append),
        4 => Just(Step::Flush),
        3 => Just(Step::Upkeep),
        1 => (0..5_u8).prop_map(Step::Erase),
        1 => (0..2_i64).prop_map(Step::Restart),
    ]
}

/// A row that should be there.
#[derive(Clone, Debug)]
struct Expected {
    id: String,
    day: i64,
    trace: u8,
}

struct World {
    root: tempfile::TempDir,
    table: Table,
    clock: Arc<ManualClock>,
    lake: Lake,
    /// What the write-ahead log holds.
    log: Vec<(u64, Vec<Row>)>,
    expected: Vec<Expected>,
    today: i64,
    ids: u64,
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
        let table = Table::traces(OrgName::first());
        let (log, expected) = (Vec::new(), Vec::new());
        Self { root, table, clock, lake, log, expected, today, ids: 0 }
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
        }
    }

    fn append(&mut self, rows: &[(i64, u8)]) {
        let rows = rows.iter().map(|(day, trace)| {
            self.ids += 1;
            let id = self.ids.to_string();
            let mut row = span(day * DAY + (self.ids as i64 * 7_919) % 1_000, &id);
            row.push(Name::fixed("trace_id"), trace.to_string());
            self.expected.push(Expected { id, day: *day, trace: *trace });
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
        self.lake = Lake::open(config(self.root.path()), self.clock.clone()).await.expect("opens");
        for (position, rows) in &self.log {
            self.lake.append(&self.table, *position, rows.clone());
        }
    }

    async fn check(&self, steps: &[Step]) {
        let mut found = ids(&self.lake, &self.table).await;
        found.sort();
        let mut expected: Vec<String> = self.expected.iter().map(|row| row.id.clone()).collect();
        expected.sort();
        assert_eq!(found, expected, "after {steps:?}");
        let distinct: BTreeSet<&String> = found.iter().collect();
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
