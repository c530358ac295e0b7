//! What revisions promise: only what is concerned changes, once over crashes, and can be undone to the letter.

use std::collections::BTreeMap;

use lake::{Direction, Revising, Revision, Stretch, Subject};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;

use super::upkeep::{NOON, config, files, folder_of, open_at, store, traced, with};
use super::*;

const ALL: (i64, i64) = (i64::MIN, i64::MAX);
const ORG: &str = "default";

/// Rows of some traces get a colour, or none.
pub(crate) struct Paint {
    traces: Vec<String>,
    colour: Option<String>,
}

impl Paint {
    /// A promised column, so that every table has it.
    pub(crate) const COLUMN: &'static str = "llm_cost_source";

    pub(crate) fn of_traces(traces: &[&str], colour: Option<&str>) -> Self {
        let traces = traces.iter().map(|trace| (*trace).to_owned()).collect();
        Self { traces, colour: colour.map(str::to_owned) }
    }
}

impl Revision for Paint {
    /// Rows by their colour before and after.
    type Tally = BTreeMap<(Option<String>, Option<String>), u64>;

    fn reads(&self) -> &[&'static str] {
        &["trace_id"]
    }

    fn writes(&self) -> &[&'static str] {
        &[Self::COLUMN]
    }

    fn concerns(&self, row: &Row) -> bool {
        row.text("trace_id").is_some_and(|trace| self.traces.iter().any(|other| other == trace))
    }

    fn revise(&self, row: &mut Row) {
        row.remove(Self::COLUMN);
        row.push_some(Name::fixed(Self::COLUMN), self.colour.as_deref());
    }

    fn count(&self, tally: &mut Self::Tally, before: &Row, after: &Row) {
        let colour = |row: &Row| row.text(Self::COLUMN).map(str::to_owned);
        *tally.entry((colour(before), colour(after))).or_default() += 1;
    }
}

/// Where the process dies: at the step of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Never,
    BeforeCommit(u64),
    AfterCommit(u64),
}

/// Revises to the end as an owner does who notes a step's number before its commit; the rows that changed, or `None` if
/// the process has died.
pub(crate) async fn run(
    lake: &Arc<Lake>,
    table: &Table,
    (id, way, (from_us, to_us)): (&str, &Direction, (i64, i64)),
    paint: &Arc<Paint>,
    crash: Crash,
) -> Option<u64> {
    lake.settle(table).await.expect("all rows become files");
    let stretch = Stretch { table: table.clone(), from_us, to_us };
    let last = lake.revised(table, id).await.expect("the log is read").unwrap_or(0);
    let (lake, paint) = (Arc::clone(lake), Arc::clone(paint));
    let mut way = Revising::new(lake, id, stretch, paint, way.clone(), last);
    let mut rows = 0;
    while let Some(step) = way.next().await.expect("a file is looked at") {
        if step.changed == 0 {
            continue;
        }
        let number = step.number;
        if crash == Crash::BeforeCommit(number) {
            return None;
        }
        rows += step.changed;
        step.commit().await.expect("commits");
        if crash == Crash::AfterCommit(number) {
            return None;
        }
    }
    assert_eq!(way.distance().done, way.distance().all);
    Some(rows)
}

async fn open(root: &Path) -> Arc<Lake> {
    Arc::new(open_at(config(root), NOON).await)
}

async fn all(lake: &Lake, table: &Table) -> Vec<Row> {
    let mut rows = lake.rows(table, i64::MIN, i64::MAX, &[]).await.expect("reads");
    rows.sort_by_key(|row| (row.int("_timestamp"), row.text("span_id").map(str::to_owned)));
    rows
}

fn colours(rows: &[Row]) -> Vec<Option<&str>> {
    rows.iter().map(|row| row.text(Paint::COLUMN)).collect()
}

/// Three files of a day, of which the second has nothing of the traces `a` and `b`.
async fn three_files(lake: &Lake, table: &Table) {
    let odd = with(traced(NOON + 1, "a", "1"), "shade", "only here");
    store(lake, table, 1, vec![odd, with(traced(NOON + 2, "b", "2"), Paint::COLUMN, "red")]).await;
    store(lake, table, 2, vec![with(traced(NOON + 3, "c", "3"), Paint::COLUMN, "red")]).await;
    store(lake, table, 3, vec![traced(NOON + 4, "a", "4"), span(NOON + 5, "no trace")]).await;
}

#[tokio::test]
async fn only_what_is_concerned_changes_and_files_without_it_are_not_written() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(root.path()).await;
    three_files(&lake, &table).await;
    let (before, on_disk) = (all(&lake, &table).await, data_files(&folder_of(root.path())));
    let paint = Arc::new(Paint::of_traces(&["a", "b"], Some("blue")));

    let stretch = Stretch { table: table.clone(), from_us: ALL.0, to_us: ALL.1 };
    let add = |sum: &mut BTreeMap<_, u64>, more: BTreeMap<_, u64>| {
        more.into_iter().for_each(|(key, rows)| *sum.entry(key).or_default() += rows);
    };
    let looked = lake.look(&stretch, &paint, add).await.expect("looks");
    let blue = || Some("blue".to_owned());
    let expected = BTreeMap::from([((None, blue()), 2), ((Some("red".to_owned()), blue()), 1)]);
    assert_eq!((looked.tally, looked.left_alone), (expected, 0));
    assert_eq!(all(&lake, &table).await, before, "looking changes nothing");

    let forth = ("r", &Direction::Forth, ALL);
    assert_eq!(run(&lake, &table, forth, &paint, Crash::Never).await, Some(3));
    let after = all(&lake, &table).await;
    assert_eq!(colours(&after), [Some("blue"), Some("blue"), Some("red"), Some("blue"), None]);
    assert_eq!(after[0].text("shade"), Some("only here"));
    let new: Vec<PathBuf> = data_files(&folder_of(root.path()));
    let written: Vec<_> = new.iter().filter(|path| !on_disk.contains(path)).collect();
    assert_eq!((written.len(), files(&lake)), (2, 3), "the second file stays");
    for path in written {
        let file = SerializedFileReader::new(std::fs::File::open(path).expect("opens"));
        let group = file.expect("is Parquet").metadata().row_group(0).clone();
        assert_eq!(group.sorting_columns().map(Vec::len), Some(1));
        let ids = group.columns().iter().find(|column| column.column_path().string() == "trace_id");
        let ids = ids.expect("has ids");
        assert!(ids.bloom_filter_offset().is_some() && ids.statistics().is_some());
    }
    assert_eq!(lake.revised(&table, "r").await.expect("reads"), Some(2));
    let counts = lake.upkeep_counts();
    assert_eq!((counts.rows_revised, counts.files_revised), (3, 2));
    assert_eq!(run(&lake, &table, forth, &paint, Crash::Never).await, Some(0), "twice is as once");

    let back = ("u", &Direction::Back("r".to_owned()), ALL);
    assert_eq!(run(&lake, &table, back, &paint, Crash::Never).await, Some(3));
    assert_eq!(all(&lake, &table).await, before, "to the letter");
}

#[tokio::test]
async fn a_range_ends_before_its_end_and_rows_of_memory_are_in_it() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(root.path()).await;
    let rows = (0..4).map(|at| traced(NOON + at, "a", &at.to_string())).collect();
    lake.append(&table, 1, rows);
    let paint = Arc::new(Paint::of_traces(&["a"], Some("blue")));
    let range = (NOON + 1, NOON + 3);
    let forth = ("r", &Direction::Forth, range);
    assert_eq!(run(&lake, &table, forth, &paint, Crash::Never).await, Some(2));
    let rows = all(&lake, &table).await;
    assert_eq!(colours(&rows), [None, Some("blue"), Some("blue"), None]);
    for range in [(NOON + 3, NOON + 1), (NOON + 1, NOON + 1), (0, 1)] {
        let empty = ("e", &Direction::Forth, range);
        assert_eq!(run(&lake, &table, empty, &paint, Crash::Never).await, Some(0), "{range:?}");
    }
}

#[tokio::test]
async fn merged_rows_come_back_and_erased_ones_do_not() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(root.path()).await;
    three_files(&lake, &table).await;
    let before = all(&lake, &table).await;
    let paint = Arc::new(Paint::of_traces(&["a", "b", "c"], None));
    run(&lake, &table, ("r", &Direction::Forth, ALL), &paint, Crash::Never).await;
    assert_eq!(colours(&all(&lake, &table).await), [None; 5]);
    // A column that is null everywhere is not in a file, and comes back with its values.
    lake.erase(&OrgName::first(), Subject::Trace("b".to_owned())).await.expect("is taken");
    lake.upkeep().await;
    assert_eq!(files(&lake), 1, "they were merged");
    let kept = root.path().join("_revisions").join(ORG).join("r");
    for entry in std::fs::read_dir(&kept).expect("the former values are kept") {
        let file = std::fs::File::open(entry.expect("an entry").path()).expect("opens");
        let file = SerializedFileReader::new(file).expect("is Parquet");
        for row in file.get_row_iter(None).expect("has rows") {
            let row = row.expect("a row").to_string();
            assert!(!row.contains("trace_id: \"b\""), "{row}");
        }
    }
    let back = ("u", &Direction::Back("r".to_owned()), ALL);
    run(&lake, &table, back, &paint, Crash::Never).await.expect("comes to an end");
    let expected: Vec<Row> =
        before.into_iter().filter(|row| row.text("trace_id") != Some("b")).collect();
    assert_eq!(all(&lake, &table).await, expected);
    lake.forget_revision(&OrgName::first(), "r").await.expect("forgets");
    assert!(!kept.exists());
    lake.forget_revision(&OrgName::first(), "r").await.expect("there is nothing to forget");
}

#[tokio::test]
async fn a_crash_at_any_step_neither_loses_nor_repeats_one() {
    for crash in [1, 2].into_iter().flat_map(|at| [Crash::BeforeCommit(at), Crash::AfterCommit(at)])
    {
        let root = tempfile::tempdir().expect("a folder");
        let table = Table::traces(OrgName::first());
        let lake = open(root.path()).await;
        three_files(&lake, &table).await;
        let before = all(&lake, &table).await;
        let paint = Arc::new(Paint::of_traces(&["a", "b"], Some("blue")));
        let forth = ("r", &Direction::Forth, ALL);
        assert_eq!(run(&lake, &table, forth, &paint, crash).await, None, "{crash:?}");
        drop(lake);
        let lake = open(root.path()).await;
        let (Crash::BeforeCommit(at) | Crash::AfterCommit(at)) = crash else { continue };
        let committed = at - u64::from(matches!(crash, Crash::BeforeCommit(_)));
        let known = lake.revised(&table, "r").await.expect("reads").unwrap_or(0);
        assert_eq!(known, committed, "{crash:?}");
        // Merging in between changes which files there are, and nothing else.
        lake.upkeep().await;
        run(&lake, &table, forth, &paint, Crash::Never).await.expect("comes to an end");
        let after = all(&lake, &table).await;
        assert_eq!(colours(&after), [Some("blue"), Some("blue"), Some("red"), Some("blue"), None]);
        let back = ("u", &Direction::Back("r".to_owned()), ALL);
        // They are one file by now.
        let first = match crash {
            Crash::BeforeCommit(_) => Crash::BeforeCommit(1),
            Crash::AfterCommit(_) | Crash::Never => Crash::AfterCommit(1),
        };
        assert_eq!(run(&lake, &table, back, &paint, first).await, None);
        drop(lake);
        let lake = open(root.path()).await;
        run(&lake, &table, back, &paint, Crash::Never).await.expect("comes to an end");
        assert_eq!(all(&lake, &table).await, before, "{crash:?}");
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone_and_counted() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(root.path()).await;
    three_files(&lake, &table).await;
    let broken = data_files(&folder_of(root.path())).into_iter().min().expect("a file");
    std::fs::write(&broken, b"certainly no Parquet").expect("written");
    let paint = Arc::new(Paint::of_traces(&["a", "b", "c"], Some("blue")));
    let stretch = Stretch { table: table.clone(), from_us: ALL.0, to_us: ALL.1 };
    let looked = lake.look(&stretch, &paint, |_, _| {}).await.expect("looks");
    assert_eq!(looked.left_alone, 1);
    let mut way = Revising::new(Arc::clone(&lake), "r", stretch, paint, Direction::Forth, 0);
    while let Some(step) = way.next().await.expect("a file is looked at") {
        step.commit().await.expect("commits");
    }
    assert_eq!((way.distance().left_alone, way.distance().all), (1, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever stands in the folder of former values, undoing gives an error or an end, and never a panic.
    #[test]
    fn former_values_that_are_damaged_are_an_error(at in 0_usize..10_000, byte: u8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let root = tempfile::tempdir().expect("a folder");
            let table = Table::traces(OrgName::first());
            let lake = open(root.path()).await;
            three_files(&lake, &table).await;
            let paint = Arc::new(Paint::of_traces(&["a", "b"], Some("blue")));
            run(&lake, &table, ("r", &Direction::Forth, ALL), &paint, Crash::Never).await;
            let kept = root.path().join("_revisions").join(ORG).join("r");
            let path = std::fs::read_dir(kept).expect("a folder").next().expect("a file");
            let path = path.expect("an entry").path();
            let mut bytes = std::fs::read(&path).expect("reads");
            let at = at % bytes.len();
            bytes[at] = byte;
            std::fs::write(&path, bytes).expect("written");
            let stretch = Stretch { table: table.clone(), from_us: ALL.0, to_us: ALL.1 };
            let back = Direction::Back("r".to_owned());
            let mut way = Revising::new(Arc::clone(&lake), "u", stretch, paint, back, 0);
            while let Ok(Some(step)) = way.next().await {
                step.commit().await.expect("commits");
            }
        });
    }
}
