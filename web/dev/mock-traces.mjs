// MOCK traces: calls every few seconds, some failed, each with an application span and a gateway span.
import { chance } from "./mock-endpoints.mjs";

const EVERY = 7e6;
const ASKS = ["I want a refund for order 4711, it came broken.", "Summarise this meeting in three points.", "Translate to Greek: good morning", "Why is the sky blue? Explain to a child.", "Write a haiku about latency."];

const idOf = (n) => n.toString(16).padStart(32, "0");

function row(n) {
  const failed = chance(n, 1) > 0.88;
  const error_class = failed ? ["rate_limit", "server_error", "gated", "timeout"][Math.floor(chance(n, 2) * 4)] : null;
  const llama = chance(n, 3) > 0.3;
  const streamed = chance(n, 4) > 0.4;
  const cut = !failed && chance(n, 5) > 0.93;
  return {
    trace_id: idOf(n), started_us: n * EVERY + Math.floor(chance(n, 6) * 5e6), duration_us: Math.round((failed ? 0.1 : 0.4 + 3 * chance(n, 7) ** 3) * 1e6),
    operation_name: "ChatCompletion", service_name: "support-bot", status: failed ? "ERROR" : "OK", error_class,
    error_message: failed ? { rate_limit: "429 Too Many Requests: retry after 2 s", server_error: "500 internal error", gated: "403 access to this model is restricted", timeout: "no answer within 30 s" }[error_class] : null,
    model_requested: llama ? "meta-llama/Llama-3.1-8B-Instruct" : "mistralai/Mistral-7B-Instruct-v0.3", model_answered: failed ? null : llama ? "llama3.1-8b" : "mistral-7b",
    ttft_s: failed || !streamed ? null : 0.12 + 0.3 * chance(n, 8), tokens_input: failed ? null : Math.round(40 + 400 * chance(n, 9)), tokens_output: failed ? null : Math.round(20 + 200 * chance(n, 10)),
    token_source: failed ? null : cut ? "partial" : chance(n, 11) > 0.8 ? "derived" : "reported", cost_usd: failed || llama ? null : 0.00041 * (1 + chance(n, 12)),
    endpoint: llama ? "llama" : "mistral", replica_id: failed && error_class === "gated" ? null : chance(n, 13) > 0.5 ? "7f3ac6g1-h8k2p" : "7f3ac6g1-q9x4m",
    http_status: failed ? { rate_limit: 429, server_error: 500, gated: 403, timeout: null }[error_class] : 200, spans: 2 + (n % 3), calls: 1, input_preview: ASKS[n % ASKS.length],
  };
}

export function traces(from, to, query) {
  const limit = Number(query.get("limit") ?? 50);
  const wanted = (each) =>
    (!query.get("model") || each.model_requested.includes(query.get("model"))) &&
    (!query.get("status") || (query.get("status") === "error") === (each.status === "ERROR")) &&
    (!query.get("error_class") || each.error_class === query.get("error_class")) &&
    (!query.get("endpoint") || each.endpoint === query.get("endpoint")) &&
    (!query.get("replica") || each.replica_id === query.get("replica")) &&
    (!query.get("q") || each.input_preview.toLowerCase().includes(query.get("q").toLowerCase()));
  const found = [];
  let n = Math.floor(to / EVERY);
  if (query.get("before")) n = Number(query.get("before"));
  for (; n * EVERY > from && found.length < limit; n -= 1) {
    const each = row(n);
    if (each.started_us <= to && wanted(each)) found.push(each);
  }
  return { traces: found, next: n * EVERY > from ? String(n) : null, took_ms: 4 };
}

export function trace(id) {
  if (!/^[0-9a-f]{32}$/.test(id) || id === "f".repeat(32)) return null;
  const n = Number.parseInt(id, 16);
  const of = row(n);
  const answer = "I am sorry that it came broken. I have looked up order 4711: it was delivered on Monday. You get the full amount back within five days.";
  const failed = of.status === "ERROR";
  const span = (span_id, parent, name, at, length, more) => ({
    _timestamp: of.started_us + at, trace_id: id, span_id, ...(parent ? { reference_parent_span_id: parent } : {}), operation_name: name, service_name: "support-bot",
    span_kind: "1", span_status: failed ? "ERROR" : "OK", start_time: `@int:${of.started_us + at}123`, end_time: `@int:${of.started_us + at + length}456`, duration: length, ...more,
  });
  const call = {
    llm_is_leaf: true, llm_system: "openai", llm_observation_type: "GENERATION", openinference_span_kind: "LLM", llm_request_parameters_model: of.model_requested, llm_request_parameters_max_tokens: 100,
    ...(failed ? { error_class: of.error_class, error_message: of.error_message } : { llm_model_name: of.model_answered, gen_ai_response_model: of.model_answered, llm_token_count_prompt: of.tokens_input, llm_token_count_completion: of.tokens_output, llm_token_count_total: of.tokens_input + of.tokens_output, llm_token_source: of.token_source, gen_ai_response_id: `chatcmpl-${n}`, gen_ai_response_finish_reasons: '["stop"]' }),
    ...(of.http_status ? { http_response_status_code: of.http_status } : {}), ...(of.ttft_s ? { gen_ai_response_time_to_first_chunk: of.ttft_s } : {}), ...(of.cost_usd ? { llm_usage_cost_total: of.cost_usd } : {}),
    gen_ai_input_messages: JSON.stringify([
      { role: "system", parts: [{ type: "text", content: "You help customers of a shop. Be kind and short." }] },
      { role: "user", parts: [{ type: "text", content: of.input_preview }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "lookup_order", arguments: { order: 4711 } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: '{"status":"delivered","day":"Monday"}' }] },
    ]),
    ...(failed ? {} : { gen_ai_output_messages: JSON.stringify([{ role: "assistant", parts: [{ type: "reasoning", content: "The order was delivered; a refund is allowed." }, { type: "text", content: answer }], finish_reason: "stop" }]) }),
    events: JSON.stringify(failed ? [{ name: "exception", timestamp: of.started_us * 1000 + 9e7, "exception.type": "APIError", "exception.message": of.error_message }] : []),
  };
  const root = span("a1".repeat(8), null, "handle_ticket", 0, of.duration_us, {});
  const lookup = span("b2".repeat(8), "a1".repeat(8), "lookup_order", 12_000, Math.round(of.duration_us * 0.08), { llm_observation_type: "TOOL", span_status: "OK" });
  const app = span("c3".repeat(8), "a1".repeat(8), "ChatCompletion", Math.round(of.duration_us * 0.1), Math.round(of.duration_us * 0.88), { ...call, span_kind: "3", inferscope_vantage_point: "app" });
  const gateway = span("d4".repeat(8), "c3".repeat(8), `chat ${of.model_requested}`, Math.round(of.duration_us * 0.11), Math.round(of.duration_us * 0.86), { ...call, span_kind: "3", service_name: "inferscope-gateway", inferscope_vantage_point: "gateway", inferscope_endpoint: of.endpoint, inferscope_namespace: "default", ...(of.replica_id ? { inferscope_replica_id: of.replica_id } : {}), inferscope_end: of.token_source === "partial" ? "client_left" : "complete", inferscope_attempts: 1 });
  return { trace_id: id, spans: [root, lookup, app, gateway], truncated: false };
}
