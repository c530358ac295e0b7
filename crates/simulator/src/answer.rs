use serde_json::{Value, json};

use crate::ask::Dialect;
use crate::generation::{Kind, Token};
use crate::words::Script;

/// What every part of an answer carries.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) dialect: Dialect,
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// The model's short name.
    pub(crate) model: String,
}

/// The tokens of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) prompt: usize,
    pub(crate) cached: usize,
    pub(crate) completion: usize,
    pub(crate) reasoning: usize,
}

impl Tokens {
    fn to_json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        })
    }
}

impl Head {
    /// The whole answer.
    pub(crate) fn whole(&self, script: &Script, tokens: Tokens) -> Value {
        let choice = match self.dialect {
            Dialect::Chat => {
                let mut message = json!({"role": "assistant", "content": script.answer_text()});
                if script.reasoning > 0 {
                    message["reasoning_content"] = json!(script.reasoning_text());
                }
                json!({"index": 0, "message": message, "logprobs": null})
            }
            Dialect::Text => {
                json!({"index": 0, "text": script.words.join(" "), "logprobs": null})
            }
        };
        let mut answer = self.envelope("chat.completion", vec![choice]);
        answer["choices"][0]["finish_reason"] = json!(script.finish_reason);
        answer["usage"] = tokens.to_json();
        answer
    }

    /// The chunk that opens a chat stream: the role, and no token.
    pub(crate) fn role_chunk(&self) -> Option<Value> {
        match self.dialect {
            Dialect::Chat => {
                let delta = json!({"role": "assistant", "content": ""});
                Some(self.chunk(json!({"index": 0, "delta": delta, "finish_reason": null})))
            }
            Dialect::Text => None,
        }
    }

    /// The chunk of a token.
    pub(crate) fn token_chunk(&self, token: &Token) -> Value {
        let finish = token.finish_reason;
        let text = &token.text;
        self.chunk(match (self.dialect, token.kind) {
            (Dialect::Chat, Kind::Answer) => {
                json!({"index": 0, "delta": {"content": text}, "finish_reason": finish})
            }
            (Dialect::Chat, Kind::Reasoning) => {
                json!({"index": 0, "delta": {"reasoning_content": text}, "finish_reason": finish})
            }
            (Dialect::Text, Kind::Answer | Kind::Reasoning) => {
                json!({"index": 0, "text": text, "finish_reason": finish})
            }
        })
    }

    /// The extra chunk with the usage and without a choice.
    pub(crate) fn usage_chunk(&self, tokens: Tokens) -> Value {
        let mut chunk = self.envelope("chat.completion.chunk", Vec::new());
        chunk["usage"] = tokens.to_json();
        chunk
    }

    fn chunk(&self, choice: Value) -> Value {
        self.envelope("chat.completion.chunk", vec![choice])
    }

    fn envelope(&self, chat_object: &str, choices: Vec<Value>) -> Value {
        let object = match self.dialect {
            Dialect::Chat => chat_object,
            Dialect::Text => "text_completion",
        };
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model,
            "system_fingerprint": "inferscope-simulator", "choices": choices})
    }
}
