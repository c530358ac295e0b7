//! Which columns are known only when a call is over.
//!
//! Where calls are selected by how they ended, such columns differ because of the selection: they follow from it, and
//! explain nothing. Where calls are selected by what was known before, they are what it led to, and worth to be named.

/// Columns that are about failing, and beginnings of their names.
const FAILURES: [&str; 7] = [
    "error",
    "exception",
    "status",
    "span_status",
    "http_status",
    "http_response",
    "rpc_grpc_status",
];

/// Columns of other outcomes.
const OUTCOMES: [&str; 26] = [
    "duration",
    "end_time",
    "llm_token",
    "llm_usage",
    "llm_cost",
    "llm_price",
    "llm_rollup",
    "llm_output",
    "llm_finish",
    "llm_model_name",
    "llm_response",
    "gen_ai_response",
    "gen_ai_usage",
    "gen_ai_output",
    "gen_ai_evaluation",
    "gen_ai_choice",
    "gen_ai_server",
    "output_",
    "usage_",
    "tokens_",
    "cost_",
    "finish_reason",
    "inferscope_attempts",
    "had_exception",
    // Read off the name of what answered.
    "hf_inference_provider",
    "llm_tool_call_count",
];

/// What was sent is counted before the answer, but only an answer tells how much it was.
const INPUT_COUNTS: [&str; 2] = ["llm_token_count_prompt", "gen_ai_usage_input"];

/// Which columns follow from a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// It is by what was known before the call.
    None,
    /// It is by how calls ended.
    Outcomes,
    /// It is by whether calls failed: of a failed call not even the input is counted.
    OutcomesAndInput,
}

fn begins(column: &str, beginnings: &[&str]) -> bool {
    // What found its name taken is known as early as what has the name.
    let column = column.strip_prefix("attr_").unwrap_or(column);
    beginnings.iter().any(|beginning| column.starts_with(beginning))
}

fn is_outcome(column: &str) -> bool {
    // Not a beginning: an endpoint is known before.
    column == "inferscope_end"
        || begins(column, &FAILURES)
        || begins(column, &OUTCOMES) && !begins(column, &INPUT_COUNTS)
}

impl Follows {
    /// By the columns that select.
    pub(super) fn of(selecting: &[&str]) -> Self {
        if selecting.iter().any(|column| begins(column, &FAILURES)) {
            Self::OutcomesAndInput
        } else if selecting.iter().any(|column| is_outcome(column)) {
            Self::Outcomes
        } else {
            Self::None
        }
    }

    pub(super) fn has(self, column: &str) -> bool {
        match self {
            Self::None => false,
            Self::Outcomes => is_outcome(column),
            Self::OutcomesAndInput => is_outcome(column) || begins(column, &INPUT_COUNTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_follow_from_outcomes_and_from_nothing_else() {
        let slow = Follows::of(&["duration"]);
        assert!(
            slow.has("gen_ai_response_time_to_first_chunk") && slow.has("llm_token_count_total")
        );
        assert!(!slow.has("llm_token_count_prompt") && !slow.has("region") && !slow.has("user_id"));
        let failed = Follows::of(&["span_status"]);
        assert!(
            failed.has("error_type")
                && failed.has("llm_token_count_prompt")
                && failed.has("duration")
        );
        assert!(failed.has("attr_llm_model_name") && !failed.has("attr_region"));
        assert!(!failed.has("service_name") && !failed.has("llm_request_parameters_model"));
        let of_region = Follows::of(&["region"]);
        assert!(!of_region.has("duration") && !of_region.has("error_class"));
        assert_eq!(Follows::of(&["llm_request_parameters_model"]), Follows::None);
    }

    #[test]
    fn promised_columns_are_told_apart() {
        let outcomes: Vec<&str> = schema::TRACE_COLUMNS
            .iter()
            .map(|column| column.name)
            .filter(|name| is_outcome(name))
            .collect();
        for name in ["duration", "error_class", "http_response_status_code", "llm_usage_cost_total"]
        {
            assert!(outcomes.contains(&name), "{name}");
        }
        for name in
            ["service_name", "session_id", "inferscope_replica_id", "llm_request_parameters_stream"]
        {
            assert!(!outcomes.contains(&name), "{name}");
        }
    }
}
