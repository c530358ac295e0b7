//! A verdict, written into the row.

use schema::{Name, Row, Value};
use text::Text;

use super::Verdict;

/// Where the figures of a span that does not count are kept: no sum over the columns of calls meets them twice.
const ROLLUPS: &[(&str, &str)] = &[
    ("llm_token_count_prompt", "llm_rollup_tokens_prompt"),
    ("llm_token_count_completion", "llm_rollup_tokens_completion"),
    ("llm_token_count_total", "llm_rollup_tokens_total"),
    ("llm_token_count_prompt_details_cache_read", "llm_rollup_tokens_cache_read"),
    ("llm_token_count_prompt_details_cache_write", "llm_rollup_tokens_cache_write"),
    ("llm_token_count_completion_details_reasoning", "llm_rollup_tokens_reasoning"),
    ("llm_token_count_prompt_details_audio", "llm_rollup_tokens_prompt_audio"),
    ("llm_token_count_completion_details_audio", "llm_rollup_tokens_completion_audio"),
    ("llm_usage_cost_total", "llm_rollup_cost_total"),
    ("llm_usage_cost_input", "llm_rollup_cost_input"),
    ("llm_usage_cost_output", "llm_rollup_cost_output"),
];

/// Second names of the same figures.
const MIRRORS: &[&str] = &[
    "llm_usage_tokens_input",
    "llm_usage_tokens_output",
    "llm_usage_tokens_total",
    "gen_ai_usage_input_tokens",
    "gen_ai_usage_output_tokens",
    "gen_ai_usage_total_tokens",
    "llm_cost_total",
    "llm_cost_prompt",
    "llm_cost_completion",
    "gen_ai_usage_cost",
    "gen_ai_usage_cost_input",
    "gen_ai_usage_cost_output",
];

/// Writes the verdict of a candidate into its row: one that does not count gives its figures to the `llm_rollup_*`
/// columns and names the span that counts.
pub fn settle(row: &mut Row, verdict: Verdict) {
    let leaf = match verdict {
        Verdict::Leaf => return,
        Verdict::Duplicate(leaf) => Some(leaf),
        Verdict::Wrapper => None,
    };
    row.set(Name::fixed("llm_is_leaf"), Value::Bool(false));
    if let Some(leaf) = leaf {
        row.set(Name::fixed("llm_duplicate_of"), Text::hex(&leaf));
    }
    for (call, rollup) in ROLLUPS {
        if let Some(figure) = row.remove(call) {
            row.set(Name::fixed(rollup), figure);
        }
    }
    for mirror in MIRRORS {
        row.remove(mirror);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_keeps_its_figures_elsewhere() {
        let mut row = Row::default();
        row.push(Name::fixed("llm_is_leaf"), true);
        row.push(Name::fixed("llm_token_count_prompt"), 21);
        row.push(Name::fixed("gen_ai_usage_input_tokens"), 21);
        row.push(Name::fixed("llm_usage_cost_total"), 0.5);
        let counted = row.clone();
        settle(&mut row, Verdict::Leaf);
        assert_eq!(row, counted);
        settle(&mut row, Verdict::Duplicate([0, 0, 0, 0, 0, 0, 0xab, 1]));
        assert_eq!(row.get("llm_is_leaf"), Some(&Value::Bool(false)));
        assert_eq!(row.text("llm_duplicate_of"), Some("000000000000ab01"));
        assert_eq!(row.int("llm_rollup_tokens_prompt"), Some(21));
        assert_eq!(row.float("llm_rollup_cost_total"), Some(0.5));
        for gone in ["llm_token_count_prompt", "gen_ai_usage_input_tokens", "llm_usage_cost_total"]
        {
            assert_eq!(row.get(gone), None, "{gone}");
        }
        let mut wrapper = counted;
        settle(&mut wrapper, Verdict::Wrapper);
        assert_eq!(
            (wrapper.text("llm_duplicate_of"), wrapper.int("llm_rollup_tokens_prompt")),
            (None, Some(21))
        );
    }
}
