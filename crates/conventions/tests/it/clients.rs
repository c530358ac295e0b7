//! `docs/clients.md`: what is stored of each recorded client's spans, as a page for people.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use prices::{Book, price};
use schema::{Row, Value};

use crate::bodies::{files, spans};
use crate::leaves::batch;

/// Bodies with more spans repeat, many at a time, what the other bodies of their client show one by one: of these
/// only what is new.
const MOST_SPANS: usize = 20;

const HEAD: &str = "\
# What is stored of each client

One line a span of every recorded body under `crates/conventions/tests/fixtures`, as the conventions and the shipped prices make
it; a test holds this page against them (`cargo test --workspace --test it clients`). Which programs and versions these are is in
the [README there](../crates/conventions/tests/fixtures/README.md). Of bodies with more than 20 spans only what no other line has.

- **model**: as asked → as answered; one alone is both.
- **tokens**: in / out, of these cached and for reasoning, with their mark where it is not `reported`. What a span says of a call
  that another span stands for is in brackets: it is in the `llm_rollup_…` columns and in no sum.
- **first**: seconds to the first token.
- **counts**: `yes` is a call; `as 2` describes the call that span 2 of the body stands for; `around` is around several calls.
- **cost**: where it comes from, or in brackets why there is none.

After each client's spans: the keys that its columns were read from (`J(key).path` is inside JSON text).
";

fn text(row: &Row, column: &str) -> String {
    match row.get(column) {
        None => String::new(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Int(int)) => int.to_string(),
        Some(Value::Float(float)) => format!("{float:.3}"),
        Some(Value::Bool(bool)) => bool.to_string(),
        Some(Value::Bytes(_)) => "bytes".to_owned(),
    }
}

fn models(row: &Row) -> String {
    let of = |column| text(row, column);
    match (of("llm_request_parameters_model"), of("llm_model_name")) {
        (asked, answered) if asked == answered => asked,
        (asked, answered) if answered.is_empty() => format!("{asked} →"),
        (asked, answered) => format!("{asked} → {answered}"),
    }
}

/// The counts of a family of columns, `in / out (… cached, … reasoning)`.
fn counts(row: &Row, columns: [&str; 4]) -> String {
    let [input, output, cached, reasoning] = columns.map(|column| text(row, column));
    if input.is_empty() && output.is_empty() {
        return String::new();
    }
    let parts = [(cached, "cached"), (reasoning, "reasoning")];
    let parts = parts.iter().filter(|(count, _)| !count.is_empty() && count != "0");
    let parts: Vec<String> = parts.map(|(count, of)| format!("{count} {of}")).collect();
    let shown = |count: String| if count.is_empty() { "–".to_owned() } else { count };
    let parts = if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) };
    format!("{} / {}{parts}", shown(input), shown(output))
}

fn tokens(row: &Row) -> String {
    let own = counts(
        row,
        [
            "llm_token_count_prompt",
            "llm_token_count_completion",
            "llm_token_count_prompt_details_cache_read",
            "llm_token_count_completion_details_reasoning",
        ],
    );
    let around = counts(
        row,
        [
            "llm_rollup_tokens_prompt",
            "llm_rollup_tokens_completion",
            "llm_rollup_tokens_cache_read",
            "llm_rollup_tokens_reasoning",
        ],
    );
    let mark = text(row, "llm_token_source");
    let mark = if mark == "reported" { String::new() } else { mark };
    let around = if around.is_empty() { around } else { format!("({around})") };
    [own, mark, around].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn counted(row: &Row, places: &HashMap<String, usize>) -> String {
    let of = text(row, "llm_duplicate_of");
    let is_call =
        matches!(text(row, "openinference_span_kind").as_str(), "LLM" | "EMBEDDING" | "RERANKER");
    match row.get("llm_is_leaf") {
        Some(Value::Bool(true)) => "yes".to_owned(),
        _ if !of.is_empty() => {
            places.get(&of).map_or("as another's".to_owned(), |at| format!("as {}", at + 1))
        }
        _ if is_call => "around".to_owned(),
        _ => String::new(),
    }
}

fn error(row: &Row) -> String {
    let parts = ["error_class", "http_response_status_code"].map(|column| text(row, column));
    let failed = text(row, "span_status") == "ERROR";
    match parts {
        [class, code] if !class.is_empty() => format!("{class} {code}").trim().to_owned(),
        _ if failed => "error".to_owned(),
        _ => String::new(),
    }
}

fn cost(row: &Row) -> String {
    let why = text(row, "llm_cost_unpriced_reason");
    let source = text(row, "llm_cost_source");
    if source.is_empty() && !why.is_empty() { format!("({why})") } else { source }
}

/// How deep a span stands below another of the body.
fn depth(row: &Row, parents: &HashMap<String, String>) -> usize {
    let mut at = text(row, "span_id");
    for depth in 0..parents.len() {
        match parents.get(&at).filter(|parent| parents.contains_key(*parent)) {
            Some(parent) => at.clone_from(parent),
            None => return depth,
        }
    }
    0
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The keys of a row's columns, by the convention of each.
fn note_keys(row: &Row, keys: &mut BTreeMap<String, BTreeMap<String, usize>>) {
    let provenance = text(row, "llm_field_provenance");
    let Ok(serde_json::Value::Object(columns)) = serde_json::from_str(&provenance) else { return };
    for (column, from) in columns {
        let key = from["k"].as_str().unwrap_or("derived").to_owned();
        *keys.entry(column).or_default().entry(key).or_default() += 1;
    }
}

fn page() -> String {
    let book = Book::shipped();
    let mut out = HEAD.to_owned();
    let mut keys: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut lines: HashSet<String> = HashSet::new();
    let mut client = String::new();
    let mut files = files();
    // The last line of a client is followed by its keys.
    files.push("/".to_owned());
    for file in files {
        let (of, name) = file.split_once('/').unwrap_or_default();
        if client != of {
            if !keys.is_empty() {
                out.push('\n');
            }
            for (column, from) in std::mem::take(&mut keys) {
                let from = from.iter().map(|(key, spans)| format!("`{key}` {spans} ×"));
                let _ = writeln!(out, "- `{column}`: {}", from.collect::<Vec<_>>().join(", "));
            }
            if of.is_empty() {
                break;
            }
            client = of.to_owned();
            lines.clear();
            let _ = writeln!(
                out,
                "\n## {client}\n\n| body | span | kind | model | provider | tokens | first | finish | error | counts | cost |\n|{}",
                "---|".repeat(11)
            );
        }
        let mut rows = batch(&mut HashMap::new(), spans(&file));
        let only_new = rows.len() > MOST_SPANS;
        let places: HashMap<String, usize> =
            rows.iter().enumerate().map(|(at, row)| (text(row, "span_id"), at)).collect();
        let parent = |row: &Row| (text(row, "span_id"), text(row, "reference_parent_span_id"));
        let parents: HashMap<String, String> = rows.iter().map(parent).collect();
        let body = name.split('.').next().unwrap_or_default().to_owned();
        let numbered = rows.len() > 1 && !only_new;
        let mut named = false;
        for (at, row) in rows.iter_mut().enumerate() {
            price(row, &book);
            note_keys(row, &mut keys);
            let indent = "· ".repeat(depth(row, &parents));
            let number = if numbered { format!("{} ", at + 1) } else { String::new() };
            let finish = text(row, "gen_ai_response_finish_reasons");
            let cells = [
                format!("{number}{indent}{}", text(row, "operation_name")),
                text(row, "openinference_span_kind"),
                models(row),
                text(row, "gen_ai_provider_name"),
                tokens(row),
                text(row, "gen_ai_response_time_to_first_chunk"),
                finish.trim_matches(['[', ']']).replace('"', ""),
                error(row),
                counted(row, &places),
                cost(row),
            ];
            let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
            let line = cells.join(" | ");
            if lines.insert(line.clone()) || !only_new {
                let body = if named { "" } else { &body };
                named = true;
                let _ = writeln!(out, "| {body} | {line} |");
            }
        }
    }
    out
}

#[test]
fn the_page_of_clients_says_what_is_stored() {
    let path = format!("{}/../../docs/clients.md", env!("CARGO_MANIFEST_DIR"));
    let fresh = format!("{}/clients.md", env!("CARGO_TARGET_TMPDIR"));
    let page = page();
    let read = std::fs::read_to_string(&path).unwrap_or_default();
    let is_true = read == page;
    if !is_true {
        std::fs::write(&fresh, page).expect("can be written");
    }
    assert!(is_true, "compare {fresh} with docs/clients.md, and copy what is right");
}
