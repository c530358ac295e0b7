//! What the conventions call things, as data: for each fact the keys that may hold it, best first.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use table::Fact;

use table::{Alias, PAYLOADS, TABLE};

/// A key that the tables name, by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u16);

impl Key {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One place that may hold a fact.
#[derive(Debug)]
pub(crate) struct Source {
    /// The attribute.
    pub(crate) key: Key,
    /// Its name.
    pub(crate) name: &'static str,
    /// The way into the JSON that it holds; `None` if the attribute itself is the value.
    pub(crate) json: Option<Path>,
    /// Whether it is a call's whole input or output, which is read only on model calls.
    pub(crate) payload: bool,
}

/// A way into an attribute's JSON.
#[derive(Debug)]
pub(crate) struct Path {
    /// The attribute's place among those that are read as JSON.
    pub(crate) document: usize,
    /// The steps; none for the JSON itself.
    pub(crate) steps: Vec<&'static str>,
    /// Its place among all ways.
    pub(crate) way: usize,
}

struct Compiled {
    keys: HashMap<&'static str, Key>,
    documents: usize,
    ways: usize,
    sources: Vec<Vec<Source>>,
}

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let mut keys = HashMap::new();
    let mut documents = HashMap::new();
    let mut sources: Vec<Vec<Source>> = Vec::new();
    sources.resize_with(TABLE.len(), Vec::new);
    let mut ways = 0..;
    for (fact, aliases) in TABLE {
        for alias in *aliases {
            let (name, json) = match alias {
                Alias::Is(name) => (*name, None),
                Alias::In(name, path) => {
                    let next = documents.len();
                    let document = *documents.entry(*name).or_insert(next);
                    let steps = path.split('.').filter(|step| !step.is_empty()).collect();
                    let way = ways.next().expect("there is no end of numbers");
                    (*name, Some(Path { document, steps, way }))
                }
            };
            let next = Key(u16::try_from(keys.len()).expect("the tables name a few hundred keys"));
            let key = *keys.entry(name).or_insert(next);
            sources[*fact as usize].push(Source {
                key,
                name,
                json,
                payload: PAYLOADS.contains(&name),
            });
        }
    }
    Compiled { keys, documents: documents.len(), ways: ways.start, sources }
});

/// The place of a key that the tables name.
pub(crate) fn key(name: &str) -> Option<Key> {
    COMPILED.keys.get(name).copied()
}

/// How many keys the tables name.
pub(crate) fn key_count() -> usize {
    COMPILED.keys.len()
}

/// How many attributes the tables read as JSON.
pub(crate) fn document_count() -> usize {
    COMPILED.documents
}

/// How many ways into attributes' JSON the tables name.
pub(crate) fn way_count() -> usize {
    COMPILED.ways
}

/// The places that may hold a fact, best first.
pub(crate) fn sources(fact: Fact) -> &'static [Source] {
    &COMPILED.sources[fact as usize]
}

/// A list of attributes whose keys carry a number or an open end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `llm.input_messages.N.…`
    InputMessages,
    /// `llm.output_messages.N.…`
    OutputMessages,
    /// `llm.prompts.N.prompt.text`
    Prompts,
    /// `llm.choices.N.completion.text`
    Choices,
    /// `gen_ai.prompt.N.…`
    GenAiPrompt,
    /// `gen_ai.completion.N.…`
    GenAiCompletion,
    /// `llm.tools.N.tool.…`
    Tools,
    /// `llm.request.functions.N.…`
    Functions,
    /// `gen_ai.request.<parameter>`
    Request,
    /// `gen_ai.openai.request.<parameter>`
    OpenAiRequest,
    /// `ai.settings.<parameter>`
    Settings,
    /// `retrieval.documents.N.document.…`
    RetrievedDocuments,
    /// `reranker.input_documents.N.document.…`
    RerankedDocuments,
    /// `reranker.output_documents.N.document.…`
    RankedDocuments,
}

impl Family {
    pub(crate) const ALL: [Self; 14] = [
        Self::InputMessages,
        Self::OutputMessages,
        Self::Prompts,
        Self::Choices,
        Self::GenAiPrompt,
        Self::GenAiCompletion,
        Self::Tools,
        Self::Functions,
        Self::Request,
        Self::OpenAiRequest,
        Self::Settings,
        Self::RetrievedDocuments,
        Self::RerankedDocuments,
        Self::RankedDocuments,
    ];

    /// What its keys begin with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::InputMessages => "llm.input_messages.",
            Self::OutputMessages => "llm.output_messages.",
            Self::Prompts => "llm.prompts.",
            Self::Choices => "llm.choices.",
            Self::GenAiPrompt => "gen_ai.prompt.",
            Self::GenAiCompletion => "gen_ai.completion.",
            Self::Tools => "llm.tools.",
            Self::Functions => "llm.request.functions.",
            Self::Request => "gen_ai.request.",
            Self::OpenAiRequest => "gen_ai.openai.request.",
            Self::Settings => "ai.settings.",
            Self::RetrievedDocuments => "retrieval.documents.",
            Self::RerankedDocuments => "reranker.input_documents.",
            Self::RankedDocuments => "reranker.output_documents.",
        }
    }

    /// The family of a key.
    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| key.starts_with(family.prefix()))
    }
}

/// Beginnings of the keys that only spans about LLMs carry.
const ABOUT_LLM: &[&str] = &[
    "gen_ai.",
    "llm.",
    "openinference.",
    "input.value",
    "output.value",
    "embedding.",
    "reranker.",
    "langfuse.",
    "traceloop.span.",
    "traceloop.entity.",
    "mlflow.span",
    "mlflow.llm.",
    "mlflow.chat.",
    "langsmith.",
    "litellm.",
    "ai.model.",
    "ai.prompt",
    "ai.response.",
    "ai.operationId",
    "ai.toolCall.",
    "ai.usage.",
    "ai.settings.",
    "gcp.vertex.agent.llm_",
    "pydantic_ai.",
];

/// Whether a span with this attribute is about an LLM.
pub(crate) fn about_llm(key: &str) -> bool {
    ABOUT_LLM.iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_its_row_at_its_own_place() {
        for (at, (fact, aliases)) in TABLE.iter().enumerate() {
            assert_eq!(*fact as usize, at, "{fact:?} is out of order");
            assert!(!aliases.is_empty(), "{fact:?}");
            assert_eq!(sources(*fact).len(), aliases.len());
        }
    }

    #[test]
    fn keys_are_found_and_others_are_not() {
        assert!(key("gen_ai.usage.input_tokens").is_some());
        assert_eq!(key("no.such.key"), None);
        assert_eq!(Family::of("llm.input_messages.0.message.role"), Some(Family::InputMessages));
        assert!(about_llm("gen_ai.system") && !about_llm("http.method"));
    }
}
