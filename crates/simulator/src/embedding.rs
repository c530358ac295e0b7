use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ask::{AskError, texts};
use crate::dice::Dice;
use crate::words;

/// A request for embeddings, as far as the simulator cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmbeddingAsk {
    pub(crate) model: String,
    inputs: Vec<String>,
    dimensions: Option<usize>,
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Float,
    Base64,
}

/// The longest vector that a caller can ask for.
const MOST_DIMENSIONS: usize = 4096;
/// The most inputs of one call.
const MOST_INPUTS: usize = 2048;

impl EmbeddingAsk {
    /// Reads a request body; a list of token ids is one input.
    pub(crate) fn read(body: &[u8]) -> Result<Self, AskError> {
        let body: Value = serde_json::from_slice(body)?;
        let input = body.get("input").ok_or(AskError::Missing("input"))?;
        let inputs: Vec<String> = match input.as_array() {
            Some(items) if !items.iter().all(Value::is_number) => {
                items.iter().take(MOST_INPUTS).map(|item| texts(item).join(" ")).collect()
            }
            _ => vec![texts(input).join(" ")],
        };
        let dimensions = body.get("dimensions").and_then(Value::as_u64);
        let dimensions = dimensions.and_then(|length| usize::try_from(length).ok());
        let base64 = body.get("encoding_format") == Some(&Value::from("base64"));
        Ok(Self {
            model: body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            inputs,
            dimensions: dimensions.map(|length| length.clamp(1, MOST_DIMENSIONS)),
            encoding: if base64 { Encoding::Base64 } else { Encoding::Float },
        })
    }

    /// The words of all inputs.
    pub(crate) fn tokens(&self) -> usize {
        self.inputs.iter().map(|input| words::count(input)).sum()
    }

    /// The whole answer; the same input has the same vector.
    pub(crate) fn answer(&self, seed: u64, model: &str, usual_dimensions: usize) -> Value {
        let length = self.dimensions.unwrap_or(usual_dimensions.clamp(1, MOST_DIMENSIONS));
        let data = self.inputs.iter().enumerate().map(|(index, input)| {
            let vector = vector(seed, input, length);
            json!({"object": "embedding", "index": index, "embedding": self.encoding.write(&vector)})
        });
        json!({
            "object": "list", "model": model, "data": data.collect::<Vec<_>>(),
            "usage": {"prompt_tokens": self.tokens(), "total_tokens": self.tokens()},
            "system_fingerprint": "inferscope-simulator",
        })
    }
}

impl Encoding {
    fn write(self, vector: &[f32]) -> Value {
        match self {
            Self::Float => json!(vector),
            Self::Base64 => {
                let bytes: Vec<u8> =
                    vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            }
        }
    }
}

/// A vector of length 1 that depends on the text only.
#[expect(clippy::cast_possible_truncation, reason = "an embedding is single precision")]
fn vector(seed: u64, text: &str, length: usize) -> Vec<f32> {
    let mut dice = Dice::of_text(seed, text);
    let raw: Vec<f64> = (0..length).map(|_| 2.0 * dice.share() - 1.0).collect();
    let norm = raw.iter().map(|number| number * number).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    raw.iter().map(|number| (number / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Value) -> EmbeddingAsk {
        EmbeddingAsk::read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_input_has_its_vector_and_its_words_count() {
        let ask = read(&json!({"input": ["a b", "c"], "dimensions": 4}));
        let answer = ask.answer(1, "m", 384);
        assert_eq!(answer["data"].as_array().unwrap().len(), 2);
        assert_eq!(answer["data"][1]["embedding"].as_array().unwrap().len(), 4);
        assert_eq!(answer["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
        assert_eq!(answer, ask.answer(1, "m", 384));
        assert_ne!(answer["data"][0]["embedding"], answer["data"][1]["embedding"]);
    }

    #[test]
    fn token_ids_are_one_input_and_base64_is_spoken() {
        let ask = read(&json!({"input": [1, 2, 3], "encoding_format": "base64"}));
        let answer = ask.answer(1, "m", 2);
        assert_eq!(answer["usage"]["prompt_tokens"], 3);
        let bytes = STANDARD.decode(answer["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 8);
    }
}
