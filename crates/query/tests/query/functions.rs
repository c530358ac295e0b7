//! The dialect's functions over a real table, from memory and from files, with answers worked out by hand.

use lake::Flush;
use query::{Error, Limits, Size};
use schema::Value;

use crate::{House, house, row, search};

/// 0, 30, 90 and 150 s after a whole hour, with texts, numbers and arrays.
async fn filled() -> House {
    let house = house(Limits::default()).await;
    let line = |at_s: i64, cells: &[(&str, Value)]| {
        let mut all = vec![("_timestamp", Value::from(at_s * 1_000_000))];
        all.extend_from_slice(cells);
        row(&all)
    };
    house.append(
        1,
        vec![
            line(
                0,
                &[
                    ("service_name", "shop".into()),
                    ("user_id", "ann".into()),
                    ("llm_input", "Rate limit reached for org_1".into()),
                    ("duration", 10.into()),
                    ("tags", r#"["b","a",3,10]"#.into()),
                    ("meta", r#"{"a":{"b":[{"c":"deep"},7]},"n":null}"#.into()),
                ],
            ),
            line(
                30,
                &[
                    ("service_name", "shop".into()),
                    ("user_id", "bob".into()),
                    ("llm_output", "all good, nothing reached".into()),
                    ("duration", 20.into()),
                    ("tags", r#"["x"]"#.into()),
                    ("version", "12".into()),
                ],
            ),
            line(
                90,
                &[
                    ("service_name", "bank".into()),
                    ("user_id", "ann".into()),
                    ("duration", 30.into()),
                    ("tags", "no array".into()),
                ],
            ),
            line(
                150,
                &[
                    ("service_name", "shop".into()),
                    ("user_id", "ann".into()),
                    ("duration", 40.into()),
                ],
            ),
        ],
    );
    house
}

impl House {
    async fn in_all(&self, sql: &str) -> String {
        let mut search = search(sql, Size::AsWritten { otherwise: 100 });
        search.range.to_us = 200_000_000;
        self.query.search(&search).await.expect(sql).json().expect("JSON")
    }

    async fn refused(&self, sql: &str) -> Error {
        let mut search = search(sql, Size::AsWritten { otherwise: 100 });
        search.range.to_us = 200_000_000;
        self.query.search(&search).await.expect_err(sql)
    }
}

async fn check(cases: &[(&str, &str)]) {
    let house = filled().await;
    for _ in 0..2 {
        for (sql, expected) in cases {
            assert_eq!(house.in_all(sql).await, *expected, "{sql}");
        }
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn histogram_counts_in_buckets_and_chooses_an_interval() {
    check(&[
        (
            "select histogram(_timestamp, '1 minute') as ts, count(*) as n from default group by ts order by ts",
            r#"[{"ts":"1970-01-01T00:00:00","n":2},{"ts":"1970-01-01T00:01:00","n":1},{"ts":"1970-01-01T00:02:00","n":1}]"#,
        ),
        // 200 s: buckets of 10 s.
        (
            "select histogram(_timestamp) as ts, count(*) as n from default where duration > 10 group by ts order by ts",
            r#"[{"ts":"1970-01-01T00:00:30","n":1},{"ts":"1970-01-01T00:01:30","n":1},{"ts":"1970-01-01T00:02:30","n":1}]"#,
        ),
        (
            "select count(distinct histogram(_timestamp, '7 minute')) as n from default",
            r#"[{"n":1}]"#,
        ),
    ])
    .await;
    let house = filled().await;
    assert!(matches!(
        house.refused("select histogram(_timestamp, 60) from default").await,
        Error::Histogram(_)
    ));
    let found = house.ask("select histogram(_timestamp) as ts from default").await;
    assert_eq!(found.about.interval_s, Some(1), "the range is one second long");
}

#[tokio::test]
async fn full_text_functions_search_all_text_columns() {
    let count = |condition: &str| format!("select count(*) as n from default where {condition}");
    let house = filled().await;
    for (condition, expected) in [
        ("match_all('reached')", 2),
        ("match_all('RATE reached')", 1),
        ("match_all('reach')", 0),
        ("match_all('reach*')", 2),
        ("match_all('*ood')", 1),
        ("match_all_raw('Rate limit')", 1),
        ("match_all_raw('rate limit')", 0),
        ("match_all_raw_ignore_case('rate limit')", 1),
        ("fuzzy_match_all('nothin', 1)", 1),
        ("not match_all('reached')", 2),
        ("fuzzy_match(llm_output, 'god', 1)", 1),
    ] {
        let sql = count(condition);
        assert_eq!(house.in_all(&sql).await, format!(r#"[{{"n":{expected}}}]"#), "{condition}");
    }
    for sql in [
        "select 1 from default a join default b on true where match_all('x')",
        "select 1 from (select llm_input as x from default) where match_all('x')",
    ] {
        assert!(matches!(house.refused(sql).await, Error::NoFullText(_)), "{sql}");
    }
    let inner =
        "select count(*) as n from (select 1 as one from default where match_all('reached'))";
    assert_eq!(house.in_all(inner).await, r#"[{"n":2}]"#);
}

#[tokio::test]
async fn texts_and_patterns_match() {
    let count = |condition: &str, n: usize| {
        (
            format!("select count(*) as n from default where {condition}"),
            format!(r#"[{{"n":{n}}}]"#),
        )
    };
    let cases = [
        count("str_match(llm_input, 'Rate')", 1),
        count("str_match(llm_input, 'rate')", 0),
        count("match_field(llm_input, 'limit')", 1),
        count("str_match_ignore_case(llm_input, 'RATE lim')", 1),
        count("match_field_ignore_case(llm_input, 'a.e')", 0),
        count("re_match(llm_input, 'org_[0-9]+')", 1),
        count("re_not_match(service_name, '^sh')", 1),
        count("str_match(duration, '0')", 4),
        count("re_match(nobody, 'x')", 0),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    check(&cases).await;
    check(&[(
        "select re_matches(llm_input, '(\\w+)_(\\d)') as m from default where _timestamp = 0",
        r#"[{"m":["org","1"],"_timestamp":0}]"#,
    )])
    .await;
    let house = filled().await;
    let text =
        house.refused("select 1 from default where re_match(llm_input, '(')").await.to_string();
    assert!(text.contains("not valid"), "{text}");
}

#[tokio::test]
async fn arrays_and_json_are_taken_apart() {
    check(&[
        (
            "select arrsort(tags) as a, arr_descending(tags) as d, arrcount(tags) as n, \
             arrindex(tags, 1) as i, arrindex(tags, 1, 2) as j, arrjoin(tags, '+') as k, \
             arrzip(tags, tags, ':') as z from default order by _timestamp limit 1",
            r#"[{"a":"[3,10,\"a\",\"b\"]","d":"[\"b\",\"a\",10,3]","n":4,"i":"[\"a\"]","j":"[\"a\",3]","k":"b+a+3+10","z":"[\"b:b\",\"a:a\",\"3:3\",\"10:10\"]"}]"#,
        ),
        (
            "select spath(meta, 'a.b[0].c') as c, spath(meta, 'a.b.1') as s, spath(meta, 'n') as n, \
             spath(meta, 'a.x') as x from default order by _timestamp limit 1",
            r#"[{"c":"deep","s":"7"}]"#,
        ),
        (
            "select unnest(cast_to_arr(tags)) as tag from default where service_name = 'shop' order by tag",
            r#"[{"tag":"10"},{"tag":"3"},{"tag":"a"},{"tag":"b"},{"tag":"x"}]"#,
        ),
        (
            "select to_array_string(cast_to_arr(tags)) as t, arrcount(tags) as n from default order by _timestamp offset 1 limit 2",
            r#"[{"t":"[\"x\"]","n":1},{}]"#,
        ),
    ])
    .await;
}

#[tokio::test]
async fn moments_are_formatted_cast_and_compared() {
    check(&[
        (
            "select date_format(_timestamp, '%H:%M:%S', '+02:00') as t, date_format(_timestamp, '%Y', 'Europe/Berlin') as y, \
             cast_to_timestamp(_timestamp) as c from default order by _timestamp desc limit 1",
            r#"[{"t":"02:02:30","y":"1970","c":"1970-01-01T00:02:30"}]"#,
        ),
        (
            "select count(*) as n from default where time_range(_timestamp, '1970-01-01T00:00:30Z', '1970-01-01T00:02:30Z')",
            r#"[{"n":2}]"#,
        ),
        (
            "select cast_to_timestamp('1970-01-02T00:00:00Z') as t, round(2.345, 2) as r, floor(-0.5) as f",
            r#"[{"t":"1970-01-02T00:00:00","r":2.35,"f":-1.0}]"#,
        ),
    ])
    .await;
    let house = filled().await;
    assert!(matches!(
        house.refused("select date_format(_timestamp, '%Q') from default").await,
        Error::Execution(_)
    ));
}

#[tokio::test]
async fn aggregates_of_the_dialect_count_and_estimate() {
    check(&[
        (
            "select t.value as v, t.count as n from (select unnest(approx_topk(service_name, 2)) as t from default) order by n desc",
            r#"[{"v":"shop","n":3},{"v":"bank","n":1}]"#,
        ),
        (
            "select approx_topk_distinct(service_name, user_id, 1) as t from default",
            r#"[{"t":[{"value":"shop","count":2}]}]"#,
        ),
        (
            "select approx_percentile_cont(duration, 0.5) as p, approx_median(duration) as m, approx_distinct(user_id) as d, \
             percentile_cont(0.5) within group (order by duration) as c from default",
            r#"[{"p":25.0,"m":25.0,"d":2,"c":25.0}]"#,
        ),
        // Durations 10, 20, 30 and 40, counted as if 10 stood for three rows and each other for one: the fourth of six.
        (
            "select summary_percentile(duration, case when duration = 10 then 3 else 1 end, 0.6) as p, \
             summary_percentile(duration, 1, 0.5) as m, summary_percentile(duration, null, 0.5) as none from default",
            r#"[{"p":20.0,"m":25.0}]"#,
        ),
        (
            "select service_name as s, approx_topk(user_id, 1) as t from default group by s order by s",
            r#"[{"s":"bank","t":[{"value":"ann","count":1}]},{"s":"shop","t":[{"value":"ann","count":2}]}]"#,
        ),
    ])
    .await;
    let house = filled().await;
    assert!(
        house
            .refused("select approx_topk(user_id, 0) from default")
            .await
            .to_string()
            .contains("1 to")
    );
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let house = filled().await;
    let error = house.refused("select no_such_function(1) from default").await;
    assert_eq!(error.code(), 20_005, "{error}");
    assert!(matches!(house.refused("select repeat('a', 9)").await, Error::Function(_)));
    let error = house.refused("select summary_percentile(duration, 1, 2) from default").await;
    assert!(error.to_string().contains("from 0 to 1"), "{error}");
    for sql in [
        "select histogram(service_name) from default",
        "select histogram(service_name, '1 minute') from default",
    ] {
        assert!(house.refused(sql).await.to_string().contains("argument 1"), "{sql}");
    }
}

#[tokio::test]
async fn many_unknown_columns_are_planned_at_once() {
    let house = filled().await;
    let found = house
        .ask("select a1, a2, a3 from default where b1 = 'x' and b2 > 5 and b3 is null group by a1, a2, a3")
        .await;
    assert_eq!((found.about.planned, found.about.unknown.len()), (1, 6));
}
