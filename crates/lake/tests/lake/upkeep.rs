//! What upkeep promises: fewer files and the same rows, gone when they are to go, and safe at every point.

use clock::{ManualClock, UnixNanos};
use lake::{ErasureState, Removed, StreamTerm, Subject, UpkeepConfig, WhenFull};

use super::*;

const DAY: i64 = 86_400_000_000;
/// Noon of 2 January 1970, µs.
pub(crate) const NOON: i64 = DAY + DAY / 2;

/// A lake whose files are merged in pairs, and that keeps nothing beyond what it refers to.
pub(crate) fn config(root: &Path) -> LakeConfig {
    let upkeep = UpkeepConfig {
        gathered: 2,
        bytes_per_s: 0,
        history: Duration::ZERO,
        checkpoint_every: 1_000,
        ..UpkeepConfig::default()
    };
    LakeConfig { upkeep, ..LakeConfig::in_folder(root) }
}

pub(crate) async fn open_at(config: LakeConfig, now_us: i64) -> Lake {
    let clock = Arc::new(ManualClock::at(UnixNanos::from_micros(now_us)));
    Lake::open(config, clock).await.expect("the lake opens")
}

pub(crate) fn traced(at_us: i64, trace: &str, id: &str) -> Row {
    let mut row = span(at_us, id);
    row.push(Name::fixed("trace_id"), trace);
    row
}

pub(crate) fn with(mut row: Row, column: &'static str, value: &str) -> Row {
    row.push(Name::fixed(column), value);
    row
}

/// Appends and flushes, so that each call makes a file a day.
pub(crate) async fn store(lake: &Lake, table: &Table, position: u64, rows: Vec<Row>) {
    lake.append(table, position, rows);
    lake.flush(Flush::All).await.expect("flushes");
}

async fn sorted_ids(lake: &Lake, table: &Table) -> Vec<String> {
    let mut ids = ids(lake, table).await;
    ids.sort();
    ids
}

pub(crate) fn folder_of(root: &Path) -> PathBuf {
    root.join("default/traces/default")
}

pub(crate) fn files(lake: &Lake) -> u64 {
    lake.streams(None).iter().map(|stream| stream.files).sum()
}

fn failures(lake: &Lake) -> u64 {
    lake.upkeep_counts().failures.iter().map(|(_, count)| count).sum()
}

fn removed(lake: &Lake, why: Removed) -> u64 {
    let counts = lake.upkeep_counts();
    counts.rows_removed.iter().find(|(other, _)| *other == why).map_or(0, |(_, rows)| *rows)
}

#[tokio::test]
async fn small_files_of_a_day_become_one_that_is_sorted_and_the_old_ones_go() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open_at(config(root.path()), NOON).await;
    for (position, (at, id)) in [(5, "e"), (1, "a"), (3, "c")].into_iter().enumerate() {
        let rows = vec![traced(NOON + at, id, id), traced(NOON + at + 3, id, &format!("{id}2"))];
        store(&lake, &table, position as u64 + 1, rows).await;
    }
    store(&lake, &table, 9, vec![traced(1, "x", "another day")]).await;
    assert_eq!(data_files(&folder_of(root.path())).len(), 4);
    lake.upkeep().await;
    let left = data_files(&folder_of(root.path()));
    assert_eq!((left.len(), files(&lake), failures(&lake)), (2, 2, 0), "{left:?}");
    let expected = ["another day", "a", "c", "a2", "e", "c2", "e2"];
    // 1, NOON + 1, 3, 4, 5, 6 and 8.
    assert_eq!(ids(&lake, &table).await, expected);
    drop(lake);
    let lake = open_at(config(root.path()), NOON).await;
    assert_eq!(ids(&lake, &table).await, expected);
    let stream = &lake.streams(None)[0];
    assert_eq!((stream.rows, stream.hot_rows), (7, 0));
    let days = (stream.oldest_day.as_deref(), stream.newest_day.as_deref());
    assert_eq!(days, (Some("1970-01-01"), Some("1970-01-02")));
    lake.upkeep().await;
    assert_eq!(lake.upkeep_counts().merges, 0, "there is nothing left to do");
    // The log's position survives the merge: a replay adds nothing.
    lake.append(&table, 2, vec![traced(NOON + 1, "a", "a")]);
    assert_eq!(ids(&lake, &table).await, expected);
}

#[tokio::test]
async fn merged_files_keep_columns_that_only_some_rows_have() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open_at(config(root.path()), NOON).await;
    store(&lake, &table, 1, vec![span(NOON, "plain")]).await;
    store(&lake, &table, 2, vec![with(span(NOON + 1, "red"), "colour", "red")]).await;
    let mut long = span(NOON + 2, "long");
    long.push(Name::fixed("length"), 7_i64);
    store(&lake, &table, 3, vec![long]).await;
    lake.upkeep().await;
    assert_eq!((files(&lake), failures(&lake)), (1, 0));
    let rows = lake.rows(&table, i64::MIN, i64::MAX, &[]).await.expect("reads");
    let found: Vec<_> = rows.iter().map(|row| (row.text("colour"), row.int("length"))).collect();
    assert_eq!(found, [(None, None), (Some("red"), None), (None, Some(7))]);
}

#[tokio::test]
async fn a_span_that_came_twice_is_stored_once_after_a_merge() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open_at(config(root.path()), NOON).await;
    let first = || vec![traced(NOON, "t", "a"), traced(NOON + 1, "t", "b"), span(NOON, "no trace")];
    store(&lake, &table, 1, first()).await;
    // Sent again, with one that has the same id in another trace, and one of the same trace at the same time.
    let again = vec![traced(NOON, "u", "a"), traced(NOON, "t", "c")];
    store(&lake, &table, 2, first().into_iter().chain(again).collect()).await;
    assert_eq!(ids(&lake, &table).await.len(), 8);
    lake.upkeep().await;
    // Who can say whether a row without a trace came twice?
    assert_eq!(sorted_ids(&lake, &table).await, ["a", "a", "b", "c", "no trace", "no trace"]);
    assert_eq!((lake.upkeep_counts().repeats, failures(&lake)), (2, 0));
}

#[tokio::test]
async fn a_span_that_comes_again_much_later_is_found_in_a_file_that_is_large_already() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    // What is in the first file alone is large enough: 16 random bytes a row.
    config.upkeep.target_bytes = 80_000;
    let lake = open_at(config, NOON).await;
    let id = || format!("{:032x}", rand::random::<u128>());
    let many: Vec<Row> = (0..6_000).map(|at| traced(NOON + at, "t", &id())).collect();
    store(&lake, &table, 1, many.clone()).await;
    store(&lake, &table, 2, vec![many[3].clone(), traced(NOON + 3, "t", "new")]).await;
    store(&lake, &table, 3, vec![many[5_999].clone()]).await;
    lake.upkeep().await;
    assert_eq!(failures(&lake), 0);
    assert_eq!(
        (files(&lake), lake.upkeep_counts().repeats),
        (2, 2),
        "the large one is left as it is"
    );
    assert_eq!(ids(&lake, &table).await.len(), 6_001);
}

#[tokio::test]
async fn logs_may_say_the_same_twice() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::new(OrgName::first(), Kind::Logs, "default");
    let lake = open_at(config(root.path()), NOON).await;
    for position in 1..=3 {
        store(&lake, &table, position, vec![traced(NOON, "t", "a")]).await;
    }
    lake.upkeep().await;
    assert_eq!((files(&lake), ids(&lake, &table).await.len()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn readers_of_an_older_view_find_their_files_until_the_history_ends() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.history = Duration::from_secs(60);
    let lake = open_at(config, NOON).await;
    store(&lake, &table, 1, vec![span(NOON, "a")]).await;
    store(&lake, &table, 2, vec![span(NOON + 1, "b")]).await;
    let view = lake.view(&table, &[], NullAs::Anything).expect("a view").expect("exists");
    let view = Arc::new(view);
    let context = SessionContext::new();
    // By what the rows hold, so that the files are opened.
    let count =
        async |view: &Arc<lake::TableView>| {
            let rows = context.read_table(Arc::clone(view) as _).expect("reads");
            rows.select_columns(&["span_id"]).expect("has ids").collect().await.map(|batches| {
                batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>()
            })
        };
    lake.upkeep().await;
    assert_eq!((files(&lake), data_files(&folder_of(root.path())).len()), (1, 3));
    tokio::time::advance(Duration::from_secs(59)).await;
    lake.upkeep().await;
    assert_eq!(count(&view).await.expect("the files are there"), 2);
    assert!(lake.space().to_come_back > 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    lake.upkeep().await;
    assert_eq!(data_files(&folder_of(root.path())).len(), 1);
    assert_eq!((lake.upkeep_counts().vacuumed_files, lake.space().to_come_back), (2, 0));
    count(&view).await.expect_err("the files are gone");
    assert_eq!(ids(&lake, &table).await, ["a", "b"]);
}

#[tokio::test]
async fn upkeep_that_is_cut_short_anywhere_neither_loses_nor_doubles_a_row() {
    for polls in 1..60 {
        let root = tempfile::tempdir().expect("a folder");
        let table = Table::traces(OrgName::first());
        let mut config = config(root.path());
        // Longer than a commit takes that nobody waits for any more.
        config.upkeep.history = Duration::from_millis(200);
        let lake = open_at(config.clone(), NOON).await;
        store(&lake, &table, 1, vec![traced(NOON, "t", "a")]).await;
        store(&lake, &table, 2, vec![traced(NOON + 1, "t", "b")]).await;
        store(&lake, &table, 3, vec![traced(NOON + 1, "t", "b")]).await;
        {
            let mut upkeep = pin!(lake.upkeep());
            let mut left = polls;
            poll_fn(|context| {
                left -= 1;
                match upkeep.as_mut().poll(context) {
                    Poll::Pending if left > 0 => Poll::Pending,
                    Poll::Pending | Poll::Ready(()) => Poll::Ready(()),
                }
            })
            .await;
        }
        let distinct = async |lake: &Lake| {
            let mut ids = sorted_ids(lake, &table).await;
            let twice = ids.iter().filter(|id| *id == "b").count();
            assert!(ids.len() - twice <= 2 && (1..=2).contains(&twice), "{polls} polls: {ids:?}");
            ids.dedup();
            ids
        };
        assert_eq!(distinct(&lake).await, ["a", "b"], "{polls} polls");
        lake.append(&table, 4, vec![traced(NOON + 2, "t", "c")]);
        while lake.flush(Flush::All).await.is_err() {}
        let again = open_at(config.clone(), NOON).await;
        assert_eq!(distinct(&again).await, ["a", "b", "c"], "{polls} polls");
        // What was cut short may still come to its end; other passes set all right.
        let began = std::time::Instant::now();
        while data_files(&folder_of(root.path())).len() > 1 {
            lake.upkeep().await;
            assert!(began.elapsed() < Duration::from_secs(30), "{polls} polls");
        }
        assert_eq!(sorted_ids(&lake, &table).await, ["a", "b", "c"], "{polls} polls");
        assert_eq!(data_files(&folder_of(root.path())).len(), 1, "{polls} polls");
        let again = open_at(config, NOON).await;
        assert_eq!(sorted_ids(&again, &table).await, ["a", "b", "c"], "{polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_and_never_committed_is_deleted_when_its_time_is_over() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let stored = folder_of(root.path());
    let mut config = config(root.path());
    config.upkeep.history = Duration::from_secs(60);
    let lake = open_at(config, NOON).await;
    store(&lake, &table, 1, vec![span(NOON, "a")]).await;
    let orphans = [
        "_date=1970-01-02/merged-00000000000000000001-0000000000000001.parquet",
        "_date=1970-01-02/part-00000000000000000001-0000000000000001.parquet#1",
        "_date=1969-12-31/part-00000000000000000001-0000000000000001.parquet",
        "_delta_log/00000000000000000002.json#1",
    ];
    let kept = ["notes.txt", "_delta_log/notes.json", "mine/part-1.parquet"];
    for path in orphans.iter().chain(&kept) {
        let path = stored.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "half").expect("writes");
    }
    lake.upkeep().await;
    assert!(orphans.iter().all(|path| stored.join(path).exists()), "not at once");
    tokio::time::advance(Duration::from_secs(60)).await;
    lake.upkeep().await;
    assert!(!orphans.iter().any(|path| stored.join(path).exists()));
    assert!(kept.iter().all(|path| stored.join(path).exists()), "these are not ours");
    assert!(!stored.join("_date=1969-12-31").exists(), "an empty day");
    assert_eq!((ids(&lake, &table).await, failures(&lake)), (vec!["a".to_owned()], 0));
}

#[tokio::test]
async fn days_expire_whole_and_each_stream_in_its_own_time() {
    let root = tempfile::tempdir().expect("a folder");
    let tables = ["default", "short", "kept"]
        .map(|stream| Table::new(OrgName::first(), Kind::Traces, stream));
    let mut config = config(root.path());
    let term = |stream: &str, retention_days| StreamTerm {
        org: None,
        kind: None,
        stream: stream.to_owned(),
        retention_days,
    };
    config.upkeep.retention_days = 2;
    config.upkeep.streams = vec![term("short", 1), term("kept", 0)];
    // It is the 5th day's noon.
    let lake = open_at(config, 4 * DAY + DAY / 2).await;
    for (position, table) in tables.iter().enumerate() {
        let rows = (0..5).map(|day| span(day * DAY + 7, &day.to_string())).collect();
        store(&lake, table, position as u64 + 1, rows).await;
    }
    let rollups = Table::rollups(OrgName::first());
    store(&lake, &rollups, 9, vec![span(7, "0")]).await;
    lake.upkeep().await;
    // Day 2 ended one and a half days ago, day 3 half a day ago.
    assert_eq!(ids(&lake, &tables[0]).await, ["2", "3", "4"]);
    assert_eq!(ids(&lake, &tables[1]).await, ["3", "4"]);
    assert_eq!(ids(&lake, &tables[2]).await, ["0", "1", "2", "3", "4"]);
    assert_eq!(ids(&lake, &rollups).await, ["0"]);
    assert_eq!((removed(&lake, Removed::Expired), failures(&lake)), (2 + 3, 0));
    let day = folder_of(root.path()).join("_date=1970-01-01");
    assert!(!day.exists(), "its files and folder are gone");
}

#[tokio::test]
async fn a_clock_that_jumps_a_year_ahead_costs_no_row() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.retention_days = 2;
    let clock = Arc::new(ManualClock::at(UnixNanos::from_micros(NOON)));
    let lake = Lake::open(config, clock.clone()).await.expect("the lake opens");
    store(&lake, &table, 1, vec![span(NOON, "a")]).await;
    clock.set(UnixNanos::from_micros(NOON + 365 * DAY));
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["a"]);
    clock.set(UnixNanos::from_micros(NOON));
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["a"]);
}

#[tokio::test]
async fn the_log_is_checkpointed_and_cleaned_and_still_knows_everything() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.checkpoint_every = 5;
    config.upkeep.gathered = 100;
    // Far ahead of the files' own times, so that all of them are old.
    let lake = open_at(config.clone(), 4_102_444_800_000_000).await;
    for position in 1..=7 {
        let row = with(span(NOON + 1, &position.to_string()), "colour", "red");
        store(&lake, &table, position, vec![row]).await;
    }
    let log = folder_of(root.path()).join("_delta_log");
    let versions = || {
        let names = std::fs::read_dir(&log).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> =
            names.map(|name| name.into_string().expect("a name")).collect();
        names.sort();
        names
    };
    assert_eq!(versions().len(), 8, "no flush waits for a checkpoint");
    lake.upkeep().await;
    let expected = [
        "00000000000000000007.checkpoint.parquet",
        "00000000000000000007.json",
        "_last_checkpoint",
    ];
    assert_eq!(versions(), expected);
    let counts = lake.upkeep_counts();
    assert_eq!((counts.checkpoints, counts.log_entries, failures(&lake)), (1, 7, 0));
    store(&lake, &table, 8, vec![span(NOON + 1, "8")]).await;
    drop(lake);
    let lake = open_at(config, NOON).await;
    assert_eq!(sorted_ids(&lake, &table).await, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    lake.append(&table, 7, vec![span(NOON + 1, "7")]);
    assert_eq!((ids(&lake, &table).await.len(), lake.keep_from()), (8, 9), "the position is known");
    let rows = lake.rows(&table, 0, i64::MAX, &[("colour", "red")]).await.expect("reads");
    assert_eq!(rows.len(), 7);
}

#[tokio::test]
async fn a_torn_checkpoint_is_done_without_while_the_log_has_what_it_held() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.checkpoint_every = 2;
    config.upkeep.gathered = 100;
    config.upkeep.history = Duration::from_secs(3_600);
    let lake = open_at(config.clone(), NOON).await;
    for position in 1..=3 {
        store(&lake, &table, position, vec![span(NOON, &position.to_string())]).await;
    }
    lake.upkeep().await;
    drop(lake);
    let checkpoint =
        folder_of(root.path()).join("_delta_log/00000000000000000003.checkpoint.parquet");
    let whole = std::fs::read(&checkpoint).expect("is there");
    std::fs::write(&checkpoint, &whole[..whole.len() / 2]).expect("writes");
    let lake = open_at(config, NOON).await;
    assert_eq!(sorted_ids(&lake, &table).await, ["1", "2", "3"]);
    store(&lake, &table, 4, vec![span(NOON, "4")]).await;
    lake.upkeep().await;
    assert_eq!((lake.upkeep_counts().checkpoints, failures(&lake)), (1, 0), "another is made");
    assert_eq!(sorted_ids(&lake, &table).await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn commits_of_others_are_taken_in() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open_at(config(root.path()), NOON).await;
    store(&lake, &table, 1, vec![span(NOON, "a")]).await;
    store(&lake, &table, 2, vec![span(NOON + 1, "b")]).await;
    let other = LakeConfig { writer: "another".to_owned(), ..config(root.path()) };
    let other = open_at(other, NOON).await;
    store(&other, &table, 1, vec![span(NOON + 2, "theirs")]).await;
    assert_eq!(ids(&lake, &table).await, ["a", "b"]);
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["a", "b", "theirs"]);
    // Their view is older now, and what they remove is what we have merged.
    store(&other, &table, 2, vec![span(NOON + 3, "theirs too")]).await;
    assert_eq!(ids(&open_at(config(root.path()), NOON).await, &table).await.len(), 4);
}

/// Three traces of two sessions and users over two days, some rows in files and some in memory.
async fn with_sessions(lake: &Lake, table: &Table) {
    let of = |trace: &str, id: &str, at: i64| traced(NOON + at, trace, id);
    let mine = |row| with(with(row, "session_id", "s1"), "user_id", "me");
    let yours = |row| with(with(row, "session_id", "s2"), "user_id", "you");
    let rows = vec![mine(of("t1", "a", 0)), of("t1", "b", 1), yours(of("t2", "c", 2))];
    store(lake, table, 1, rows).await;
    store(lake, table, 2, vec![of("t1", "tomorrow", DAY), of("t2", "d", DAY)]).await;
    lake.append(table, 3, vec![mine(of("t3", "hot", 5)), yours(of("t2", "e", 6))]);
}

fn replay(lake: &Lake, table: &Table) {
    lake.append(table, 3, vec![with(traced(NOON + 5, "t3", "hot"), "user_id", "me")]);
}

#[tokio::test]
async fn a_trace_is_erased_from_old_files_and_from_memory_and_no_replay_brings_it_back() {
    let root = tempfile::tempdir().expect("a folder");
    let org = OrgName::first();
    let table = Table::traces(org.clone());
    let lake = open_at(config(root.path()), NOON).await;
    with_sessions(&lake, &table).await;
    let asked = lake.erase(&org, Subject::Trace("t3".to_owned())).await.expect("is taken");
    assert_eq!((asked.state, asked.of), (ErasureState::Waiting, "trace"));
    lake.upkeep_wanted().await;
    lake.upkeep().await;
    let done = &lake.erasures(&org)[0];
    assert_eq!(
        (done.state, done.rows, done.files, &done.id),
        (ErasureState::Done, 1, 1, &asked.id)
    );
    assert_eq!(sorted_ids(&lake, &table).await, ["a", "b", "c", "d", "e", "tomorrow"]);
    replay(&lake, &table);
    drop(lake);
    let lake = open_at(config(root.path()), NOON).await;
    replay(&lake, &table);
    lake.flush(Flush::All).await.expect("nothing to do");
    assert_eq!(sorted_ids(&lake, &table).await, ["a", "b", "c", "d", "e", "tomorrow"]);
    assert_eq!(removed(&lake, Removed::Erased), 0, "that was before the restart");
}

#[tokio::test]
async fn a_user_is_erased_with_all_of_their_traces_and_nobody_else_is() {
    // All at once, and one trace a round.
    let subjects = [Subject::User("me".to_owned()), Subject::Session("s1".to_owned())];
    for (subject, at_once) in subjects.into_iter().zip([100, 1]) {
        let root = tempfile::tempdir().expect("a folder");
        let org = OrgName::first();
        let table = Table::traces(org.clone());
        let mut config = config(root.path());
        config.upkeep.erase_at_once = at_once;
        let lake = open_at(config, NOON).await;
        with_sessions(&lake, &table).await;
        let logs = Table::new(org.clone(), Kind::Logs, "default");
        let line = |id: &str, trace: &str| traced(NOON + 9, trace, id);
        store(&lake, &logs, 4, vec![line("of theirs", "t1"), line("of others", "t2")]).await;
        let alone =
            with(span(NOON + 9, "in no trace"), subject_column(&subject), subject_of(&subject));
        store(&lake, &logs, 5, vec![alone]).await;
        let elsewhere = Table::traces("acme".parse().expect("a name"));
        store(&lake, &elsewhere, 6, vec![with(traced(NOON, "t1", "kept"), "user_id", "me")]).await;

        lake.erase(&org, subject.clone()).await.expect("is taken");
        lake.upkeep().await;
        let done = &lake.erasures(&org)[0];
        // a, b and tomorrow of t1, hot of t3, and two lines.
        assert_eq!((done.state, done.rows), (ErasureState::Done, 6), "{subject:?}");
        assert_eq!(sorted_ids(&lake, &table).await, ["c", "d", "e"], "{subject:?}");
        assert_eq!(ids(&lake, &logs).await, ["of others"]);
        assert_eq!(ids(&lake, &elsewhere).await, ["kept"]);
        let journal = root.path().join("_erasures").join(format!("{}.json", done.id));
        let journal = std::fs::read_to_string(journal).expect("is kept");
        assert!(journal.contains("\"done\"") && !journal.contains("\"me\""), "{journal}");
    }
}

const fn subject_column(subject: &Subject) -> &'static str {
    match subject {
        Subject::Trace(_) => "trace_id",
        Subject::Session(_) => "session_id",
        Subject::User(_) => "user_id",
    }
}

fn subject_of(subject: &Subject) -> &str {
    match subject {
        Subject::Trace(value) | Subject::Session(value) | Subject::User(value) => value,
    }
}

#[tokio::test]
async fn an_erasure_that_a_restart_found_waiting_is_done_after_it() {
    let root = tempfile::tempdir().expect("a folder");
    let org = OrgName::first();
    let table = Table::traces(org.clone());
    {
        let lake = open_at(config(root.path()), NOON).await;
        with_sessions(&lake, &table).await;
        lake.flush(Flush::All).await.expect("flushes");
        lake.erase(&org, Subject::User("you".to_owned())).await.expect("is taken");
        // Here the process dies.
    }
    let lake = open_at(config(root.path()), NOON).await;
    assert_eq!(lake.erasures(&org)[0].state, ErasureState::Waiting);
    lake.upkeep().await;
    assert_eq!(lake.erasures(&org)[0].state, ErasureState::Done);
    assert_eq!(sorted_ids(&lake, &table).await, ["a", "b", "hot", "tomorrow"]);
}

#[tokio::test]
async fn at_the_ceiling_nothing_more_comes_in_until_there_is_room() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.most_bytes = 10_000_000;
    let lake = open_at(config, NOON).await;
    store(&lake, &table, 1, vec![span(NOON, "a")]).await;
    lake.upkeep().await;
    assert!(!lake.is_full());
    let ballast = root.path().join("ballast");
    std::fs::write(&ballast, vec![7; 10_000_000]).expect("writes");
    lake.upkeep().await;
    let space = lake.space();
    assert!(lake.is_full() && space.full && space.bytes > space.most_bytes, "{space:?}");
    assert_eq!(ids(&lake, &table).await, ["a"], "and nothing goes");
    std::fs::remove_file(ballast).expect("removes");
    lake.upkeep().await;
    assert!(!lake.is_full());
}

#[tokio::test]
async fn at_the_ceiling_the_oldest_days_of_all_streams_go_first_if_that_is_wanted() {
    let root = tempfile::tempdir().expect("a folder");
    let tables =
        ["default", "other"].map(|stream| Table::new(OrgName::first(), Kind::Traces, stream));
    let rollups = Table::rollups(OrgName::first());
    let mut config = config(root.path());
    config.upkeep.when_full = WhenFull::DropOldest;
    config.upkeep.most_bytes = 1;
    // The 4th day's noon.
    let lake = open_at(config.clone(), 3 * DAY + DAY / 2).await;
    for (position, (table, days)) in
        [(&tables[0], 0..4), (&tables[1], 1..4), (&rollups, 0..1)].into_iter().enumerate()
    {
        let rows = days.map(|day| span(day * DAY, &day.to_string())).collect();
        store(&lake, table, position as u64 + 1, rows).await;
    }
    lake.upkeep().await;
    for table in &tables {
        assert_eq!(ids(&lake, table).await, ["3"], "today stays");
    }
    assert_eq!(ids(&lake, &rollups).await, ["0"]);
    assert!(lake.is_full(), "today is too much by itself");
    assert_eq!((removed(&lake, Removed::Full), failures(&lake)), (3 + 2, 0));
}

#[tokio::test]
async fn only_as_many_days_go_as_must() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let ballast = |bytes: usize| {
        let text: String = (0..bytes).map(|_| char::from(rand_letter())).collect();
        text
    };
    let mut config = config(root.path());
    config.upkeep.when_full = WhenFull::DropOldest;
    {
        let lake = open_at(config.clone(), 3 * DAY + 1).await;
        let row = |day: i64| with(span(day * DAY, &day.to_string()), "text", &ballast(400_000));
        store(&lake, &table, 1, (0..4).map(row).collect()).await;
        lake.upkeep().await;
        let bytes = lake.space().bytes.expect("was measured");
        // Less than one day's file too much.
        config.upkeep.most_bytes = bytes - 50_000;
    }
    let lake = open_at(config, 3 * DAY + 1).await;
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["1", "2", "3"]);
    assert!(!lake.is_full());
}

fn rand_letter() -> u8 {
    rand::random_range(b'!'..=b'~')
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_the_others_are_served() {
    let root = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open_at(config(root.path()), NOON).await;
    for (position, id) in ["a", "b", "c"].into_iter().enumerate() {
        store(&lake, &table, position as u64 + 1, vec![span(NOON + position as i64, id)]).await;
    }
    drop(lake);
    let mut found = data_files(&folder_of(root.path()));
    found.sort();
    let whole = std::fs::read(&found[1]).expect("reads");
    let mut torn = whole.clone();
    let end = torn.len();
    torn[end - 40..].fill(0xff);
    std::fs::write(&found[1], &torn).expect("writes");

    let lake = open_at(config(root.path()), NOON).await;
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["a", "c"]);
    let stream = &lake.streams(None)[0];
    let path = &stream.unreadable[0].0;
    assert!(found[1].ends_with(path), "{path}");
    assert_eq!((stream.rows, stream.files, stream.unreadable.len()), (3, 2, 1), "two were merged");
    assert!(found[1].exists(), "it is not deleted");

    std::fs::write(&found[1], &whole).expect("writes");
    lake.upkeep().await;
    assert_eq!(ids(&lake, &table).await, ["a", "b", "c"]);
    assert!(lake.streams(None)[0].unreadable.is_empty());
}
