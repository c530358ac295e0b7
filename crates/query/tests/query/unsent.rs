//! Names that are no columns: null, or the attribute that got no column of its own; and texts where numbers are needed.

use lake::Flush;
use query::{Error, Limits, Size};

use crate::{house, row, search};

#[tokio::test]
async fn a_name_without_a_column_is_a_text_here_and_a_number_there() {
    let house = house(Limits::default()).await;
    house.append(1, vec![row(&[("_timestamp", 5.into()), ("duration", 7.into())])]);
    for _ in 0..2 {
        for (sql, expected) in [
            (
                "select sum(a) as s, upper(b) as u, count(*) as n from default group by b",
                r#"[{"n":1}]"#,
            ),
            ("select sum(a) as s, max(upper(a)) as u, count(*) as n from default", r#"[{"n":1}]"#),
            (
                "select avg(a + duration) as s, string_agg(a, ',') as u, count(*) as n from default",
                r#"[{"n":1}]"#,
            ),
            (
                "select approx_percentile_cont(a, 0.5) as p, percentile_cont(0.5) within group (order by a) as q, count(*) as n from default",
                r#"[{"n":1}]"#,
            ),
            (
                "select stddev_pop(case when b = 'x' then a else 0 end) as s, count(*) as n from default",
                r#"[{"s":0.0,"n":1}]"#,
            ),
            (
                "select sum(a) over (order by upper(a)) as s, duration as d from default",
                r#"[{"d":7}]"#,
            ),
            (
                "select count(*) as n from default where a > 5 or a = 'x' or a is null",
                r#"[{"n":1}]"#,
            ),
            ("select count(*) as n from default where not flag", r#"[{"n":0}]"#),
            (
                "select histogram(_timestamp, '1 day') as t, sum(t.a) as s, max(t.b) as b, count(*) as n from default t group by 1 having sum(t.a) is null",
                r#"[{"t":"1970-01-01T00:00:00","n":1}]"#,
            ),
        ] {
            assert_eq!(house.json(sql).await, expected, "{sql}");
        }
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn an_attribute_in_the_overflow_is_read_by_its_name() {
    let house = house(Limits::default()).await;
    let line = |n: i64, overflow: &'static str| {
        row(&[("_timestamp", n.into()), ("attributes_overflow", overflow.into())])
    };
    house.append(
        1,
        vec![line(1, r#"{"size":10,"colour":"red"}"#), line(2, r#"{"size":9}"#), line(3, "{}")],
    );
    for _ in 0..2 {
        for (sql, expected) in [
            ("select sum(size) as s, max(colour) as c from default", r#"[{"s":19.0,"c":"red"}]"#),
            // By number: as texts, 9 would be more than 10.
            ("select _timestamp as t from default where size > 9 order by t", r#"[{"t":1}]"#),
            ("select _timestamp as t from default where size = '9' order by t", r#"[{"t":2}]"#),
            (
                "select colour as c, count(*) as n from default group by c order by n",
                r#"[{"c":"red","n":1},{"n":2}]"#,
            ),
        ] {
            let found = house.ask(sql).await;
            assert_eq!(found.json().expect("JSON"), expected, "{sql}");
            assert!(found.about.hint.is_some_and(|hint| hint.contains("attributes_overflow")));
        }
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn texts_and_numbers_compare_as_numbers() {
    let house = house(Limits::default()).await;
    let line = |n: i64, text: &'static str, real: f64| {
        row(&[("_timestamp", n.into()), ("text", text.into()), ("real", real.into())])
    };
    house.append(
        1,
        vec![line(1, "9", 0.5), line(2, "10", 1.0), line(3, "none", 1.5), line(4, "1.5", 2.0)],
    );
    for (condition, expected) in [
        ("text > 9", "1"),
        ("text = 10", "1"),
        ("9 >= text", "2"),
        ("text <> 9", "2"),
        ("text = _timestamp", "0"),
        ("_timestamp > '1.5'", "3"),
        ("_timestamp = ' 2 '", "1"),
        ("real = '1.5'", "1"),
        ("text > '9'", "1"),
        ("_timestamp > null", "0"),
    ] {
        let sql = format!("select count(*) as n from default where {condition}");
        assert_eq!(house.json(&sql).await, format!(r#"[{{"n":{expected}}}]"#), "{condition}");
    }
    let refused = search("select * from default where _timestamp = 'noon'", Size::Rows(1));
    let error = house.query.search(&refused).await.expect_err("is no number");
    assert!(matches!(&error, Error::Type(why) if why.contains("'noon'")), "{error}");
}
