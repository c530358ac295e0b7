//! Every kind of outcome, as several client libraries recorded it.

use crate::bodies::{files, rows};
use schema::{Row, Type, Value, column};

/// What a call's row has to say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Call<'a> {
    requested: Option<&'a str>,
    answered: Option<&'a str>,
    prompt: Option<i64>,
    completion: Option<i64>,
    total: Option<i64>,
    error_class: Option<&'a str>,
    http_status: Option<i64>,
}

const NONE: Call<'static> = Call {
    requested: None,
    answered: None,
    prompt: None,
    completion: None,
    total: None,
    error_class: None,
    http_status: None,
};
const HUB: &str = "meta-llama/Llama-3.1-8B-Instruct";
const EMBEDDER: &str = "text-embedding-3-small";

const fn ok<'a>(requested: &'a str, answered: &'a str, prompt: i64, completion: i64) -> Call<'a> {
    Call {
        requested: Some(requested),
        answered: Some(answered),
        prompt: Some(prompt),
        completion: Some(completion),
        total: Some(prompt + completion),
        ..NONE
    }
}

const fn embedded(tokens: i64) -> Call<'static> {
    Call {
        requested: Some(EMBEDDER),
        answered: Some(EMBEDDER),
        prompt: Some(tokens),
        total: Some(tokens),
        ..NONE
    }
}

const fn failed<'a>(requested: &'a str, class: &'a str, http_status: Option<i64>) -> Call<'a> {
    Call { requested: Some(requested), error_class: Some(class), http_status, ..NONE }
}

/// File, place of the call's span in it, and what it has to say.
const CALLS: &[(&str, usize, Call<'static>)] = &[
    (
        "openobserve-sdk/05-stream.pb",
        0,
        Call { requested: Some(HUB), answered: Some("llama3.1-8b"), ..NONE },
    ),
    ("openobserve-sdk/06-stream-usage.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("openobserve-sdk/09-tools.pb", 0, ok(HUB, "llama3.1-8b", 25, 18)),
    ("openobserve-sdk/09-tools.pb", 1, ok(HUB, "llama3.1-8b", 33, 18)),
    (
        "openobserve-sdk/10-reasoning.pb",
        0,
        ok("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1", 1201, 82),
    ),
    ("openobserve-sdk/11-cached.pb", 0, ok(HUB, "llama3.1-8b", 1205, 18)),
    ("openobserve-sdk/14-e401.pb", 0, failed(HUB, "auth", Some(401))),
    ("openobserve-sdk/15-e404.pb", 0, failed("missing/no-such-model", "not_found", Some(404))),
    ("openobserve-sdk/16-e429.pb", 0, failed("ratelimited/llama", "rate_limit", Some(429))),
    ("openobserve-sdk/17-e500.pb", 0, failed("boom/llama", "server_error", Some(500))),
    ("openobserve-sdk/18-refused.pb", 0, failed(HUB, "connection", None)),
    ("openobserve-sdk/19-timeout.pb", 0, failed(HUB, "timeout", None)),
    (
        "openobserve-sdk/20-cut.pb",
        0,
        Call { answered: Some("cut/llama"), ..failed("cut/llama", "connection", None) },
    ),
    ("openobserve-sdk/21-embed.pb", 0, embedded(12)),
    (
        "openobserve-sdk/22-completions.pb",
        0,
        ok("gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct", 17, 18),
    ),
    ("openobserve-sdk/23-responses.pb", 0, ok("gpt-4o", "gpt-4o-2024-08-06", 17, 18)),
    ("openobserve-sdk/51-chat-hidden.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("openllmetry-openai/01-chat.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("openllmetry-openai/07-cached.pb", 0, ok(HUB, "llama3.1-8b", 1205, 18)),
    ("openllmetry-openai/13-e401.pb", 0, failed(HUB, "auth", Some(401))),
    ("openllmetry-openai/16-e500.pb", 0, failed("boom/llama", "server_error", Some(500))),
    ("openllmetry-openai/19-refused.pb", 0, failed(HUB, "connection", None)),
    // OpenLLMetry calls a stream that broke off a success.
    (
        "openllmetry-openai/22-cut.pb",
        0,
        Call { requested: Some("cut/llama"), answered: Some("llama"), ..NONE },
    ),
    ("traceloop-sdk/01-tl-workflow.pb", 3, ok(HUB, "llama3.1-8b", 21, 18)),
    ("traceloop-sdk/07-e429.pb", 0, failed("ratelimited/llama", "rate_limit", Some(429))),
    ("otel-openai-v2/01-chat.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("otel-openai-v2/09-e401.pb", 0, failed(HUB, "auth", Some(401))),
    ("otel-openai-v2/13-embed.pb", 0, embedded(12)),
    ("otel-openai-v2/28-chat-experimental.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    (
        "otel-openai-v2/34-stream-experimental.pb",
        0,
        Call { requested: Some(HUB), answered: Some("llama3.1-8b"), ..NONE },
    ),
    (
        "otel-openai-v2/43-reasoning-experimental.pb",
        0,
        ok("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1", 1201, 82),
    ),
    (
        "otel-openai-v2/46-e404-experimental.pb",
        0,
        failed("missing/no-such-model", "not_found", Some(404)),
    ),
    ("otel-openai-v2/49-e500-experimental.pb", 0, failed("boom/llama", "server_error", Some(500))),
    ("logfire/01-chat.pb.gz", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("logfire/07-e429.pb.gz", 0, failed("ratelimited/llama", "rate_limit", Some(429))),
    ("logfire/08-embed.pb.gz", 0, embedded(12)),
    // Langfuse sends one model name: the one that answered, or the one that was asked for.
    ("langfuse/01-chat.pb.gz", 0, ok("llama3.1-8b", "llama3.1-8b", 21, 18)),
    (
        "langfuse/03-reasoning.pb.gz",
        0,
        ok("deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1", 1201, 82),
    ),
    ("langfuse/04-e429.pb.gz", 0, failed("ratelimited/llama", "rate_limit", Some(429))),
    ("langfuse/05-embed.pb.gz", 0, embedded(12)),
    ("litellm/01-chat.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("litellm/05-embed.pb", 0, Call { completion: Some(0), ..embedded(12) }),
    ("litellm/06-e429.pb", 0, failed("ratelimited/x", "rate_limit", Some(429))),
    // LiteLLM hides the status of a refused key; the code says what it was.
    ("litellm/07-e401.pb", 0, failed(HUB, "auth", None)),
    ("mlflow/01-chat.pb", 0, ok(HUB, "llama3.1-8b", 21, 18)),
    ("mlflow/03-tools.pb", 1, ok(HUB, "llama3.1-8b", 33, 18)),
    ("mlflow/04-e429.pb", 0, failed("ratelimited/llama", "rate_limit", Some(429))),
    ("openinference-langchain/01-chain.pb", 1, ok(HUB, "llama3.1-8b", 25, 18)),
    (
        "openinference-langchain/04-e404.pb",
        1,
        failed("missing/no-such-model", "not_found", Some(404)),
    ),
    // LlamaIndex does not send the model that answered on the span that has the tokens.
    ("openinference-llama-index/01-chat.pb", 0, Call { answered: None, ..ok(HUB, "", 21, 18) }),
    ("openinference-llama-index/06-e404.pb", 0, failed("missing/x", "not_found", Some(404))),
    (
        "openinference-anthropic/03-cached.pb",
        0,
        ok("claude-sonnet-4-20250514", "claude-sonnet-4-20250514", 1049, 18),
    ),
    (
        "openinference-anthropic/03-cached.pb",
        1,
        ok("claude-sonnet-4-20250514", "claude-sonnet-4-20250514", 1049, 18),
    ),
    (
        "openinference-anthropic/04-e429.pb",
        0,
        failed("ratelimited/claude", "rate_limit", Some(429)),
    ),
    (
        "openinference-anthropic/04-e429.pb",
        1,
        failed("ratelimited/claude", "rate_limit", Some(429)),
    ),
    (
        "openinference-openai-agents/04-chat-run.pb",
        0,
        Call { answered: None, ..ok("gpt-4o", "", 25, 18) },
    ),
];

fn call(row: &Row) -> Call<'_> {
    Call {
        requested: row.text("llm_request_parameters_model"),
        answered: row.text("llm_model_name"),
        prompt: row.int("llm_token_count_prompt"),
        completion: row.int("llm_token_count_completion"),
        total: row.int("llm_token_count_total"),
        error_class: row.text("error_class"),
        http_status: if row.text("span_status") == Some("ERROR") {
            row.int("http_response_status_code")
        } else {
            None
        },
    }
}

#[test]
fn each_recorded_call_says_what_happened() {
    for (file, at, expected) in CALLS {
        let row = &rows(file)[*at];
        assert_eq!(call(row), *expected, "{file} span {at}");
        assert_eq!(
            row.text("span_status"),
            Some(if expected.error_class.is_some() { "ERROR" } else { "OK" }),
            "{file}"
        );
        assert_eq!(row.get("llm_is_leaf"), Some(&Value::Bool(true)), "{file} span {at}");
        assert_eq!(row.text("inferscope_vantage_point"), Some("app"), "{file}");
        let kind = if expected.requested == Some(EMBEDDER) { "EMBEDDING" } else { "GENERATION" };
        assert_eq!(row.text("llm_observation_type"), Some(kind), "{file}");
    }
}

#[test]
fn mirrors_agree_and_every_column_has_its_type() {
    let mirrors = [
        ("llm_request_parameters_model", "gen_ai_request_model"),
        ("llm_model_name", "gen_ai_response_model"),
        ("llm_token_count_prompt", "llm_usage_tokens_input"),
        ("llm_token_count_prompt", "gen_ai_usage_input_tokens"),
        ("llm_token_count_completion", "llm_usage_tokens_output"),
        ("llm_token_count_completion", "gen_ai_usage_output_tokens"),
        ("llm_token_count_total", "llm_usage_tokens_total"),
        ("llm_token_count_total", "gen_ai_usage_total_tokens"),
        ("session_id", "gen_ai_conversation_id"),
    ];
    for file in files() {
        for row in rows(&file) {
            for (one, other) in mirrors {
                assert_eq!(row.get(one), row.get(other), "{file}: {one} {other}");
            }
            for (name, value) in row.cells() {
                let Some(column) = column(name) else { continue };
                let ty = match value {
                    Value::Text(_) => Type::Text,
                    Value::Int(_) => Type::Int,
                    Value::Float(_) => Type::Float,
                    Value::Bool(_) => Type::Bool,
                    Value::Bytes(_) => Type::Bytes,
                };
                assert_eq!(ty, column.ty, "{file}: {name}");
            }
        }
    }
}

fn row(file: &str, at: usize) -> Row {
    rows(file).swap_remove(at)
}

#[test]
fn cached_and_reasoning_tokens_are_found_where_they_are_reported() {
    let cache_read = "llm_token_count_prompt_details_cache_read";
    let cached = [
        ("openobserve-sdk/11-cached.pb", 1024),
        ("openllmetry-openai/07-cached.pb", 1024),
        ("langfuse/03-reasoning.pb.gz", 1024),
        ("openinference-anthropic/03-cached.pb", 1024),
        ("mlflow/01-chat.pb", 0),
        ("logfire/01-chat.pb.gz", 0),
    ];
    for (file, count) in cached {
        assert_eq!(row(file, 0).int(cache_read), Some(count), "{file}");
    }
    assert_eq!(row("otel-openai-v2/01-chat.pb", 0).int(cache_read), None);
    let reasoning = "llm_token_count_completion_details_reasoning";
    assert_eq!(row("openobserve-sdk/10-reasoning.pb", 0).int(reasoning), Some(64));
    assert_eq!(row("langfuse/03-reasoning.pb.gz", 0).int(reasoning), Some(64));
    assert_eq!(row("langfuse/07-lf-manual.pb.gz", 0).int("llm_token_count_prompt"), Some(16));
}

#[test]
fn where_counts_came_from_is_said() {
    let source = |file, at| row(file, at).text("llm_token_source").map(str::to_owned);
    assert_eq!(source("openobserve-sdk/06-stream-usage.pb", 0).as_deref(), Some("reported"));
    assert_eq!(source("otel-openai-v2/01-chat.pb", 0).as_deref(), Some("derived"));
    assert_eq!(source("openobserve-sdk/05-stream.pb", 0).as_deref(), Some("absent"));
    assert_eq!(source("traceloop-sdk/01-tl-workflow.pb", 0), None, "no model was called");
}

#[test]
fn time_to_first_token_of_streams() {
    let streams = [
        "openobserve-sdk/05-stream.pb",
        "openobserve-sdk/20-cut.pb",
        "openllmetry-openai/22-cut.pb",
        "langfuse/02-stream-usage.pb.gz",
        "mlflow/02-stream-usage.pb",
    ];
    for file in streams {
        let row = row(file, 0);
        let seconds =
            row.float("gen_ai_response_time_to_first_chunk").unwrap_or_else(|| panic!("{file}"));
        assert!(
            seconds > 0.0 && seconds < row.int("duration").unwrap() as f64 / 1e6,
            "{file}: {seconds}"
        );
    }
    let exact = row("openobserve-sdk/20-cut.pb", 0).float("gen_ai_response_time_to_first_chunk");
    assert_eq!(exact, Some(0.052_074_713));
    assert_eq!(
        row("openobserve-sdk/06-stream-usage.pb", 0).get("llm_request_parameters_stream"),
        Some(&Value::Bool(true))
    );
    assert_eq!(
        row("litellm/01-chat.pb", 0).get("llm_request_parameters_stream"),
        Some(&Value::Bool(false))
    );
    assert_eq!(
        row("openobserve-sdk/09-tools.pb", 0).get("gen_ai_response_time_to_first_chunk"),
        None
    );
}

#[test]
fn tool_calls_look_the_same_from_every_library() {
    let files = [
        "openobserve-sdk/09-tools.pb",
        "openobserve-sdk/25-responses-tools.pb",
        "openllmetry-openai/04-tools.pb",
        "otel-openai-v2/40-tools-experimental.pb",
        "mlflow/03-tools.pb",
    ];
    for file in files {
        let row = row(file, 0);
        assert_eq!(row.int("llm_tool_call_count"), Some(1), "{file}");
        let messages: serde_json::Value =
            serde_json::from_str(row.text("gen_ai_output_messages").unwrap()).unwrap();
        let call = &messages[0]["parts"][0];
        assert_eq!(
            (&call["type"], &call["name"]),
            (&"tool_call".into(), &"get_weather".into()),
            "{file}"
        );
        assert_eq!(call["arguments"], serde_json::json!({ "city": "Paris" }), "{file}");
        let input: serde_json::Value =
            serde_json::from_str(row.text("gen_ai_input_messages").unwrap()).unwrap();
        assert!(
            input.as_array().unwrap().iter().all(|message| message["parts"].is_array()),
            "{file}"
        );
    }
    for file in
        ["openobserve-sdk/09-tools.pb", "openllmetry-openai/04-tools.pb", "mlflow/03-tools.pb"]
    {
        let row = row(file, 0);
        assert!(
            row.text("gen_ai_tool_definitions")
                .is_some_and(|tools| tools.starts_with('[') && tools.contains("get_weather")),
            "{file}"
        );
    }
    let answered = row("openobserve-sdk/09-tools.pb", 1);
    let input: serde_json::Value =
        serde_json::from_str(answered.text("gen_ai_input_messages").unwrap()).unwrap();
    let response = serde_json::json!({ "type": "tool_call_response", "id": "call_000018", "response": { "temp_c": 21 } });
    assert_eq!(input[3]["parts"][0], response);
}

#[test]
fn wrappers_that_one_span_can_tell_are_no_leaves() {
    let leaves = |file| {
        rows(file)
            .iter()
            .map(|row| row.get("llm_is_leaf").and_then(Value::as_bool))
            .collect::<Vec<_>>()
    };
    assert_eq!(leaves("litellm/01-chat.pb"), [Some(true), Some(false)]);
    assert_eq!(
        leaves("traceloop-sdk/01-tl-workflow.pb"),
        [Some(false), Some(false), Some(false), Some(true)]
    );
    assert_eq!(leaves("logfire/04-stream-usage.pb.gz"), [Some(true), Some(false)]);
    let raw = row("litellm/01-chat.pb", 1);
    assert_eq!(
        (raw.text("llm_observation_type"), raw.get("llm_token_count_prompt")),
        (Some("SPAN"), None)
    );
    let log = row("logfire/04-stream-usage.pb.gz", 1);
    assert_eq!(
        (log.text("llm_observation_type"), log.int("llm_rollup_tokens_prompt")),
        (Some("EVENT"), Some(21))
    );
}

#[test]
fn plain_spans_stay_plain() {
    let (calls, plain): (Vec<_>, Vec<_>) = rows("otel-web-app/02-ok.pb")
        .into_iter()
        .partition(|row| row.text("scope_name").is_some_and(|scope| scope.contains("openai")));
    assert_eq!((calls.len(), plain.len()), (1, 4));
    for row in plain {
        for name in [
            "llm_observation_type",
            "openinference_span_kind",
            "llm_is_leaf",
            "llm_system",
            "inferscope_vantage_point",
        ] {
            assert_eq!(row.get(name), None, "{name}");
        }
        assert_eq!(row.text("span_status"), Some("OK"));
        assert!(row.text("service_name").is_some());
    }
}

#[test]
fn sessions_users_and_servers_are_found() {
    let openinference = row("openobserve-sdk/30-session.pb", 0);
    assert_eq!(
        (openinference.text("session_id"), openinference.text("user_id")),
        (Some("sess-42"), Some("user-7"))
    );
    let traceloop = row("traceloop-sdk/01-tl-workflow.pb", 3);
    assert_eq!(
        (traceloop.text("session_id"), traceloop.text("user_id")),
        (Some("sess-42"), Some("user-7"))
    );
    assert_eq!(
        (traceloop.text("server_address"), traceloop.int("server_port")),
        (Some("127.0.0.1"), Some(18080))
    );
    assert_eq!(
        row("openinference-openai-agents/04-chat-run.pb", 1).text("gen_ai_tool_name"),
        Some("get_weather")
    );
}

#[test]
fn conventions_are_told_apart() {
    let conventions = [
        ("openobserve-sdk/05-stream.pb", "openinference"),
        ("openllmetry-openai/01-chat.pb", "traceloop_new"),
        ("otel-openai-v2/01-chat.pb", "otel_1_28_1_36"),
        ("otel-openai-v2/28-chat-experimental.pb", "otel_1_37_1_41"),
        ("openinference-anthropic/03-cached.pb", "otel_genai_next"),
        ("logfire/01-chat.pb.gz", "logfire"),
        ("langfuse/01-chat.pb.gz", "langfuse"),
        ("litellm/01-chat.pb", "litellm_v1"),
        ("mlflow/01-chat.pb", "mlflow"),
    ];
    for (file, convention) in conventions {
        assert_eq!(row(file, 0).text("llm_convention"), Some(convention), "{file}");
    }
}

#[test]
fn messages_are_found_in_every_library_that_sends_them() {
    let question = r#"[{"role":"user","parts":[{"type":"text","content":"Explain distributed tracing in one sentence."}]}]"#;
    let question: serde_json::Value = serde_json::from_str(question).unwrap();
    for file in [
        "openobserve-sdk/05-stream.pb",
        "openllmetry-openai/01-chat.pb",
        "otel-openai-v2/28-chat-experimental.pb",
        "logfire/01-chat.pb.gz",
        "langfuse/01-chat.pb.gz",
        "litellm/01-chat.pb",
        "mlflow/01-chat.pb",
    ] {
        let row = row(file, 0);
        let input: serde_json::Value = serde_json::from_str(
            row.text("gen_ai_input_messages").unwrap_or_else(|| panic!("{file}")),
        )
        .unwrap();
        assert_eq!(input, question, "{file}");
        assert!(
            row.text("gen_ai_output_messages")
                .is_some_and(|text| text.contains("Distributed tracing follows")),
            "{file}"
        );
        assert!(row.text("llm_input").is_some() && row.text("llm_output").is_some(), "{file}");
    }
    let hidden = row("openobserve-sdk/51-chat-hidden.pb", 0);
    assert_eq!(
        (hidden.text("llm_input"), hidden.get("gen_ai_input_messages")),
        (Some("__REDACTED__"), None)
    );
    assert_eq!(hidden.get("content_redacted"), Some(&Value::Bool(true)));
    assert_eq!(
        row("openobserve-sdk/22-completions.pb", 0).text("gen_ai_operation_name"),
        Some("text_completion")
    );
    assert_eq!(
        row("openobserve-sdk/23-responses.pb", 0).text("gen_ai_system_instructions"),
        Some("Be brief.")
    );
}
