//! The program of the README, as it really sent its span: every promised column, checked by hand.

use crate::bodies::rows;
use schema::Value;

#[test]
fn every_promised_column_of_the_readme_s_program() {
    let row = &rows("openobserve-sdk/01-seed-exact.pb")[0];
    let texts = [
        ("llm_system", "openai"),
        ("llm_model_name", "llama3.1-8b"),
        ("llm_request_parameters_model", "meta-llama/Llama-3.1-8B-Instruct"),
        ("gen_ai_request_model", "meta-llama/Llama-3.1-8B-Instruct"),
        ("gen_ai_response_model", "llama3.1-8b"),
        ("gen_ai_response_id", "chatcmpl-000002"),
        ("gen_ai_response_finish_reasons", "[\"stop\"]"),
        ("llm_observation_type", "GENERATION"),
        ("openinference_span_kind", "LLM"),
        ("gen_ai_operation_name", "chat"),
        ("llm_convention", "openinference"),
        ("llm_token_source", "reported"),
        ("operation_name", "ChatCompletion"),
        ("input_mime_type", "application/json"),
        ("output_mime_type", "application/json"),
        ("span_status", "OK"),
        ("span_status_raw", "OK"),
        ("status_message", ""),
        ("span_kind", "1"),
        ("events", "[]"),
        ("links", "[]"),
        ("service_name", "unknown_service:python"),
        ("service_telemetry_sdk_language", "python"),
        ("service_service_instance_id", "167a2157-c967-49b8-9924-884335e73514"),
        ("scope_name", "openinference.instrumentation.openai"),
        ("scope_version", "0.1.66"),
        (
            "llm_invocation_parameters",
            "{\"model\": \"meta-llama/Llama-3.1-8B-Instruct\", \"max_tokens\": 100}",
        ),
        ("llm_finish_reason", "stop"),
        ("gen_ai_provider_name", "openai"),
        ("gen_ai_system", "openai"),
        ("inferscope_vantage_point", "app"),
        ("span_id", "aa8395d910a1812b"),
        (
            "gen_ai_input_messages",
            r#"[{"role":"user","parts":[{"type":"text","content":"Explain distributed tracing in one sentence."}]}]"#,
        ),
        (
            "gen_ai_output_messages",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"Distributed tracing follows one request across services by linking timed spans under one trace id."}]}]"#,
        ),
        ("llm_input_messages_0_message_content", "Explain distributed tracing in one sentence."),
        (
            "llm_input",
            r#"{"model": "meta-llama/Llama-3.1-8B-Instruct", "messages": [{"role": "user", "content": "Explain distributed tracing in one sentence."}], "max_tokens": 100}"#,
        ),
    ];
    for (name, text) in texts {
        assert_eq!(row.text(name), Some(text), "{name}");
    }
    let ints = [
        ("_timestamp", 1_795_477_976_875_666),
        ("start_time", 1_795_477_976_875_666_739),
        ("end_time", 1_795_477_976_979_448_197),
        ("duration", 103_781),
        ("status_code", 1),
        ("llm_request_parameters_max_tokens", 100),
        ("gen_ai_request_max_tokens", 100),
        ("llm_token_count_prompt", 21),
        ("llm_token_count_completion", 18),
        ("llm_token_count_total", 39),
        ("llm_usage_tokens_input", 21),
        ("llm_usage_tokens_output", 18),
        ("llm_usage_tokens_total", 39),
        ("gen_ai_usage_input_tokens", 21),
        ("gen_ai_usage_output_tokens", 18),
        ("gen_ai_usage_total_tokens", 39),
        ("llm_token_count_prompt_details_cache_read", 0),
        ("llm_token_count_completion_details_reasoning", 0),
        ("llm_token_count_prompt_details_audio", 0),
        ("llm_tool_call_count", 0),
    ];
    for (name, int) in ints {
        assert_eq!(row.int(name), Some(int), "{name}");
    }
    assert_eq!(row.get("llm_is_leaf"), Some(&Value::Bool(true)));
    assert_eq!(row.text("llm_output"), row.text("output_value"));
}

#[test]
fn what_the_program_did_not_say_is_null() {
    let row = &rows("openobserve-sdk/01-seed-exact.pb")[0];
    let absent = [
        "reference_parent_span_id",
        "llm_provider",
        "llm_usage_cost_total",
        "gen_ai_response_time_to_first_chunk",
        "llm_request_parameters_temperature",
        "llm_request_parameters_stream",
        "error_class",
        "error_type",
        "http_response_status_code",
        "server_address",
        "session_id",
        "attributes_overflow",
        "inferscope_replica_id",
    ];
    for name in absent {
        assert_eq!(row.get(name), None, "{name}");
    }
    assert!(!row.cells().any(|(name, _)| name.starts_with("attr_")), "{row:?}");
}
