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
    while let Some(piece) = rows.next(0).await.expect("goes on") {
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
async fn small_parts_of_an_answer_are_put_together() {
    let house = numbered(Limits::default(), 20_000).await;
    let sql = "select _timestamp as n, count(*) as c from default group by n";
    let pieces = async |bytes| {
        let mut rows = house.query.stream(&all(sql)).await.expect("begins");
        let mut pieces = Vec::new();
        while let Some(piece) = rows.next(bytes).await.expect("goes on") {
            pieces.push(piece.rows());
        }
        pieces
    };
    let (small, large) = (pieces(0).await, pieces(1 << 20).await);
    assert!(small.len() > 2, "{small:?}");
    assert_eq!(large, [20_000]);
    assert_eq!(small.iter().sum::<usize>(), 20_000);
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
        while let Some(piece) = rows.next(0).await.expect(sql) {
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
    assert!(rows.next(0).await.expect("goes on").is_some());
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
        while let Some(piece) = rows.next(0).await.expect("goes on") {
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

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_goes_to_disk_and_the_answer_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits {
        memory: 160 << 20,
        most_streamed_rows: usize::MAX,
        spill_folder: Some(folder.path().to_owned()),
        ..Limits::default()
    };
    let house = house(limits).await;
    let text = "x".repeat(200);
    let line = |n: i64| row(&[("_timestamp", n.into()), ("t", text.as_str().into())]);
    house.append(1, (0..1_000).map(line).collect());
    // A million rows of more than 200 bytes, the last first.
    let sql = "select 1000 * a._timestamp + b._timestamp as n, a.t || b._timestamp as t from default a, default b order by n desc, t";
    let mut rows = house.query.stream(&all(sql)).await.expect("begins");
    let mut expected = 1_000_i64 * 1_000;
    while let Some(piece) = rows.next(0).await.expect("goes on") {
        let json: Vec<serde_json::Value> =
            serde_json::from_str(&piece.json().expect("JSON")).expect("JSON");
        for row in json {
            expected -= 1;
            assert_eq!(row["n"], expected);
            assert!(row["t"].as_str().is_some_and(|t| t.len() > 200));
        }
    }
    let ended = rows.ended();
    assert_eq!((expected, ended.partial), (0, None));
    assert!(ended.scanned.bytes_spilled > 10 << 20, "{:?}", ended.scanned);

    // As many groups as rows, each counted once.
    let sql = "select count(*) as n, sum(c) as c from (select a.t || b._timestamp || '-' || a._timestamp as t, count(*) as c \
               from default a, default b group by 1)";
    let found = house.query.search(&all(sql)).await.expect("answers");
    assert_eq!(found.json().expect("JSON"), r#"[{"n":1000000,"c":1000000}]"#);
    assert!(found.scanned.bytes_spilled > 0, "{:?}", found.scanned);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_spilled_is_refused_and_others_go_on() {
    let house = numbered(Limits { memory: 2 << 20, ..Limits::default() }, 20_000).await;
    let sql =
        "select array_agg(a._timestamp) as all from default a, default b where b._timestamp < 100";
    let error = house.query.search(&all(sql)).await.expect_err("is too much");
    assert!(matches!(error, Error::Memory), "{error}");
    assert!(error.to_string().contains("query.memory_bytes"));
    let found = house.query.search(&all("select count(*) as n from default")).await.expect("fits");
    assert_eq!(found.json().expect("JSON"), r#"[{"n":20000}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_too_long_is_partial_and_says_so() {
    let limits = Limits {
        stream_timeout: Duration::from_millis(300),
        timeout: Duration::from_millis(300),
        most_rows: usize::MAX,
        most_bytes: usize::MAX,
        most_streamed_rows: usize::MAX,
        ..Limits::default()
    };
    let house = numbered(limits, 3_000).await;
    let endless = "select a._timestamp from default a, default b, default c";
    let mut rows = house.query.stream(&all(endless)).await.expect("begins");
    while rows.next(0).await.expect("goes on").is_some() {}
    assert!(rows.partial().is_some_and(|why| why.contains("0.3 s (query.stream_timeout_s)")));
    let found = house.query.search(&all(endless)).await.expect("has rows");
    assert!(found.rows > 0 && found.partial.is_some_and(|why| why.contains("query.timeout_s")));
}

#[tokio::test]
async fn files_are_left_out_by_time_and_row_groups_by_statistics_and_bloom_filters() {
    let house = house(Limits::default()).await;
    for file in 0..4_i64 {
        let line = |n: i64| {
            row(&[
                ("_timestamp", (file * 100 + n).into()),
                ("duration", (file * 1_000 + n).into()),
                ("trace_id", format!("{:032x}", n * 4 + file).into()),
            ])
        };
        house.append(file.unsigned_abs() + 1, (0..50).map(line).collect());
        house.lake.flush(Flush::All).await.expect("flushes");
    }
    let asked = async |sql: &str, range| {
        house.query.search(&Search { range, ..all(sql) }).await.expect(sql)
    };
    let always = TimeRange { from_us: 0, to_us: 1_000_000 };
    let second = TimeRange { from_us: 100, to_us: 200 };
    for (sql, range, n, files_pruned, groups_pruned) in [
        ("select count(*) as n from default", always, 200, 0, 0),
        ("select count(*) as n from default", second, 50, 3, 0),
        // The condition in the SQL does the same as the range.
        ("select count(duration) as n from default where duration >= 3000", always, 50, 0, 3),
        // The ids of all files lie in between one another: statistics cannot tell, the bloom filters do.
        (
            "select count(duration) as n from default where trace_id = '00000000000000000000000000000077'",
            always,
            1,
            0,
            3,
        ),
        (
            "select count(duration) as n from default where trace_id = '00000000000000000000000000000077x'",
            always,
            0,
            0,
            4,
        ),
    ] {
        let found = asked(sql, range).await;
        let scanned = found.scanned;
        assert_eq!(found.json().expect("JSON"), format!(r#"[{{"n":{n}}}]"#), "{sql}");
        assert_eq!((scanned.files, scanned.files_pruned), (4, files_pruned), "{sql}");
        assert_eq!(scanned.row_groups_pruned, groups_pruned, "{sql}");
    }
}
