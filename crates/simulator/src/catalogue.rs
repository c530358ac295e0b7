/// A model as this replica serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// The Hub id.
    pub(crate) id: String,
    /// The name that answers carry.
    pub(crate) short: String,
    /// The `model_name` of its metrics; one for all models that cause the same trouble.
    pub(crate) label: String,
}

/// The models that a replica serves.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue(Vec<Model>);

/// The prefixes of models that exist for their trouble; `behaviour` says what each does.
const TROUBLE: [&str; 7] = ["gated", "ratelimited", "boom", "loading", "cut", "inband", "slow"];

/// Names that clients send when they do not care.
const ANY: [&str; 2] = ["", "dummy"];

impl Catalogue {
    pub(crate) fn new(ids: &[String]) -> Self {
        let model =
            |id: &String| Model { id: id.clone(), short: short_name(id), label: id.clone() };
        Self(ids.iter().map(model).collect())
    }

    pub(crate) fn models(&self) -> &[Model] {
        &self.0
    }

    /// The model that a request names; none when it is not served here.
    pub(crate) fn find(&self, name: &str) -> Option<Model> {
        let name = without_provider(name);
        if let Some(prefix) = trouble(name) {
            let (id, label) = (name.to_owned(), format!("{prefix}/*"));
            return Some(Model { short: short_name(name), id, label });
        }
        if ANY.contains(&name) {
            return self.0.first().cloned();
        }
        self.0.iter().find(|model| model.id == name || model.short == name).cloned()
    }
}

/// The prefix of a model that exists for its trouble.
pub(crate) fn trouble(name: &str) -> Option<&str> {
    let (prefix, _) = name.split_once('/')?;
    TROUBLE.contains(&prefix).then_some(prefix)
}

/// A Hub id without the router's `:provider` or `:policy`.
fn without_provider(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(model, _)| model)
}

/// The name under which a provider serves a Hub id, as `model` in its answers.
///
/// A few that are known go by table: `meta-llama/Llama-3.1-8B-Instruct` is `llama3.1-8b`. For all others it is
/// the part behind the last slash, without a `:provider`, in lower case: `mistralai/Mistral-7B-Instruct-v0.3`
/// is `mistral-7b-instruct-v0.3`.
#[must_use]
pub fn short_name(id: &str) -> String {
    const KNOWN: [(&str, &str); 4] = [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1-8b"),
        ("meta-llama/Llama-3.1-70B-Instruct", "llama3.1-70b"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b"),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ];
    let id = without_provider(id);
    if let Some((_, short)) = KNOWN.iter().find(|(known, _)| *known == id) {
        return (*short).to_owned();
    }
    id.rsplit('/').next().unwrap_or(id).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Option<String> {
        let ids = ["meta-llama/Llama-3.1-8B-Instruct".to_owned(), "a/B".to_owned()];
        Catalogue::new(&ids).find(name).map(|model| model.short)
    }

    #[test]
    fn short_names_follow_the_table_and_then_the_rule() {
        assert_eq!(short_name("meta-llama/Llama-3.1-8B-Instruct:cerebras"), "llama3.1-8b");
        assert_eq!(short_name("mistralai/Mistral-7B-Instruct-v0.3"), "mistral-7b-instruct-v0.3");
        assert_eq!(short_name("Qwen3"), "qwen3");
    }

    #[test]
    fn models_are_found_by_any_of_their_names() {
        assert_eq!(
            found("meta-llama/Llama-3.1-8B-Instruct:fastest").as_deref(),
            Some("llama3.1-8b")
        );
        assert_eq!(found("b").as_deref(), Some("b"));
        assert_eq!(found("dummy").as_deref(), Some("llama3.1-8b"));
        assert_eq!(found("slow/Any").as_deref(), Some("any"));
        assert_eq!(found("a/C"), None);
    }
}
