//! Conventions that no recorded body shows: spans as those projects' own documentation and tests write them.

use std::sync::Arc;

use conventions::{Options, Vantage, normalise};
use otlp::{AnyValue, Event, Resource, Scope, Span, Status};
use schema::{Row, Value};

/// A span of 2 seconds with these attributes; a value that reads as a number or truth value is one.
fn span(scope: &str, name: &str, attributes: &[(&str, &str)]) -> Span {
    let value = |text: &str| match (text.parse::<i64>(), text.parse::<f64>(), text) {
        (Ok(int), ..) => AnyValue::Int(int),
        (_, Ok(float), _) => AnyValue::Double(float),
        (.., "true") => AnyValue::Bool(true),
        (.., "false") => AnyValue::Bool(false),
        _ => AnyValue::Text(text.to_owned()),
    };
    Span {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: Some([3; 8]),
        trace_state: String::new(),
        flags: 256,
        name: name.to_owned(),
        kind: 3,
        start_ns: 1_000_000_000,
        end_ns: 3_000_000_000,
        attributes: attributes.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect(),
        events: Vec::new(),
        links: Vec::new(),
        status: None,
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope { name: scope.to_owned(), ..Scope::default() }),
    }
}

/// Checks cells of the row: `-` is null.
fn check(span: Span, cells: &[(&str, &str)]) {
    let row = normalise(span, &Options::default());
    for (name, expected) in cells {
        assert_eq!(shown(&row, name), *expected, "{name} of {row:#?}");
    }
}

fn shown(row: &Row, name: &str) -> String {
    match row.get(name) {
        None => "-".to_owned(),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Int(int)) => int.to_string(),
        Some(Value::Float(float)) => float.to_string(),
        Some(Value::Bool(bool)) => bool.to_string(),
        Some(Value::Bytes(bytes)) => format!("{bytes:?}"),
    }
}

#[test]
fn opentelemetry_1_26() {
    let mut span = span(
        "x",
        "chat",
        &[
            ("gen_ai.system", "openai"),
            ("gen_ai.request.model", "gpt-4"),
            ("gen_ai.response.model", "gpt-4-0613"),
            ("gen_ai.usage.prompt_tokens", "100"),
            ("gen_ai.usage.completion_tokens", "180"),
        ],
    );
    let prompt = r#"[{"role":"user","content":"hi"}]"#;
    let attributes = vec![("gen_ai.prompt".to_owned(), AnyValue::Text(prompt.to_owned()))];
    span.events.push(Event {
        name: "gen_ai.content.prompt".to_owned(),
        attributes,
        ..Event::default()
    });
    check(
        span,
        &[
            ("llm_observation_type", "GENERATION"),
            ("llm_token_count_total", "280"),
            ("llm_token_source", "derived"),
            ("span_status", "OK"),
            ("span_status_raw", "UNSET"),
            (
                "gen_ai_input_messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
            ),
            ("llm_convention", "otel_1_26"),
        ],
    );
}

#[test]
fn opentelemetry_1_28_messages_as_events() {
    let mut span = span(
        "x",
        "chat gpt-4",
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.system", "openai"),
            ("gen_ai.request.model", "gpt-4"),
            ("gen_ai.request.top_p", "0.5"),
            ("gen_ai.request.max_tokens", "200"),
            ("gen_ai.request.stop_sequences", "[\"a\"]"),
        ],
    );
    let event = |name: &str, key: &str, text: &str| Event {
        name: name.to_owned(),
        attributes: vec![(key.to_owned(), AnyValue::Text(text.to_owned()))],
        ..Event::default()
    };
    let message = r#"{"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}"#;
    span.events = vec![
        event("gen_ai.user.message", "content", "Weather?"),
        event("gen_ai.choice", "message", message),
    ];
    check(
        span,
        &[
            (
                "gen_ai_input_messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#,
            ),
            (
                "gen_ai_output_messages",
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"f","arguments":{"a":1}}]}]"#,
            ),
            ("llm_tool_call_count", "1"),
            ("llm_request_parameters_top_p", "0.5"),
            ("llm_request_parameters_max_tokens", "200"),
            ("llm_request_parameters_stop", "[\"a\"]"),
        ],
    );
}

#[test]
fn opentelemetry_newest_counts_include_the_cache() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "anthropic"),
        ("gen_ai.request.model", "claude"),
        ("gen_ai.usage.input_tokens", "3707"),
        ("gen_ai.usage.cache_read.input_tokens", "3600"),
        ("gen_ai.usage.cache_write.input_tokens", "100"),
        ("gen_ai.usage.output_tokens", "50"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.response.time_to_first_chunk", "0.42"),
    ];
    check(
        span("x", "chat", &attributes),
        &[
            ("llm_token_count_prompt", "3707"),
            ("llm_token_count_total", "3757"),
            ("llm_token_count_prompt_details_cache_write", "100"),
            ("gen_ai_response_time_to_first_chunk", "0.42"),
            ("llm_system", "anthropic"),
            ("llm_request_parameters_stream", "true"),
            ("attr_gen_ai_usage_input_tokens", "-"),
        ],
    );
    // Fewer than were cached: the emitter left them out.
    let mut exclusive = attributes;
    exclusive[3].1 = "7";
    check(
        span("x", "chat", &exclusive),
        &[
            ("llm_token_count_prompt", "3707"),
            ("llm_token_source", "derived"),
            ("attr_gen_ai_usage_input_tokens", "7"),
        ],
    );
}

#[test]
fn openllmetry_old() {
    check(
        span(
            "opentelemetry.instrumentation.openai.v1",
            "openai.chat",
            &[
                ("llm.request.type", "chat"),
                ("gen_ai.system", "OpenAI"),
                ("gen_ai.request.model", "gpt-3.5-turbo-instruct"),
                ("gen_ai.prompt.0.role", "user"),
                ("gen_ai.prompt.0.content", "Tell me a joke"),
                ("gen_ai.completion.0.finish_reason", "stop"),
                ("gen_ai.completion.0.content", "No."),
                ("gen_ai.usage.prompt_tokens", "15"),
                ("gen_ai.usage.completion_tokens", "20"),
                ("llm.usage.total_tokens", "35"),
                ("llm.is_streaming", "false"),
            ],
        ),
        &[
            ("llm_observation_type", "GENERATION"),
            ("llm_system", "openai"),
            ("gen_ai_provider_name", "openai"),
            ("llm_token_count_total", "35"),
            ("llm_token_source", "reported"),
            (
                "gen_ai_output_messages",
                r#"[{"role":"assistant","parts":[{"type":"text","content":"No."}],"finish_reason":"stop"}]"#,
            ),
            ("gen_ai_response_finish_reasons", "[\"stop\"]"),
            ("llm_convention", "traceloop_old"),
            ("llm_is_leaf", "true"),
        ],
    );
}

#[test]
fn langfuse_buckets() {
    check(
        span(
            "langfuse-sdk",
            "generation",
            &[
                ("langfuse.observation.type", "generation"),
                ("langfuse.observation.model.name", "claude-sonnet-4-5"),
                (
                    "langfuse.observation.usage_details",
                    r#"{"input":7,"input_cached_tokens":1639,"input_cache_creation":2089,"output":120}"#,
                ),
                ("langfuse.observation.model.parameters", r#"{"temperature":0.2,"max_tokens":64}"#),
                ("langfuse.observation.completion_start_time", "\"1970-01-01T00:00:01.500000Z\""),
                ("session.id", "s1"),
            ],
        ),
        &[
            ("llm_token_count_prompt", "3735"),
            ("llm_token_count_total", "3855"),
            ("llm_token_count_prompt_details_cache_read", "1639"),
            ("llm_request_parameters_model", "claude-sonnet-4-5"),
            ("llm_model_name", "claude-sonnet-4-5"),
            ("llm_request_parameters_temperature", "0.2"),
            ("llm_request_parameters_max_tokens", "64"),
            ("gen_ai_response_time_to_first_chunk", "0.5"),
            ("session_id", "s1"),
        ],
    );
}

#[test]
fn langsmith() {
    let attributes = [
        ("langsmith.span.kind", "llm"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.prompt", r#"{"messages":[{"role":"user","content":"hi"}],"model":"gpt-4o"}"#),
        (
            "gen_ai.completion",
            r#"{"choices":[{"message":{"role":"assistant","content":"yo"},"finish_reason":"stop"}]}"#,
        ),
        ("gen_ai.usage.input_tokens", "12"),
        ("langsmith.trace.session_id", "project"),
    ];
    check(
        span("langsmith", "ChatOpenAI", &attributes),
        &[
            ("llm_observation_type", "GENERATION"),
            (
                "gen_ai_input_messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
            ),
            (
                "gen_ai_output_messages",
                r#"[{"role":"assistant","parts":[{"type":"text","content":"yo"}],"finish_reason":"stop"}]"#,
            ),
            ("llm_token_source", "partial"),
            ("session_id", "-"),
        ],
    );
    // Its retrievers claim to embed.
    let retriever = [("langsmith.span.kind", "retriever"), ("gen_ai.operation.name", "embeddings")];
    check(span("langsmith", "retriever", &retriever), &[("llm_observation_type", "RETRIEVER")]);
}

#[test]
fn vercel_counts_the_inner_call_only() {
    let outer = [
        ("ai.operationId", "ai.generateText"),
        ("ai.model.id", "m"),
        ("ai.usage.inputTokens", "3"),
        ("ai.usage.outputTokens", "10"),
    ];
    check(
        span("ai", "ai.generateText", &outer),
        &[
            ("llm_observation_type", "CHAIN"),
            ("llm_is_leaf", "false"),
            ("llm_token_count_prompt", "-"),
            ("llm_rollup_tokens_prompt", "3"),
            ("llm_rollup_tokens_total", "13"),
        ],
    );
    let inner = [
        ("ai.operationId", "ai.generateText.doGenerate"),
        ("ai.model.provider", "openai.chat"),
        ("ai.settings.maxOutputTokens", "64"),
        ("ai.prompt.messages", r#"[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#),
        ("gen_ai.request.model", "mock-model-id"),
        ("gen_ai.response.model", "test-response-model-id"),
        ("ai.usage.inputTokens", "3"),
        ("ai.usage.outputTokens", "10"),
        ("ai.response.text", "Hello, world!"),
        ("ai.response.toolCalls", r#"[{"toolCallId":"c1","toolName":"f","input":"{\"a\":1}"}]"#),
        ("ai.response.finishReason", "tool-calls"),
    ];
    let output = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hello, world!"},{"type":"tool_call","id":"c1","name":"f","arguments":{"a":1}}]}]"#;
    check(
        span("ai", "ai.generateText.doGenerate", &inner),
        &[
            ("llm_observation_type", "GENERATION"),
            ("llm_is_leaf", "true"),
            ("llm_token_count_total", "13"),
            ("gen_ai_provider_name", "openai"),
            ("llm_request_parameters_max_tokens", "64"),
            ("gen_ai_response_finish_reasons", "[\"tool_calls\"]"),
            ("gen_ai_output_messages", output),
            (
                "gen_ai_input_messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
            ),
            ("llm_convention", "vercel"),
        ],
    );
}

#[test]
fn openlit_s_time_to_first_token_counts_on_streams_only() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.stream", "false"),
        ("gen_ai.server.time_to_first_token", "1.8"),
        ("gen_ai.usage.input_tokens", "9"),
        ("gen_ai.usage.output_tokens", "12"),
        ("gen_ai.client.token.usage", "21"),
        ("gen_ai.usage.cost", "0.00001"),
    ];
    check(
        span("openlit.openai", "chat", &attributes),
        &[
            ("llm_token_count_total", "21"),
            ("gen_ai_response_time_to_first_chunk", "-"),
            ("llm_usage_cost_total", "0.00001"),
            ("llm_convention", "openlit"),
        ],
    );
    let mut streamed = attributes;
    streamed[2].1 = "true";
    check(
        span("openlit.openai", "chat", &streamed),
        &[("gen_ai_response_time_to_first_chunk", "1.8")],
    );
}

#[test]
fn pydantic_ai_agents_sum_up_their_calls() {
    let attributes = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "support"),
        ("gen_ai.aggregated_usage.input_tokens", "300"),
        ("gen_ai.aggregated_usage.output_tokens", "50"),
    ];
    check(
        span("pydantic-ai", "invoke_agent support", &attributes),
        &[
            ("llm_observation_type", "AGENT"),
            ("llm_rollup_tokens_prompt", "300"),
            ("llm_token_count_prompt", "-"),
            ("llm_is_leaf", "false"),
            ("gen_ai_agent_name", "support"),
        ],
    );
}

#[test]
fn a_model_that_the_router_does_not_know() {
    let mut span = span(
        "openinference.instrumentation.openai",
        "ChatCompletion",
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.system", "openai"),
            (
                "llm.invocation_parameters",
                r#"{"model": "x/y", "max_tokens": null, "temperature": 0.2, "stop": ["a"]}"#,
            ),
        ],
    );
    let message = "BadRequestError: Error code: 400 - {'error': {'message': \"The requested model 'x/y' is not supported by any provider you have enabled.\", 'type': 'invalid_request_error', 'param': 'model', 'code': 'model_not_supported'}}";
    span.status = Some(Status { code: 2, message: message.to_owned() });
    check(
        span,
        &[
            ("span_status", "ERROR"),
            ("error_class", "model_not_supported"),
            ("error_type", "BadRequestError"),
            ("error_message", message),
            ("http_response_status_code", "400"),
            ("llm_request_parameters_model", "x/y"),
            ("llm_request_parameters_max_tokens", "-"),
            ("llm_request_parameters_temperature", "0.2"),
            ("llm_request_parameters_stop", "[\"a\"]"),
            ("llm_model_name", "-"),
            ("llm_token_count_prompt", "-"),
            ("reference_parent_span_id", "0303030303030303"),
            ("service_name", "default"),
        ],
    );
}

#[test]
fn a_retry_that_was_handled_is_no_error() {
    let mut span = span("x", "work", &[("http.response.status_code", "200")]);
    span.events.push(Event { name: "exception".to_owned(), ..Event::default() });
    check(
        span,
        &[
            ("span_status", "OK"),
            ("had_exception", "true"),
            ("error_class", "-"),
            ("http_response_status_code", "200"),
        ],
    );
}

#[test]
fn the_gateway_s_own_span() {
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
        ("inferscope.endpoint", "llama"),
        ("inferscope.attempts", "2"),
        ("http.response.status_code", "429"),
        ("error.type", "429"),
    ];
    let options = Options { vantage: Vantage::Gateway, ..Options::default() };
    let row = normalise(span("inferscope.gateway", "chat m", &attributes), &options);
    let cells = [
        ("inferscope_vantage_point", "gateway"),
        ("inferscope_endpoint", "llama"),
        ("inferscope_attempts", "2"),
        ("error_class", "rate_limit"),
        ("http_response_status_code", "429"),
        ("llm_is_leaf", "true"),
        ("llm_model_name", "-"),
    ];
    for (name, expected) in cells {
        assert_eq!(shown(&row, name), expected, "{name}");
    }
}

#[test]
fn a_reported_cost_and_its_parts_stand_under_every_family_s_names() {
    let attributes = [
        ("openinference.span.kind", "LLM"),
        ("llm.model_name", "m"),
        ("llm.token_count.prompt", "3"),
        ("llm.cost.total", "0.75"),
        ("llm.cost.prompt", "0.5"),
        ("llm.cost.completion", "0.25"),
    ];
    check(
        span("openinference.instrumentation.openai", "call", &attributes),
        &[
            ("llm_usage_cost_total", "0.75"),
            ("llm_cost_total", "0.75"),
            ("gen_ai_usage_cost", "0.75"),
            ("llm_usage_cost_input", "0.5"),
            ("llm_cost_prompt", "0.5"),
            ("gen_ai_usage_cost_output", "0.25"),
            ("attr_llm_cost_total", "-"),
        ],
    );
    // Parts make up a total, and one part alone is none.
    let parts = r#"{"input":0.5,"output":0.25}"#;
    let langfuse = [
        ("langfuse.observation.type", "generation"),
        ("langfuse.observation.model.name", "m"),
        ("langfuse.observation.cost_details", parts),
    ];
    check(
        span("langfuse-sdk", "call", &langfuse),
        &[("llm_usage_cost_total", "0.75"), ("llm_usage_cost_input", "0.5")],
    );
    let one =
        [("llm.model_name", "m"), ("llm.token_count.prompt", "3"), ("llm.cost.prompt", "0.5")];
    check(
        span("x", "call", &one),
        &[
            ("llm_usage_cost_total", "-"),
            ("llm_usage_cost_input", "-"),
            ("attr_llm_cost_prompt", "0.5"),
        ],
    );
    // What only our own pricing writes cannot be sent.
    let forged =
        [("llm.model_name", "m"), ("llm.token_count.prompt", "3"), ("llm.cost_source", "reported")];
    check(
        span("x", "call", &forged),
        &[("llm_cost_source", "-"), ("attr_llm_cost_source", "reported")],
    );
}
