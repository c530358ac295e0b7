//! What the lake promises: one view, exactly once over crashes, columns that only grow.

use std::path::Path;
use std::sync::Arc;

use clock::SystemClock;
use datafusion::prelude::SessionContext;
use lake::{Flush, Lake, LakeConfig, NullAs};
use schema::{Name, OrgName, Row, Table};

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
    let rows = lake.rows(table, i64::MIN, i64::MAX).await.expect("rows are read");
    rows.iter().map(|row| row.text("span_id").expect("each has an id").to_owned()).collect()
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
    assert_eq!(lake.hot_bytes(), span(20, "b").weight());
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
    assert!(view.has_column("colour") && !view.has_column("never_sent"));
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
    assert_eq!(lake.rows(&table, DAY + 1, DAY + 2).await.expect("reads").len(), 1);
    assert!(folder.path().join("default/traces/default/_date=1970-01-02").is_dir());
}
