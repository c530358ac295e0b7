//! What fewer spans say: tools, agents, tags, prompts, retrieval, reranking, guardrails, evaluations. Each under the
//! name of OpenTelemetry's key where there is one, else of OpenInference's; the columns exist once a span has filled them.

use schema::{Name, Value};
use serde_json::Value as Json;

use crate::cells::Cells;
use crate::facts::{Fact, Family};
use crate::kind::Kind;
use crate::messages::indexed;
use crate::payload::json_text_of;
use crate::view::{Found, View};

/// How a fact is written into its column.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Text, or structured values as JSON text.
    Content,
    Count,
    Number,
    /// A list of words, as a JSON array.
    Words,
}

use Shape as S;

/// Column, fact, shape: for spans of every kind.
const EVERY: &[(&str, Fact, Shape)] = &[
    ("gen_ai_tool_call_id", Fact::ToolCallId, S::Content),
    ("gen_ai_tool_type", Fact::ToolType, S::Content),
    ("gen_ai_tool_description", Fact::ToolDescription, S::Content),
    ("gen_ai_agent_id", Fact::AgentId, S::Content),
    ("gen_ai_workflow_name", Fact::Workflow, S::Content),
    ("tag_tags", Fact::Tags, S::Words),
    ("metadata", Fact::Metadata, S::Content),
    ("llm_prompt_template", Fact::PromptTemplate, S::Content),
    ("llm_prompt_template_variables", Fact::PromptVariables, S::Content),
    ("gen_ai_prompt_name", Fact::PromptName, S::Content),
    ("gen_ai_prompt_version", Fact::PromptVersion, S::Content),
    ("guardrail_name", Fact::GuardrailName, S::Content),
    ("guardrail_status", Fact::GuardrailStatus, S::Content),
    ("guardrail_action", Fact::GuardrailAction, S::Content),
    ("gen_ai_evaluation_name", Fact::EvaluationName, S::Content),
    ("gen_ai_evaluation_score_value", Fact::EvaluationScore, S::Number),
    ("gen_ai_evaluation_score_label", Fact::EvaluationLabel, S::Content),
    ("gen_ai_evaluation_explanation", Fact::EvaluationExplanation, S::Content),
];

const OF_TOOLS: &[(&str, Fact, Shape)] = &[
    ("gen_ai_tool_call_arguments", Fact::ToolArguments, S::Content),
    ("gen_ai_tool_call_result", Fact::ToolResult, S::Content),
];

const OF_EMBEDDINGS: &[(&str, Fact, Shape)] = &[
    ("gen_ai_embeddings_dimension_count", Fact::Dimensions, S::Count),
    ("embedding_text", Fact::EmbeddingText, S::Content),
];

const OF_RETRIEVERS: &[(&str, Fact, Shape)] = &[
    ("gen_ai_retrieval_query_text", Fact::RetrievalQuery, S::Content),
    ("gen_ai_retrieval_documents", Fact::RetrievalDocuments, S::Content),
];

const OF_RERANKERS: &[(&str, Fact, Shape)] = &[
    ("reranker_query", Fact::RerankerQuery, S::Content),
    ("reranker_top_k", Fact::RerankerTopK, S::Count),
];

const OF_CALLS: &[(&str, Fact, Shape)] = &[
    ("llm_token_count_prompt_details_audio", Fact::AudioIn, S::Count),
    ("llm_token_count_completion_details_audio", Fact::AudioOut, S::Count),
];

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, kind: Kind) {
    fill_all(cells, view, EVERY);
    if kind.is_candidate() {
        fill_all(cells, view, OF_CALLS);
    }
    match kind {
        Kind::Tool => fill_all(cells, view, OF_TOOLS),
        Kind::Embedding => fill_all(cells, view, OF_EMBEDDINGS),
        Kind::Retriever => {
            fill_all(cells, view, OF_RETRIEVERS);
            fill_documents(cells, view, Family::RetrievedDocuments, "gen_ai_retrieval_documents");
        }
        Kind::Reranker => {
            fill_all(cells, view, OF_RERANKERS);
            fill_documents(cells, view, Family::RerankedDocuments, "reranker_input_documents");
            fill_documents(cells, view, Family::RankedDocuments, "reranker_output_documents");
        }
        Kind::Llm
        | Kind::Agent
        | Kind::Chain
        | Kind::Guardrail
        | Kind::Evaluator
        | Kind::Prompt
        | Kind::Decision
        | Kind::Event
        | Kind::Unknown => {}
    }
}

fn fill_all(cells: &mut Cells, view: &View<'_>, columns: &[(&'static str, Fact, Shape)]) {
    for (column, fact, shape) in columns {
        let value = match shape {
            S::Content => view.first(*fact, Found::shared_content).map(Value::Text),
            S::Count => view.count(*fact).map(Value::Int),
            S::Number => view.number(*fact).map(Value::Float),
            S::Words => view.first(*fact, words).map(|words| Value::from(json_text_of(&words))),
        };
        if let Some(value) = value {
            cells.add(Name::fixed(column), value);
        }
    }
}

/// Words from a list, from its JSON, or from text that has commas between them.
fn words(found: Found<'_>) -> Option<Vec<String>> {
    let text = found.content()?;
    let listed: Option<Vec<Json>> = serde_json::from_str(&text).ok();
    let words: Vec<String> = match listed {
        Some(listed) => listed.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        None => text.split(',').map(|word| word.trim().to_owned()).collect(),
    };
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then_some(words)
}

fn fill_documents(cells: &mut Cells, view: &View<'_>, family: Family, column: &'static str) {
    let documents = indexed::documents(view.family(family));
    if !documents.is_empty() {
        cells.add(Name::fixed(column), Value::from(json_text_of(&documents)));
    }
}

#[cfg(test)]
mod tests {
    use otlp::AnyValue;

    use super::*;

    #[test]
    fn words_come_as_lists_json_and_text() {
        let text = |text: &str| AnyValue::Text(text.into());
        let list = AnyValue::Array(vec![text("prod"), text("eu")]);
        for value in [text("prod, eu"), text("[\"prod\",\"eu\"]"), list] {
            let found = words(Found::Attribute(&value));
            assert_eq!(found, Some(vec!["prod".to_owned(), "eu".to_owned()]), "{value:?}");
        }
        assert_eq!(words(Found::Attribute(&text("[]"))), None);
    }
}
