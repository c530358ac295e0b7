//! The columns of every recorded span, client by client, as text that people have read.

use std::collections::HashMap;
use std::fmt::Write as _;

use schema::{Row, Value};

use crate::bodies::{files, spans};
use crate::leaves::batch;

/// Columns that are the same for every client or different in every run.
const LEFT_OUT: &[&str] = &[
    "_timestamp",
    "trace_id",
    "span_id",
    "reference_parent_span_id",
    "reference_parent_trace_id",
    "reference_ref_type",
    "span_kind",
    "start_time",
    "end_time",
    "duration",
    "flags",
    "trace_state",
    "events",
    "links",
    "service_name",
    "status_message",
    "llm_input",
    "llm_output",
    "inferscope_vantage_point",
    // Mirrors; that they agree is tested apart.
    "gen_ai_request_model",
    "gen_ai_response_model",
    "gen_ai_request_max_tokens",
    "llm_usage_tokens_input",
    "llm_usage_tokens_output",
    "llm_usage_tokens_total",
    "gen_ai_usage_input_tokens",
    "gen_ai_usage_output_tokens",
    "gen_ai_usage_total_tokens",
    "gen_ai_conversation_id",
];

/// Most spans of one body that are shown.
const SPANS: usize = 4;
/// Longest text that is shown whole, in characters.
const CHARS: usize = 160;

fn show(out: &mut String, row: &Row, first: bool) {
    for column in schema::TRACE_COLUMNS {
        let shown = match row.get(column.name) {
            None => continue,
            Some(_) if LEFT_OUT.contains(&column.name) => continue,
            // Long, and much the same for all spans of a client.
            Some(_) if column.name == "llm_field_provenance" && !first => continue,
            Some(Value::Text(text)) if column.name != "llm_field_provenance" => {
                let cut: String = text.chars().take(CHARS).collect();
                let rest = text.chars().count() - cut.chars().count();
                if rest > 0 { format!("{cut:?} and {rest} more") } else { format!("{cut:?}") }
            }
            Some(Value::Text(text)) => text.to_string(),
            Some(Value::Int(int)) => int.to_string(),
            Some(Value::Float(float)) => float.to_string(),
            Some(Value::Bool(bool)) => bool.to_string(),
            Some(Value::Bytes(bytes)) => format!("{bytes:?}"),
        };
        let _ = writeln!(out, "  {} = {shown}", column.name);
    }
}

#[test]
fn every_client_s_columns_are_those_that_were_read() {
    let mut clients: Vec<(String, String)> = Vec::new();
    for file in files() {
        let client = file.split('/').next().unwrap_or_default().to_owned();
        if clients.last().is_none_or(|(last, _)| *last != client) {
            clients.push((client, String::new()));
        }
        let Some((_, out)) = clients.last_mut() else { continue };
        for (at, row) in batch(&mut HashMap::new(), spans(&file)).iter().take(SPANS).enumerate() {
            let _ = writeln!(out, "{file} {at}");
            let first = out.len() < 200;
            show(out, row, first);
        }
    }
    let golden = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    let fresh = format!("{}/golden", env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&fresh).expect("the folder can be made");
    let mut differ = Vec::new();
    for (client, shown) in clients {
        let read = std::fs::read_to_string(format!("{golden}/{client}.txt")).unwrap_or_default();
        if read != shown {
            std::fs::write(format!("{fresh}/{client}.txt"), &shown).expect("can be written");
            differ.push(client);
        }
    }
    assert_eq!(differ, [""; 0], "compare {fresh} with {golden}, and copy what is right");
}
