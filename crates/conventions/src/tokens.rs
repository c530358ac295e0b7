//! Token counts: what was reported, made inclusive, and never a zero for what is unknown.

use schema::{Name, Value};
use serde_json::{Map, Value as Json};

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::kind::Kind;
use crate::view::{Found, View};

/// The counts of a span; the prompt includes what was cached, the completion what was reasoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    prompt: Option<i64>,
    pub(crate) completion: Option<i64>,
    total: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    reasoning: Option<i64>,
    derived: bool,
}

impl Tokens {
    pub(crate) const fn any(&self) -> bool {
        self.prompt.is_some() || self.completion.is_some() || self.total.is_some()
    }

    /// Where the counts came from: the worst of the three.
    fn source(&self) -> Option<&'static str> {
        match (self.prompt, self.completion, self.total) {
            (None, None, None) => None,
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                Some(if self.derived { "derived" } else { "reported" })
            }
            (Some(_), _, None) | (_, Some(_), None) | (None, None, Some(_)) => Some("partial"),
        }
    }
}

pub(crate) fn read(view: &View<'_>, kind: Kind) -> Tokens {
    let mut tokens = Tokens {
        prompt: view.count(Fact::PromptTokens),
        completion: view.count(Fact::CompletionTokens),
        total: view.count(Fact::TotalTokens),
        cache_read: view.count(Fact::CacheRead),
        cache_write: view.count(Fact::CacheWrite),
        reasoning: view.count(Fact::Reasoning),
        derived: false,
    };
    if let Some(Json::Object(usage)) = view.json(Fact::LangfuseUsage) {
        tokens = tokens.or(of_langfuse(usage));
    }
    tokens.include_cached(view);
    tokens.sum_up(kind);
    tokens
}

impl Tokens {
    /// These counts, and where one is unknown the other's.
    fn or(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.or(other.prompt),
            completion: self.completion.or(other.completion),
            total: self.total.or(other.total),
            cache_read: self.cache_read.or(other.cache_read),
            cache_write: self.cache_write.or(other.cache_write),
            reasoning: self.reasoning.or(other.reasoning),
            derived: self.derived
                || (self.prompt.is_none() && self.completion.is_none() && other.derived),
        }
    }

    /// Adds the cached tokens to a prompt count that leaves them out.
    fn include_cached(&mut self, view: &View<'_>) {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        let Some(prompt) = self.prompt.filter(|_| cached > 0) else { return };
        // Fewer than were cached: the count cannot include them.
        if prompt < cached || leaves_cached_out(view) {
            self.prompt = Some(prompt.saturating_add(cached));
            self.derived = true;
        }
    }

    fn sum_up(&mut self, kind: Kind) {
        if self.total.is_some() {
            return;
        }
        self.total = match (self.prompt, self.completion) {
            (Some(prompt), Some(completion)) => Some(prompt.saturating_add(completion)),
            (Some(prompt), None) if kind == Kind::Embedding => Some(prompt),
            (Some(_), None) | (None, _) => None,
        };
        self.derived |= self.total.is_some();
    }
}

/// Emitters that pass on an Anthropic or Bedrock count, which leaves cached tokens out.
fn leaves_cached_out(view: &View<'_>) -> bool {
    let provider = view.text(Fact::Provider).unwrap_or_default().to_ascii_lowercase();
    let exclusive = provider.starts_with("anthropic") || provider.contains("bedrock");
    let Some((_, key)) = view.all(Fact::PromptTokens).find(|(found, _)| found.count().is_some())
    else {
        return false;
    };
    match key {
        "ai.usage.inputTokens" | "ai.usage.promptTokens" => {
            exclusive && view.count(Fact::UncachedTokens).is_none()
        }
        "output.value" => {
            let usage = view.json(Fact::OutputUsage).and_then(Json::as_object);
            usage.is_some_and(|usage| {
                ["cache_read_input_tokens", "cache_creation_input_tokens"]
                    .into_iter()
                    .any(|key| usage.get(key).is_some_and(Json::is_number))
            })
        }
        _ => exclusive && view.scope_name().starts_with("openlit"),
    }
}

/// Langfuse's usage object: a provider's own, or disjoint buckets that have to be added up.
fn of_langfuse(usage: &Map<String, Json>) -> Tokens {
    let count = |key: &str| usage.get(key).map(Found::Json).and_then(Found::count);
    let detail = |object: &str, key: &str| {
        usage.get(object).and_then(|object| object.get(key)).map(Found::Json).and_then(Found::count)
    };
    if usage.contains_key("prompt_tokens") || usage.contains_key("completion_tokens") {
        return Tokens {
            prompt: count("prompt_tokens"),
            completion: count("completion_tokens"),
            total: count("total_tokens"),
            cache_read: detail("prompt_tokens_details", "cached_tokens"),
            cache_write: None,
            reasoning: detail("completion_tokens_details", "reasoning_tokens"),
            derived: false,
        };
    }
    let buckets = |part: &str| -> Vec<i64> {
        usage
            .iter()
            .filter(|(key, _)| key.contains(part))
            .filter_map(|(_, value)| Found::Json(value).count())
            .collect()
    };
    let sum = |buckets: &[i64]| {
        (!buckets.is_empty())
            .then(|| buckets.iter().fold(0_i64, |sum, count| sum.saturating_add(*count)))
    };
    let (input, output) = (buckets("input"), buckets("output"));
    Tokens {
        prompt: sum(&input),
        completion: sum(&output),
        total: count("total"),
        cache_read: ["input_cached_tokens", "cache_read_input_tokens", "input_cache_read"]
            .into_iter()
            .find_map(count),
        cache_write: sum(&buckets("cache_creation")),
        reasoning: ["output_reasoning_tokens", "output_reasoning"].into_iter().find_map(count),
        derived: input.len() > 1 || output.len() > 1,
    }
}

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, kind: Kind, tokens: &Tokens) {
    if !kind.is_candidate() {
        return fill_rollup(cells, view, tokens);
    }
    let columns = [
        (
            tokens.prompt,
            [
                column!("llm_token_count_prompt"),
                column!("llm_usage_tokens_input"),
                column!("gen_ai_usage_input_tokens"),
            ],
        ),
        (
            tokens.completion,
            [
                column!("llm_token_count_completion"),
                column!("llm_usage_tokens_output"),
                column!("gen_ai_usage_output_tokens"),
            ],
        ),
        (
            tokens.total,
            [
                column!("llm_token_count_total"),
                column!("llm_usage_tokens_total"),
                column!("gen_ai_usage_total_tokens"),
            ],
        ),
    ];
    for (count, columns) in columns {
        for column in columns {
            cells.set_some(column, count);
        }
    }
    cells.set_some(column!("llm_token_count_prompt_details_cache_read"), tokens.cache_read);
    cells.set_some(column!("llm_token_count_prompt_details_cache_write"), tokens.cache_write);
    cells.set_some(column!("llm_token_count_completion_details_reasoning"), tokens.reasoning);
    cells.set_some(column!("llm_token_source"), tokens.source());
    fill_cost(cells, view, tokens);
}

/// The cost that the client reports. Its parts count only beside a total, which they may make up.
fn fill_cost(cells: &mut Cells, view: &View<'_>, tokens: &Tokens) {
    let failed = cells.text(column!("span_status")) == Some("ERROR");
    let amount = |fact| view.number(fact).filter(|usd| usd.is_finite() && *usd >= 0.0);
    let (input, output) = (amount(Fact::CostInput), amount(Fact::CostOutput));
    let total =
        amount(Fact::CostTotal).or_else(|| input.zip(output).map(|(input, output)| input + output));
    // Libraries write a cost of 0 on calls that failed before they cost anything.
    let Some(total) = total.filter(|usd| *usd > 0.0 || tokens.any() || !failed) else { return };
    let columns = [
        (
            Some(total),
            [
                column!("llm_usage_cost_total"),
                column!("llm_cost_total"),
                column!("gen_ai_usage_cost"),
            ],
        ),
        (
            input,
            [
                column!("llm_usage_cost_input"),
                column!("llm_cost_prompt"),
                column!("gen_ai_usage_cost_input"),
            ],
        ),
        (
            output,
            [
                column!("llm_usage_cost_output"),
                column!("llm_cost_completion"),
                column!("gen_ai_usage_cost_output"),
            ],
        ),
    ];
    for (usd, columns) in columns {
        for column in columns {
            cells.set_some(column, usd);
        }
    }
}

/// Counts of a span that sums up its children: under names of their own, so that no sum counts them twice.
fn fill_rollup(cells: &mut Cells, view: &View<'_>, tokens: &Tokens) {
    let counts = [
        ("llm_rollup_tokens_prompt", tokens.prompt.or_else(|| view.count(Fact::RollupPrompt))),
        (
            "llm_rollup_tokens_completion",
            tokens.completion.or_else(|| view.count(Fact::RollupCompletion)),
        ),
        ("llm_rollup_tokens_total", tokens.total),
    ];
    for (name, count) in counts {
        if let Some(count) = count {
            cells.add(Name::fixed(name), Value::Int(count));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn langfuse(usage: &Json) -> Tokens {
        let mut tokens = of_langfuse(usage.as_object().unwrap());
        tokens.sum_up(Kind::Llm);
        tokens
    }

    #[test]
    fn langfuse_s_buckets_are_added_up() {
        let tokens = langfuse(
            &json!({ "input": 7, "input_cached_tokens": 1639, "input_cache_creation": 2089, "output": 120 }),
        );
        assert_eq!(
            (tokens.prompt, tokens.completion, tokens.total),
            (Some(3735), Some(120), Some(3855))
        );
        assert_eq!(
            (tokens.cache_read, tokens.cache_write, tokens.source()),
            (Some(1639), Some(2089), Some("derived"))
        );
        let tokens = langfuse(&json!({ "input": 10, "output": 20, "output_reasoning_tokens": 5 }));
        assert_eq!((tokens.completion, tokens.reasoning), (Some(25), Some(5)));
    }

    #[test]
    fn a_provider_s_own_usage_inside_langfuse_is_taken_as_it_is() {
        let details = json!({ "cached_tokens": 1024 });
        let usage = json!({ "prompt_tokens": 1201, "completion_tokens": 82, "total_tokens": 1283, "prompt_tokens_details": details });
        let tokens = langfuse(&usage);
        assert_eq!(
            (tokens.prompt, tokens.total, tokens.cache_read),
            (Some(1201), Some(1283), Some(1024))
        );
        assert_eq!(tokens.source(), Some("reported"));
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        assert_eq!(langfuse(&json!({})), Tokens::default());
        assert_eq!(langfuse(&json!({ "input": 5 })).source(), Some("partial"));
        assert_eq!(langfuse(&json!({ "input": -5 })).prompt, None);
    }
}
