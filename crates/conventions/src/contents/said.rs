//! What was said, as texts: to find it again where no table looks for it.

use schema::Row;
use serde_json::Value as Json;

/// Columns in which it is known to be.
const COLUMNS: &[&str] = &[
    "llm_input",
    "llm_output",
    "gen_ai_input_messages",
    "gen_ai_output_messages",
    "gen_ai_system_instructions",
    "input_value",
    "output_value",
];

/// A shorter text may be anything: a role, a model, a city.
const SHORTEST: usize = 8;
/// So many of the longest texts are looked for.
const MOST: usize = 64;
/// JSON inside a text of JSON is opened so often.
const DEEPEST: u8 = 4;

/// Names in messages whose values are facts.
const FACTS: &[&str] = &[
    "role",
    "type",
    "id",
    "call_id",
    "tool_call_id",
    "model",
    "object",
    "finish_reason",
    "mime_type",
    "modality",
    "sha256",
    "system_fingerprint",
];

/// The texts of one row.
pub(super) struct Said {
    texts: Vec<String>,
    /// Whether there were more: then every text may repeat one.
    more: bool,
}

impl Said {
    pub(super) fn of(row: &Row) -> Self {
        let mut said = Vec::new();
        for column in COLUMNS {
            if let Some(text) = row.text(column) {
                collect(text, 0, &mut said);
            }
        }
        said.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        said.dedup();
        let more = said.len() > MOST;
        said.truncate(MOST);
        Self { texts: said, more }
    }

    /// Whether a text repeats one of them, or is a part of one.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.len() >= SHORTEST
            && (self.more
                || self
                    .texts
                    .iter()
                    .any(|said| text.contains(said.as_str()) || said.contains(text)))
    }
}

/// Texts as they are and as JSON has them: another attribute may have them in either form.
fn collect(text: &str, depth: u8, said: &mut Vec<String>) {
    let structured = depth < DEEPEST && text.trim_start().starts_with(['{', '[', '"']);
    match serde_json::from_str::<Json>(text) {
        Ok(json) if structured => leaves(&json, depth, said),
        Ok(_) | Err(_) if text.len() >= SHORTEST => {
            let escaped = Json::from(text).to_string();
            let escaped = escaped[1..escaped.len() - 1].to_owned();
            if escaped != text {
                said.push(escaped);
            }
            said.push(text.to_owned());
        }
        Ok(_) | Err(_) => {}
    }
}

fn leaves(json: &Json, depth: u8, said: &mut Vec<String>) {
    match json {
        Json::String(text) => collect(text, depth + 1, said),
        Json::Array(items) => items.iter().for_each(|item| leaves(item, depth, said)),
        Json::Object(fields) => {
            let told = fields.iter().filter(|(name, _)| !FACTS.contains(&name.as_str()));
            told.for_each(|(_, value)| leaves(value, depth, said));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
