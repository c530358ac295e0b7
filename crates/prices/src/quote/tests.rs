use super::*;
use crate::call::Tokens;

fn quote(call: &Call<'_>) -> Quote {
    Quote::of(call, &Book::shipped())
}

fn cells(call: &Call<'_>) -> Vec<(String, String)> {
    let shown = |value: Value| match value {
        Value::Text(text) => text,
        Value::Float(float) => format!("{float:?}"),
        other => format!("{other:?}"),
    };
    quote(call).cells().into_iter().map(|(name, value)| (name.to_string(), shown(value))).collect()
}

fn cell<'a>(cells: &'a [(String, String)], name: &str) -> Option<&'a str> {
    cells.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn seed() -> Call<'static> {
    Call {
        request_model: Some("meta-llama/Llama-3.1-8B-Instruct"),
        response_model: Some("llama3.1-8b"),
        provider: Some("openai"),
        tokens: Tokens { input: Some(42), output: Some(31), ..Tokens::default() },
        ..Call::default()
    }
}

#[test]
fn a_priced_call_has_every_family_s_columns() {
    let cells = cells(&seed());
    for name in ["llm_usage_cost_total", "llm_cost_total", "gen_ai_usage_cost"] {
        assert_eq!(cell(&cells, name), Some("7.3e-6"), "{name}");
    }
    for name in ["llm_usage_cost_input", "llm_cost_prompt", "gen_ai_usage_cost_input"] {
        assert_eq!(cell(&cells, name), Some("4.2e-6"), "{name}");
    }
    for name in ["llm_usage_cost_output", "llm_cost_completion", "gen_ai_usage_cost_output"] {
        assert_eq!(cell(&cells, name), Some("3.1e-6"), "{name}");
    }
    assert_eq!(cell(&cells, "llm_cost_source"), Some("table:exact_hub"));
    assert_eq!(cell(&cells, "llm_price_row"), Some("shipped:cerebras/llama-3.1-8b"));
    assert_eq!(cell(&cells, "hf_inference_provider"), Some("cerebras"));
    assert_eq!(cells.len(), 12);
}

#[test]
fn an_estimate_never_touches_the_priced_columns() {
    let cells = cells(&Call { response_model: None, ..seed() });
    assert_eq!(cell(&cells, "llm_cost_source"), Some("table:median"));
    assert_eq!(cell(&cells, "llm_cost_unpriced_reason"), Some("provider_unknown"));
    // 73 tokens at 0.10; the cheapest for 42 in and 31 out is nscale at 0.03; the dearest wandb at 0.22.
    assert_eq!(cell(&cells, "llm_cost_estimate_median"), Some("7.3e-6"));
    assert_eq!(cell(&cells, "llm_cost_estimate_low"), Some("2.19e-6"));
    assert_eq!(cell(&cells, "llm_cost_estimate_high"), Some("1.606e-5"));
    let priced = |name: &str| name.contains("usage_cost") || name == "llm_cost_total";
    assert!(!cells.iter().any(|(name, _)| priced(name)), "{cells:?}");
}

#[test]
fn an_unpriced_call_has_a_reason_and_no_number() {
    let call =
        Call { request_model: Some("my-own"), response_model: None, provider: None, ..seed() };
    assert_eq!(cells(&call), [("llm_cost_unpriced_reason".to_owned(), "not_in_book".to_owned())]);
    let failed = Call { tokens: Tokens::default(), failed: true, ..call };
    assert_eq!(cells(&failed), [("llm_cost_unpriced_reason".to_owned(), "failed".to_owned())]);
    let silent = Call { tokens: Tokens::default(), ..call };
    assert_eq!(cells(&silent), [("llm_cost_unpriced_reason".to_owned(), "no_tokens".to_owned())]);
}

#[test]
fn a_reported_cost_wins_and_ours_stands_beside_it() {
    let reported = cells(&Call { reported: Some(0.5), ..seed() });
    assert_eq!(cell(&reported, "llm_cost_source"), Some("reported"));
    assert_eq!(cell(&reported, "llm_cost_computed"), Some("7.3e-6"));
    assert_eq!(cell(&reported, "llm_price_row"), Some("shipped:cerebras/llama-3.1-8b"));
    assert_eq!(cell(&reported, "llm_usage_cost_total"), None, "it is in the row already");
    let of_unknown = cells(&Call { reported: Some(0.5), response_model: None, ..seed() });
    assert_eq!(
        of_unknown,
        [("llm_cost_source".to_owned(), "reported".to_owned())],
        "no estimate beside a report"
    );
}

#[test]
fn only_the_hub_s_calls_have_a_hub_provider() {
    let direct = Call { request_model: Some("llama3.1-8b"), provider: Some("cerebras"), ..seed() };
    assert_eq!(cell(&cells(&direct), "hf_inference_provider"), None);
    let suffix = Call { request_model: Some("meta-llama/Llama-3.1-8B-Instruct:groq"), ..seed() };
    assert_eq!(cell(&cells(&suffix), "hf_inference_provider"), Some("groq"));
}

#[test]
fn states_and_reasons_have_words() {
    assert_eq!(quote(&seed()).state(), "priced");
    assert_eq!(quote(&Call { response_model: None, ..seed() }).state(), "estimated");
    assert_eq!(quote(&Call { reported: Some(0.0), ..seed() }).state(), "reported");
    assert_eq!(quote(&Call::default()).state(), "unpriced");
    let reasons = [
        Unpriced::Failed,
        Unpriced::NoTokens,
        Unpriced::NoModel,
        Unpriced::NotInBook,
        Unpriced::ProviderUnknown,
        Unpriced::OwnEndpoint,
        Unpriced::OwnHost,
        Unpriced::PerHour,
        Unpriced::NoOutputPrice,
    ];
    let words: std::collections::HashSet<_> =
        reasons.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(words.len(), reasons.len());
    let documented = include_str!("../../../../docs/prices.md");
    for word in words {
        assert!(documented.contains(&format!("| `{word}` |")), "docs/prices.md lists {word}");
    }
}
