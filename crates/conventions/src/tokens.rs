//! Token counts: what was reported, made inclusive, and never a zero for what is unknown.

use serde_json::{Map, Value as Json};
use text::Text;

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::kind::Kind;
use crate::parameters;
use crate::view::{Found, View};

/// The counts of a span; the prompt includes what was cached, the completion what was reasoned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    prompt: Option<i64>,
    pub(crate) completion: Option<i64>,
    total: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    reasoning: Option<i64>,
    derived: bool,
    /// What is odd about a count.
    pub(crate) flags: Vec<(Count, &'static str)>,
}

/// One of the counts of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Prompt,
    Completion,
    Total,
    CacheRead,
    CacheWrite,
    Reasoning,
}

impl Count {
    pub(crate) const ALL: [Self; 6] = [
        Self::Prompt,
        Self::Completion,
        Self::Total,
        Self::CacheRead,
        Self::CacheWrite,
        Self::Reasoning,
    ];

    pub(crate) const fn fact(self) -> Fact {
        match self {
            Self::Prompt => Fact::PromptTokens,
            Self::Completion => Fact::CompletionTokens,
            Self::Total => Fact::TotalTokens,
            Self::CacheRead => Fact::CacheRead,
            Self::CacheWrite => Fact::CacheWrite,
            Self::Reasoning => Fact::Reasoning,
        }
    }
}

impl Tokens {
    pub(crate) const fn any(&self) -> bool {
        self.prompt.is_some() || self.completion.is_some() || self.total.is_some()
    }

    pub(crate) const fn get(&self, count: Count) -> Option<i64> {
        match count {
            Count::Prompt => self.prompt,
            Count::Completion => self.completion,
            Count::Total => self.total,
            Count::CacheRead => self.cache_read,
            Count::CacheWrite => self.cache_write,
            Count::Reasoning => self.reasoning,
        }
    }

    /// Whether a count was worked out.
    pub(crate) const fn is_derived(&self) -> bool {
        self.derived
    }

    /// Where the counts came from: the worst of the three.
    fn source(&self, broke_off: bool) -> &'static str {
        let whole = self.total.is_some() && (self.prompt.is_some() || self.completion.is_some());
        match (self.any(), whole && !broke_off) {
            (false, _) => "absent",
            (true, false) => "partial",
            (true, true) if self.flags.iter().any(|(_, flag)| *flag == MAYBE_ESTIMATED) => {
                "estimated"
            }
            (true, true) if self.derived => "derived",
            (true, true) => "reported",
        }
    }

    fn flag(&mut self, count: Count, flag: &'static str) {
        if !self.flags.contains(&(count, flag)) {
            self.flags.push((count, flag));
        }
    }
}

/// The library may have counted the text itself, and does not say so.
const MAYBE_ESTIMATED: &str = "maybe_estimated";

pub(crate) fn read(view: &View<'_>, kind: Kind, convention: Option<&str>) -> Tokens {
    let mut tokens = Tokens {
        prompt: view.count(Fact::PromptTokens),
        completion: view.count(Fact::CompletionTokens),
        total: view.count(Fact::TotalTokens),
        cache_read: view.count(Fact::CacheRead),
        cache_write: view.count(Fact::CacheWrite),
        reasoning: view.count(Fact::Reasoning),
        ..Tokens::default()
    };
    if let Some(Json::Object(usage)) = view.json(Fact::LangfuseUsage) {
        tokens = tokens.or(of_langfuse(usage));
    }
    tokens.drop_false_zeros(kind);
    tokens.settle_conflicts(view);
    tokens.include_cached(view, convention);
    tokens.sum_up(kind);
    tokens.flag_zeros();
    if tokens.any() && may_estimate(view, convention) {
        tokens.flag(Count::Prompt, MAYBE_ESTIMATED);
        tokens.flag(Count::Completion, MAYBE_ESTIMATED);
    }
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
            flags: self.flags,
        }
    }

    /// No language model answers nothing with nothing: who says 0 of both does not know, as LiteLLM of a stream
    /// without usage.
    fn drop_false_zeros(&mut self, kind: Kind) {
        let is_nothing = |count: Option<i64>| count.unwrap_or(0) == 0;
        let counts = [self.prompt, self.completion, self.total];
        if kind == Kind::Llm && self.any() && counts.into_iter().all(is_nothing) {
            *self = Self::default();
        }
    }

    fn cached(&self) -> i64 {
        self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0))
    }

    /// Keys that disagree are noted. Of two prompt counts the one that can hold the cached tokens is the inclusive one.
    fn settle_conflicts(&mut self, view: &View<'_>) {
        for count in Count::ALL {
            let Some(winner) = self.get(count) else { continue };
            // What the call's whole input and output say is not opened only to compare.
            let mut differing = view
                .plain(count.fact())
                .filter_map(|(_, found)| found.count())
                .filter(|other| *other != winner);
            let Some(other) = differing.next() else { continue };
            self.flag(count, "conflict");
            if count == Count::Prompt && winner < self.cached() {
                let inclusive = std::iter::once(other).chain(differing);
                self.prompt =
                    inclusive.filter(|other| *other >= self.cached()).max().or(self.prompt);
            }
        }
    }

    /// Adds the cached tokens to a prompt count that leaves them out.
    fn include_cached(&mut self, view: &View<'_>, convention: Option<&str>) {
        let cached = self.cached();
        let Some(prompt) = self.prompt.filter(|_| cached > 0) else { return };
        let known = leaves_cached_out(view);
        // Fewer than were cached: the count cannot include them.
        if prompt < cached || known == Some(true) {
            self.prompt = Some(prompt.saturating_add(cached));
            self.derived = true;
            if known != Some(true) {
                self.flag(Count::Prompt, "assumed_exclusive");
            }
        } else if known.is_none() && !includes_cached(view, convention) {
            self.flag(Count::Prompt, "assumed_inclusive");
        }
    }

    fn sum_up(&mut self, kind: Kind) {
        if let Some(total) = self.total {
            return self.check_total(total);
        }
        self.total = match (self.prompt, self.completion) {
            (Some(prompt), Some(completion)) => Some(prompt.saturating_add(completion)),
            (Some(prompt), None) if kind == Kind::Embedding => Some(prompt),
            (Some(_), None) | (None, _) => None,
        };
        self.derived |= self.total.is_some();
    }

    /// A reported total stays; thoughts that a completion count leaves out are added to it.
    fn check_total(&mut self, total: i64) {
        let (Some(prompt), Some(completion)) = (self.prompt, self.completion) else { return };
        let sum = prompt.saturating_add(completion);
        if total == sum {
            return;
        }
        self.flag(Count::Total, "total_mismatch");
        if total > sum && self.reasoning == Some(total - sum) {
            self.completion = Some(completion.saturating_add(total - sum));
            self.derived = true;
        }
    }

    /// Some libraries write 0 for what they do not know: averages may leave these out.
    fn flag_zeros(&mut self) {
        for count in Count::ALL {
            if self.get(count) == Some(0) {
                self.flag(count, "reported_zero");
            }
        }
    }
}

/// Whether the emitter is known to leave cached tokens out of its prompt count: those that pass on an Anthropic or
/// Bedrock count. `None` where the key says nothing.
fn leaves_cached_out(view: &View<'_>) -> Option<bool> {
    let provider = view.text(Fact::Provider).unwrap_or_default().to_ascii_lowercase();
    let exclusive = provider.starts_with("anthropic") || provider.contains("bedrock");
    let (_, key) = view.all(Fact::PromptTokens).find(|(found, _)| found.count().is_some())?;
    match key {
        "ai.usage.inputTokens" | "ai.usage.promptTokens" => {
            Some(exclusive && view.count(Fact::UncachedTokens).is_none())
        }
        "output.value" => {
            let usage = view.json(Fact::OutputUsage).and_then(Json::as_object)?;
            let is_anthropic = ["cache_read_input_tokens", "cache_creation_input_tokens"]
                .into_iter()
                .any(|key| usage.get(key).is_some_and(Json::is_number));
            Some(is_anthropic)
        }
        _ if view.scope_name().starts_with("openlit") => Some(exclusive),
        _ => None,
    }
}

/// Conventions whose prompt count includes what was cached, whoever provides the model.
const INCLUSIVE: &[&str] = &[
    "openinference",
    "otel_genai_next",
    "traceloop_old",
    "traceloop_new",
    "langfuse",
    "litellm_v1",
    "litellm_v2",
    "logfire",
    "mlflow",
    "pydantic_ai",
];

/// Whether the emitter is known to include cached tokens. Only Anthropic's and Bedrock's APIs leave them out.
fn includes_cached(view: &View<'_>, convention: Option<&str>) -> bool {
    let provider = view.text(Fact::Provider).map(|provider| provider.to_ascii_lowercase());
    let bedrock = provider.as_deref().is_some_and(|provider| provider.contains("bedrock"));
    let other =
        provider.as_deref().is_some_and(|provider| !bedrock && !provider.starts_with("anthropic"));
    // OpenTelemetry has had these keys since it says that the input includes them.
    let newest = ["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"];
    let by_rule = view
        .all(Fact::CacheRead)
        .chain(view.all(Fact::CacheWrite))
        .any(|(_, key)| newest.contains(&key));
    other
        || by_rule
        || convention.is_some_and(|convention| {
            INCLUSIVE.contains(&convention) && !(bedrock && convention.starts_with("traceloop"))
        })
}

/// Libraries that count the text of a stream themselves when it carries no usage: OpenLIT, and OpenLLMetry before 0.60.
fn may_estimate(view: &View<'_>, convention: Option<&str>) -> bool {
    let streamed = || parameters::stream(view) == Some(true);
    match convention {
        // With a usage come its details, if only as 0.
        Some("openlit") => streamed() && view.count(Fact::CacheRead).is_none(),
        Some("traceloop_old" | "traceloop_new") => is_before_0_60(view) && streamed(),
        Some(_) | None => false,
    }
}

fn is_before_0_60(view: &View<'_>) -> bool {
    let mut parts = view.span.scope.version.split('.').map(str::parse::<u32>);
    matches!((parts.next(), parts.next()), (Some(Ok(0)), Some(Ok(minor))) if minor < 60)
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
            ..Tokens::default()
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
        ..Tokens::default()
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
    let failed = cells.text(column!("span_status")) == Some("ERROR");
    cells.set(column!("llm_token_source"), Text::fixed(tokens.source(failed)));
    fill_cost(cells, view, tokens);
}

/// The cost that the client reports. Its parts count only beside a total, which they may make up.
fn fill_cost(cells: &mut Cells, view: &View<'_>, tokens: &Tokens) {
    let failed = cells.text(column!("span_status")) == Some("ERROR");
    let amount = |fact| view.number(fact).filter(|usd| usd.is_finite() && *usd >= 0.0);
    let (input, output) = (amount(Fact::CostInput), amount(Fact::CostOutput));
    let total =
        amount(Fact::CostTotal).or_else(|| input.zip(output).map(|(input, output)| input + output));
    // Libraries write a cost of 0 on calls that failed before they cost anything, and OpenLIT where it knows no price.
    let may_be_free = (tokens.any() || !failed) && !view.scope_name().starts_with("openlit");
    let Some(total) = total.filter(|usd| *usd > 0.0 || may_be_free) else { return };
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
    let prompt = tokens.prompt.or_else(|| view.count(Fact::RollupPrompt));
    let completion = tokens.completion.or_else(|| view.count(Fact::RollupCompletion));
    cells.set_some(column!("llm_rollup_tokens_prompt"), prompt);
    cells.set_some(column!("llm_rollup_tokens_completion"), completion);
    cells.set_some(column!("llm_rollup_tokens_total"), tokens.total);
    cells.set_some(column!("llm_rollup_tokens_cache_read"), tokens.cache_read);
    cells.set_some(column!("llm_rollup_tokens_cache_write"), tokens.cache_write);
    cells.set_some(column!("llm_rollup_tokens_reasoning"), tokens.reasoning);
    let cost = view.number(Fact::CostTotal).filter(|cost| *cost > 0.0);
    cells.set_some(column!("llm_rollup_cost_total"), cost);
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
            (tokens.cache_read, tokens.cache_write, tokens.source(false)),
            (Some(1639), Some(2089), "derived")
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
        assert_eq!(tokens.source(false), "reported");
        assert_eq!(tokens.source(true), "partial", "the call broke off");
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        assert_eq!(langfuse(&json!({})), Tokens::default());
        assert_eq!(langfuse(&json!({})).source(false), "absent");
        assert_eq!(langfuse(&json!({ "input": 5 })).source(false), "partial");
        assert_eq!(langfuse(&json!({ "input": -5 })).prompt, None);
    }
}
