use serde_json::Value;

use crate::field::{count, text_at};
use crate::message::input_messages;
use crate::part::parts;

/// Everything that a request says about how the model shall answer; what it leaves out is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestFacts {
    /// The model that was asked for.
    pub model: Option<String>,
    /// Whether a stream was asked for; none when the request does not say.
    pub stream: Option<bool>,
    /// The most output tokens, by any of its names.
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling's share.
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are sampled from.
    pub top_k: Option<f64>,
    /// Penalty on frequent tokens.
    pub frequency_penalty: Option<f64>,
    /// Penalty on tokens that occurred.
    pub presence_penalty: Option<f64>,
    /// The seed.
    pub seed: Option<i64>,
    /// How many choices were asked for (`n`).
    pub choices: Option<u64>,
    /// Where the model shall stop.
    pub stop: Vec<String>,
    /// The end user, as the caller calls them.
    pub user: Option<String>,
    /// How hard a reasoning model shall think.
    pub reasoning_effort: Option<String>,
    /// The length of embedding vectors that was asked for.
    pub dimensions: Option<u64>,
    /// The encoding of embedding vectors that was asked for.
    pub encoding_format: Option<String>,
    /// Messages, prompt or input in OpenTelemetry's part form.
    pub input_messages: Vec<Value>,
    /// The Responses API's `instructions`, as parts.
    pub system_instructions: Vec<Value>,
    /// The tools that were offered, as they were written.
    pub tools: Option<Value>,
}

/// Reads the whole request; meant for after the call, since it builds the body's tree.
///
/// None when the body is not a JSON object (or was kept only in part).
#[must_use]
pub fn read_request(body: &[u8]) -> Option<RequestFacts> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.is_object().then(|| facts(&body))
}

fn facts(body: &Value) -> RequestFacts {
    let number = |field: &str| body.get(field).and_then(Value::as_f64);
    let whole = |field: &str| body.get(field).and_then(count);
    let input = ["messages", "prompt", "input"].iter().find_map(|field| body.get(field));
    RequestFacts {
        model: text_at(body, "model"),
        stream: body.get("stream").and_then(Value::as_bool),
        max_tokens: ["max_completion_tokens", "max_tokens", "max_output_tokens"]
            .into_iter()
            .find_map(whole),
        temperature: number("temperature"),
        top_p: number("top_p"),
        top_k: number("top_k"),
        frequency_penalty: number("frequency_penalty"),
        presence_penalty: number("presence_penalty"),
        seed: body.get("seed").and_then(Value::as_i64),
        choices: whole("n"),
        stop: body.get("stop").map(stop_words).unwrap_or_default(),
        user: text_at(body, "user"),
        reasoning_effort: text_at(body, "reasoning_effort")
            .or_else(|| text_at(body.get("reasoning")?, "effort")),
        dimensions: whole("dimensions"),
        encoding_format: text_at(body, "encoding_format"),
        input_messages: input.map(input_messages).unwrap_or_default(),
        system_instructions: body.get("instructions").map(parts).unwrap_or_default(),
        tools: body.get("tools").filter(|tools| tools.is_array()).cloned(),
    }
}

fn stop_words(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(word) => vec![word.clone()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> RequestFacts {
        read_request(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_a_request_says_is_read_and_the_rest_is_none() {
        let facts = read(&json!({
            "model": "a/b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100,
            "temperature": 0, "stop": "x", "seed": -1, "n": 2, "tools": [{"type": "function"}],
        }));
        assert_eq!(facts.model.as_deref(), Some("a/b"));
        assert_eq!(
            (facts.max_tokens, facts.temperature, facts.seed),
            (Some(100), Some(0.0), Some(-1))
        );
        assert_eq!((facts.stop, facts.choices), (vec!["x".to_owned()], Some(2)));
        assert_eq!((facts.stream, facts.top_p), (None, None));
        assert_eq!(facts.input_messages.len(), 1);
        assert_eq!(facts.tools, Some(json!([{"type": "function"}])));
    }

    #[test]
    fn the_newer_names_are_read_too() {
        let facts =
            read(&json!({"input": "hi", "instructions": "be brief", "max_output_tokens": 5,
            "reasoning": {"effort": "low"}}));
        assert_eq!(facts.max_tokens, Some(5));
        assert_eq!(facts.reasoning_effort.as_deref(), Some("low"));
        assert_eq!(
            json!(facts.system_instructions),
            json!([{"type": "text", "content": "be brief"}])
        );
        assert_eq!(facts.input_messages.len(), 1);
    }

    #[test]
    fn half_a_body_is_not_read() {
        assert_eq!(read_request(br#"{"model":"a"#), None);
        assert_eq!(read_request(b"[]"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_request(&body);
        }
    }
}
