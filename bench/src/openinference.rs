//! Spans as the OpenInference instrumentation of Python's `openai` package reports them, with made-up texts.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rand::Rng;
use serde_json::json;

/// Words to write texts with, and who writes them.
pub(crate) struct Writer<R> {
    pub(crate) rng: R,
    vocabulary: Vec<String>,
}

/// How many different words there are; as in a language, few of them are most of a text.
const WORDS: usize = 4_000;

/// A chat call.
pub(crate) struct Chat<'a> {
    /// The model that was asked for, and the one that answered.
    pub(crate) asked: &'a str,
    pub(crate) answered: &'a str,
    pub(crate) failed: bool,
}

impl<R: Rng> Writer<R> {
    pub(crate) fn new(mut rng: R) -> Self {
        const SYLLABLES: [&str; 24] = [
            "ba", "den", "ti", "ro", "lu", "ma", "ker", "si", "vo", "na", "pel", "go", "tra", "mi",
            "so", "ul", "fen", "da", "re", "co", "in", "ta", "ble", "ster",
        ];
        let vocabulary = (0..WORDS)
            .map(|_| {
                let length = rng.random_range(1..=4);
                (0..length).map(|_| SYLLABLES[rng.random_range(0..SYLLABLES.len())]).collect()
            })
            .collect();
        Self { rng, vocabulary }
    }

    /// A text of so many words. The n-th most frequent word comes about 1/n times as often as the first.
    pub(crate) fn words(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(count * 7);
        for index in 0..count {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(self.word());
        }
        text
    }

    pub(crate) fn word(&mut self) -> &str {
        let drawn: f64 = self.rng.random();
        let index = (self.vocabulary.len() as f64).powf(drawn) as usize;
        &self.vocabulary[index.saturating_sub(1).min(self.vocabulary.len() - 1)]
    }

    /// What the instrumentation says of a chat call.
    pub(crate) fn chat(&mut self, chat: &Chat<'_>) -> Vec<KeyValue> {
        let asked = self.rng.random_range(8..40);
        let asked = self.words(asked);
        let messages = json!([{ "role": "user", "content": asked }]);
        let input = json!({ "model": chat.asked, "messages": messages, "max_tokens": 100 });
        let parameters = json!({ "model": chat.asked, "max_tokens": 100 });
        let mut attributes = vec![
            text("llm.system", "openai"),
            text("input.value", &input.to_string()),
            text("input.mime_type", "application/json"),
            text("llm.invocation_parameters", &parameters.to_string()),
            text("llm.input_messages.0.message.role", "user"),
            text("llm.input_messages.0.message.content", &asked),
            text("openinference.span.kind", "LLM"),
        ];
        if chat.failed {
            attributes.push(text("llm.model_name", chat.asked));
            return attributes;
        }
        let said = self.rng.random_range(20..80);
        let said = self.words(said);
        let (prompt, completion) = (self.rng.random_range(20..400), self.rng.random_range(20..200));
        let output = json!({ "id": format!("chatcmpl-{:016x}", self.rng.random::<u64>()),
            "object": "chat.completion", "created": 1_764_000_000, "model": chat.answered,
            "choices": [{ "finish_reason": "stop", "index": 0, "logprobs": null,
                "message": { "content": said, "refusal": null, "role": "assistant" } }],
            "usage": { "prompt_tokens": prompt, "completion_tokens": completion,
                "total_tokens": prompt + completion } });
        attributes.extend([
            text("output.value", &output.to_string()),
            text("output.mime_type", "application/json"),
            text("llm.model_name", chat.answered),
            int("llm.token_count.total", prompt + completion),
            int("llm.token_count.prompt", prompt),
            int("llm.token_count.completion", completion),
            int("llm.token_count.prompt_details.cache_read", 0),
            int("llm.token_count.prompt_details.audio", 0),
            int("llm.token_count.completion_details.reasoning", 0),
            int("llm.token_count.completion_details.audio", 0),
            text("llm.output_messages.0.message.role", "assistant"),
            text("llm.output_messages.0.message.content", &said),
            text("llm.finish_reason", "stop"),
        ]);
        attributes
    }

    /// What it says of a step around calls: `CHAIN`, `AGENT`, `TOOL` or `RETRIEVER`.
    pub(crate) fn step(&mut self, kind: &str) -> Vec<KeyValue> {
        let (input, output) = (self.rng.random_range(5..30), self.rng.random_range(5..60));
        vec![
            text("openinference.span.kind", kind),
            text("input.value", &self.words(input)),
            text("output.value", &self.words(output)),
        ]
    }
}

/// Who sends: a Python program.
pub(crate) fn resource(service: &str, instance: &str) -> Resource {
    let attributes = [
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "1.45.2"),
        text("service.name", service),
        text("service.instance.id", instance),
    ];
    Resource { attributes: attributes.into(), ..Resource::default() }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "openinference.instrumentation.openai".to_owned(),
        version: "0.1.66".to_owned(),
        ..InstrumentationScope::default()
    }
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
