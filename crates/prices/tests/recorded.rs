//! What the calls cost that real client libraries recorded: read by their conventions, priced by the shipped book.

use bytes::Bytes;
use conventions::{Options, normalise};
use otlp::{Encoding, Format, Limits, decode_traces, inflate};
use prices::{Book, price};
use schema::Row;

/// The rows of a recorded body, priced.
fn rows(file: &str) -> Vec<Row> {
    let path = format!("{}/../conventions/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let body = Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
    let encoding = if file.ends_with(".gz") { Encoding::Gzip } else { Encoding::Identity };
    let limits = Limits::default();
    let body = inflate(body, encoding, limits.decompressed_bytes).expect("the body inflates");
    let spans = decode_traces(&body, Format::Protobuf, &limits).expect("the body decodes").spans;
    let book = Book::shipped();
    let priced = |span| {
        let mut row = normalise(span, &Options::default());
        price(&mut row, &book);
        row
    };
    spans.into_iter().map(priced).collect()
}

/// A row's cost or its reason, and where it is from.
fn said(row: &Row) -> String {
    let cost = row.float("llm_usage_cost_total").map(|usd| usd.to_string());
    let words = [
        cost.as_deref().or_else(|| row.text("llm_cost_unpriced_reason")).unwrap_or("-"),
        row.text("llm_cost_source").unwrap_or("-"),
        row.text("hf_inference_provider").unwrap_or("-"),
    ];
    words.join(" ")
}

/// File, place of the call's span in it, and what it costs, counted by hand.
const CALLS: &[(&str, usize, &str)] = &[
    // 21 + 18 tokens at Cerebras's 0.10 and 0.10, from every library that tells both names.
    ("openobserve-sdk/01-seed-exact.pb", 0, "0.0000039 table:exact_hub cerebras"),
    ("openllmetry-openai/01-chat.pb", 0, "0.0000039 table:exact_hub cerebras"),
    ("traceloop-sdk/01-tl-workflow.pb", 3, "0.0000039 table:exact_hub cerebras"),
    ("otel-openai-v2/01-chat.pb", 0, "0.0000039 table:exact_hub cerebras"),
    ("otel-openai-v2/28-chat-experimental.pb", 0, "0.0000039 table:exact_hub cerebras"),
    ("logfire/01-chat.pb.gz", 0, "0.0000039 table:exact_hub cerebras"),
    ("litellm/01-chat.pb", 0, "0.0000039 table:exact_hub cerebras"),
    ("mlflow/01-chat.pb", 0, "0.0000039 table:exact_hub cerebras"),
    // Langfuse sends one name, which several providers' models have.
    ("langfuse/01-chat.pb.gz", 0, "provider_unknown - -"),
    // 25 + 18 and 33 + 18; 1,205 + 18, of which none are cheaper because the row has no price of cached ones.
    ("openinference-langchain/01-chain.pb", 1, "0.0000043 table:exact_hub cerebras"),
    ("openobserve-sdk/09-tools.pb", 1, "0.0000051 table:exact_hub cerebras"),
    ("openobserve-sdk/11-cached.pb", 0, "0.0001223 table:exact_hub cerebras"),
    // OpenAI's own: 17·1.5 + 18·2, 17·2.5 + 18·10, 21·0.15 + 18·0.6, 12·0.02.
    ("openobserve-sdk/22-completions.pb", 0, "0.0000615 table:provider -"),
    ("openobserve-sdk/23-responses.pb", 0, "0.0002225 table:provider -"),
    ("openobserve-sdk/30-session.pb", 1, "0.00001395 table:provider -"),
    ("openobserve-sdk/21-embed.pb", 0, "0.00000024 table:provider -"),
    // A model of the Hub whose answer only repeats the request.
    ("openobserve-sdk/10-reasoning.pb", 0, "provider_unknown table:median -"),
    ("openinference-anthropic/03-cached.pb", 1, "not_in_book - -"),
    // What the client reported, as it reported it.
    ("langfuse/07-lf-manual.pb.gz", 0, "0.00032 reported -"),
    ("litellm/05-embed.pb", 0, "0.00000024000000000000003 reported -"),
    // Calls of which nobody knows what they used.
    ("openobserve-sdk/05-stream.pb", 0, "no_tokens - cerebras"),
    ("openobserve-sdk/14-e401.pb", 0, "failed - -"),
    ("langfuse/04-e429.pb.gz", 0, "failed - -"),
    // Wrappers and tools cost nothing of their own.
    ("openinference-langchain/01-chain.pb", 0, "- - -"),
    ("traceloop-sdk/01-tl-workflow.pb", 0, "- - -"),
];

#[test]
fn recorded_calls_cost_what_they_should() {
    for (file, at, expected) in CALLS {
        assert_eq!(said(&rows(file)[*at]), *expected, "{file} {at}");
    }
}
