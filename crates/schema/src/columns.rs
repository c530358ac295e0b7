use crate::Name;

/// A column's type. Null is allowed in every column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// Opaque bytes.
    Bytes,
}

/// What a column's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Not a measure.
    None,
    /// Microseconds, since 1970-01-01 UTC for a point in time.
    Micros,
    /// Nanoseconds since 1970-01-01 UTC.
    Nanos,
    /// Seconds.
    Seconds,
    /// Tokens.
    Tokens,
    /// US dollars.
    Dollars,
    /// Bytes.
    Bytes,
    /// Percent, 0 to 100 for one whole processor.
    Percent,
}

/// A promised column: it exists in every table of its kind, also before the first value.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The name in SQL.
    pub name: &'static str,
    /// The stored type.
    pub ty: Type,
    /// The unit of its numbers.
    pub unit: Unit,
    /// What it says.
    pub meaning: &'static str,
}

impl Column {
    /// The column's name, for a cell.
    #[must_use]
    pub const fn cell(&self) -> Name {
        Name::fixed(self.name)
    }
}

/// The promised column of that name of a trace stream.
#[must_use]
pub fn column(name: &str) -> Option<&'static Column> {
    TRACE_COLUMNS.iter().find(|column| column.name == name)
}

const fn text(name: &'static str, meaning: &'static str) -> Column {
    Column { name, ty: Type::Text, unit: Unit::None, meaning }
}

const fn int(name: &'static str, unit: Unit, meaning: &'static str) -> Column {
    Column { name, ty: Type::Int, unit, meaning }
}

const fn float(name: &'static str, unit: Unit, meaning: &'static str) -> Column {
    Column { name, ty: Type::Float, unit, meaning }
}

const fn truth(name: &'static str, meaning: &'static str) -> Column {
    Column { name, ty: Type::Bool, unit: Unit::None, meaning }
}

const fn bytes(name: &'static str, meaning: &'static str) -> Column {
    Column { name, ty: Type::Bytes, unit: Unit::None, meaning }
}

/// The columns of every trace stream.
///
/// Names: the LLM columns that OpenObserve v0.80 to v0.90 write (`llm_*`), OpenTelemetry's GenAI
/// attributes (`gen_ai_*`), and our own join of a call to its replica (`inferscope_*`).
pub const TRACE_COLUMNS: &[Column] = &[
    // The span.
    int("_timestamp", Unit::Micros, "start of the span; every time filter works on it"),
    text("trace_id", "32 lower-case hex digits"),
    text("span_id", "16 lower-case hex digits"),
    text("reference_parent_span_id", "parent span, null on a root"),
    text("reference_parent_trace_id", "trace of the parent span, null on a root"),
    text("reference_ref_type", "ChildOf, null on a root"),
    text("operation_name", "name of the span"),
    text("service_name", "resource attribute service.name, else the stream's name"),
    text(
        "span_kind",
        "OTLP span kind as a digit: 1 internal, 2 server, 3 client, 4 producer, 5 consumer",
    ),
    text("span_status", "OK or ERROR; UNSET only where the span did not end"),
    text("span_status_raw", "status as sent: UNSET, OK or ERROR"),
    int(
        "status_code",
        Unit::None,
        "OTLP status code as sent: 0, 1 or 2; null when the span has no status",
    ),
    text("status_message", "OTLP status message"),
    int("start_time", Unit::Nanos, "start of the span"),
    int("end_time", Unit::Nanos, "end of the span"),
    int("duration", Unit::Micros, "end - start; 0 if the end is before the start"),
    int("flags", Unit::None, "OTLP span flags"),
    text("trace_state", "W3C tracestate"),
    text("events", "JSON array of the span's events"),
    text("links", "JSON array of the span's links"),
    text("scope_name", "instrumentation scope"),
    text("scope_version", "version of the instrumentation scope"),
    text("attributes_overflow", "JSON object of attributes that got no column of their own"),
    // What kind of work.
    text(
        "llm_observation_type",
        "GENERATION, EMBEDDING, TOOL, AGENT, CHAIN, RETRIEVER, GUARDRAIL, EVALUATOR, EVENT or SPAN; null on a plain span",
    ),
    text("openinference_span_kind", "LLM, EMBEDDING, TOOL, …"),
    text("gen_ai_operation_name", "chat, text_completion, embeddings, execute_tool, …"),
    truth("llm_is_leaf", "true on the one span that stands for a model call"),
    text(
        "llm_duplicate_of",
        "span that counts for the call that this span describes too; null on it and on wrappers of several",
    ),
    text("llm_convention", "the instrumentation convention that the span follows"),
    text(
        "llm_field_provenance",
        "for each figure and name: the key it was found under (k), that key's convention (c), the quality (q) and what is odd (flags), JSON",
    ),
    // Models.
    text("llm_system", "client API that was spoken, e.g. openai"),
    text("llm_provider", "provider as the instrumentation names it"),
    text("gen_ai_provider_name", "provider, canonical name"),
    text("gen_ai_system", "OpenTelemetry's older name of the provider"),
    text("llm_request_parameters_model", "model as requested, e.g. the Hugging Face Hub id"),
    text("gen_ai_request_model", "same as llm_request_parameters_model"),
    text("llm_model_name", "model as the API answered; null if it did not answer"),
    text("gen_ai_response_model", "same as llm_model_name"),
    text("gen_ai_response_id", "id of the response"),
    text("gen_ai_response_finish_reasons", "JSON array of finish reasons"),
    // Request parameters.
    int("llm_request_parameters_max_tokens", Unit::Tokens, "most output tokens asked for"),
    int("gen_ai_request_max_tokens", Unit::Tokens, "same as llm_request_parameters_max_tokens"),
    float("llm_request_parameters_temperature", Unit::None, "sampling temperature"),
    float("llm_request_parameters_top_p", Unit::None, "nucleus sampling"),
    truth("llm_request_parameters_stream", "whether the answer was streamed"),
    // Tokens: absent is null, never 0.
    int("llm_token_count_prompt", Unit::Tokens, "input tokens, cached ones included"),
    int("llm_token_count_completion", Unit::Tokens, "output tokens, reasoning included"),
    int(
        "llm_token_count_total",
        Unit::Tokens,
        "reported total, else input + output if both are known",
    ),
    int(
        "llm_token_count_prompt_details_cache_read",
        Unit::Tokens,
        "input tokens read from a cache",
    ),
    int(
        "llm_token_count_prompt_details_cache_write",
        Unit::Tokens,
        "input tokens written to a cache",
    ),
    int(
        "llm_token_count_completion_details_reasoning",
        Unit::Tokens,
        "output tokens spent on reasoning",
    ),
    int("llm_usage_tokens_input", Unit::Tokens, "same as llm_token_count_prompt"),
    int("llm_usage_tokens_output", Unit::Tokens, "same as llm_token_count_completion"),
    int("llm_usage_tokens_total", Unit::Tokens, "same as llm_token_count_total"),
    int("gen_ai_usage_input_tokens", Unit::Tokens, "same as llm_token_count_prompt"),
    int("gen_ai_usage_output_tokens", Unit::Tokens, "same as llm_token_count_completion"),
    int("gen_ai_usage_total_tokens", Unit::Tokens, "same as llm_token_count_total"),
    text(
        "llm_token_source",
        "where the counts came from, the weakest of them: reported, derived, estimated, partial (one is missing, or the call broke off) or absent; null where no model was called",
    ),
    // Guesses, stored apart: only with `ingest.estimate_tokens`, and in no sum of the columns above.
    int(
        "llm_token_estimate_input",
        Unit::Tokens,
        "input tokens as guessed from the length of the texts, where nobody counted them",
    ),
    int("llm_token_estimate_output", Unit::Tokens, "output tokens guessed in the same way"),
    // The same of spans that do not count: wrappers, agents, chains. No sum over the columns above meets them twice.
    int(
        "llm_rollup_tokens_prompt",
        Unit::Tokens,
        "input tokens of the calls that the span is around",
    ),
    int("llm_rollup_tokens_completion", Unit::Tokens, "output tokens of these calls"),
    int("llm_rollup_tokens_total", Unit::Tokens, "tokens of these calls"),
    int(
        "llm_rollup_tokens_cache_read",
        Unit::Tokens,
        "input tokens of these calls, read from a cache",
    ),
    int(
        "llm_rollup_tokens_cache_write",
        Unit::Tokens,
        "input tokens of these calls, written to a cache",
    ),
    int(
        "llm_rollup_tokens_reasoning",
        Unit::Tokens,
        "output tokens of these calls, spent on reasoning",
    ),
    float("llm_rollup_cost_total", Unit::Dollars, "cost that the span reports for these calls"),
    float("llm_rollup_cost_input", Unit::Dollars, "the part of it for input tokens"),
    float("llm_rollup_cost_output", Unit::Dollars, "the part of it for output tokens"),
    // Cost: unpriced is null, free is 0.
    float("llm_usage_cost_input", Unit::Dollars, "cost of the input tokens"),
    float("llm_usage_cost_output", Unit::Dollars, "cost of the output tokens"),
    float("llm_usage_cost_total", Unit::Dollars, "cost of the call; null if it is not priced"),
    float("llm_cost_prompt", Unit::Dollars, "same as llm_usage_cost_input"),
    float("llm_cost_completion", Unit::Dollars, "same as llm_usage_cost_output"),
    float("llm_cost_total", Unit::Dollars, "same as llm_usage_cost_total"),
    float("gen_ai_usage_cost_input", Unit::Dollars, "same as llm_usage_cost_input"),
    float("gen_ai_usage_cost_output", Unit::Dollars, "same as llm_usage_cost_output"),
    float("gen_ai_usage_cost", Unit::Dollars, "same as llm_usage_cost_total"),
    text(
        "llm_cost_source",
        "where the cost came from: reported by the client, table:exact_hub, table:provider, table:normalised or table:pattern; table:median for an estimate",
    ),
    float(
        "llm_cost_computed",
        Unit::Dollars,
        "cost by the price book beside a cost that the client reported",
    ),
    text("llm_price_row", "row of the price book that was used, as layer:key"),
    float(
        "llm_cost_estimate_low",
        Unit::Dollars,
        "cost by the cheapest of the providers that may have served; never part of a sum",
    ),
    float("llm_cost_estimate_median", Unit::Dollars, "cost by the middle one of them"),
    float("llm_cost_estimate_high", Unit::Dollars, "cost by the dearest of them"),
    text(
        "llm_cost_unpriced_reason",
        "why a call has no cost: failed, no_tokens, no_model, not_in_book, provider_unknown, own_endpoint, own_host, per_hour or no_output_price",
    ),
    text(
        "hf_inference_provider",
        "provider to which Hugging Face's router passed the call, where the call's names tell it",
    ),
    // Times.
    float(
        "gen_ai_response_time_to_first_chunk",
        Unit::Seconds,
        "from the start to the first streamed content",
    ),
    // Contents.
    text("llm_input", "what was sent, as JSON or text"),
    text("llm_output", "what came back, as JSON or text"),
    text("gen_ai_input_messages", "input messages in OpenTelemetry's part form, JSON"),
    text("gen_ai_output_messages", "output messages in OpenTelemetry's part form, JSON"),
    text("gen_ai_system_instructions", "system instructions that were sent apart"),
    text("gen_ai_tool_definitions", "tools offered to the model, JSON"),
    int("llm_tool_call_count", Unit::None, "tool calls that the model asked for"),
    text("input_mime_type", "MIME type of the input"),
    text("output_mime_type", "MIME type of the output"),
    text("llm_invocation_parameters", "request parameters, JSON"),
    truth(
        "content_redacted",
        "true where something was taken out of the span, by its sender or here; else null",
    ),
    text(
        "truncated_columns",
        "columns that were too long and were cut, JSON array; null if none was",
    ),
    text(
        "stored_parts",
        "SHA-256 of each binary part that the row's markers name and that is stored, JSON array; null if none is",
    ),
    // Errors.
    text("error_type", "class of the error"),
    text(
        "error_class",
        "rate_limit, quota, auth, gated, permission, not_found, model_not_supported, context_length, content_filter, bad_request, timeout, overloaded, server_error, connection, cancelled or other; null without an error",
    ),
    text("error_message", "what the error said"),
    int("http_response_status_code", Unit::None, "HTTP status of the model call"),
    truth(
        "had_exception",
        "true where an exception was recorded that did not fail the span; else null",
    ),
    // Who and in which conversation.
    text("session_id", "session or conversation"),
    text("gen_ai_conversation_id", "same as session_id"),
    text("user_id", "end user"),
    text("gen_ai_agent_name", "agent"),
    text("gen_ai_tool_name", "tool"),
    text("server_address", "host that was called"),
    int("server_port", Unit::None, "port that was called"),
    // The replica that answered; written by the gateway only.
    text(
        "inferscope_vantage_point",
        "gateway on the gateway's own span of a call, app on all others",
    ),
    text("inferscope_namespace", "namespace of the endpoint that served the call"),
    text("inferscope_endpoint", "endpoint that served the call"),
    text("inferscope_replica_id", "replica that served the call"),
    text("inferscope_end", "how the call ended: complete, upstream_failed, client_left or refused"),
    int("inferscope_attempts", Unit::None, "replicas that were tried"),
];

/// The columns of an organisation's rollups: one row a window, endpoint, replica, model and status.
/// Rows of one key are parts: they are summed, and their histograms merged.
pub const ROLLUP_COLUMNS: &[Column] = &[
    int("_timestamp", Unit::Micros, "start of the 10-second window"),
    text("measure", "calls, pending, replica, status, endpoint or hardware"),
    text("endpoint", "name of the endpoint"),
    text("replica_id", "replica, null where none took the call"),
    text("model", "model as requested"),
    int("status", Unit::None, "HTTP status, null where the caller got none"),
    text("end", "how the calls ended"),
    int("requests", Unit::None, "finished calls"),
    int("failed", Unit::None, "calls that failed, in-band errors included"),
    int("tokens_output", Unit::Tokens, "output tokens of the calls that reported them"),
    bytes("latency", "histogram of call durations, seconds"),
    bytes("ttft", "histogram of times to the first streamed content, seconds"),
    float("value", Unit::None, "mean of a sampled value in the window"),
    float("value_max", Unit::None, "largest of a sampled value in the window"),
    int("samples", Unit::None, "how many samples the value has"),
    text("detail", "name of what was sampled, or a replica's status"),
    text("message", "why a replica took that status"),
    int("at", Unit::Micros, "when a replica took that status"),
    int(
        "log_position",
        Unit::None,
        "the calls up to this position of the log are in this or earlier rows",
    ),
];

/// The columns of every log stream. Names: those that OpenObserve writes.
pub const LOG_COLUMNS: &[Column] = &[
    int(
        "_timestamp",
        Unit::Micros,
        "when it happened, else when it was seen; every time filter works on it",
    ),
    text("severity", "the sender's word, else the OTLP severity number"),
    int("severity_number", Unit::None, "OTLP severity, 1 to 24"),
    text("body", "what is logged; structured bodies as JSON"),
    text("event_name", "name of the event that the record is"),
    text("trace_id", "trace that it belongs to, 32 lower-case hex digits"),
    text("span_id", "span that it belongs to, 16 lower-case hex digits"),
    text("service_name", "resource attribute service.name"),
    text("instrumentation_library_name", "instrumentation scope"),
    text("instrumentation_library_version", "version of the instrumentation scope"),
    int("observed_time", Unit::Nanos, "when it was seen"),
    int("flags", Unit::None, "OTLP flags"),
    int("dropped_attributes_count", Unit::None, "attributes that the sender dropped"),
    text(
        "stored_parts",
        "SHA-256 of each binary part that the row's markers name and that is stored, JSON array; null if none is",
    ),
    text("attributes_overflow", "JSON object of attributes that got no column of their own"),
];

/// The columns of every metrics stream that senders write to: one row a data point, or a part of one.
pub const METRIC_COLUMNS: &[Column] = &[
    int("_timestamp", Unit::Micros, "when the point was taken; every time filter works on it"),
    float(
        "value",
        Unit::None,
        "what was measured, in the unit of __unit__; null where the sender lost sight of it",
    ),
    text("__name__", "name of the metric with its suffix, cleaned"),
    text("__type__", "counter, updowncounter, gauge, histogram, exponential_histogram or summary"),
    text("__unit__", "unit as the sender writes it, e.g. s or {token}"),
    text("__temporality__", "delta or cumulative; null where the question does not arise"),
    text("__description__", "what the metric measures"),
    text("__hash__", "16 hex digits that the points of one series share"),
    text("le", "upper bound of a histogram's bucket, +Inf on the last one"),
    text("quantile", "quantile of a summary, 0 to 1"),
    int("start_time", Unit::Nanos, "since when it counts"),
    int("flag", Unit::None, "OTLP flags"),
    text("exemplars", "JSON array of single measurements behind the point"),
    text("service_name", "resource attribute service.name"),
    text("instrumentation_library_name", "instrumentation scope"),
    text("instrumentation_library_version", "version of the instrumentation scope"),
    text("attributes_overflow", "JSON object of attributes that got no column of their own"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_promised_column_has_one_name_and_a_meaning() {
        for columns in [TRACE_COLUMNS, ROLLUP_COLUMNS, LOG_COLUMNS, METRIC_COLUMNS] {
            let names: HashSet<_> = columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), columns.len());
            assert!(columns.iter().all(|column| !column.meaning.is_empty()));
        }
        let documented = include_str!("../../../docs/columns.md");
        let row = |column: &Column| documented.contains(&format!("| `{}` |", column.name));
        let missing: Vec<_> =
            TRACE_COLUMNS.iter().filter(|column| !row(column)).map(|column| column.name).collect();
        assert_eq!(missing, [""; 0], "docs/columns.md lists every promised column");
        let signals = include_str!("../../../docs/signals.md");
        let row = |column: &&Column| !signals.contains(&format!("| `{}` |", column.name));
        let missing = LOG_COLUMNS.iter().chain(METRIC_COLUMNS).filter(row);
        let missing: Vec<_> = missing.map(|column| column.name).collect();
        assert_eq!(missing, [""; 0], "docs/signals.md lists every promised column");
        assert_eq!(column("duration").map(|c| (c.ty, c.unit)), Some((Type::Int, Unit::Micros)));
    }
}
