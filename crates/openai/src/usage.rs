use serde_json::Value;

use crate::field::count;

/// Token counts as the engine reported them; what it did not report is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens, cached ones included.
    pub prompt: Option<u64>,
    /// Output tokens, reasoning included.
    pub completion: Option<u64>,
    /// The total, as reported and not as a sum of ours.
    pub total: Option<u64>,
    /// Of the input tokens, those that came from a cache.
    pub cache_read: Option<u64>,
    /// Of the output tokens, those spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Reads a `usage` object of the chat, completions, embeddings or Responses API; none when the value is
    /// not an object or holds no count.
    #[must_use]
    pub fn read(usage: &Value) -> Option<Self> {
        let first = |paths: &[&str]| paths.iter().find_map(|path| count(usage.pointer(path)?));
        let read = Self {
            prompt: first(&["/prompt_tokens", "/input_tokens"]),
            completion: first(&["/completion_tokens", "/output_tokens"]),
            total: first(&["/total_tokens"]),
            cache_read: first(&[
                "/prompt_tokens_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
                "/prompt_cache_hit_tokens",
            ]),
            reasoning: first(&[
                "/completion_tokens_details/reasoning_tokens",
                "/output_tokens_details/reasoning_tokens",
                "/reasoning_tokens",
            ]),
        };
        (read != Self::default()).then_some(read)
    }

    /// The usage of a whole answer or of one chunk, wherever the engine put it.
    pub(crate) fn of(answer: &Value) -> Option<Self> {
        ["/usage", "/response/usage", "/x_groq/usage"]
            .iter()
            .find_map(|path| Self::read(answer.pointer(path)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_are_read_and_absent_stays_absent() {
        let chat =
            Usage::read(&json!({"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3.0,
            "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": null}));
        let expected = Usage {
            prompt: Some(3),
            completion: Some(0),
            total: Some(3),
            cache_read: Some(1),
            reasoning: None,
        };
        assert_eq!(chat, Some(expected));
        let responses = Usage::read(&json!({"input_tokens": 5, "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 4}}))
        .unwrap();
        assert_eq!(
            (responses.prompt, responses.reasoning, responses.total),
            (Some(5), Some(4), None)
        );
    }

    #[test]
    fn nonsense_is_no_usage() {
        for usage in [
            json!(null),
            json!({}),
            json!([1]),
            json!({"prompt_tokens": -1}),
            json!({"prompt_tokens": "many"}),
        ] {
            assert_eq!(Usage::read(&usage), None, "{usage}");
        }
    }
}
