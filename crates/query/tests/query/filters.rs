//! Lists by the filter language, their facets, values of columns, and streams.

use query::{
    Error, Filter, Latest, Limits, Order, TimeRange, TraceFilter, ValueOrder, Values, Within,
};
use schema::{Kind, OrgName, Table};

use crate::{A, B, House, app_span, calls, house, spans};

const RANGE: TimeRange = TimeRange { from_us: 0, to_us: 1_000_000 };

async fn filled() -> House {
    let house = house(Limits::default()).await;
    let mut rows = calls();
    rows.push(app_span(
        "cccccccccccccccccccccccccccccccc",
        500_000,
        &[
            ("duration", 3_000_000.into()),
            ("service_name", "shop".into()),
            ("http_response_status_code", 503.into()),
            ("team", "blue \"one\"".into()),
            ("build", "17".into()),
        ],
    ));
    house.append(1, rows);
    house
}

async fn listed(house: &House, filter: TraceFilter) -> Result<Vec<String>, Error> {
    let page = house.page(RANGE, &filter, None, 10).await?;
    Ok(page.traces.iter().map(|trace| trace.trace_id[..1].to_owned()).collect())
}

#[tokio::test]
async fn traces_are_found_by_any_column_in_its_unit() {
    let house = filled().await;
    for (text, expected) in [
        ("", "cba"),
        ("duration:>2s", "c"),
        ("duration:<=100us", "ba"),
        ("-duration:>2s", "ba"),
        ("replica:r-1", "a"),
        ("replica:r-*", "ba"),
        ("-replica:*", "cba"),
        ("status:error", "b"),
        ("error:rate_limit", "b"),
        ("http:5xx", "c"),
        ("http:200", "a"),
        ("tokens:>1k", ""),
        ("input_tokens:>=21", "a"),
        ("team:\"blue \\\"one\\\"\"", "c"),
        ("build:>9", "c"),
        ("build:>18", ""),
        ("nobody:x", ""),
        ("-nobody:x", "cba"),
        ("chatcompl", "cba"),
        ("-chatcompl", ""),
        ("service:shop chat", "c"),
        ("model:meta/*", "cba"),
        ("model:it's", ""),
    ] {
        let filter = TraceFilter {
            filter: Some(Filter::parse(text).expect(text)),
            ..TraceFilter::default()
        };
        assert_eq!(listed(&house, filter).await.expect(text).concat(), expected, "{text}");
    }
    let filter = Filter::parse("duration:>2").expect("can be read");
    let error =
        listed(&house, TraceFilter { filter: Some(filter), ..TraceFilter::default() }).await;
    assert!(matches!(error, Err(Error::Filter { at: 11, .. })), "{error:?}");
    let class = TraceFilter { http_class: Some(2), ..TraceFilter::default() };
    assert_eq!(listed(&house, class).await.expect("lists"), ["a"]);
}

#[tokio::test]
async fn a_range_can_be_about_the_ends_of_spans() {
    let house = filled().await;
    // The call of C lasts from 0.5 s to 3.5 s.
    let range = TimeRange { from_us: 3_400_000, to_us: 3_600_000 };
    let listed = async |within| {
        let filter = TraceFilter { within, ..TraceFilter::default() };
        let page = house.page(range, &filter, None, 10).await;
        page.expect("lists").traces.len()
    };
    assert_eq!((listed(Within::Started).await, listed(Within::Ended).await), (0, 1));
}

#[tokio::test]
async fn facets_count_traces_and_those_without_a_value() {
    let house = filled().await;
    let fields = ["replica".to_owned(), "http".to_owned(), "nobody".to_owned()];
    let facets = house
        .query
        .facets(spans(RANGE), &TraceFilter::default(), &fields, 10)
        .await
        .expect("counts");
    let [replica, http, nobody] = &facets[..] else { panic!("three") };
    assert_eq!(replica.column, "inferscope_replica_id");
    assert_eq!(replica.values, [("r-1".to_owned(), 1), ("r-2".to_owned(), 1)]);
    assert_eq!((replica.distinct, replica.missing), (2, 1));
    assert_eq!(http.values, [("200".to_owned(), 1), ("503".to_owned(), 1)]);
    assert_eq!((nobody.values.len(), nobody.distinct, nobody.missing), (0, 0, 3));
}

#[tokio::test]
async fn values_are_counted_filtered_and_paged() {
    let house = filled().await;
    let table = Table::traces(OrgName::first());
    let values = Values {
        stream: &table,
        range: RANGE,
        filter: "",
        keyword: "",
        offset: 0,
        limit: 10,
        order: ValueOrder::Frequent,
    };
    let of = async |values: Values<'_>, column: &str| {
        house.query.values(&values, column).await.expect(column).values
    };
    assert_eq!(
        of(values.clone(), "span_status").await,
        [("OK".to_owned(), 4), ("ERROR".to_owned(), 1)]
    );
    let narrower = Values { filter: "duration > 100", ..values.clone() };
    assert_eq!(of(narrower, "span_status").await, [("OK".to_owned(), 1)]);
    let named = Values { keyword: "ERR", ..values.clone() };
    assert_eq!(of(named, "span_status").await, [("ERROR".to_owned(), 1)]);
    let by_name = Values { order: ValueOrder::Alphabetical, limit: 1, ..values.clone() };
    assert_eq!(of(by_name, "span_status").await[0].0, "ERROR");
    assert!(of(values.clone(), "nobody").await.is_empty());
    for bad in ["select 1", "1 = 1; drop", "exists (select 1)", "x as y"] {
        let values = Values { filter: bad, ..values.clone() };
        assert!(house.query.values(&values, "span_status").await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn the_latest_traces_have_what_openobserve_shows() {
    let house = filled().await;
    let table = Table::traces(OrgName::first());
    let latest = |filter, order| Latest {
        stream: &table,
        range: RANGE,
        filter,
        session: None,
        order,
        offset: 0,
        limit: 10,
    };
    let found = house.query.latest(&latest("", Order::Oldest)).await.expect("lists");
    let [first, second, third] = &found[..] else { panic!("three traces: {found:?}") };
    assert_eq!(
        (first.summary.trace_id.as_str(), first.summary.spans, first.summary.failed_spans),
        (A, 2, 0)
    );
    assert_eq!((first.summary.started_ns, first.summary.ended_ns), (10_000, 111_000));
    assert_eq!(
        (
            first.summary.sums.tokens_input,
            first.summary.sums.tokens_output,
            first.summary.sums.cost_usd
        ),
        (Some(21), Some(18), None)
    );
    assert_eq!((second.summary.trace_id.as_str(), second.summary.failed_spans), (B, 1));
    assert_eq!(third.services, [("shop".to_owned(), 1, 3_000_000)]);
    assert_eq!(third.summary.models, ["meta/llama"]);
    let longest =
        house.query.latest(&latest("nobody is null", Order::Longest)).await.expect("lists");
    assert_eq!(longest[0].summary.trace_id, third.summary.trace_id);
    let (nodes, truncated) = house.query.graph(&table, A).await.expect("reads");
    assert_eq!((nodes.len(), truncated), (2, false));
    assert_eq!(nodes[1].parent_span_id.as_deref(), Some("app10"));
    let spans = house.query.spans(&table, A).await.expect("reads").expect("is there");
    assert!(spans.0.contains("gw11") && !spans.1);
    let nowhere = Table::new(OrgName::first(), Kind::Traces, "nowhere");
    assert!(matches!(
        house.query.latest(&Latest { stream: &nowhere, ..latest("", Order::Newest) }).await,
        Err(Error::StreamNotFound(_))
    ));
}

#[tokio::test]
async fn streams_are_listed_with_what_is_known_of_them() {
    let house = filled().await;
    let logs = Table::new(OrgName::first(), Kind::Logs, "app");
    house.lake.append(
        &logs,
        2,
        vec![crate::row(&[("_timestamp", 7.into()), ("body", "x".into())])],
    );
    let all = house.query.streams(&OrgName::first(), None);
    let names: Vec<String> = all.iter().map(|stream| stream.table.to_string()).collect();
    assert_eq!(names, ["default/traces/default", "default/logs/app"]);
    assert_eq!((all[0].rows, all[0].times), (5, Some((10, 500_000))));
    let of_logs = house.query.streams(&OrgName::first(), Some(Kind::Logs));
    assert_eq!(of_logs.len(), 1);
    assert!(of_logs[0].columns.contains(&("body".to_owned(), "Utf8".to_owned())));
    let other: OrgName = "other".parse().expect("is a name");
    assert_eq!(house.query.streams(&other, Some(Kind::Logs)).len(), 0);
}
