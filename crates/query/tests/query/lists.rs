//! Lists of traces over several streams, in any order, and paged while spans come in.

use lake::Flush;
use query::{
    Direction, Error, Filter, Limits, Sort, SortColumn, Spans, TimeRange, TraceCursor, TraceFilter,
    TraceList,
};
use schema::{Kind, Name, OrgName, Row, Table, Value};

use crate::{A, B, House, app_span, house, spans};

const RANGE: TimeRange = TimeRange { from_us: 0, to_us: 1_000_000_000 };

fn id(n: i64) -> String {
    format!("{n:032x}")
}

/// The ids of a page, as numbers, and where the next begins.
async fn page(
    house: &House,
    sort: Sort,
    after: Option<&TraceCursor>,
    limit: usize,
) -> (Vec<i64>, Option<TraceCursor>) {
    let filter = TraceFilter::default();
    let list = TraceList { spans: spans(RANGE), filter: &filter, sort, after, limit };
    let page = house.query.traces(&list).await.expect("lists");
    let number = |id: &str| i64::from_str_radix(id, 16).expect("is a number");
    (page.traces.iter().map(|trace| number(&trace.trace_id)).collect(), page.next)
}

fn by(column: &str, direction: Direction) -> Sort {
    Sort::By(SortColumn::named(column).expect(column), direction)
}

#[tokio::test]
async fn all_streams_are_read_and_rows_say_their_own() {
    let house = house(Limits::default()).await;
    let prod = Table::new(OrgName::first(), Kind::Traces, "prod");
    let root = |mut row: Row| {
        row.set(Name::fixed("llm_is_leaf"), false);
        row
    };
    // A is in both streams, B in the other only; a column of one stream has another type in the other.
    house.append(1, vec![root(app_span(A, 10, &[("size", 5.into())]))]);
    house.lake.append(
        &prod,
        2,
        vec![
            app_span(
                A,
                20,
                &[("reference_parent_span_id", "app10".into()), ("size", "big".into())],
            ),
            app_span(B, 30, &[("only_here", true.into())]),
        ],
    );
    let org = OrgName::first();
    let all = house.query.trace_streams(&org, None).expect("lists");
    let filter = TraceFilter::default();
    let listed = async |streams: &[Table], filter: &TraceFilter| {
        let spans = Spans { streams, range: RANGE };
        let list = TraceList { spans, filter, sort: Sort::Newest, after: None, limit: 10 };
        house.query.traces(&list).await.expect("lists").traces
    };
    let traces = listed(&all, &filter).await;
    let seen: Vec<_> = traces
        .iter()
        .map(|trace| (trace.trace_id.as_str(), trace.streams.join("+"), trace.sums.calls))
        .collect();
    assert_eq!(seen, [(B, "prod".to_owned(), 1), (A, "default+prod".to_owned(), 1)]);
    for (text, found) in [("size:5", A), ("size:big", A), ("only_here:true", B)] {
        let filter = TraceFilter {
            filter: Some(Filter::parse(text).expect(text)),
            ..TraceFilter::default()
        };
        let traces = listed(&all, &filter).await;
        assert_eq!(traces.len(), 1, "{text}");
        assert_eq!(traces[0].trace_id, found, "{text}");
    }
    let only = house.query.trace_streams(&org, Some("default")).expect("is there");
    assert_eq!(listed(&only, &filter).await.len(), 1);
    let trace = house.query.trace(&all, A).await.expect("reads").expect("is there");
    let rows: Vec<serde_json::Value> = serde_json::from_str(trace.spans.get()).expect("JSON");
    let streams: Vec<_> = rows.iter().map(|row| row["_stream"].as_str().unwrap_or("")).collect();
    assert_eq!(streams, ["default", "prod"]);
    let error = house.query.trace_streams(&org, Some("prod,nowhere")).expect_err("is refused");
    assert!(error.to_string().contains("\"nowhere\"; there are: default, prod"), "{error}");
}

#[tokio::test]
async fn many_streams_are_read_like_few_in_memory_and_in_files() {
    let house = house(Limits::default()).await;
    let streams: Vec<Table> =
        (0..9).map(|n| Table::new(OrgName::first(), Kind::Traces, &format!("s{n}"))).collect();
    let mut position = 0;
    for (n, table) in (0..9_i64).zip(&streams) {
        // Each has a column of its own, and one whose type changes from stream to stream.
        let own = format!("own_{n}");
        let size: Value = if n % 2 == 0 { n.into() } else { format!("text {n}").into() };
        position += 1;
        let cells = [(own.as_str(), Value::from(true)), ("size", size), ("duration", n.into())];
        let row = app_span(&id(n), 100 + n, &cells);
        house.lake.append(table, position, vec![row]);
    }
    // One has rows only outside of the range.
    let late = Table::new(OrgName::first(), Kind::Traces, "late");
    house.lake.append(
        &late,
        10,
        vec![app_span(&id(99), RANGE.to_us, &[("own_late", true.into())])],
    );
    let all: Vec<Table> = streams.into_iter().chain([late]).collect();
    let spans = Spans { streams: &all, range: RANGE };
    for place in ["memory", "files"] {
        let listed = async |text: &str| {
            let filter = (!text.is_empty()).then(|| Filter::parse(text).expect(text));
            let filter = TraceFilter { filter, ..TraceFilter::default() };
            let sort = by("duration_us", Direction::Descending);
            let list = TraceList { spans, filter: &filter, sort, after: None, limit: 10 };
            let traces = house.query.traces(&list).await.expect("lists").traces;
            traces.into_iter().map(|trace| trace.trace_id).collect::<Vec<_>>()
        };
        let newest: Vec<String> = (0..9).rev().map(id).collect();
        assert_eq!(listed("").await, newest, "{place}");
        assert_eq!(listed("size:4").await, [id(4)], "{place}");
        assert_eq!(listed("size:\"text 7\"").await, [id(7)], "{place}");
        assert_eq!(listed("own_3:true").await, [id(3)], "{place}");
        assert_eq!(listed("own_late:true").await, [""; 0], "{place}");
        let models = house.query.models(spans, "model", None).await.expect("compares");
        let calls: Vec<_> = models.groups.iter().map(|group| group.sums.calls).collect();
        assert_eq!(calls, [9], "{place}");
        let trace = house.query.trace(&all, &id(5)).await.expect("reads").expect("is there");
        let rows: Vec<serde_json::Value> = serde_json::from_str(trace.spans.get()).expect("JSON");
        assert_eq!(rows.len(), 1, "{place}");
        assert_eq!((&rows[0]["_stream"], &rows[0]["own_5"]), (&"s5".into(), &true.into()));
        assert!(house.query.trace(&all, &id(50)).await.expect("reads").is_none(), "{place}");
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

/// Durations 1, 2, 3 and 4 with costs none, 0.5, none and 0.25, and names d, c, b and a.
async fn four() -> House {
    let house = house(Limits::default()).await;
    let rows = (1..=4_i64).map(|n| {
        let mut cells: Vec<(&str, Value)> = vec![
            ("duration", n.into()),
            ("operation_name", ["d", "c", "b", "a"][usize::try_from(n - 1).expect("small")].into()),
        ];
        if n % 2 == 0 {
            cells.push(("llm_usage_cost_total", (1.0 / n as f64).into()));
        }
        app_span(&id(n), n * 100, &cells)
    });
    house.append(1, rows.collect());
    house
}

#[tokio::test]
async fn any_column_sorts_both_ways_and_what_has_no_value_comes_last() {
    let house = four().await;
    let sorted =
        async |column: &str, direction| page(&house, by(column, direction), None, 10).await.0;
    use Direction::{Ascending, Descending};
    assert_eq!(sorted("duration_us", Ascending).await, [1, 2, 3, 4]);
    assert_eq!(sorted("duration_us", Descending).await, [4, 3, 2, 1]);
    assert_eq!(sorted("operation_name", Ascending).await, [4, 3, 2, 1]);
    assert_eq!(sorted("cost_usd", Ascending).await, [4, 2, 1, 3]);
    assert_eq!(sorted("cost_usd", Descending).await, [2, 4, 1, 3]);
    assert_eq!(sorted("started_us", Descending).await, [4, 3, 2, 1]);
    assert_eq!(sorted("calls", Descending).await, [1, 2, 3, 4], "the id decides");
    for column in ["status", "token_source", "http_status", "model_answered", "streams", "ttft_s"] {
        assert_eq!(sorted(column, Ascending).await.len(), 4, "{column}");
    }
    let error = SortColumn::named("duration").expect_err("is no column");
    assert!(matches!(&error, Error::Parameter(text) if text.contains("duration_us")), "{error}");
}

/// Pages of one while traces come in and known ones grow: what was there at the start is shown once.
async fn paged_while_spans_come_in(sort: Sort, noted_bytes: usize, grows: bool) {
    let house = house(Limits { noted_bytes, ..Limits::default() }).await;
    let cells = |n: i64| [("duration", Value::from(n * 10)), ("llm_token_count_prompt", n.into())];
    house.append(1, (1..=8).map(|n| app_span(&id(n), n * 100, &cells(n))).collect());
    let (mut seen, mut after, mut position) = (Vec::new(), None, 2);
    loop {
        let (ids, next) = page(&house, sort, after.as_ref(), 2).await;
        seen.extend(ids);
        let Some(next) = next else { break };
        after = Some(TraceCursor::parse(&next.encode()).expect("reads back"));
        // Then nothing comes in any more, so that a list by start ends.
        if position < 20 {
            let n = i64::try_from(position).expect("small");
            // A new trace, and a span by which one that was there starts earlier, lasts longer and has more tokens.
            house.append(position, vec![app_span(&id(100 + n), n * 100 + 1, &cells(n))]);
            if grows {
                let grown = if position % 4 == 0 { seen[0] } else { 8 };
                let more =
                    [("duration", Value::from(5_000)), ("llm_token_count_prompt", 50.into())];
                house.append(position + 1, vec![app_span(&id(grown), 5 + n, &more)]);
            }
        }
        position += 2;
        assert!(seen.len() < 100, "the list ends");
    }
    let mut once = seen.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "{sort:?}: nothing twice: {seen:?}");
    assert!((1..=8).all(|n| seen.contains(&n)), "{sort:?}: nothing left out: {seen:?}");
}

#[tokio::test]
async fn pages_show_nothing_twice_and_miss_nothing_while_spans_come_in() {
    use Direction::{Ascending, Descending};
    let mut sorts = vec![Sort::Newest];
    for column in
        ["started_us", "duration_us", "tokens_input", "cost_usd", "operation_name", "spans"]
    {
        sorts.extend([by(column, Ascending), by(column, Descending)]);
    }
    for sort in sorts {
        paged_while_spans_come_in(sort, 1 << 20, true).await;
        // Without the note, pages go on by the last row: new traces do no harm either.
        paged_while_spans_come_in(sort, 0, false).await;
    }
}

#[tokio::test]
async fn a_page_is_not_bounded_by_the_rows_of_its_spans() {
    let house = house(Limits { most_rows: 6, ..Limits::default() }).await;
    let rows =
        (0..60_i64).map(|n| app_span(&id(n % 3 + 1), n + 1, &[("span_id", format!("{n}").into())]));
    house.append(1, rows.collect());
    let (ids, next) = page(&house, Sort::Newest, None, 10).await;
    assert_eq!((ids, next.is_none()), (vec![3, 2, 1], true));
}

#[tokio::test]
async fn traces_that_need_too_much_memory_together_are_read_in_parts() {
    let house = house(Limits { memory: 32 << 20, ..Limits::default() }).await;
    let text = "x".repeat(1_900);
    for trace in 0..16_i64 {
        let rows = (0..500_i64).map(|n| {
            let at = trace * 1_000 + n;
            let cells =
                [("llm_input", Value::from(text.clone())), ("span_id", format!("{at}").into())];
            app_span(&id(trace + 1), at, &cells)
        });
        house.append(u64::try_from(trace + 1).expect("small"), rows.collect());
    }
    let filter = TraceFilter::default();
    let list = TraceList {
        spans: spans(RANGE),
        filter: &filter,
        sort: Sort::Newest,
        after: None,
        limit: 16,
    };
    let page = house.query.traces(&list).await.expect("lists");
    assert_eq!(page.traces.len(), 16);
    assert!(page.traces.iter().all(|trace| trace.sums.calls == 500));
}
