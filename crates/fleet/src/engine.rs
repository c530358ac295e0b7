//! The software inside a replica, told from what it says about itself.

use std::fmt;

use serde_json::Value;

/// The software in a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face's Text Generation Inference.
    Tgi,
    /// The llama.cpp server.
    LlamaCpp,
    /// Our own simulator.
    Simulator,
    /// Something else that someone told us how to start.
    Custom,
}

impl Engine {
    /// The spelling on the wire and in the configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Tgi => "tgi",
            Self::LlamaCpp => "llama.cpp",
            Self::Simulator => "simulator",
            Self::Custom => "custom",
        }
    }

    /// The engine that would send this `Server` header and this body for `GET /v1/models`; `None` when unsure.
    pub(crate) fn detect(server: Option<&str>, models: &[u8]) -> Option<Self> {
        if server.is_some_and(|name| name.starts_with("llama.cpp")) {
            return Some(Self::LlamaCpp);
        }
        let body: Value = serde_json::from_slice(models).ok()?;
        let model = body.get("data")?.get(0)?;
        let owner = model.get("owned_by")?.as_str()?;
        match owner {
            "vllm" => Some(Self::Vllm),
            "sglang" => Some(Self::Sglang),
            "llamacpp" => Some(Self::LlamaCpp),
            _ if owner.contains("simulator") => Some(Self::Simulator),
            _ if model.get("id")?.as_str()? == owner && model.get("created")? == 0 => {
                Some(Self::Tgi)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detect(model: &str) -> Option<Engine> {
        Engine::detect(None, format!(r#"{{"object":"list","data":[{model}]}}"#).as_bytes())
    }

    #[test]
    fn the_owner_of_the_first_model_names_the_engine() {
        assert_eq!(detect(r#"{"id":"m","owned_by":"vllm"}"#), Some(Engine::Vllm));
        assert_eq!(detect(r#"{"id":"m","owned_by":"sglang"}"#), Some(Engine::Sglang));
        assert_eq!(detect(r#"{"id":"m","owned_by":"llamacpp"}"#), Some(Engine::LlamaCpp));
        assert_eq!(
            detect(r#"{"id":"m","owned_by":"inferscope-simulator"}"#),
            Some(Engine::Simulator)
        );
    }

    #[test]
    fn tgi_owns_its_model_by_the_models_name() {
        assert_eq!(detect(r#"{"id":"a/b","owned_by":"a/b","created":0}"#), Some(Engine::Tgi));
        assert_eq!(detect(r#"{"id":"a/b","owned_by":"a/b","created":7}"#), None);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(detect(r#"{"id":"m","owned_by":"library"}"#), None);
        assert_eq!(detect(""), None);
        assert_eq!(Engine::detect(Some("uvicorn"), b"{}"), None);
        assert_eq!(Engine::detect(Some("llama.cpp"), b"not json"), Some(Engine::LlamaCpp));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>, server: Option<String>) {
            let _ = Engine::detect(server.as_deref(), &body);
        }
    }
}
