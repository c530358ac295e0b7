//! Stored rows in, cost cells out; again and again.

use proptest::prelude::*;
use schema::{Name, OrgName, Value};

use super::*;
use crate::row::Row;
use crate::shelf::Shelf;

fn stored(cells: &[(&'static str, Value)]) -> Stored {
    let mut row = Stored::default();
    for (name, value) in cells {
        row.push(Name::fixed(name), value.clone());
    }
    row
}

fn seed() -> Stored {
    stored(&[
        ("_timestamp", Value::Int(1_795_478_400_000_000)),
        ("llm_is_leaf", Value::Bool(true)),
        ("llm_request_parameters_model", "meta-llama/Llama-3.1-8B-Instruct".into()),
        ("llm_model_name", "llama3.1-8b".into()),
        ("gen_ai_provider_name", "openai".into()),
        ("span_status", "OK".into()),
        ("llm_token_count_prompt", Value::Int(42)),
        ("llm_token_count_completion", Value::Int(31)),
    ])
}

fn own(row: &str) -> std::sync::Arc<Book> {
    let shelf = Shelf::shipped();
    shelf.set(&OrgName::first(), vec![Row::parse(row).expect(row)]).expect("one row");
    shelf.book(&OrgName::first())
}

#[test]
fn a_stored_row_is_priced() {
    let mut row = seed();
    price(&mut row, &Book::shipped());
    assert_eq!(row.float("llm_usage_cost_total"), Some(0.000_007_3));
    assert_eq!(row.text("llm_cost_source"), Some("table:exact_hub"));
    assert_eq!(row.text("llm_model_name"), Some("llama3.1-8b"), "the rest stays");
}

#[test]
fn its_stored_columns_suffice_to_price_it_again() {
    let shipped = Book::shipped();
    let dearer = own(r#"{"key":"mine","id":"llama3.1-8b","input":1,"output":2}"#);
    let mut row = seed();
    price(&mut row, &shipped);
    let first = row.clone();
    price(&mut row, &shipped);
    assert_eq!(row, first, "the same book says the same");
    price(&mut row, &dearer);
    assert_eq!(row.float("llm_usage_cost_total"), Some(0.000_104), "42·1 + 31·2");
    assert_eq!(row.text("llm_price_row"), Some("org:mine"));
    price(&mut row, &shipped);
    assert_eq!(row, first, "and back");
    let mut fresh = seed();
    price(&mut fresh, &dearer);
    price(&mut row, &dearer);
    assert_eq!(row, fresh, "priced again is priced at once");
}

#[test]
fn a_price_that_is_gone_leaves_null_and_a_reason() {
    let mut row = stored(&[
        ("llm_is_leaf", Value::Bool(true)),
        ("llm_request_parameters_model", "my-own".into()),
        ("llm_token_count_prompt", Value::Int(1)),
        ("llm_token_count_completion", Value::Int(1)),
    ]);
    price(&mut row, &own(r#"{"id":"my-own","input":1,"output":1}"#));
    assert_eq!(row.float("llm_usage_cost_total"), Some(0.000_002));
    price(&mut row, &Book::shipped());
    assert_eq!((row.get("llm_usage_cost_total"), row.get("llm_cost_source")), (None, None));
    assert_eq!(row.text("llm_cost_unpriced_reason"), Some("not_in_book"));
}

#[test]
fn free_is_zero_and_unpriced_is_null() {
    let mut row = seed();
    price(&mut row, &own(r#"{"pattern":"llama*","input":0,"output":0}"#));
    assert_eq!(row.float("llm_usage_cost_total"), Some(0.0));
    assert_eq!(row.text("llm_cost_source"), Some("table:pattern"));
    assert_eq!(row.get("llm_cost_unpriced_reason"), None);
}

#[test]
fn a_reported_cost_stays_through_any_pricing() {
    let mut row = seed();
    row.push(Name::fixed("llm_usage_cost_total"), 0.25);
    row.push(Name::fixed("llm_cost_total"), 0.25);
    for book in [&Book::shipped(), &*own(r#"{"id":"llama3.1-8b","input":1,"output":1}"#)] {
        price(&mut row, book);
        assert_eq!(
            (row.float("llm_usage_cost_total"), row.float("llm_cost_total")),
            (Some(0.25), Some(0.25))
        );
        assert_eq!(row.text("llm_cost_source"), Some("reported"));
    }
    assert_eq!(row.float("llm_cost_computed"), Some(0.000_073), "by the last book");
}

#[test]
fn only_calls_that_count_are_priced() {
    let mut wrapper = seed();
    wrapper.set(Name::fixed("llm_is_leaf"), Value::Bool(false));
    let before = wrapper.clone();
    price(&mut wrapper, &Book::shipped());
    assert_eq!(wrapper, before);
    let mut plain = stored(&[("operation_name", "GET /".into())]);
    price(&mut plain, &Book::shipped());
    assert_eq!(plain.len(), 1);
    // A call that was found to be a wrapper after it had been priced.
    let mut late = seed();
    price(&mut late, &Book::shipped());
    late.set(Name::fixed("llm_is_leaf"), Value::Bool(false));
    price(&mut late, &Book::shipped());
    assert_eq!(late, before);
}

proptest! {
    /// Whatever a row holds, pricing it twice is pricing it once, and nothing but cost columns changes.
    #[test]
    fn pricing_is_stable_and_keeps_the_rest(
        requested in "[a-zA-Z0-9./:-]{0,24}", answered in proptest::option::of("[a-z0-9.-]{0,16}"),
        provider in proptest::option::of(prop_oneof![Just("openai"), Just("groq"), Just("x")]),
        input: Option<i64>, output: Option<i64>, cached: Option<i64>, reported in proptest::option::of(0.0..10.0_f64),
    ) {
        let mut row = stored(&[("llm_is_leaf", Value::Bool(true)), ("llm_request_parameters_model", requested.as_str().into())]);
        row.push_some(Name::fixed("llm_model_name"), answered);
        row.push_some(Name::fixed("gen_ai_provider_name"), provider);
        row.push_some(Name::fixed("llm_token_count_prompt"), input);
        row.push_some(Name::fixed("llm_token_count_completion"), output);
        row.push_some(Name::fixed("llm_token_count_prompt_details_cache_read"), cached);
        row.push_some(Name::fixed("llm_usage_cost_total"), reported);
        let before = row.clone();
        let book = Book::shipped();
        price(&mut row, &book);
        let once = row.clone();
        price(&mut row, &book);
        prop_assert_eq!(&row, &once);
        for (name, value) in before.cells() {
            prop_assert_eq!(row.get(name), Some(value));
        }
        let total = row.float("llm_usage_cost_total");
        prop_assert!(total.is_some() != row.get("llm_cost_unpriced_reason").is_some(), "a cost or a reason: {:?}", row);
    }
}

#[test]
fn pricing_looks_at_the_columns_that_it_says() {
    let mut whole = Stored::default();
    for (at, column) in schema::TRACE_COLUMNS.iter().enumerate() {
        let at = u16::try_from(at).expect("few");
        let value = match column.ty {
            schema::Type::Text => Value::from(format!("text {at}")),
            schema::Type::Int => Value::Int(at.into()),
            schema::Type::Float => Value::Float(at.into()),
            schema::Type::Bool => Value::Bool(true),
            schema::Type::Bytes => Value::Bytes(vec![1]),
        };
        whole.push(column.cell(), value);
    }
    for (name, text) in [
        ("span_status", "ERROR"),
        ("inferscope_vantage_point", "gateway"),
        ("openinference_span_kind", "EMBEDDING"),
        ("llm_cost_source", "reported"),
    ] {
        whole.set(Name::fixed(name), text);
    }
    // Not promised: an attribute's own columns.
    for name in ["llm_token_count_prompt_details_audio", "llm_token_count_completion_details_audio"]
    {
        whole.set(Name::fixed(name), Value::Int(1));
    }
    let part = |columns: &[&[&str]]| {
        let mut part = whole.clone();
        for (name, _) in
            whole.cells().filter(|(name, _)| !columns.concat().contains(&name.as_str()))
        {
            part.remove(name);
        }
        part
    };
    let seen = part(&[READS, WRITES]);
    assert_eq!(seen.len(), READS.len() + WRITES.len(), "all are there, none twice");
    let call = Call::of_row(&whole).expect("a call that counts");
    assert_eq!(Call::of_row(&seen), Some(call));
    let (mut whole_priced, mut priced) = (whole.clone(), seen);
    price(&mut whole_priced, &Book::shipped());
    price(&mut priced, &Book::shipped());
    for name in WRITES {
        assert_eq!(whole_priced.get(name), priced.get(name), "{name}");
    }
    let changed = |(name, value): (&Name, &Value)| whole.get(name) != Some(value);
    for (name, _) in whole_priced.cells().filter(|cell| changed(*cell)) {
        assert!(WRITES.contains(&name.as_str()), "{name} is written too");
    }
}
