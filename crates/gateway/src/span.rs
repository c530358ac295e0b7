use std::sync::{Arc, LazyLock};
use std::time::Duration;

use openai::{Answer, Operation, RequestFacts, Usage};
use otlp::{AnyValue, Resource, Scope, Span, Status, Text};

use crate::attributes::Attributes;
use crate::reading::{Failed, Reading};
use crate::record::{CallRecord, End};

static RESOURCE: LazyLock<Arc<Resource>> = LazyLock::new(|| {
    let name = AnyValue::Text(Text::fixed("inferscope-gateway"));
    Arc::new(Resource { attributes: vec![(Text::fixed("service.name"), name)] })
});

static SCOPE: LazyLock<Arc<Scope>> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Arc::new(Scope { name: "inferscope.gateway".to_owned(), version, attributes: Vec::new() })
});

const KIND_CLIENT: i32 = 3;
const STATUS_ERROR: i32 = 2;
/// OTLP span flags: whether the parent is of another process is known (bit 8), and it is (bit 9).
const PARENT_IS_REMOTE: u32 = 0x300;

/// The call as a span by OpenTelemetry's conventions for generative AI clients, with the facts that only the
/// gateway knows as `inferscope.*`. Parses the bodies: not for the way of a call.
///
/// A failed call has no response model and no token counts. A stream whose error came inside it, under HTTP
/// 200, has failed: its `inferscope.end` is `upstream_failed`.
#[must_use]
pub fn into_span(record: CallRecord) -> Span {
    let reading = Reading::of(&record);
    let mut attributes = Attributes::default();
    if let Some(operation) = record.operation.gen_ai_name() {
        attributes.text("gen_ai.operation.name", operation);
        attributes.text("gen_ai.provider.name", "openai"); // the dialect, by OpenTelemetry's definition
        add_request(&mut attributes, &record, reading.request.as_ref());
        add_answer(&mut attributes, &record, &reading);
    }
    add_transport(&mut attributes, &record);
    add_gateway(&mut attributes, &record, reading.end);
    if let Some(failed) = &reading.failed {
        attributes.text("error.type", &failed.kind);
    }
    span(record, reading.failed, attributes)
}

fn span(record: CallRecord, failed: Option<Failed>, attributes: Attributes) -> Span {
    let start_ns = u64::try_from(record.started.0).unwrap_or(0);
    let remote = record.trace.parent_span_id.map_or(0, |_| PARENT_IS_REMOTE);
    Span {
        trace_id: record.trace.trace_id,
        span_id: record.trace.span_id,
        parent_span_id: record.trace.parent_span_id,
        flags: u32::from(record.trace.flags) | remote,
        name: name(&record).into(),
        trace_state: record.trace.trace_state,
        kind: KIND_CLIENT,
        start_ns,
        end_ns: start_ns.saturating_add(nanos(record.duration)),
        attributes: attributes.into_vec(),
        events: Vec::new(),
        links: Vec::new(),
        status: failed.map(|failed| Status { code: STATUS_ERROR, message: failed.message }),
        resource: Arc::clone(&RESOURCE),
        scope: Arc::clone(&SCOPE),
    }
}

fn name(record: &CallRecord) -> String {
    match (record.operation.gen_ai_name(), &record.model) {
        (Some(operation), Some(model)) => format!("{operation} {model}"),
        (Some(operation), None) => operation.to_owned(),
        (None, _) => format!("{} {}", record.method, record.path),
    }
}

fn add_request(attributes: &mut Attributes, record: &CallRecord, request: Option<&RequestFacts>) {
    attributes.maybe_text("gen_ai.request.model", record.model.as_deref());
    if record.stream {
        attributes.truth("gen_ai.request.stream", true);
    }
    let Some(request) = request else { return };
    attributes.count("gen_ai.request.max_tokens", request.max_tokens);
    attributes.float("gen_ai.request.temperature", request.temperature);
    attributes.float("gen_ai.request.top_p", request.top_p);
    attributes.float("gen_ai.request.top_k", request.top_k);
    attributes.float("gen_ai.request.frequency_penalty", request.frequency_penalty);
    attributes.float("gen_ai.request.presence_penalty", request.presence_penalty);
    attributes.int("gen_ai.request.seed", request.seed);
    attributes
        .count("gen_ai.request.choice.count", request.choices.filter(|choices| *choices != 1));
    attributes.texts("gen_ai.request.stop_sequences", &request.stop);
    attributes.maybe_text("gen_ai.request.reasoning.level", request.reasoning_effort.as_deref());
    attributes.texts("gen_ai.request.encoding_formats", request.encoding_format.as_slice());
    attributes.maybe_text("user.id", request.user.as_deref());
    attributes.json("gen_ai.input.messages", &request.input_messages);
    attributes.json("gen_ai.system_instructions", &request.system_instructions);
    if let Some(tools) = &request.tools {
        attributes.text("gen_ai.tool.definitions", &tools.to_string());
    }
    if record.operation == Operation::Embeddings {
        attributes.count("gen_ai.embeddings.dimension.count", request.dimensions);
    }
}

fn add_answer(attributes: &mut Attributes, record: &CallRecord, reading: &Reading) {
    attributes.seconds("gen_ai.response.time_to_first_chunk", record.first_content_after);
    let Some(answer) = &reading.answer else { return };
    attributes.maybe_text("gen_ai.response.id", answer.response_id.as_deref());
    attributes.json("gen_ai.output.messages", &answer.output_messages());
    attributes.texts("gen_ai.response.finish_reasons", &answer.finish_reasons());
    if reading.failed.is_none() {
        add_facts_of_success(attributes, answer);
    }
}

fn add_facts_of_success(attributes: &mut Attributes, answer: &Answer) {
    attributes.maybe_text("gen_ai.response.model", answer.model.as_deref());
    let Some(usage) = answer.usage else { return };
    let Usage { prompt, completion, total, cache_read, reasoning } = usage;
    attributes.count("gen_ai.usage.input_tokens", prompt);
    attributes.count("gen_ai.usage.output_tokens", completion);
    attributes.count("gen_ai.usage.total_tokens", total);
    attributes.count("gen_ai.usage.cache_read.input_tokens", cache_read);
    attributes.count("gen_ai.usage.reasoning.output_tokens", reasoning);
}

fn add_transport(attributes: &mut Attributes, record: &CallRecord) {
    attributes.text("http.request.method", record.method.as_str());
    attributes.text("url.path", &record.path);
    attributes.int("http.response.status_code", record.status.map(i64::from));
    if let Some((host, port)) = record.server() {
        attributes.text("server.address", host);
        attributes.int("server.port", Some(i64::from(port)));
    }
}

fn add_gateway(attributes: &mut Attributes, record: &CallRecord, end: End) {
    if let Some(route) = &record.route {
        attributes.text("inferscope.namespace", &route.namespace);
        attributes.text("inferscope.endpoint", &route.endpoint);
    }
    attributes.maybe_text(
        "inferscope.replica_id",
        record.replica.as_ref().map(|replica| replica.id.as_str()),
    );
    attributes.text("inferscope.end", end.as_str());
    attributes.int("inferscope.attempts", Some(i64::from(record.attempts)));
    attributes.text("inferscope.request_id", &record.request_id);
    attributes.seconds("inferscope.time_to_first_byte", record.first_byte_after);
    if !record.request.is_whole() {
        attributes.truth("inferscope.request_cut", true);
    }
    if !record.response.is_whole() {
        attributes.truth("inferscope.response_cut", true);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
