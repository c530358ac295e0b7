//! To which convention a key belongs.

/// Beginnings of keys and their conventions; the longest that fits is the one.
const KEYS: &[(&str, &str)] = &[
    ("gen_ai.usage.prompt_tokens", "otel_1_26"),
    ("gen_ai.usage.completion_tokens", "otel_1_26"),
    ("gen_ai.system", "otel_1_26"),
    ("gen_ai.", "otel_1_27"),
    ("gen_ai.conversation.", "otel_1_28_1_36"),
    ("gen_ai.agent.", "otel_1_28_1_36"),
    ("gen_ai.tool.", "otel_1_28_1_36"),
    ("gen_ai.provider.name", "otel_1_37_1_41"),
    ("gen_ai.input.messages", "otel_1_37_1_41"),
    ("gen_ai.output.messages", "otel_1_37_1_41"),
    ("gen_ai.system_instructions", "otel_1_37_1_41"),
    ("gen_ai.request.stream", "otel_1_37_1_41"),
    ("gen_ai.response.time_to_first_chunk", "otel_1_37_1_41"),
    ("gen_ai.usage.cache_read.input_tokens", "otel_1_37_1_41"),
    ("gen_ai.usage.cache_creation.input_tokens", "otel_1_37_1_41"),
    ("gen_ai.usage.reasoning.output_tokens", "otel_1_37_1_41"),
    ("gen_ai.usage.cache_write.input_tokens", "otel_genai_next"),
    ("gen_ai.prompt.", "traceloop_old"),
    ("gen_ai.completion.", "traceloop_old"),
    ("gen_ai.prompt", "langsmith"),
    ("gen_ai.completion", "langsmith"),
    ("gen_ai.usage.input_token_details", "langsmith"),
    ("gen_ai.usage.output_token_details", "langsmith"),
    ("llm.usage.", "traceloop_old"),
    ("llm.request.", "traceloop_old"),
    ("llm.request.model_name", "openinference"),
    ("llm.user", "traceloop_old"),
    ("gen_ai.usage.total_tokens", "traceloop_new"),
    ("gen_ai.usage.reasoning_tokens", "traceloop_new"),
    ("gen_ai.usage.cache_read_input_tokens", "traceloop_old"),
    ("gen_ai.usage.cache_creation_input_tokens", "traceloop_old"),
    ("gen_ai.user", "traceloop_new"),
    ("traceloop.", "traceloop_new"),
    ("langfuse.", "langfuse"),
    ("langsmith.", "langsmith"),
    ("ai.", "vercel"),
    ("gen_ai.cost.", "litellm_v1"),
    ("litellm.", "litellm_v2"),
    ("request_data", "logfire"),
    ("response_data", "logfire"),
    ("gen_ai.usage.raw", "logfire"),
    ("operation.cost", "logfire"),
    ("mlflow.", "mlflow"),
    ("gen_ai.usage.cost", "openlit"),
    ("gen_ai.client.token.usage", "openlit"),
    ("gen_ai.server.time_to_first_token", "openlit"),
    ("gen_ai.request.user", "openlit"),
    ("gen_ai.usage.completion_tokens_details", "openlit"),
    ("gen_ai.usage.prompt_tokens_details", "openlit"),
    ("gen_ai.usage.details.", "pydantic_ai"),
    ("gen_ai.aggregated_usage.", "pydantic_ai"),
    ("pydantic_ai.", "pydantic_ai"),
    ("all_messages_events", "pydantic_ai"),
];

/// The convention of a key; what is in no other is OpenInference's.
pub(super) fn of(key: &str) -> &'static str {
    let fits = KEYS.iter().filter(|(beginning, _)| key.starts_with(beginning));
    fits.max_by_key(|(beginning, _)| beginning.len())
        .map_or("openinference", |(_, convention)| convention)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_decides() {
        assert_eq!(of("gen_ai.usage.input_tokens"), "otel_1_27");
        assert_eq!(of("gen_ai.usage.cache_write.input_tokens"), "otel_genai_next");
        assert_eq!(of("gen_ai.prompt.0.content"), "traceloop_old");
        assert_eq!(of("gen_ai.prompt"), "langsmith");
        assert_eq!(of("llm.token_count.prompt"), "openinference");
        assert_eq!(of("ai.usage.inputTokens"), "vercel");
    }
}
