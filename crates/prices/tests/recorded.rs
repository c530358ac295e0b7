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
const CALLS: &[(&str, usize, &str)] = &[];

#[test]
fn recorded_calls_cost_what_they_should() {
    for (file, at, expected) in CALLS {
        assert_eq!(said(&rows(file)[*at]), *expected, "{file} {at}");
    }
}

#[test]
fn dump() {
    let root = format!("{}/../conventions/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    for folder in std::fs::read_dir(&root).unwrap().flatten().filter(|e| e.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let name = format!(
                "{}/{}",
                folder.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            );
            for (at, row) in rows(&name).iter().enumerate() {
                println!(
                    "{name} {at} | {} | {:?} {:?} {:?} {:?} in {:?} out {:?} leaf {:?}",
                    said(row),
                    row.text("llm_request_parameters_model"),
                    row.text("llm_model_name"),
                    row.text("gen_ai_provider_name"),
                    row.text("server_address"),
                    row.int("llm_token_count_prompt"),
                    row.int("llm_token_count_completion"),
                    row.get("llm_is_leaf")
                );
            }
        }
    }
}
