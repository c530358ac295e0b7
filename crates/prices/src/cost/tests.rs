use proptest::prelude::*;

use super::*;
use crate::call::Tokens;

fn row(json: &str) -> Row {
    Row::parse(json).expect(json)
}

fn call(input: i64, output: i64) -> Call<'static> {
    Call {
        tokens: Tokens { input: Some(input), output: Some(output), ..Tokens::default() },
        ..Call::default()
    }
}

/// Input, output and total, US dollars.
fn usd(call: &Call<'_>, json: &str) -> Result<(f64, f64, f64), Unpriced> {
    cost(call, &row(json), |_| {})
        .map(|cost| (cost.input.dollars(), cost.output.dollars(), cost.total().dollars()))
}

#[test]
fn the_example_of_the_format() {
    let llama = r#"{"id":"llama3.1-8b","input":0.10,"output":0.10}"#;
    assert_eq!(usd(&call(42, 31), llama), Ok((0.000_004_2, 0.000_003_1, 0.000_007_3)));
}

#[test]
fn parts_with_a_price_of_their_own_are_taken_out_of_the_whole() {
    let prices = r#"{"id":"a","input":3,"output":15,"cached_input":0.3,"cache_write":3.75,"reasoning":20,"audio_input":40,"audio_output":80}"#;
    let tokens = Tokens {
        input: Some(1000),
        output: Some(500),
        cache_read: Some(600),
        cache_write: Some(100),
        reasoning: Some(200),
        audio_input: Some(50),
        audio_output: Some(100),
    };
    let call = Call { tokens, ..Call::default() };
    // 250·3 + 600·0.3 + 100·3.75 + 50·40 = 750 + 180 + 375 + 2000; 200·15 + 200·20 + 100·80 = 3000 + 4000 + 8000
    assert_eq!(usd(&call, prices), Ok((0.003_305, 0.015, 0.018_305)));
    let plain = r#"{"id":"a","input":3,"output":15}"#;
    assert_eq!(
        usd(&call, plain),
        Ok((0.003, 0.0075, 0.0105)),
        "without prices of their own all is input and output"
    );
}

#[test]
fn cached_counts_beyond_the_whole_leave_nothing_uncached() {
    let prices = r#"{"id":"a","input":1,"output":1,"cached_input":0.5}"#;
    let tokens =
        Tokens { input: Some(10), output: Some(0), cache_read: Some(30), ..Tokens::default() };
    assert_eq!(usd(&Call { tokens, ..Call::default() }, prices), Ok((0.000_015, 0.0, 0.000_015)));
}

#[test]
fn a_long_prompt_is_paid_by_its_tier_as_a_whole() {
    let prices = r#"{"id":"a","input":1,"output":2,"tiers":[{"above_input_tokens":200000,"input":2,"output":4}]}"#;
    assert_eq!(usd(&call(200_000, 1000), prices), Ok((0.2, 0.002, 0.202)));
    assert_eq!(usd(&call(200_001, 1000), prices), Ok((0.400_002, 0.004, 0.404_002)));
}

#[test]
fn embeddings_pay_for_input_only() {
    let embedding = r#"{"id":"e","mode":"embedding","input":0.02}"#;
    let tokens = Tokens { input: Some(1000), ..Tokens::default() };
    let mut call = Call { tokens, ..Call::default() };
    assert_eq!(usd(&call, embedding), Ok((0.000_02, 0.0, 0.000_02)));
    let chat = r#"{"id":"e","input":0.02,"output":1}"#;
    assert_eq!(usd(&call, chat), Err(Unpriced::NoTokens), "a chat's output is not known");
    call.input_only = true;
    assert_eq!(usd(&call, chat), Ok((0.000_02, 0.0, 0.000_02)));
}

#[test]
fn what_is_not_known_is_not_priced() {
    let chat = r#"{"id":"a","input":1,"output":1}"#;
    assert_eq!(usd(&Call::default(), chat), Err(Unpriced::NoTokens));
    assert_eq!(usd(&Call { failed: true, ..Call::default() }, chat), Err(Unpriced::Failed));
    let input = r#"{"id":"a","input":1}"#;
    assert_eq!(usd(&call(10, 5), input), Err(Unpriced::NoOutputPrice));
    assert_eq!(usd(&call(10, 0), input), Ok((0.000_01, 0.0, 0.000_01)));
}

#[test]
fn a_call_can_have_a_price_and_an_hour_is_no_call_s() {
    let image = r#"{"id":"a","per_call":0.04}"#;
    assert_eq!(usd(&Call::default(), image), Ok((0.0, 0.0, 0.04)), "no tokens are needed");
    assert_eq!(usd(&Call { failed: true, ..Call::default() }, image), Err(Unpriced::Failed));
    let both = r#"{"id":"a","input":1,"output":1,"per_call":0.01}"#;
    assert_eq!(usd(&call(1000, 1000), both), Ok((0.001, 0.001, 0.012)));
    let machine = r#"{"endpoint":"llama","per_hour":2.5}"#;
    assert_eq!(usd(&call(1000, 1000), machine), Err(Unpriced::PerHour));
    let charged_on = r#"{"endpoint":"llama","per_hour":2.5,"input":1,"output":1}"#;
    assert_eq!(usd(&call(1000, 1000), charged_on), Ok((0.001, 0.001, 0.002)));
}

#[test]
fn the_lines_add_up_and_leave_out_what_was_not_used() {
    let prices = row(r#"{"id":"a","input":3,"output":15,"cached_input":0.3,"reasoning":20}"#);
    let tokens =
        Tokens { input: Some(100), output: Some(10), cache_read: Some(40), ..Tokens::default() };
    let mut lines = Vec::new();
    let cost = cost(&Call { tokens, ..Call::default() }, &prices, |line| lines.push(line))
        .expect("priced");
    let shown: Vec<_> = lines.iter().map(|line| (line.what, line.tokens, line.price)).collect();
    assert_eq!(
        shown,
        [("input", Some(60), 3.0), ("cached input", Some(40), 0.3), ("output", Some(10), 15.0)]
    );
    assert_eq!(lines.iter().map(|line| line.usd).sum::<Usd>(), cost.total());
}

proptest! {
    /// The lines are the whole, no count is paid twice, and nothing overflows.
    #[test]
    fn any_counts_have_a_cost_that_is_the_sum_of_its_lines(
        input: i64, output: i64, cache_read: Option<i64>, reasoning: Option<i64>,
    ) {
        let prices = row(r#"{"id":"a","input":3,"output":15,"cached_input":0.3,"reasoning":20}"#);
        let tokens = Tokens { input: Some(input), output: Some(output), cache_read, reasoning, ..Tokens::default() };
        let mut sum = Usd::ZERO;
        let cost = cost(&Call { tokens, ..Call::default() }, &prices, |line| sum = sum + line.usd).expect("priced");
        prop_assert_eq!(sum, cost.total());
        prop_assert!(cost.total().dollars().is_finite());
    }
}
