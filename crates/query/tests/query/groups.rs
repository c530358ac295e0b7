//! Sessions and users, each call counted once.

use query::{GroupBy, GroupSummary, Groups, Limits, Order, Page, TimeRange, TraceFilter};
use schema::{OrgName, Table};

use crate::{A, B, House, app_span, gateway_span, house};

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
    let (table, filter) = (Table::traces(OrgName::first()), TraceFilter::default());
    let groups = Groups {
        stream: &table,
        range: RANGE,
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
    assert_eq!((one.calls, one.errors, one.tokens_input), (2, 1, Some(21)));
    assert_eq!(
        (one.token_source.as_deref(), one.cost_usd, one.unpriced_calls),
        (Some("reported"), None, 1)
    );
    assert_eq!((one.started_us, one.ended_us), (10, 300));
    assert_eq!(
        (one.others.as_slice(), one.first_input.as_deref()),
        (&["ann".to_owned(), "bob".to_owned()][..], Some("hello"))
    );
    assert_eq!(
        (two.token_source.as_deref(), two.cost_usd, two.unpriced_calls),
        (Some("partial"), Some(0.25), 0)
    );

    let (users, _) = groups(&house, GroupBy::User, Page::Offset(0), 10).await;
    let ann = users.iter().find(|user| user.id == "ann").expect("is there");
    assert_eq!((ann.traces, ann.calls, ann.tokens_input), (2, 2, Some(26)));
    assert_eq!(ann.token_source.as_deref(), Some("partial"));
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
