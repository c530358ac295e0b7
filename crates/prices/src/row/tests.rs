use proptest::prelude::*;

use super::*;

fn error(json: &str) -> String {
    Row::parse(json).expect_err(json).to_string()
}

#[test]
fn a_row_reads_back_as_it_was_written() {
    let json = serde_json::json!({
        "id": "acme/model-1", "hub_id": "Acme/Model-1", "provider": "together_ai", "mode": "chat",
        "input": 0.5, "output": 1.5, "cached_input": 0.05, "per_call": 0.001,
        "tiers": [{ "above_input_tokens": 1000, "input": 1.0, "output": null, "cached_input": null, "cache_write": null }],
        "valid_from": "2026-01-01", "valid_to": "2027-01-01T00:00:00Z",
    });
    let row = Row::parse(&json.to_string()).expect("a row");
    assert_eq!(row.to_json(), json);
    assert_eq!((row.norm(), row.short_id()), (Some("model-1"), Some("model-1")));
    assert_eq!(Row::parse(&row.to_json().to_string()).expect("a row"), row);
}

#[test]
fn a_row_without_a_key_has_one_that_tells_it_from_others() {
    let key = |json: &str| Row::parse(json).expect(json).key();
    assert_eq!(key(r#"{"id":"gpt-4o","input":1}"#), "gpt-4o");
    assert_eq!(
        key(r#"{"id":"m","provider":"groq","input":1,"valid_from":"2026-01-01"}"#),
        "groq:m@2026-01-01"
    );
    assert_eq!(key(r#"{"id":"groq/m","provider":"groq","input":1}"#), "groq/m");
    assert_eq!(key(r#"{"endpoint":"llama","per_hour":2}"#), "llama");
    assert_eq!(key(r#"{"key":"mine","pattern":"*","input":1}"#), "mine");
}

#[test]
fn what_is_no_row_is_refused_with_a_reason() {
    for (json, reason) in [
        ("{}", "needs an `id`"),
        (r#"{"id":"a"}"#, "needs a price"),
        (r#"{"id":"a","pattern":"b","input":1}"#, "not both"),
        (r#"{"id":"  ","input":1}"#, "`id` needs 1 to 200 bytes"),
        (r#"{"id":"a\u0000","input":1}"#, "plain text"),
        (r#"{"id":"a","input":-1}"#, "`input` = -1 is no price"),
        (r#"{"id":"a","input":1e7}"#, "to 1000000"),
        (r#"{"id":"a","input":"1"}"#, "expected f64"),
        (r#"{"id":"a","inputs":1}"#, "unknown field `inputs`"),
        (r#"{"id":"a","input":1,"input":2}"#, "duplicate field"),
        (r#"{"id":"a","output":1}"#, "`output` is given and `input` is not"),
        (r#"{"id":"a","input":1,"per_hour":2}"#, "own machine"),
        (r#"{"id":"a","input":1,"per_call":-2}"#, "`per_call` = -2"),
        (
            r#"{"id":"a","input":1,"tiers":[{"above_input_tokens":5},{"above_input_tokens":5}]}"#,
            "each another",
        ),
        (r#"{"id":"a","input":1,"valid_from":"soon"}"#, "\"soon\" is neither a day"),
        (r#"{"id":"a","input":1,"valid_from":"2026-01-02","valid_to":"2026-01-02"}"#, "after"),
        (r#"{"id":"Llama3-8B","norm":"llama3-8b","input":1}"#, "which is \"llama-3-8b\""),
        (r#"{"id":"a","mode":"poem","input":1}"#, "unknown variant `poem`"),
    ] {
        assert!(error(json).contains(reason), "{json}: {}", error(json));
    }
}

#[test]
fn the_highest_tier_that_is_passed_counts_and_lacks_nothing() {
    let row = Row::parse(
        r#"{"id":"a","input":1,"output":2,"cached_input":0.1,"tiers":[
            {"above_input_tokens":200,"input":5},{"above_input_tokens":100,"input":3,"cached_input":0.3}]}"#,
    )
    .expect("a row");
    let per_million = |rate: Option<Rate>| rate.map(Rate::per_million);
    let at = |prompt| {
        let rates = row.prices().of(prompt);
        (per_million(rates.input), per_million(rates.output), per_million(rates.cached_input))
    };
    assert_eq!(at(100), (Some(1.0), Some(2.0), Some(0.1)), "the bound itself is not passed");
    assert_eq!(at(101), (Some(3.0), Some(2.0), Some(0.3)));
    assert_eq!(at(201), (Some(5.0), Some(2.0), Some(0.1)));
}

#[test]
fn free_is_a_price_of_nothing_at_all() {
    let free = |json: &str| Row::parse(json).expect(json).prices().is_free();
    assert!(free(r#"{"id":"a","input":0,"output":0}"#));
    assert!(free(r#"{"id":"a","per_call":0}"#));
    assert!(!free(r#"{"id":"a","input":0,"output":0.1}"#));
    assert!(!free(r#"{"id":"a","input":0,"per_call":0.1}"#));
}

proptest! {
    #[test]
    fn any_text_is_a_row_or_an_error(text in ".{0,200}") {
        let _ = Row::parse(&text);
    }

    /// Fields of any content: what is taken can be written and read again, and prices any call.
    #[test]
    fn any_object_is_a_row_or_an_error(
        fields in proptest::collection::btree_map(
            prop_oneof![
                Just("id"), Just("pattern"), Just("provider"), Just("endpoint"), Just("input"), Just("output"),
                Just("per_call"), Just("per_hour"), Just("valid_from"), Just("norm"), Just("tiers"), Just("x"),
            ],
            prop_oneof![
                // Of three decimals, which JSON keeps exactly.
                (-1_000_i32..2_000_000_000).prop_map(|n| serde_json::json!(f64::from(n) / 1000.0)),
                "[a-z/.*0-9-]{0,12}".prop_map(|text| serde_json::json!(text)),
                Just(serde_json::json!("2026-01-01")),
                Just(serde_json::json!([{ "above_input_tokens": 5, "input": 1 }])),
                Just(serde_json::Value::Null),
            ],
            0..6,
        ),
        prompt: i64,
    ) {
        let json = serde_json::to_string(&fields).expect("writes");
        if let Ok(row) = Row::parse(&json) {
            let again = Row::parse(&row.to_json().to_string()).ok();
            prop_assert_eq!(again.as_ref(), Some(&row));
            let _ = row.prices().of(prompt);
        }
    }
}
