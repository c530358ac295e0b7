//! How many tokens the texts of a call may have been, where nobody counted: a guess that is stored apart from counts.

use schema::{Name, Row, Value};
use serde_json::Value as Json;

/// Characters of a token, about, in English and with the tokenisers of 2023 and later.
const CHARACTERS: u64 = 4;
/// Fields of a message that are no text of it.
const NO_TEXT: [&str; 7] =
    ["role", "type", "id", "finish_reason", "sha256", "mime_type", "modality"];

/// The text columns of a direction, the column with its count, and the one for the guess.
const DIRECTIONS: [(&[&str], &str, &str); 2] = [
    (
        &["gen_ai_system_instructions", "gen_ai_input_messages"],
        "gen_ai_usage_input_tokens",
        "llm_token_estimate_input",
    ),
    (&["gen_ai_output_messages"], "gen_ai_usage_output_tokens", "llm_token_estimate_output"),
];

/// Writes `llm_token_estimate_input` and `_output` into a call that counts and did not fail, each where its count is
/// unknown and its text is known: a quarter of the characters, rounded up. Counts, and so costs, stay as they are.
///
/// Source: semantic conventions of the house, "Source of the number": estimates are off by default and never in the
/// columns of counts.
pub fn estimate_tokens(row: &mut Row) {
    if row.get("llm_is_leaf") != Some(&Value::Bool(true)) || row.text("error_class").is_some() {
        return;
    }
    for (texts, count, guess) in DIRECTIONS {
        if row.get(count).is_some() {
            continue;
        }
        let characters: u64 = texts.iter().filter_map(|name| row.text(name)).map(said).sum();
        if let Ok(tokens @ 1..) = i64::try_from(characters.div_ceil(CHARACTERS)) {
            row.set(Name::fixed(guess), tokens);
        }
    }
}

/// Characters of the texts in messages as JSON; all of them where it is none.
fn said(messages: &str) -> u64 {
    match serde_json::from_str(messages) {
        Ok(json) => inside(&json),
        Err(_) => messages.chars().count() as u64,
    }
}

fn inside(json: &Json) -> u64 {
    match json {
        Json::String(text) => text.chars().count() as u64,
        Json::Array(items) => items.iter().map(inside).sum(),
        Json::Object(fields) => {
            let texts = fields.iter().filter(|(name, _)| !NO_TEXT.contains(&name.as_str()));
            texts.map(|(_, value)| inside(value)).sum()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(cells: &[(&'static str, Value)]) -> Row {
        let mut row = Row::default();
        row.push(Name::fixed("llm_is_leaf"), true);
        for (name, value) in cells {
            row.push(Name::fixed(name), value.clone());
        }
        row
    }

    fn text(text: &str) -> Value {
        Value::from(text.to_owned())
    }

    fn guesses(row: &mut Row) -> [Option<i64>; 2] {
        estimate_tokens(row);
        ["llm_token_estimate_input", "llm_token_estimate_output"].map(|name| match row.get(name) {
            Some(Value::Int(tokens)) => Some(*tokens),
            _ => None,
        })
    }

    #[test]
    fn a_quarter_of_the_characters_of_what_was_said() {
        let asked = r#"[{"role":"user","parts":[{"type":"text","content":"Grüße, you"}]}]"#;
        let said = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"add","arguments":{"a":"12345"}}],"finish_reason":"tool_calls"}]"#;
        let mut row =
            call(&[("gen_ai_input_messages", text(asked)), ("gen_ai_output_messages", text(said))]);
        // 10 characters, and 3 and 5 of the tool's name and argument.
        assert_eq!(guesses(&mut row), [Some(3), Some(2)]);
    }

    #[test]
    fn what_was_counted_is_not_guessed_and_no_text_is_no_guess() {
        let mut row = call(&[
            ("gen_ai_input_messages", text("[]")),
            ("gen_ai_output_messages", text("not json")),
            ("gen_ai_usage_output_tokens", Value::Int(7)),
        ]);
        assert_eq!(guesses(&mut row), [None, None]);
    }

    #[test]
    fn failed_calls_and_what_is_around_calls_have_no_guess() {
        let said = ("gen_ai_output_messages", text("some words"));
        let mut failed = call(&[said.clone(), ("error_class", text("timeout"))]);
        assert_eq!(guesses(&mut failed), [None, None]);
        let mut wrapper = Row::default();
        wrapper.push(Name::fixed("llm_is_leaf"), false);
        wrapper.push(Name::fixed(said.0), said.1);
        assert_eq!(guesses(&mut wrapper), [None, None]);
    }
}
