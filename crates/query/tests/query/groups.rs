//! Sessions and users, each call counted once.

use query::{
    Filter, GroupBy, GroupSummary, Groups, Limits, Marks, Order, Page, TimeRange, TraceFilter,
};
use schema::Name;

use crate::{A, B, House, app_span, gateway_span, house, spans};

const RANGE: TimeRange = TimeRange { from_us: 0, to_us: 1_000_000 };

/// Session one: a call that app and gateway saw, and a failed one. Session two: one partial, priced call.
async fn filled() -> House {
    let house = house(Limits::default()).await;
    let c = "cccccccccccccccccccccccccccccccc";
    house.append(
        1,
        vec![
            app_span(
                A,
                10,
                &[
                    ("session_id", "one".into()),
                    ("user_id", "ann".into()),
                    ("llm_token_count_prompt", 21.into()),
                    ("llm_token_source", "reported".into()),
                    ("llm_input", "hello".into()),
                ],
            ),
            gateway_span(
                A,
                11,
                &[
                    ("reference_parent_span_id", "app10".into()),
                    ("llm_token_count_prompt", 21.into()),
                    ("llm_token_source", "reported".into()),
                ],
            ),
            app_span(
                B,
                200,
                &[
                    ("session_id", "one".into()),
                    ("user_id", "bob".into()),
                    ("span_status", "ERROR".into()),
                ],
            ),
            app_span(
                c,
                300,
                &[
                    ("session_id", "two".into()),
                    ("user_id", "ann".into()),
                    ("llm_token_count_prompt", 5.into()),
                    ("llm_token_source", "partial".into()),
                    ("llm_usage_cost_total", 0.25.into()),
                ],
            ),
        ],
    );
    house
}

async fn groups(
    house: &House,
    by: GroupBy,
    page: Page<'_>,
    limit: usize,
) -> (Vec<GroupSummary>, bool) {
    let filter = TraceFilter::default();
    let groups = Groups {
        spans: spans(RANGE),
        by,
        filter: &filter,
        sql: "",
        order: Order::Newest,
        page,
        limit,
    };
    house.query.groups(&groups).await.expect("lists")
}

#[tokio::test]
async fn a_session_sums_its_calls_once_and_carries_the_weakest_mark() {
    let house = filled().await;
    let (sessions, more) = groups(&house, GroupBy::Session, Page::Offset(0), 10).await;
    let [two, one] = &sessions[..] else { panic!("two sessions: {sessions:?}") };
    assert!(!more);
    assert_eq!((one.id.as_str(), one.traces, one.failed_traces, one.spans), ("one", 2, 1, 3));
    assert_eq!((one.sums.calls, one.sums.errors, one.sums.tokens_input), (2, 1, Some(21)));
    assert_eq!(
        (one.sums.marks.weakest(), one.sums.cost_usd, one.sums.unpriced_calls),
        (Some("absent"), None, 1)
    );
    assert_eq!((one.started_us, one.ended_us), (10, 300));
    assert_eq!(
        (one.others.as_slice(), one.first_input.as_deref()),
        (&["ann".to_owned(), "bob".to_owned()][..], Some("hello"))
    );
    assert_eq!(
        (two.sums.marks.weakest(), two.sums.cost_usd, two.sums.unpriced_calls),
        (Some("partial"), Some(0.25), 0)
    );

    let (users, _) = groups(&house, GroupBy::User, Page::Offset(0), 10).await;
    let ann = users.iter().find(|user| user.id == "ann").expect("is there");
    assert_eq!((ann.traces, ann.sums.calls, ann.sums.tokens_input), (2, 2, Some(26)));
    assert_eq!(ann.sums.marks.weakest(), Some("partial"));
    assert_eq!(ann.others, ["one", "two"]);
}

#[tokio::test]
async fn pages_of_sessions_stay_when_new_ones_come_in() {
    let house = filled().await;
    let (first, more) = groups(&house, GroupBy::Session, Page::Offset(0), 1).await;
    assert!(more && first[0].id == "two");
    house.append(2, vec![app_span(&"d".repeat(32), 900, &[("session_id", "three".into())])]);
    let after = Page::After(first[0].started_us, &first[0].id);
    let (second, more) = groups(&house, GroupBy::Session, after, 1).await;
    assert_eq!((second[0].id.as_str(), more), ("one", false));
}

/// A trace of two sessions. Its calls, with their input tokens:
/// 1 under a span of session one, 2 that names session two itself, 4 below a span of two (with a span between), and
/// 8 that nobody names a session for. Another trace has one name only, on a span beside its call of 16.
async fn two_sessions() -> House {
    let house = house(Limits::default()).await;
    let call = |trace: &str, at: i64, parent: &str, tokens: i64| {
        let cells = [
            ("reference_parent_span_id", parent.to_owned().into()),
            ("llm_token_count_prompt", tokens.into()),
            ("llm_token_source", "reported".into()),
            ("tag_tags", if tokens == 4 { r#"["x","y","x"]"# } else { r#"["x"]"# }.into()),
        ];
        app_span(trace, at, &cells)
    };
    let plain = |trace: &str, at: i64, parent: &str, session: &str| {
        let mut row = app_span(trace, at, &[("llm_is_leaf", false.into())]);
        if !parent.is_empty() {
            row.set(Name::fixed("reference_parent_span_id"), parent.to_owned());
        }
        if !session.is_empty() {
            row.set(Name::fixed("session_id"), session.to_owned());
        }
        row
    };
    let mut own = call(A, 30, "app10", 2);
    own.set(Name::fixed("session_id"), "two");
    house.append(
        1,
        vec![
            plain(A, 10, "", ""),
            plain(A, 11, "app10", "one"),
            call(A, 20, "app11", 1),
            own,
            plain(A, 12, "app10", "two"),
            plain(A, 13, "app12", ""),
            call(A, 40, "app13", 4),
            call(A, 50, "app10", 8),
            plain(B, 110, "", ""),
            plain(B, 111, "app110", "one"),
            call(B, 120, "app110", 16),
        ],
    );
    house
}

#[tokio::test]
async fn a_call_belongs_to_the_session_that_it_or_the_nearest_span_above_it_names() {
    let house = two_sessions().await;
    let (sessions, _) = groups(&house, GroupBy::Session, Page::Offset(0), 10).await;
    let seen: Vec<_> = sessions
        .iter()
        .map(|one| (one.id.as_str(), one.traces, one.spans, one.sums.calls, one.sums.tokens_input))
        .collect();
    assert_eq!(seen, [("two", 1, 4, 2, Some(2 + 4)), ("one", 2, 5, 2, Some(1 + 16))]);

    let by_session = house.query.models(spans(RANGE), "session", None).await.expect("compares");
    let mut compared: Vec<_> = by_session
        .groups
        .iter()
        .map(|one| (one.value.as_str(), one.sums.calls, one.sums.tokens_input))
        .collect();
    compared.sort_unstable();
    assert_eq!(compared, [("one", 2, Some(17)), ("two", 2, Some(6))]);
    assert_eq!((by_session.calls, by_session.without), (5, 1));
    for session in &sessions {
        let same = by_session.groups.iter().find(|group| group.value == session.id);
        assert_eq!(same.map(|group| group.sums), Some(session.sums), "{}", session.id);
    }
}

#[tokio::test]
async fn spans_above_each_other_in_a_circle_end_the_search_for_a_session() {
    let house = house(Limits::default()).await;
    let span = |at: i64, parent: &str, session: &str| {
        let mut row = app_span(A, at, &[("reference_parent_span_id", parent.to_owned().into())]);
        if !session.is_empty() {
            row.set(Name::fixed("session_id"), session.to_owned());
        }
        row
    };
    house.append(
        1,
        vec![span(1, "app2", ""), span(2, "app1", ""), span(3, "", "one"), span(4, "", "two")],
    );
    let (sessions, _) = groups(&house, GroupBy::Session, Page::Offset(0), 10).await;
    assert_eq!(sessions.iter().map(|one| one.sums.calls).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_call_with_two_tags_counts_in_both() {
    let house = two_sessions().await;
    let tags = house.query.models(spans(RANGE), "tag", None).await.expect("compares");
    let seen: Vec<_> =
        tags.groups.iter().map(|one| (one.value.as_str(), one.sums.tokens_input)).collect();
    assert_eq!(seen, [("x", Some(31)), ("y", Some(4))]);
    assert!(tags.overlapping && tags.calls == 5 && tags.without == 0);
    for (text, expected) in
        [("tag:y", 1), ("tag:x", 2), ("tag:\"x\"", 2), ("tag:z", 0), ("-tag:y", 2)]
    {
        let filter = TraceFilter {
            filter: Some(Filter::parse(text).expect(text)),
            ..TraceFilter::default()
        };
        let page = house.page(RANGE, &filter, None, 10).await.expect("lists");
        assert_eq!(page.traces.len(), expected, "{text}");
    }
}

#[tokio::test]
async fn what_was_not_told_is_counted_and_marks_the_sum() {
    let house = filled().await;
    let by_user = house.query.models(spans(RANGE), "user", None).await.expect("compares");
    let bob = by_user.groups.iter().find(|group| group.value == "bob").expect("is there");
    assert_eq!((bob.sums.marks.absent, bob.sums.marks.weakest()), (1, Some("absent")));
    let ann = by_user.groups.iter().find(|group| group.value == "ann").expect("is there");
    let marks = Marks { reported: 1, partial: 1, ..Marks::default() };
    assert_eq!((ann.sums.marks, ann.sums.marks.weakest()), (marks, Some("partial")));
}
