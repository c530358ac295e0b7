//! What the lake promises: one view, exactly once over crashes, columns that only grow.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clock::SystemClock;
use datafusion::prelude::SessionContext;
use lake::{Error, Flush, Lake, LakeConfig, NullAs};
use schema::{Kind, Name, OrgName, Row, Table};

#[path = "lake/revising.rs"]
mod revising;
#[path = "lake/upkeep.rs"]
mod upkeep;
#[path = "lake/upkeep_model.rs"]
mod upkeep_model;

fn span(at_us: i64, id: &str) -> Row {
    let mut row = Row::default();
    row.push(Name::fixed("_timestamp"), at_us);
    row.push(Name::fixed("span_id"), id);
    row
}

async fn open(root: &Path) -> Lake {
    Lake::open(LakeConfig::in_folder(root), Arc::new(SystemClock)).await.expect("the lake opens")
}

async fn ids(lake: &Lake, table: &Table) -> Vec<String> {
    let rows = lake.rows(table, i64::MIN, i64::MAX, &[]).await.expect("rows are read");
    rows.iter().map(|row| row.text("span_id").expect("each has an id").to_owned()).collect()
}

/// The data files below a table's folder.
fn data_files(folder: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let days = entries(folder).into_iter().filter(|path| !path.ends_with("_delta_log"));
    days.flat_map(|day| entries(&day)).collect()
}

#[tokio::test]
async fn rows_are_seen_once_before_while_and_after_they_are_flushed() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(30, "c"), span(10, "a")]);
    assert_eq!(ids(&lake, &table).await, ["a", "c"]);
    assert_eq!(lake.flush(Flush::All).await.expect("flushes"), 1);
    assert_eq!(ids(&lake, &table).await, ["a", "c"]);
    lake.append(&table, 2, vec![span(20, "b")]);
    assert_eq!(ids(&lake, &table).await, ["a", "b", "c"]);
    assert!(lake.hot_bytes() >= span(20, "b").weight());
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!((ids(&lake, &table).await.len(), lake.hot_bytes()), (3, 0));
    assert_eq!(lake.flush(Flush::All).await.expect("nothing to do"), 0);
}

#[tokio::test]
async fn a_replay_adds_only_what_no_commit_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    {
        let lake = open(folder.path()).await;
        lake.append(&table, 7, vec![span(1, "committed")]);
        lake.flush(Flush::All).await.expect("flushes");
        lake.append(&table, 8, vec![span(2, "only in the log")]);
        // Here the process dies.
    }
    let lake = open(folder.path()).await;
    assert_eq!(ids(&lake, &table).await, ["committed"]);
    lake.append(&table, 7, vec![span(1, "committed")]);
    lake.append(&table, 8, vec![span(2, "only in the log")]);
    assert_eq!(ids(&lake, &table).await, ["committed", "only in the log"]);
    assert_eq!(lake.keep_from(), 8);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(lake.keep_from(), 9);
}

#[tokio::test]
async fn a_flush_does_not_pass_an_append_that_is_on_its_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(1, "first")]);
    let late = lake.ticket();
    lake.append(&table, 3, vec![span(3, "overtook")]);
    assert_eq!(ids(&lake, &table).await.len(), 2);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(lake.keep_from(), 2, "the overtaker waits for the one on its way");
    lake.append(&table, 2, vec![span(2, "late")]);
    drop(late);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(lake.keep_from(), 4);
    assert_eq!(ids(&open(folder.path()).await, &table).await, ["first", "late", "overtook"]);
}

#[tokio::test]
async fn columns_grow_over_flushes_and_restarts_and_old_rows_read_null() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(1, "old")]);
    lake.flush(Flush::All).await.expect("flushes");
    let mut row = span(2, "new");
    row.push(Name::fixed("colour"), "red");
    lake.append(&table, 2, vec![row]);
    lake.flush(Flush::All).await.expect("flushes");
    drop(lake);

    let lake = open(folder.path()).await;
    let view = lake
        .view(&table, &["never_sent".to_owned()], NullAs::Text)
        .expect("a view")
        .expect("the table exists");
    let context = SessionContext::new();
    context.register_table("t", Arc::new(view)).expect("registers");
    let sql =
        "select span_id, colour, never_sent from t where _timestamp between 1 and 2 order by 1";
    let found = context.sql(sql).await.expect("plans").collect().await.expect("runs");
    let text = arrow::util::pretty::pretty_format_batches(&found).expect("prints").to_string();
    let line = |id: &str| {
        text.lines().find(|line| line.contains(id)).expect("the row is there").replace(' ', "")
    };
    assert_eq!((line("new"), line("old")), ("|new|red||".to_owned(), "|old|||".to_owned()));
}

#[tokio::test]
async fn files_outside_the_asked_time_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    const DAY: i64 = 86_400_000_000;
    lake.append(
        &table,
        1,
        vec![span(0, "1 January"), span(DAY, "2 January"), span(DAY + 1, "2 January too")],
    );
    lake.flush(Flush::All).await.expect("flushes");
    let view = lake.view(&table, &[], NullAs::Anything).expect("a view").expect("the table exists");
    assert_eq!(view.extent((i64::MIN, i64::MAX)).files, 2);
    assert_eq!((view.extent((DAY, DAY + 5)).files, view.extent((DAY, DAY + 5)).rows), (1, 2));
    assert_eq!(lake.rows(&table, DAY + 1, DAY + 2, &[]).await.expect("reads").len(), 1);
    assert!(folder.path().join("default/traces/default/_date=1970-01-02").is_dir());
}

#[tokio::test]
async fn an_attribute_named_as_the_partition_column_does_not_stop_flushes() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    let mut row = span(1, "a");
    row.push(Name::fixed("_date"), "tomorrow");
    lake.append(&table, 1, vec![row]);
    lake.flush(Flush::All).await.expect("flushes");
    let rows = lake.rows(&table, 0, 2, &[]).await.expect("reads");
    assert_eq!(rows[0].text("attributes_overflow"), Some(r#"{"_date":"tomorrow"}"#));
}

#[tokio::test]
async fn a_flush_that_fails_leaves_no_file_behind_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let stored = folder.path().join("default/traces/default");
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(1, "first")]);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(data_files(&stored).len(), 1);

    // A file stands where the second day's folder is to be.
    const DAY: i64 = 86_400_000_000;
    std::fs::write(stored.join("_date=1970-01-02"), "").expect("writes");
    lake.append(&table, 2, vec![span(2, "second"), span(DAY, "next day")]);
    lake.flush(Flush::All).await.expect_err("the second file cannot be written");
    std::fs::remove_file(stored.join("_date=1970-01-02")).expect("removes");
    assert_eq!(data_files(&stored).len(), 1, "the first file is gone again");

    // Somebody else commits as us.
    let version = stored.join("_delta_log/00000000000000000002.json");
    std::fs::write(&version, r#"{"txn":{"appId":"inferscope","version":1}}"#).expect("writes");
    lake.flush(Flush::All).await.expect_err("the commits clash");
    assert_eq!(data_files(&stored).len(), 1, "both files are gone again");

    // A commit that nobody can read stands where ours is to be.
    let version = stored.join("_delta_log/00000000000000000003.json");
    std::fs::write(&version, "not a commit").expect("writes");
    lake.flush(Flush::All).await.expect_err("the commit fails");
    std::fs::remove_file(&version).expect("removes");
    assert_eq!(ids(&lake, &table).await.len(), 3);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(ids(&lake, &table).await, ["first", "second", "next day"]);
    assert_eq!(ids(&open(folder.path()).await, &table).await, ["first", "second", "next day"]);
    assert_eq!((lake.hot_bytes(), lake.keep_from()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_fails_is_left_alone_for_a_while_unless_all_are_flushed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = LakeConfig { flush_after: Duration::ZERO, ..LakeConfig::in_folder(folder.path()) };
    let lake = Lake::open(config, Arc::new(SystemClock)).await.expect("the lake opens");
    lake.append(&Table::traces(OrgName::first()), 1, vec![span(1, "a")]);
    // A file stands where the organisation's folder is to be.
    std::fs::write(folder.path().join("default"), "").expect("writes");
    for seconds in [1, 2, 4] {
        lake.flush(Flush::Due).await.expect_err("fails");
        assert_eq!(lake.flush(Flush::Due).await.expect("nothing is due"), 0, "{seconds}");
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }
    lake.flush(Flush::Due).await.expect_err("fails");
    lake.flush(Flush::All).await.expect_err("is tried");
    std::fs::remove_file(folder.path().join("default")).expect("removes");
    assert_eq!(lake.flush(Flush::All).await.expect("flushes"), 1);
    lake.append(&Table::traces(OrgName::first()), 2, vec![span(2, "b")]);
    assert_eq!(lake.flush(Flush::Due).await.expect("is due again"), 1);
}

#[tokio::test]
async fn a_flush_that_is_cut_short_anywhere_neither_loses_nor_doubles_a_row() {
    for polls in 1..24 {
        let folder = tempfile::tempdir().expect("a folder");
        let table = Table::traces(OrgName::first());
        let lake = open(folder.path()).await;
        lake.append(&table, 1, vec![span(1, "a")]);
        {
            let mut flush = pin!(lake.flush(Flush::All));
            let mut left = polls;
            poll_fn(|context| {
                left -= 1;
                match flush.as_mut().poll(context) {
                    Poll::Pending if left > 0 => Poll::Pending,
                    Poll::Pending | Poll::Ready(_) => Poll::Ready(()),
                }
            })
            .await;
        }
        assert_eq!(ids(&lake, &table).await, ["a"], "{polls} polls");
        lake.append(&table, 2, vec![span(2, "b")]);
        // What the first one had under way may still come to its end, and be in the way of the second.
        while lake.flush(Flush::All).await.is_err() {}
        assert_eq!(ids(&lake, &table).await, ["a", "b"], "{polls} polls");
        assert_eq!(ids(&open(folder.path()).await, &table).await, ["a", "b"], "{polls} polls");
        assert_eq!((lake.hot_bytes(), lake.keep_from()), (0, 3), "{polls} polls");
    }
}

#[tokio::test]
async fn a_damaged_table_says_so_and_keeps_no_other_from_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = Table::traces(OrgName::first());
    let bad = Table::new(OrgName::first(), Kind::Traces, "bad");
    {
        let lake = open(folder.path()).await;
        for table in [&good, &bad] {
            lake.append(table, 1, vec![span(1, "old")]);
        }
        lake.flush(Flush::All).await.expect("flushes");
    }
    let version = folder.path().join("default/traces/bad/_delta_log/00000000000000000001.json");
    let whole = std::fs::read(&version).expect("reads");
    std::fs::write(&version, &whole[..whole.len() / 2]).expect("writes");

    let lake = open(folder.path()).await;
    assert_eq!(ids(&lake, &good).await, ["old"]);
    lake.append(&bad, 1, vec![span(1, "old")]);
    lake.append(&bad, 2, vec![span(2, "new")]);
    let error = lake.view(&bad, &[], NullAs::Anything).expect_err("is damaged");
    assert!(matches!(&error, Error::Damaged { table, .. } if table == "default/traces/bad"));
    assert_eq!(error.fault().class, fault::Class::Unavailable);
    lake.flush(Flush::All).await.expect_err("is still damaged");
    assert_eq!((lake.keep_from(), lake.hot_bytes() > 0), (1, true));

    std::fs::write(&version, &whole).expect("writes");
    lake.flush(Flush::All).await.expect("is mended");
    assert_eq!(ids(&lake, &bad).await, ["old", "new"]);
    assert_eq!((lake.keep_from(), lake.hot_bytes()), (3, 0));
}

#[tokio::test]
async fn an_organisation_has_a_bounded_number_of_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = LakeConfig { most_streams: 2, ..LakeConfig::in_folder(folder.path()) };
    let lake = Lake::open(config, Arc::new(SystemClock)).await.expect("the lake opens");
    let org = OrgName::first();
    let stream = |name: &str| Table::new(org.clone(), Kind::Logs, name);
    for name in ["one", "two"] {
        assert!(lake.may_take(&stream(name)));
        lake.append(&stream(name), 1, vec![span(1, name)]);
    }
    assert!(!lake.may_take(&stream("three")));
    assert!(lake.may_take(&stream("two")), "it exists");
    assert!(lake.has(&stream("two")) && !lake.has(&stream("three")));
    let room = |kind: Kind| lake.room_for_streams(&org, kind);
    assert_eq!((room(Kind::Logs), room(Kind::Metrics)), (0, 2), "each kind has its own cap");
    assert!(lake.may_take(&Table::new(org.clone(), Kind::Metrics, "three")));
    let other = "other".parse().expect("a name");
    assert!(lake.may_take(&Table::new(other, Kind::Logs, "three")), "another organisation");
    assert!(lake.may_take(&Table::traces(org.clone())) && lake.may_take(&Table::rollups(org)));
}

#[tokio::test]
async fn rows_are_found_by_text_in_memory_and_in_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(1, "a"), span(2, "b")]);
    lake.flush(Flush::All).await.expect("flushes");
    lake.append(&table, 2, vec![span(3, "a")]);
    let times = async |equal: &[(&str, &str)]| -> Vec<i64> {
        let rows = lake.rows(&table, 0, 9, equal).await.expect("reads");
        rows.iter().filter_map(|row| row.int("_timestamp")).collect()
    };
    assert_eq!(times(&[("span_id", "a")]).await, [1, 3]);
    assert_eq!(times(&[("span_id", "b"), ("never_sent", "x")]).await, [] as [i64; 0]);
    assert_eq!(times(&[]).await, [1, 2, 3]);
}

#[tokio::test]
async fn counting_rows_needs_no_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let lake = open(folder.path()).await;
    lake.append(&table, 1, vec![span(1, "a"), span(2, "b")]);
    lake.flush(Flush::All).await.expect("flushes");
    lake.append(&table, 2, vec![span(3, "c")]);
    let view = lake.view(&table, &[], NullAs::Anything).expect("a view").expect("exists");
    let context = SessionContext::new();
    let count = context.read_table(Arc::new(view)).expect("reads").count().await;
    assert_eq!(count.expect("counts"), 3);
}

#[tokio::test]
async fn versions_that_the_power_left_empty_are_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = Table::traces(OrgName::first());
    let log = folder.path().join("default/traces/default/_delta_log");
    std::fs::create_dir_all(&log).expect("a folder");
    std::fs::write(log.join("00000000000000000000.json"), "").expect("writes");
    {
        let lake = open(folder.path()).await;
        lake.append(&table, 1, vec![span(1, "a")]);
        lake.flush(Flush::All).await.expect("flushes");
        lake.append(&table, 2, vec![span(2, "b")]);
        lake.flush(Flush::All).await.expect("flushes");
    }
    std::fs::write(log.join("00000000000000000002.json"), "").expect("writes");
    let lake = open(folder.path()).await;
    assert_eq!(ids(&lake, &table).await, ["a"]);
    lake.append(&table, 2, vec![span(2, "b")]);
    lake.flush(Flush::All).await.expect("flushes");
    assert_eq!(ids(&lake, &table).await, ["a", "b"]);
}
