//! Rules and rows: which row a call is priced by.

use super::*;
use crate::call::Tokens;
use crate::document::Document;
use crate::quote::{Outcome, Quote};
use crate::serving::Evidence;
use crate::shelf::Shelf;

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";
/// 2026-11-24.
const NOW: i64 = 1_795_478_400_000_000;

fn call<'a>(requested: &'a str, answered: &'a str) -> Call<'a> {
    let tokens = Tokens { input: Some(42), output: Some(31), ..Tokens::default() };
    let some = |name: &'a str| Some(name).filter(|name| !name.is_empty());
    Call {
        request_model: some(requested),
        response_model: some(answered),
        tokens,
        started_us: NOW,
        ..Call::default()
    }
}

/// The row and the rule, or the reason; after it who served and why.
fn found(book: &Book, call: &Call<'_>) -> String {
    let quote = Quote::of(call, book);
    let by = match &quote.outcome {
        Outcome::Priced(_, hit) => format!("{} {}", hit.rule.as_str(), hit.id()),
        Outcome::Estimated { hit, .. } => format!("table:median {}", hit.id()),
        Outcome::Reported(..) => "reported".to_owned(),
        Outcome::Unpriced(reason) => reason.as_str().to_owned(),
    };
    match quote.serving {
        Some(serving) => format!("{by} <- {} {:?}", serving.provider, serving.evidence),
        None => by,
    }
}

fn shipped(call: &Call<'_>) -> String {
    static BOOK: LazyLock<Book> = LazyLock::new(Book::shipped);
    found(&BOOK, call)
}

/// The shipped book below these rows of the organisation.
fn book(rows: &[&str]) -> Arc<Book> {
    let shelf = Shelf::shipped();
    let org = schema::OrgName::first();
    let rows = rows.iter().map(|row| Row::parse(row).expect(row)).collect();
    shelf.set(&org, rows).expect("keys differ");
    shelf.book(&org)
}

#[test]
fn rule_1_the_hub_id_with_a_known_provider() {
    let with_suffix = format!("{LLAMA}:cerebras");
    let said = shipped(&call(&with_suffix, ""));
    assert_eq!(said, "table:exact_hub shipped:cerebras/llama-3.1-8b <- cerebras Suffix");
    let named = Call { provider: Some("together_ai"), ..call("deepseek-ai/DeepSeek-V3.1", "") };
    assert!(
        shipped(&named).starts_with("table:exact_hub shipped:together_ai/"),
        "{}",
        shipped(&named)
    );
    let upper = "META-LLAMA/llama-3.1-8b-INSTRUCT:nscale";
    assert_eq!(
        shipped(&call(upper, "")),
        "table:exact_hub shipped:nscale/meta-llama/Llama-3.1-8B-Instruct <- nscale Suffix"
    );
}

#[test]
fn rule_1_the_answer_tells_the_provider() {
    // The call of the README's program: OpenAI's client against Hugging Face's router.
    let seed = Call { provider: Some("openai"), ..call(LLAMA, "llama3.1-8b") };
    assert_eq!(
        shipped(&seed),
        "table:exact_hub shipped:cerebras/llama-3.1-8b <- cerebras ResponseModel"
    );
    let fireworks = call(LLAMA, "accounts/fireworks/models/llama-v3p1-8b-instruct");
    assert!(
        shipped(&fireworks).ends_with("<- fireworks-ai ResponseModel"),
        "{}",
        shipped(&fireworks)
    );
}

#[test]
fn rule_1_without_a_provider_is_an_estimate() {
    for answered in ["", LLAMA, "something-else"] {
        assert_eq!(
            shipped(&call(LLAMA, answered)).split(' ').next(),
            Some("table:median"),
            "{answered}"
        );
    }
    let policy = format!("{LLAMA}:fastest");
    assert_eq!(
        shipped(&call(&policy, "")).split(' ').next(),
        Some("table:median"),
        "a policy is no provider"
    );
    let router = Call {
        provider: Some("huggingface"),
        host: Some("router.huggingface.co"),
        ..call(LLAMA, "")
    };
    assert_eq!(shipped(&router).split(' ').next(), Some("table:median"));
}

#[test]
fn the_median_of_nine_providers() {
    let book = Book::shipped();
    let million = Tokens { input: Some(1_000_000), output: Some(1_000_000), ..Tokens::default() };
    let explained = book.explain(&Call { tokens: million, ..call(LLAMA, "") });
    assert_eq!(explained.candidates.len(), 9, "one of each provider");
    let Outcome::Estimated { low, median, high, hit } = explained.quote.outcome else {
        panic!("no estimate")
    };
    // nscale 0.03 + 0.03; the middle is 0.10 + 0.10; wandb 0.22 + 0.22 is dear, hyperbolic's 0.12 + 0.30 less so.
    assert_eq!((low.dollars(), median.dollars(), high.dollars()), (0.06, 0.20, 0.44));
    assert_eq!(
        (hit.row().prices().blended(), hit.rule),
        (400_000_000, crate::Rule::ExactHub),
        "blended 0.10"
    );
}

#[test]
fn a_provider_without_a_row_is_unpriced() {
    let other = format!("{LLAMA}:somebody-new");
    assert_eq!(shipped(&call(&other, "llama3.1-8b")), "not_in_book <- somebody-new Suffix");
    let router = Call { provider: Some("openrouter"), ..call(LLAMA, "") };
    assert_eq!(shipped(&router), "not_in_book <- openrouter Name");
}

#[test]
fn rule_2_the_provider_s_own_id() {
    let openai = Call { provider: Some("openai"), ..call("gpt-4o-mini", "gpt-4o-mini-2024-07-18") };
    assert_eq!(
        shipped(&openai),
        "table:provider shipped:openai:gpt-4o-mini-2024-07-18 <- openai Dialect"
    );
    let by_host =
        Call { provider: Some("openai"), host: Some("api.openai.com"), ..call("gpt-4o-mini", "") };
    assert_eq!(shipped(&by_host), "table:provider shipped:openai:gpt-4o-mini <- openai Host");
    let segment = Call { provider: Some("groq"), ..call("llama-guard-3-8b", "llama-guard-3-8b") };
    assert_eq!(shipped(&segment), "table:provider shipped:groq/llama-guard-3-8b <- groq Name");
    let with_segment = Call { provider: Some("groq"), ..call("groq/llama-guard-3-8b", "") };
    assert_eq!(shipped(&with_segment), "table:provider shipped:groq/llama-guard-3-8b <- groq Name");
    let bedrock = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let bedrock = Call { provider: Some("aws.bedrock"), ..call(bedrock, "") };
    assert!(
        shipped(&bedrock)
            .starts_with("table:provider shipped:aws.bedrock:anthropic.claude-haiku-4-5"),
        "{}",
        shipped(&bedrock)
    );
}

#[test]
fn rule_3_the_normalised_name() {
    let claude = Call { provider: Some("anthropic"), ..call("Claude_Sonnet_4.5", "") };
    assert_eq!(
        shipped(&claude),
        "table:normalised shipped:anthropic:claude-sonnet-4-5 <- anthropic Name"
    );
    let dated = Call { provider: Some("anthropic"), ..call("claude-sonnet-4-5-20991231", "") };
    assert_eq!(
        shipped(&dated),
        "table:normalised shipped:anthropic:claude-sonnet-4-5 <- anthropic Name",
        "without its date"
    );
}

#[test]
fn rule_3_without_a_provider_needs_all_rows_to_agree() {
    let rows = [
        r#"{"id":"one/house-x","provider":"one","input":1,"output":2}"#,
        r#"{"id":"two/House_X","provider":"two","input":1,"output":2}"#,
        r#"{"id":"one/house-y","provider":"one","input":1,"output":2}"#,
        r#"{"id":"two/house-y","provider":"two","input":1,"output":3}"#,
    ];
    let book = book(&rows);
    assert_eq!(found(&book, &call("house-x", "")), "table:normalised org:one/house-x");
    assert_eq!(found(&book, &call("house-y", "")), "provider_unknown");
}

#[test]
fn rule_4_nothing_is_guessed() {
    assert_eq!(shipped(&call("my-own-model", "my-own-model")), "not_in_book");
    assert_eq!(shipped(&call("", "")), "no_model");
    let base = Call { provider: Some("cerebras"), ..call("meta-llama/Llama-3.3-8B", "") };
    assert_eq!(shipped(&base), "not_in_book <- cerebras Name", "not the instruct model's price");
    let ollama = Call { provider: Some("ollama"), ..call("llama3.1:8b", "llama3.1:8b") };
    assert_eq!(shipped(&ollama), "not_in_book <- ollama Name");
    let fine_tuned = Call {
        provider: Some("openai"),
        host: Some("api.openai.com"),
        ..call("ft:gpt-4o:mine::x", "")
    };
    assert_eq!(
        shipped(&fine_tuned),
        "not_in_book <- openai Host",
        "rows of that normalised name disagree"
    );
}

#[test]
fn own_replicas_and_own_hosts_do_not_cost_what_providers_ask() {
    let gateway = Call {
        through_gateway: true,
        endpoint: Some("llama"),
        provider: Some("openai"),
        host: Some("127.0.0.1"),
        ..call(LLAMA, "llama3.1-8b")
    };
    assert_eq!(shipped(&gateway), "own_endpoint <- own OwnReplica");
    let remote = Call { host: Some("api.cerebras.ai"), ..gateway };
    assert_eq!(shipped(&remote), "table:exact_hub shipped:cerebras/llama-3.1-8b <- cerebras Host");
    let vllm = Call { provider: Some("openai"), host: Some("localhost"), ..call(LLAMA, LLAMA) };
    assert_eq!(
        shipped(&vllm).split(' ').next(),
        Some("table:median"),
        "what it would cost elsewhere, as an estimate"
    );
    let alone = Call { host: Some("10.0.0.7"), ..call("Acme/Only-Here", "") };
    let book = book(&[
        r#"{"id":"x/only-here","hub_id":"acme/only-here","provider":"x","input":1,"output":1}"#,
    ]);
    assert_eq!(
        found(&book, &alone),
        "table:median org:x/only-here",
        "also where all providers agree"
    );
    assert_eq!(found(&book, &Call { host: None, ..alone }), "table:exact_hub org:x/only-here");
    let router = Call { host: Some("localhost"), ..call(LLAMA, "llama3.1-8b") };
    assert!(shipped(&router).ends_with("<- cerebras ResponseModel"), "a proxy before a provider");
    let own_name =
        Call { provider: Some("openai"), host: Some("vllm"), ..call("some-model-x", "") };
    assert_eq!(shipped(&own_name), "own_host");
    let proxy =
        Call { provider: Some("openai"), host: Some("litellm"), ..call("gpt-4o", "gpt-4o") };
    assert_eq!(
        shipped(&proxy),
        "table:provider shipped:openai:gpt-4o <- openai Dialect",
        "a proxy before OpenAI"
    );
}

#[test]
fn an_own_endpoint_can_be_priced() {
    let gateway = |endpoint| Call {
        through_gateway: true,
        endpoint: Some(endpoint),
        host: Some("127.0.0.1"),
        ..call(LLAMA, "llama3.1-8b")
    };
    let hourly = book(&[r#"{"endpoint":"llama","per_hour":2.5}"#]);
    assert_eq!(found(&hourly, &gateway("llama")), "per_hour <- own OwnReplica");
    assert_eq!(found(&hourly, &gateway("other")), "own_endpoint <- own OwnReplica");
    let by_token = book(&[
        r#"{"key":"all","pattern":"*","provider":"own","input":1,"output":1}"#,
        r#"{"key":"llama","endpoint":"llama","input":2,"output":2}"#,
        r#"{"key":"exact","id":"llama3.1-8b","endpoint":"llama","input":3,"output":3}"#,
    ]);
    assert_eq!(found(&by_token, &gateway("llama")), "table:provider org:exact <- own OwnReplica");
    assert_eq!(found(&by_token, &gateway("other")), "table:pattern org:all <- own OwnReplica");
    let seed = call(LLAMA, "llama3.1-8b");
    assert!(
        found(&by_token, &seed).starts_with("table:exact_hub shipped:cerebras/"),
        "not for calls of others"
    );
}

#[test]
fn an_organisation_s_row_comes_before_the_shipped_and_an_id_before_a_pattern() {
    let rows = [
        r#"{"key":"p","pattern":"gpt-4*","input":9,"output":9}"#,
        r#"{"key":"longer","pattern":"gpt-4o*","input":8,"output":8}"#,
        r#"{"key":"id","id":"gpt-4o","input":7,"output":7}"#,
        r#"{"key":"azure","id":"gpt-4o","provider":"azure","input":6,"output":6}"#,
    ];
    let book = book(&rows);
    let openai = |model| Call { provider: Some("openai"), ..call(model, "") };
    assert_eq!(found(&book, &openai("gpt-4o")), "table:provider org:id <- openai Dialect");
    assert_eq!(found(&book, &openai("GPT-4o-mini")), "table:pattern org:longer <- openai Dialect");
    assert_eq!(found(&book, &openai("gpt-4.1")), "table:pattern org:p <- openai Dialect");
    assert_eq!(
        found(&book, &openai("o3-mini")),
        "table:provider shipped:openai:o3-mini <- openai Dialect"
    );
    let azure = Call { provider: Some("azure_openai"), ..call("gpt-4o", "") };
    assert_eq!(
        found(&book, &azure),
        "table:provider org:azure <- azure.ai.openai Name",
        "the provider's before anyone's"
    );
}

#[test]
fn an_organisation_s_row_of_one_provider_takes_that_provider_s_place() {
    let rows = [
        r#"{"key":"mine","id":"llama3.1-8b","hub_id":"meta-llama/llama-3.1-8b-instruct","provider":"cerebras","input":0.01,"output":0.01}"#,
    ];
    let book = book(&rows);
    assert_eq!(
        found(&book, &call(LLAMA, "llama3.1-8b")),
        "table:exact_hub org:mine <- cerebras ResponseModel"
    );
    let explained = book.explain(&call(LLAMA, ""));
    assert_eq!(explained.candidates.len(), 9, "still nine providers");
    assert_eq!(explained.candidates[0].1.key(), "mine", "of which ours is the cheapest");
}

#[test]
fn the_row_in_force_when_the_call_began_counts() {
    let rows = [
        r#"{"id":"m","input":1,"output":1,"valid_to":"2026-06-01"}"#,
        r#"{"id":"m","input":2,"output":2,"valid_from":"2026-06-01","valid_to":"2026-12-01"}"#,
        r#"{"id":"m","input":3,"output":3,"valid_from":"2026-10-01T12:00:00Z"}"#,
    ];
    let book = book(&rows);
    let at = |moment: &str| {
        let started_us = crate::validity::moment(moment).expect(moment);
        found(&book, &Call { started_us, ..call("m", "") })
    };
    assert_eq!(at("2026-05-31T23:59:59Z"), "table:provider org:m");
    assert_eq!(at("2026-06-01"), "table:provider org:m@2026-06-01");
    assert_eq!(at("2026-10-01T11:59:59Z"), "table:provider org:m@2026-06-01");
    assert_eq!(
        at("2026-10-01T12:00:00Z"),
        "table:provider org:m@2026-10-01T12:00:00Z",
        "the later of two in force"
    );
    assert_eq!(at("2027-01-01"), "table:provider org:m@2026-10-01T12:00:00Z");
    assert_eq!(
        at("2026-05-31T23:59:59Z"),
        "table:provider org:m",
        "also when other days were asked before"
    );
}

#[test]
fn rows_that_contradict_each_other_price_nothing() {
    let rows = [r#"{"key":"a","id":"m","input":1}"#, r#"{"key":"b","id":"m","input":2}"#];
    assert_eq!(found(&book(&rows), &call("m", "")), "not_in_book");
}

#[test]
fn a_match_is_remembered_by_all_that_it_depends_on() {
    let book = book(&[
        r#"{"id":"m","endpoint":"e","input":1,"output":1}"#,
        r#"{"key":"n","id":"m","provider":"groq","input":2,"output":2}"#,
    ]);
    let plain = call("m", "");
    let variants = [
        (plain, "table:normalised org:n"),
        (Call { provider: Some("groq"), ..plain }, "table:provider org:n <- groq Name"),
        (Call { host: Some("api.groq.com"), ..plain }, "table:provider org:n <- groq Host"),
        (Call { endpoint: Some("e"), ..plain }, "table:provider org:m"),
        (Call { through_gateway: true, ..plain }, "own_endpoint <- own OwnReplica"),
        (Call { response_model: Some("m"), ..plain }, "table:normalised org:n"),
    ];
    for round in 0..2 {
        for (call, expected) in &variants {
            let said = found(&book, call);
            assert!(said.starts_with(expected), "round {round}: {said} for {call:?}");
        }
    }
    assert_eq!(book.remembered.read().expect("whole").len(), variants.len());
}

#[test]
fn names_from_outside_do_not_fill_the_memory() {
    let book = Book::shipped();
    for at in 0..REMEMBERED + 10 {
        let model = format!("model-{at}");
        book.find(&call(&model, ""));
    }
    book.find(&call(&"x".repeat(10_000), ""));
    let remembered = book.remembered.read().expect("whole");
    assert!(remembered.len() <= REMEMBERED && remembered.len() >= 10, "{}", remembered.len());
}

#[test]
fn the_test_box_says_what_was_tried() {
    let book = Book::shipped();
    let explained = book.explain(&Call { provider: Some("openai"), ..call(LLAMA, "llama3.1-8b") });
    assert_eq!(explained.quote.state(), "priced");
    let steps = explained.steps.join("\n");
    assert!(
        steps.contains("OpenAI has no such model") && steps.contains("only cerebras answers"),
        "{steps}"
    );
    assert!(steps.ends_with("shipped:cerebras/llama-3.1-8b by table:exact_hub"), "{steps}");
    assert_eq!(explained.lines.len(), 2);
    let nothing = book.explain(&call("my-own-model", ""));
    assert!(
        nothing.steps.last().is_some_and(|step| step.contains("\"my-own-model\"")),
        "{:?}",
        nothing.steps
    );
    assert!(nothing.lines.is_empty());
}

#[test]
fn explaining_and_pricing_say_the_same() {
    let book = Book::shipped();
    for row in Document::shipped().rows().iter().step_by(7) {
        let (model, provider) = (row.id().unwrap_or_default(), row.provider());
        for call in [Call { provider, ..call(model, "") }, call(model, model)] {
            let explained = book.explain(&call).quote;
            assert_eq!(
                format!("{:?}", explained.outcome),
                format!("{:?}", Quote::of(&call, &book).outcome)
            );
        }
    }
}

#[test]
fn every_shipped_row_is_found_by_its_own_id_and_provider() {
    let book = Book::shipped();
    for row in Document::shipped().rows() {
        let call = Call { provider: row.provider(), ..call(row.id().unwrap_or_default(), "") };
        let call = if row.provider() == Some("openai") {
            Call { host: Some("api.openai.com"), ..call }
        } else {
            call
        };
        let hit = match Quote::of(&call, &book).outcome {
            Outcome::Priced(_, hit) => hit,
            other => panic!("{:?}: {other:?}", row.id()),
        };
        assert_eq!(hit.row().prices(), row.prices(), "{:?} by {}", row.id(), hit.id());
    }
}

#[test]
fn evidence_is_said_in_words() {
    assert_eq!(Evidence::Suffix.as_str(), "the requested model names it");
}
