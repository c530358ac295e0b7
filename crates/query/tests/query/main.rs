//! What a question gets: nulls for what nobody sent, numbers as numbers, pages, and clear refusals.

mod compare;
mod filters;
mod functions;
mod groups;
mod lists;
mod rows;
mod unsent;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clock::SystemClock;
use lake::{Flush, Lake, LakeConfig};
use query::{
    Error, Filter, Found, Limits, Query, Search, Size, Sort, Spans, TimeRange, Trace, TraceCursor,
    TraceFilter, TraceList, TracePage,
};
use schema::{Kind, Name, OrgName, Row, Table, Value};

struct House {
    lake: Arc<Lake>,
    query: Query,
    _folder: tempfile::TempDir,
}

async fn house(limits: Limits) -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(LakeConfig::in_folder(folder.path()), Arc::new(SystemClock))
        .await
        .expect("opens");
    let lake = Arc::new(lake);
    let query =
        Query::new(Arc::clone(&lake), limits, tokio::runtime::Handle::current()).expect("starts");
    House { lake, query, _folder: folder }
}

fn row(cells: &[(&str, Value)]) -> Row {
    let mut row = Row::default();
    for (name, value) in cells {
        row.push(Name::from(*name), value.clone());
    }
    row
}

fn search(sql: &str, size: Size) -> Search {
    let range = TimeRange { from_us: 0, to_us: 1_000_000 };
    Search {
        org: OrgName::first(),
        kind: Kind::Traces,
        sql: sql.to_owned(),
        range,
        offset: 0,
        size,
        interval_s: None,
        adds_time: true,
    }
}

/// The spans of the default stream.
fn spans(range: TimeRange) -> Spans<'static> {
    static STREAMS: LazyLock<[Table; 1]> = LazyLock::new(|| [Table::traces(OrgName::first())]);
    Spans { streams: &*STREAMS, range }
}

impl House {
    async fn page(
        &self,
        range: TimeRange,
        filter: &TraceFilter,
        after: Option<&TraceCursor>,
        limit: usize,
    ) -> Result<TracePage, Error> {
        let list = TraceList { spans: spans(range), filter, sort: Sort::Newest, after, limit };
        self.query.traces(&list).await
    }

    fn append(&self, position: u64, rows: Vec<Row>) {
        self.lake.append(&Table::traces(OrgName::first()), position, rows);
    }

    async fn ask(&self, sql: &str) -> Found {
        self.query.search(&search(sql, Size::AsWritten { otherwise: 100 })).await.expect(sql)
    }

    async fn json(&self, sql: &str) -> String {
        self.ask(sql).await.json().expect("has a JSON form")
    }
}

#[tokio::test]
async fn columns_that_nobody_sent_are_null_also_before_the_first_row() {
    let house = house(Limits::default()).await;
    assert_eq!(house.json("select * from default").await, "[]");
    assert_eq!(
        house.json("select count(*) as n, sum(nobody) as s from default").await,
        r#"[{"n":0}]"#
    );
    house.append(1, vec![row(&[("_timestamp", 5.into()), ("span_id", "a".into())])]);
    for _ in 0..2 {
        let found = house.ask("select span_id, nobody, sum(nothing) over () as s from \"default\" where none is null").await;
        assert_eq!(found.json().expect("JSON"), r#"[{"span_id":"a"}]"#);
        assert_eq!(found.about.unknown.len(), 3);
        assert_eq!(found.about.planned, 1);
        assert!(found.about.hint.as_deref().is_some_and(|hint| hint.contains("nobody")));
        assert_eq!(house.json("select span_id from default where nobody > 5").await, "[]");
        assert!(
            house.json("select *, nobody, span_id as again from default").await.contains("again")
        );
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn a_number_column_compares_as_a_number_with_a_quoted_number() {
    let house = house(Limits::default()).await;
    let tokens = |n: i64| row(&[("_timestamp", n.into()), ("llm_token_count_prompt", n.into())]);
    house.append(1, vec![tokens(9), tokens(100), tokens(50)]);
    for _ in 0..2 {
        let count = |condition: &'static str| {
            let house = &house;
            async move {
                house.json(&format!("select count(*) as n from default where {condition}")).await
            }
        };
        assert_eq!(count("llm_token_count_prompt = '100'").await, r#"[{"n":1}]"#);
        assert_eq!(count("llm_token_count_prompt > '9'").await, r#"[{"n":2}]"#);
        assert_eq!(count("llm_token_count_prompt in ('9', '50')").await, r#"[{"n":2}]"#);
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn a_plain_list_comes_newest_first_and_page_by_page() {
    let house = house(Limits::default()).await;
    house.append(1, (1..=5).map(|n| row(&[("_timestamp", n.into()), ("n", n.into())])).collect());
    assert_eq!(
        house.json("select n from default limit 2").await,
        r#"[{"n":5,"_timestamp":5},{"n":4,"_timestamp":4}]"#
    );
    let page = Search { offset: 2, ..search("select n from default", Size::Rows(2)) };
    let page = house.query.search(&page).await.expect("a page");
    assert_eq!(page.json().expect("JSON"), r#"[{"n":3,"_timestamp":3},{"n":2,"_timestamp":2}]"#);
    let count = house
        .query
        .search(&search("select n from default where n > 1", Size::Count))
        .await
        .expect("a count");
    assert_eq!(count.count(), Some(4));
    assert_eq!(house.json("select n from default order by n limit 1").await, r#"[{"n":1}]"#);
    let selected = Search { adds_time: false, ..search("select n from default", Size::Rows(2)) };
    let selected = house.query.search(&selected).await.expect("a page");
    assert_eq!(selected.json().expect("JSON"), r#"[{"n":5},{"n":4}]"#);
    let named = Search {
        sql: "select n + 1, count(1) over () from default".to_owned(),
        adds_time: false,
        ..search("", Size::Rows(1))
    };
    let columns = house.query.search(&named).await.expect("answers").about;
    let names: Vec<&str> = columns.columns().map(|(name, _)| name).collect();
    assert_eq!(names, ["n + 1", "count(1) OVER ()"]);
}

#[tokio::test]
async fn rows_outside_of_the_time_range_are_seen_by_no_part_of_a_query() {
    let house = house(Limits::default()).await;
    house.append(
        1,
        vec![row(&[("_timestamp", 5.into())]), row(&[("_timestamp", 2_000_000.into())])],
    );
    let sql = "select (select count(*) from default) as inner, count(*) as outer from default a join default b on true";
    assert_eq!(house.json(sql).await, r#"[{"inner":1,"outer":1}]"#);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let house = house(Limits { most_rows: 10, ..Limits::default() }).await;
    house.append(1, vec![row(&[("_timestamp", 5.into())])]);
    let refused =
        async |sql: &str, size| house.query.search(&search(sql, size)).await.expect_err(sql);
    let as_written = Size::AsWritten { otherwise: 10 };
    assert!(
        matches!(refused("select 1 from nowhere", as_written).await, Error::StreamNotFound(name) if name == "nowhere")
    );
    assert!(matches!(
        refused("select x.y from default", as_written).await,
        Error::FieldNotFound(_)
    ));
    assert!(matches!(
        refused("select no_such_function(1) from default", as_written).await,
        Error::Function(_)
    ));
    assert!(matches!(refused("delete from default", as_written).await, Error::NotAllowed(_)));
    assert!(matches!(refused("select 1 from default", Size::Rows(11)).await, Error::Parameter(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_ends() {
    let house = house(Limits { timeout: Duration::from_millis(20), ..Limits::default() }).await;
    house.append(1, (0..600).map(|n| row(&[("_timestamp", n.into())])).collect());
    let heavy = "select sum(a._timestamp + b._timestamp * c._timestamp) from default a, default b, default c";
    let error = house.query.search(&search(heavy, Size::Rows(1))).await.expect_err("is too heavy");
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("query.timeout"));
}

fn app_span(trace: &str, at: i64, cells: &[(&str, Value)]) -> Row {
    let mut row = row(&[
        ("_timestamp", at.into()),
        ("start_time", (at * 1000).into()),
        ("duration", 100.into()),
        ("trace_id", trace.into()),
        ("span_id", format!("app{at}").into()),
        ("operation_name", "ChatCompletion".into()),
        ("span_status", "OK".into()),
        ("llm_is_leaf", true.into()),
        ("inferscope_vantage_point", "app".into()),
        ("llm_request_parameters_model", "meta/llama".into()),
    ]);
    for (name, value) in cells {
        row.set(Name::from(*name), value.clone());
    }
    row
}

fn gateway_span(trace: &str, at: i64, cells: &[(&str, Value)]) -> Row {
    let mut row = app_span(trace, at, cells);
    row.set(Name::fixed("inferscope_vantage_point"), "gateway");
    row.set(Name::fixed("span_id"), format!("gw{at}"));
    row
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// One call seen by app and gateway, one that only the gateway saw, one that failed.
fn calls() -> Vec<Row> {
    vec![
        app_span(
            A,
            10,
            &[("llm_token_count_prompt", 21.into()), ("llm_token_count_completion", 18.into())],
        ),
        gateway_span(
            A,
            11,
            &[
                ("reference_parent_span_id", "app10".into()),
                ("llm_token_count_prompt", 21.into()),
                ("llm_token_count_completion", 18.into()),
                ("inferscope_replica_id", "r-1".into()),
                ("http_response_status_code", 200.into()),
            ],
        ),
        gateway_span(
            B,
            20,
            &[("llm_token_count_prompt", 5.into()), ("inferscope_replica_id", "r-2".into())],
        ),
        app_span(
            B,
            200_000,
            &[("span_status", "ERROR".into()), ("error_class", "rate_limit".into())],
        ),
    ]
}

#[tokio::test]
async fn a_call_that_two_spans_describe_counts_once() {
    let house = house(Limits::default()).await;
    house.append(1, calls());
    let range = TimeRange { from_us: 0, to_us: 1_000_000 };
    let page = house.page(range, &TraceFilter::default(), None, 10).await.expect("lists");
    let [newer, older] = &page.traces[..] else { panic!("two traces") };
    assert_eq!((older.trace_id.as_str(), older.spans, older.sums.calls), (A, 2, 1));
    assert_eq!((older.sums.tokens_input, older.sums.tokens_output), (Some(21), Some(18)));
    assert_eq!((older.replica_id.as_deref(), older.http_status), (Some("r-1"), Some(200)));
    assert_eq!(
        (newer.sums.calls, newer.sums.tokens_input, newer.sums.tokens_output),
        (2, Some(5), None)
    );
    assert!(newer.failed_spans > 0 && newer.error_class.as_deref() == Some("rate_limit"));

    let models = house.query.models(spans(range), "model", None).await.expect("compares").groups;
    assert_eq!(
        (models.len(), models[0].sums.calls, models[0].sums.errors, models[0].sums.tokens_input),
        (1, 3, 1, Some(26))
    );
    assert_eq!(models[0].errors_by_class.get("rate_limit"), Some(&1));
}

#[tokio::test]
async fn a_call_is_one_also_with_a_span_between_or_in_two_traces() {
    let house = house(Limits::default()).await;
    let between = |n: i64, span: &'static str, parent: &'static str| {
        row(&[
            ("_timestamp", n.into()),
            ("trace_id", A.into()),
            ("span_id", span.into()),
            ("reference_parent_span_id", parent.into()),
        ])
    };
    house.append(
        1,
        vec![
            app_span(A, 10, &[]),
            between(11, "http", "app10"),
            gateway_span(A, 12, &[("reference_parent_span_id", "http".into())]),
            app_span(B, 20, &[("gen_ai_response_id", "chatcmpl-1".into())]),
            gateway_span(
                "cccccccccccccccccccccccccccccccc",
                21,
                &[("gen_ai_response_id", "chatcmpl-1".into())],
            ),
        ],
    );
    let range = TimeRange { from_us: 0, to_us: 1_000 };
    let page = house.page(range, &TraceFilter::default(), None, 10).await.expect("lists");
    let of_a = page.traces.iter().find(|trace| trace.trace_id == A).expect("is listed");
    assert_eq!((of_a.spans, of_a.sums.calls), (3, 1));
    let models = house.query.models(spans(range), "model", None).await.expect("compares").groups;
    assert_eq!(models[0].sums.calls, 2, "{models:?}");
}

#[tokio::test]
async fn an_answer_beyond_its_bytes_is_partial_and_greedy_functions_are_none() {
    let house = house(Limits { most_bytes: 1, ..Limits::default() }).await;
    house.append(1, (0..20_000).map(|n| row(&[("_timestamp", n.into())])).collect());
    let found = house.ask("select _timestamp from default order by _timestamp limit 20000").await;
    assert!(found.partial.is_some_and(|why| why.contains("bytes")) && found.rows < 20_000);
    let greedy = house.query.search(&search("select repeat('a', 1000000000)", Size::Rows(1))).await;
    assert!(matches!(greedy, Err(Error::Function(_))));
}

#[tokio::test]
async fn lists_are_filtered_and_paged_without_gap_or_repeat() {
    let house = house(Limits::default()).await;
    house.append(1, calls());
    let range = TimeRange { from_us: 0, to_us: 1_000_000 };
    let first = house.page(range, &TraceFilter::default(), None, 1).await.expect("lists");
    let next = first.next.expect("there is more");
    let second = house.page(range, &TraceFilter::default(), Some(&next), 1).await.expect("lists");
    assert_eq!((first.traces[0].trace_id.as_str(), second.traces[0].trace_id.as_str()), (B, A));
    assert!(second.next.is_none());
    let count = async |filter: TraceFilter| {
        house.page(range, &filter, None, 10).await.expect("lists").traces.len()
    };
    assert_eq!(
        count(TraceFilter { status: Some("ERROR".into()), ..TraceFilter::default() }).await,
        1
    );
    assert_eq!(
        count(TraceFilter { replica: Some("r-1".into()), ..TraceFilter::default() }).await,
        1
    );
    assert_eq!(
        count(TraceFilter { model: Some("it's".into()), ..TraceFilter::default() }).await,
        0
    );
    assert_eq!(
        count(TraceFilter { filter: Filter::parse("100%_").ok(), ..TraceFilter::default() }).await,
        0
    );
    assert_eq!(
        count(TraceFilter { filter: Filter::parse("chatcompl").ok(), ..TraceFilter::default() })
            .await,
        2
    );
}

#[tokio::test]
async fn one_trace_is_read_whole_and_an_unknown_one_is_none() {
    let house = house(Limits::default()).await;
    house.append(1, calls());
    let trace = house.trace(A).await.expect("reads").expect("is there");
    let spans: Vec<serde_json::Value> = serde_json::from_str(trace.spans.get()).expect("JSON");
    assert_eq!((spans.len(), spans[0]["span_id"].as_str()), (2, Some("app10")));
    assert_eq!((trace.truncated, trace.summary.sums.calls), (false, 1));
    let marks: Vec<_> =
        spans.iter().map(|span| (span["_depth"].as_u64(), span["_call"].as_bool())).collect();
    assert_eq!(marks, [(Some(0), Some(true)), (Some(1), None)]);
    assert!(house.trace(&"c".repeat(32)).await.expect("reads").is_none());
    assert!(matches!(house.trace("' or 1=1").await, Err(Error::Parameter(_))));
}

const TRACE: &str = "0123456789abcdef0123456789abcdef";

fn call(span_id: &str, cells: &[(&str, Value)]) -> Row {
    let own = [
        ("_timestamp", Value::from(100_000)),
        ("start_time", Value::from(100_000_000)),
        ("duration", Value::from(50)),
        ("trace_id", TRACE.into()),
        ("span_id", span_id.into()),
    ];
    row(&[&own, cells].concat())
}

fn event(span_id: &str, name: &str, at_ns: i64, cells: &[(&str, Value)]) -> Row {
    let own = [
        ("_timestamp", Value::from(at_ns / 1000)),
        ("observed_time", Value::from(at_ns)),
        ("trace_id", TRACE.into()),
        ("span_id", span_id.into()),
        ("event_name", name.into()),
        ("llm_observation_type", "EVENT".into()),
    ];
    row(&[&own, cells].concat())
}

impl House {
    async fn trace(&self, id: &str) -> Result<Option<Trace>, Error> {
        self.query.trace(spans(TimeRange::ALWAYS).streams, id).await
    }

    fn append_events(&self, stream: &str, position: u64, rows: Vec<Row>) {
        self.lake.append(&Table::new(OrgName::first(), Kind::Logs, stream), position, rows);
    }

    async fn spans(&self) -> Vec<serde_json::Value> {
        let trace = self.trace(TRACE).await.expect("reads").expect("is there");
        assert!(!trace.truncated);
        serde_json::from_str(trace.spans.get()).expect("is JSON")
    }
}

#[tokio::test]
async fn messages_of_log_events_are_on_their_span_in_any_order_and_from_any_stream() {
    let house = house(Limits::default()).await;
    let message = |n: usize| Value::from(format!("[{n}]"));
    let user =
        event("a", "gen_ai.user.message", 100_000_002, &[("gen_ai_input_messages", message(2))]);
    let system =
        event("a", "gen_ai.system.message", 100_000_001, &[("gen_ai_input_messages", message(1))]);
    let choice = |index: i64, at_ns| {
        let cells = [
            ("gen_ai_output_messages", message(index.unsigned_abs() as usize)),
            ("gen_ai_choice_index", index.into()),
        ];
        event("a", "gen_ai.choice", at_ns, &cells)
    };
    // Events come first, one of them twice, and before the span is known they join nothing.
    house.append_events("app", 1, vec![user.clone(), system]);
    house.append_events("app", 2, vec![user]);
    assert!(house.trace(TRACE).await.expect("reads").is_none());
    house.append(3, vec![call("a", &[]), call("b", &[("gen_ai_input_messages", "own".into())])]);
    house.lake.flush(Flush::All).await.expect("flushes");
    // Others come after the span, in another stream, and the choices not in their order.
    house.append_events("other", 4, vec![choice(1, 100_000_003), choice(0, 100_000_004)]);
    let own =
        event("b", "gen_ai.user.message", 100_000_001, &[("gen_ai_input_messages", message(9))]);
    house.append_events("other", 5, vec![own]);
    for _ in 0..2 {
        let spans = house.spans().await;
        assert_eq!(spans[0]["gen_ai_input_messages"], "[1,2]");
        assert_eq!(spans[0]["gen_ai_output_messages"], "[0,1]");
        let filled = serde_json::json!(["gen_ai_input_messages", "gen_ai_output_messages"]);
        assert_eq!(spans[0]["_filled_from_log_events"], filled);
        assert_eq!(spans[1]["gen_ai_input_messages"], "own");
        assert_eq!(spans[1].get("_filled_from_log_events"), None);
        house.lake.flush(Flush::All).await.expect("flushes");
    }
}

#[tokio::test]
async fn one_event_for_all_an_exception_and_evaluations_are_on_their_span_too() {
    let house = house(Limits::default()).await;
    house.append(1, vec![call("a", &[])]);
    let details = [
        ("gen_ai_input_messages", Value::from("[1]")),
        ("gen_ai_output_messages", "[2]".into()),
        ("gen_ai_system_instructions", "[3]".into()),
    ];
    let exception = [("exception_type", "Boom".into()), ("exception_message", "it broke".into())];
    let evaluation = [
        ("gen_ai_evaluation_name", "relevance".into()),
        ("gen_ai_evaluation_score_value", Value::Float(0.5)),
        ("gen_ai_evaluation_score_label", "so so".into()),
    ];
    let at = 100_000_001;
    house.append_events(
        "app",
        2,
        vec![
            event("a", "gen_ai.client.inference.operation.details", at, &details),
            event("a", "gen_ai.user.message", at, &[("gen_ai_input_messages", "[7]".into())]),
            event("a", "gen_ai.client.operation.exception", at, &exception),
            event("a", "gen_ai.evaluation.result", at, &evaluation),
        ],
    );
    // What is no GenAI event, is of another trace or hours away is not asked.
    let plain =
        row(&[("_timestamp", 100_000.into()), ("trace_id", TRACE.into()), ("span_id", "a".into())]);
    let late = event(
        "a",
        "gen_ai.user.message",
        at + 4_000_000_000_000,
        &[("gen_ai_tool_definitions", "[8]".into())],
    );
    house.append_events("app", 3, vec![plain, late]);
    let span = &house.spans().await[0];
    for (column, expected) in [
        ("gen_ai_input_messages", "[1]"),
        ("gen_ai_output_messages", "[2]"),
        ("gen_ai_system_instructions", "[3]"),
        ("error_type", "Boom"),
        ("error_message", "it broke"),
        ("gen_ai_evaluations", r#"[{"name":"relevance","score_label":"so so","score_value":0.5}]"#),
    ] {
        assert_eq!(span[column], expected, "{column}");
    }
    assert_eq!(span.get("gen_ai_tool_definitions"), None);
}

#[tokio::test]
async fn log_and_metric_streams_are_asked_like_any_other_also_when_empty() {
    let house = house(Limits::default()).await;
    let all = "select severity, body, trace_id, nobody from \"logs\".\"default\" where severity_number > 5";
    assert_eq!(house.json(all).await, "[]");
    let cells =
        [("_timestamp", Value::from(5)), ("severity_number", 9.into()), ("body", "hi".into())];
    house.append_events("default", 1, vec![row(&cells)]);
    assert_eq!(house.json(all).await, r#"[{"body":"hi","_timestamp":5}]"#);
    let table = Table::new(OrgName::first(), Kind::Metrics, "cpu");
    let cells = [("_timestamp", Value::from(5)), ("value", Value::Float(0.5))];
    house.lake.append(&table, 2, vec![row(&cells)]);
    let mut of_kind = search("select value, le from cpu", Size::Rows(10));
    of_kind.kind = Kind::Metrics;
    let found = house.query.search(&of_kind).await.expect("asks");
    assert_eq!(found.json().expect("JSON"), r#"[{"value":0.5,"_timestamp":5}]"#);
}
