//! What kind of work a span is, by the first vocabulary that says so.

use text::Text;

use crate::Vantage;
use crate::cells::Cells;
use crate::column::column;
use crate::facts::{Fact, Family};
use crate::view::{Payloads, View};

/// A kind of work, as OpenInference divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Llm,
    Embedding,
    Reranker,
    Retriever,
    Tool,
    Agent,
    Chain,
    Guardrail,
    Evaluator,
    Prompt,
    Decision,
    Event,
    Unknown,
}

use Kind as K;

/// `langfuse.observation.type`
const LANGFUSE: &[(&str, Kind)] = &[
    ("generation", K::Llm),
    ("embedding", K::Embedding),
    ("retriever", K::Retriever),
    ("tool", K::Tool),
    ("agent", K::Agent),
    ("chain", K::Chain),
    ("guardrail", K::Guardrail),
    ("evaluator", K::Evaluator),
    ("event", K::Event),
    ("span", K::Unknown),
];

/// `openinference.span.kind`, which MLflow's span types extend.
const OPENINFERENCE: &[(&str, Kind)] = &[
    ("llm", K::Llm),
    ("chat_model", K::Llm),
    ("embedding", K::Embedding),
    ("reranker", K::Reranker),
    ("retriever", K::Retriever),
    ("tool", K::Tool),
    ("agent", K::Agent),
    ("chain", K::Chain),
    ("workflow", K::Chain),
    ("task", K::Chain),
    ("parser", K::Chain),
    ("guardrail", K::Guardrail),
    ("evaluator", K::Evaluator),
    ("prompt", K::Prompt),
    ("decision", K::Decision),
    ("memory", K::Unknown),
    ("unknown", K::Unknown),
];

/// `gen_ai.operation.name`, with the spellings that are in the field.
const OPERATIONS: &[(&str, Kind)] = &[
    ("chat", K::Llm),
    ("text_completion", K::Llm),
    ("generate_content", K::Llm),
    ("completion", K::Llm),
    ("generate", K::Llm),
    ("response", K::Llm),
    ("responses", K::Llm),
    ("llm_request", K::Llm),
    ("image_generation", K::Llm),
    ("audio", K::Llm),
    ("image", K::Llm),
    ("embeddings", K::Embedding),
    ("embedding", K::Embedding),
    ("rerank", K::Reranker),
    ("retrieval", K::Retriever),
    ("search_memory", K::Retriever),
    ("vector_db_retrieve", K::Retriever),
    ("vectordb", K::Retriever),
    ("execute_tool", K::Tool),
    ("invoke_agent", K::Agent),
    ("create_agent", K::Agent),
    ("agent_step", K::Agent),
    ("plan", K::Agent),
    ("invoke_workflow", K::Chain),
    ("execute_task", K::Chain),
    ("fetch_response", K::Unknown),
    ("create_memory", K::Unknown),
    ("update_memory", K::Unknown),
    ("upsert_memory", K::Unknown),
    ("delete_memory", K::Unknown),
    ("create_memory_store", K::Unknown),
    ("delete_memory_store", K::Unknown),
];

/// `langsmith.span.kind`
const LANGSMITH: &[(&str, Kind)] = &[
    ("llm", K::Llm),
    ("embedding", K::Embedding),
    ("retriever", K::Retriever),
    ("tool", K::Tool),
    ("chain", K::Chain),
    ("parser", K::Chain),
    ("prompt", K::Prompt),
];

/// `llm.request.type`, with LiteLLM's call types.
const REQUEST_TYPES: &[(&str, Kind)] = &[
    ("chat", K::Llm),
    ("completion", K::Llm),
    ("acompletion", K::Llm),
    ("text_completion", K::Llm),
    ("atext_completion", K::Llm),
    ("responses", K::Llm),
    ("aresponses", K::Llm),
    ("embedding", K::Embedding),
    ("aembedding", K::Embedding),
    ("rerank", K::Reranker),
    ("arerank", K::Reranker),
];

/// `traceloop.span.kind`
const TRACELOOP: &[(&str, Kind)] = &[
    ("workflow", K::Chain),
    ("task", K::Chain),
    ("agent", K::Agent),
    ("tool", K::Tool),
    ("unknown", K::Unknown),
];

/// The kind of a span; `None` on one that has nothing to do with LLMs.
pub(crate) fn decide(view: &View<'_>) -> Option<Kind> {
    if let Some("log" | "pending_span") = view.text(Fact::LogfireType).as_deref() {
        return view.is_about_llm().then_some(K::Event);
    }
    // LiteLLM's copy of the raw request below the call that is counted.
    if view.span.name == "raw_gen_ai_request" {
        return Some(K::Unknown);
    }
    // LlamaIndex traces the preparation of a call as a call.
    if view.span.name.ends_with("._prepare_chat_with_tools") {
        return Some(K::Unknown);
    }
    if let Some(kind) = said(view, Fact::LangfuseType, LANGFUSE) {
        let counts = view.has(Fact::LangfuseUsage);
        // Langfuse for Python up to 3.3 calls generations spans.
        return Some(if kind == K::Unknown && counts { K::Llm } else { kind });
    }
    if let Some(kind) = said(view, Fact::OpenInferenceKind, OPENINFERENCE) {
        return Some(kind);
    }
    // LangSmith's own word beats the operation that it writes beside it: its retrievers claim to embed.
    if view.scope_name().starts_with("langsmith")
        && let Some(kind) = said(view, Fact::LangSmithKind, LANGSMITH)
    {
        return Some(kind);
    }
    said(view, Fact::OperationName, OPERATIONS)
        .or_else(|| said(view, Fact::MlflowType, OPENINFERENCE))
        .or_else(|| said(view, Fact::LangSmithKind, LANGSMITH))
        .or_else(|| said(view, Fact::RequestType, REQUEST_TYPES))
        .or_else(|| said(view, Fact::TraceloopKind, TRACELOOP))
        .or_else(|| view.text(Fact::VercelOperation).map(|operation| vercel(&operation)))
        .or_else(|| view.has(Fact::GuardrailName).then_some(K::Guardrail))
        .or_else(|| view.has(Fact::ToolMark).then_some(K::Tool))
        .or_else(|| is_model_call(view).then_some(K::Llm))
        .or_else(|| view.is_about_llm().then_some(K::Unknown))
}

fn said(view: &View<'_>, fact: Fact, vocabulary: &[(&str, Kind)]) -> Option<Kind> {
    let word = view.text(fact)?;
    vocabulary
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word.trim()))
        .map(|(_, kind)| *kind)
}

/// `ai.operationId`: the inner call is the model's, the outer one carries the same usage again.
fn vercel(operation: &str) -> Kind {
    match operation {
        "ai.toolCall" => K::Tool,
        "ai.rerank" => K::Reranker,
        _ if operation.ends_with(".doEmbed") => K::Embedding,
        _ if operation.ends_with(".doGenerate") || operation.ends_with(".doStream") => K::Llm,
        _ => K::Chain,
    }
}

/// A model together with tokens or messages, and no word for what it is.
fn is_model_call(view: &View<'_>) -> bool {
    let named = [Fact::RequestModel, Fact::ResponseModel, Fact::ModelName]
        .into_iter()
        .any(|fact| view.text(fact).is_some());
    let counted = [Fact::PromptTokens, Fact::CompletionTokens, Fact::Input, Fact::Output];
    let told = [Family::InputMessages, Family::GenAiPrompt, Family::Prompts];
    named
        && (counted.into_iter().any(|fact| view.has(fact))
            || told.into_iter().any(|family| view.family(family).next().is_some())
            || view.span.events.iter().any(|event| event.name == "gen_ai.content.prompt"))
}

impl Kind {
    /// Whether a span of this kind can stand for one call of a model.
    pub(crate) const fn is_candidate(self) -> bool {
        match self {
            K::Llm | K::Embedding | K::Reranker => true,
            K::Retriever
            | K::Tool
            | K::Agent
            | K::Chain
            | K::Guardrail
            | K::Evaluator
            | K::Prompt
            | K::Decision
            | K::Event
            | K::Unknown => false,
        }
    }

    /// Whether the input and output are those of a model.
    pub(crate) const fn payloads(self) -> Payloads {
        if self.is_candidate() { Payloads::Read } else { Payloads::Skip }
    }

    const fn openinference(self) -> &'static str {
        match self {
            K::Llm => "LLM",
            K::Embedding => "EMBEDDING",
            K::Reranker => "RERANKER",
            K::Retriever => "RETRIEVER",
            K::Tool => "TOOL",
            K::Agent => "AGENT",
            K::Chain => "CHAIN",
            K::Guardrail => "GUARDRAIL",
            K::Evaluator => "EVALUATOR",
            K::Prompt => "PROMPT",
            K::Decision => "DECISION",
            K::Event | K::Unknown => "UNKNOWN",
        }
    }

    const fn observation(self) -> &'static str {
        match self {
            K::Llm => "GENERATION",
            K::Embedding => "EMBEDDING",
            K::Retriever => "RETRIEVER",
            K::Tool => "TOOL",
            K::Agent => "AGENT",
            K::Chain => "CHAIN",
            K::Guardrail => "GUARDRAIL",
            K::Evaluator => "EVALUATOR",
            K::Event => "EVENT",
            K::Reranker | K::Prompt | K::Decision | K::Unknown => "SPAN",
        }
    }
}

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, kind: Kind) {
    cells.set(column!("llm_observation_type"), Text::fixed(kind.observation()));
    cells.set(column!("openinference_span_kind"), Text::fixed(kind.openinference()));
    cells.set_some(column!("gen_ai_operation_name"), operation(view, kind));
}

/// Who saw the call: our gateway on all of its spans, the application on those about LLMs.
pub(crate) fn fill_vantage(cells: &mut Cells, kind: Option<Kind>) {
    let vantage = match (cells.vantage(), kind) {
        (Vantage::Gateway, _) => "gateway",
        (Vantage::App, Some(_)) => "app",
        (Vantage::App, None) => return,
    };
    cells.set(column!("inferscope_vantage_point"), Text::fixed(vantage));
}

/// The operation: as it was sent, its old spellings renamed, else as the kind implies.
fn operation(view: &View<'_>, kind: Kind) -> Option<Text> {
    let sent = view.shared(Fact::OperationName);
    match sent.as_deref() {
        Some("embedding") => return Some(Text::fixed("embeddings")),
        Some("completion") => return Some(Text::fixed("text_completion")),
        Some(_) => return sent,
        None => {}
    }
    let text_form = [Family::Prompts, Family::Choices];
    let implied = match kind {
        K::Llm if text_form.into_iter().any(|family| view.family(family).next().is_some()) => {
            "text_completion"
        }
        K::Llm => "chat",
        K::Embedding => "embeddings",
        K::Retriever => "retrieval",
        K::Tool => "execute_tool",
        K::Agent => "invoke_agent",
        K::Chain
        | K::Reranker
        | K::Guardrail
        | K::Evaluator
        | K::Prompt
        | K::Decision
        | K::Event
        | K::Unknown => return None,
    };
    Some(Text::fixed(implied))
}

/// Whether the span stands for a call, as far as one span alone can tell.
pub(crate) fn fill_leaf(cells: &mut Cells, kind: Kind, names_model_or_counts: bool) {
    cells.set(column!("llm_is_leaf"), kind.is_candidate() && names_model_or_counts);
}
