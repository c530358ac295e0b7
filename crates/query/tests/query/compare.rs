//! Calls side by side, and what is different about some of them.

use query::{Difference, Explanation, Filter, Limits, TimeRange};
use schema::Value;

use crate::{A, B, House, app_span, gateway_span, house, spans};

const RANGE: TimeRange = TimeRange { from_us: 0, to_us: 1_000_000 };

#[tokio::test]
async fn calls_are_compared_by_any_column_with_quantiles_of_a_histogram() {
    let house = house(Limits::default()).await;
    let mut rows: Vec<_> = (1..=100_i64)
        .map(|n| {
            app_span(
                &format!("{n:032x}"),
                n,
                &[
                    ("duration", (n * 10_000).into()),
                    ("gen_ai_provider_name", if n <= 60 { "a" } else { "b" }.into()),
                    ("llm_token_count_completion", n.into()),
                    ("gen_ai_response_time_to_first_chunk", 0.25.into()),
                ],
            )
        })
        .collect();
    rows.push(app_span(
        &"f".repeat(32),
        500,
        &[
            ("gen_ai_provider_name", "b".into()),
            ("span_status", "ERROR".into()),
            ("error_class", "timeout".into()),
            ("duration", 9_000_000.into()),
            ("llm_usage_cost_total", 0.5.into()),
        ],
    ));
    house.append(1, rows);
    let models = house.query.models(spans(RANGE), "model", None).await.expect("compares").groups;
    let [model] = &models[..] else { panic!("one model: {models:?}") };
    let near = |value: Option<f64>, expected: f64| {
        let value = value.expect("is known");
        assert!((value / expected - 1.0).abs() < 0.02, "{value} is not near {expected}");
    };
    // Durations are 0.01 to 1 s in steps of 0.01; the failed call is not among them.
    near(model.latency_s.p50, 0.5);
    near(model.latency_s.p90, 0.9);
    near(model.latency_s.p99, 0.99);
    near(model.ttft_s.p95, 0.25);
    // n tokens in n hundredths of a second.
    near(model.output_tokens_per_s.p50, 100.0);
    assert_eq!((model.sums.calls, model.sums.errors, model.sums.unpriced_calls), (101, 1, 100));
    assert_eq!((model.sums.cost_usd, model.errors_by_class.get("timeout")), (Some(0.5), Some(&1)));

    let providers =
        house.query.models(spans(RANGE), "provider", None).await.expect("compares").groups;
    let seen: Vec<_> = providers.iter().map(|one| (one.value.as_str(), one.sums.calls)).collect();
    assert_eq!(seen, [("a", 60), ("b", 41)]);
    // Of the calls that meet a filter; the others are not counted anywhere.
    let slow = Filter::parse("duration:>500ms").expect("parses");
    let slow = house.query.models(spans(RANGE), "provider", Some(&slow)).await.expect("compares");
    let seen: Vec<_> = slow.groups.iter().map(|one| (one.value.as_str(), one.sums.calls)).collect();
    assert_eq!((seen, slow.calls), (vec![("b", 41), ("a", 10)], 51));
    let error = house.query.models(spans(RANGE), "providr", None).await.expect_err("is refused");
    let text = error.to_string();
    assert!(
        text.contains("did you mean \"provider\"?") && text.contains("session, user"),
        "{text}"
    );
}

/// A filter that only the gateway's span meets finds the call that both describe, once, also by session and tag.
#[tokio::test]
async fn calls_are_compared_within_a_filter_that_either_span_meets() {
    let house = house(Limits::default()).await;
    let own = [("session_id", "s".into()), ("tag_tags", r#"["x","y"]"#.into())];
    let served =
        [("reference_parent_span_id", "app10".into()), ("inferscope_replica_id", "r-1".into())];
    house.append(
        1,
        vec![app_span(A, 10, &own), gateway_span(A, 11, &served), app_span(B, 20, &own)],
    );
    let by = async |by: &str, q: &str| {
        let filter = Filter::parse(q).expect(q);
        let found = house.query.models(spans(RANGE), by, Some(&filter)).await.expect(q);
        let groups: Vec<_> =
            found.groups.iter().map(|one| (one.value.clone(), one.sums.calls)).collect();
        (groups, found.calls, found.without)
    };
    let one = |value: &str| (value.to_owned(), 1);
    assert_eq!(by("model", "replica:r-1").await, (vec![one("meta/llama")], 1, 0));
    assert_eq!(by("session", "replica:r-1").await, (vec![one("s")], 1, 0));
    assert_eq!(by("tag", "replica:r-1").await, (vec![one("x"), one("y")], 1, 0));
    assert_eq!(by("model", "-tag:x").await, (vec![one("meta/llama")], 1, 0));
    assert_eq!(by("model", "replica:r-2").await, (vec![], 0, 0));
}

async fn explained(house: &House, q: &str) -> Vec<Explanation> {
    let filter = Filter::parse(q).expect(q);
    let mut explaining = house.query.explain(spans(RANGE), &filter, 10).await.expect(q);
    let mut steps = Vec::new();
    while let Some(step) = explaining.next().await.expect(q) {
        steps.push(step);
    }
    steps
}

fn columns(differences: &[Difference]) -> Vec<&str> {
    differences.iter().map(|one| one.column.as_str()).collect()
}

/// 40 calls; the 10 slow ones are all of one region, and half of them of one version.
#[tokio::test]
async fn what_slow_calls_share_comes_first() {
    let house = house(Limits::default()).await;
    let rows = (0..40_i64).map(|n| {
        let slow = n < 10;
        let cells: [(&str, Value); 6] = [
            ("duration", if slow { 5_000_000 } else { 1_000 }.into()),
            ("region", if slow { "far" } else { "near" }.into()),
            ("version", if n < 5 { "2" } else { "1" }.into()),
            ("same", "x".into()),
            ("by_chance", if n % 3 == 0 { "a" } else { "b" }.into()),
            ("unique", format!("id-{n}").into()),
        ];
        app_span(&format!("{n:032x}"), n, &cells)
    });
    house.append(1, rows.collect());
    let [found] = &explained(&house, "duration:>1s").await[..] else { panic!("one step") };
    assert_eq!((found.selected, found.rest, found.of, found.complete), (10, 30, 40, true));
    assert_eq!(columns(&found.differences), ["region", "version"]);
    let far = &found.differences[0].values[0];
    assert_eq!((far.selected - far.rest).abs(), 1.0);
    let two = found.differences[1].values.iter().find(|share| share.value.as_deref() == Some("2"));
    assert_eq!(two.map(|share| (share.selected, share.rest, share.lift())), Some((0.5, 0.0, None)));
    let [few] = &explained(&house, "region:nowhere").await[..] else { panic!("one step") };
    assert!(few.too_few && few.differences.is_empty() && few.of == 40, "{few:?}");
    let [nothing] = &explained(&house, "by_chance:a").await[..] else { panic!("one step") };
    assert!(!nothing.too_few && nothing.differences.is_empty(), "{nothing:?}");
}

/// The program's span of a call begins in one slice, and the gateway's in the next: it stays one call.
#[tokio::test]
async fn a_range_is_read_in_slices_and_a_call_over_the_edge_of_two_counts_once() {
    let house = house(Limits { most_rows: 50, ..Limits::default() }).await;
    let mut rows = Vec::new();
    for n in 0..200_i64 {
        let trace = format!("{n:032x}");
        let region = if n % 4 == 0 { "far" } else { "near" };
        let cells = [("region", region.into()), ("duration", (1_000 + n % 4).into())];
        rows.push(app_span(&trace, n * 100, &cells));
        let below = [("reference_parent_span_id", format!("app{}", n * 100).into())];
        rows.push(gateway_span(&trace, n * 100 + 50, &below));
    }
    house.append(1, rows);
    let steps = explained(&house, "region:far").await;
    let last = steps.last().expect("has one");
    assert_eq!((last.selected, last.rest, last.of, last.complete), (50, 150, 200, true));
    assert_eq!(columns(&last.differences)[0], "duration");
}

/// A program's span looks like a provider's call; the gateway knows that an own replica served it. What the program
/// reports it was told by who served.
#[tokio::test]
async fn what_a_call_costs_is_the_gateways_word_unless_the_program_reports_it() {
    let house = house(Limits::default()).await;
    let app = |trace, source: &'static str| {
        let cells = [
            ("llm_token_count_prompt", 21.into()),
            ("llm_usage_cost_total", 0.5.into()),
            ("llm_cost_source", source.into()),
        ];
        app_span(trace, 10, &cells)
    };
    let gateway = |trace| {
        let cells = [
            ("reference_parent_span_id", "app10".into()),
            ("llm_token_count_prompt", 21.into()),
            ("llm_cost_unpriced_reason", "own_endpoint".into()),
            ("inferscope_endpoint", "llama".into()),
        ];
        gateway_span(trace, 11, &cells)
    };
    let rows = vec![app(A, "table:exact_hub"), gateway(A), app(B, "reported"), gateway(B)];
    house.append(1, rows);
    let models = house.query.models(spans(RANGE), "model", None).await.expect("compares").groups;
    let [model] = &models[..] else { panic!("one model: {models:?}") };
    assert_eq!(
        (model.sums.calls, model.sums.cost_usd, model.sums.unpriced_calls),
        (2, Some(0.5), 1)
    );
    let unpriced = house.query.unpriced(spans(RANGE)).await.expect("lists");
    let [one] = &unpriced[..] else { panic!("one model: {unpriced:?}") };
    assert_eq!((one.calls, one.tokens_input), (1, Some(21)));
    assert_eq!(
        (one.reason.as_deref(), one.endpoint.as_deref()),
        (Some("own_endpoint"), Some("llama"))
    );
}
