//! Answers that are given as they are found: limits, giving up, and what was read.

use std::time::Duration;

use lake::Flush;
use query::{Error, Format, Limits, Search, Size, TimeRange};

use crate::{House, house, row, search};

async fn numbered(limits: Limits, rows: i64) -> House {
    let house = house(limits).await;
    house.append(1, (0..rows).map(|n| row(&[("_timestamp", n.into())])).collect());
    house
}

fn all(sql: &str) -> Search {
    search(sql, Size::AsWritten { otherwise: usize::MAX })
}

#[tokio::test]
async fn a_streamed_answer_comes_in_pieces_and_says_what_it_is() {
    let house = numbered(Limits::default(), 20_000).await;
    let mut rows =
        house.query.stream(&all("select _timestamp from default")).await.expect("begins");
    assert!(rows.about().newest_first);
    let (mut seen, mut last, mut pieces) = (0, i64::MAX, 0);
    while let Some(piece) = rows.next().await.expect("goes on") {
        let times = piece.times().expect("has times");
        assert!(times.to_us < last, "newest first");
        (last, seen, pieces) = (times.from_us, seen + piece.rows(), pieces + 1);
        let parts = piece.split(1_000);
        assert!(parts.len() > 1 && parts.iter().all(|part| part.rows() > 0));
    }
    assert_eq!((seen, last, rows.partial()), (20_000, 0, None));
    assert!(pieces > 1);
    assert_eq!(rows.ended().rows, 20_000);
}

#[tokio::test]
async fn a_limit_of_rows_makes_the_answer_partial_and_says_which() {
    let limits = Limits { most_streamed_rows: 10, most_rows: 5, ..Limits::default() };
    let house = numbered(limits, 11).await;
    for (sql, partial) in [
        ("select _timestamp from default", true),
        ("select _timestamp from default limit 100", true),
        ("select _timestamp from default limit 10", false),
        ("select _timestamp from default where _timestamp < 10", false),
    ] {
        let mut rows = house.query.stream(&all(sql)).await.expect(sql);
        let mut seen = 0;
        while let Some(piece) = rows.next().await.expect(sql) {
            seen += piece.rows();
        }
        assert_eq!((seen, rows.partial().is_some()), (10, partial), "{sql}");
        assert!(rows.partial().is_none_or(|why| why.contains("query.most_streamed_rows")));
    }
    let found = house.query.search(&all("select _timestamp from default")).await.expect("answers");
    assert!(found.rows == 5 && found.partial.is_some_and(|why| why.contains("query.most_rows")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_waits_for_ends_and_makes_room() {
    let house = numbered(Limits { concurrent: 1, ..Limits::default() }, 3_000).await;
    // Four times itself: one side of the join alone has more rows than could ever be counted.
    let heavy = all(
        "select sum(a._timestamp * b._timestamp + c._timestamp) as s from default a, default b, default c, default d",
    );
    let query = house.query.clone();
    let waiting = tokio::spawn({
        let heavy = heavy.clone();
        async move { query.search(&heavy).await.map(|found| found.rows) }
    });
    until(|| house.query.running() == 1).await;
    assert!(matches!(house.query.search(&all("select 1")).await, Err(Error::Busy)));
    waiting.abort();
    until(|| house.query.running() == 0).await;

    let sql = "select a._timestamp from default a, default b, default c";
    let mut rows = house.query.stream(&all(sql)).await.expect("begins");
    assert!(rows.next().await.expect("goes on").is_some());
    assert_eq!(house.query.running(), 1);
    drop(rows);
    until(|| house.query.running() == 0).await;
    assert!(house.query.search(&all("select 1 as one")).await.is_ok());
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.expect("comes true");
}

#[tokio::test]
async fn an_answer_says_what_was_read_and_what_was_not() {
    let house = house(Limits::default()).await;
    for (position, at) in [(1, 5_i64), (2, 500), (3, 900)] {
        let rows = (0..10).map(|n| row(&[("_timestamp", (at + n).into())])).collect();
        house.append(position, rows);
        house.lake.flush(Flush::All).await.expect("flushes");
    }
    let range = TimeRange { from_us: 400, to_us: 600 };
    let search = Search { range, ..all("select _timestamp from default") };
    let found = house.query.search(&search).await.expect("answers");
    let scanned = found.scanned;
    assert_eq!((found.rows, scanned.files, scanned.files_pruned, scanned.rows), (10, 3, 2, 10));
    assert!(scanned.bytes > 0 && scanned.bytes_read > 0 && scanned.bytes_read <= scanned.bytes);
    let none = all("select count(*) as n from default where trace_id = 'nobody'");
    let found = house.query.search(&none).await.expect("answers");
    assert_eq!((found.scanned.files_pruned, found.scanned.row_groups_pruned), (0, 3));
}

#[tokio::test]
async fn every_format_carries_the_same_rows() {
    let house = numbered(Limits::default(), 3).await;
    let written = async |format| {
        let sql = "select _timestamp as n from default order by n";
        let mut rows = house.query.stream(&all(sql)).await.expect("begins");
        let mut encoder = rows.encoder(format).expect("begins");
        let mut bytes = Vec::new();
        while let Some(piece) = rows.next().await.expect("goes on") {
            bytes.extend(encoder.rows(&piece).expect("writes"));
        }
        bytes.extend(encoder.end().expect("ends"));
        bytes
    };
    let text = async |format| String::from_utf8(written(format).await).expect("UTF-8");
    assert_eq!(text(Format::Json).await, r#"{"n":0},{"n":1},{"n":2}"#);
    assert_eq!(text(Format::Lines).await, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(text(Format::Csv).await, "n\n0\n1\n2\n");
    assert!(written(Format::Arrow).await.len() > 100);
}
