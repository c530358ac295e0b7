//! The columns that hold a call's cost.

use schema::{Name, Row, Value};

pub(crate) const TOTAL: &str = "llm_usage_cost_total";
pub(crate) const SOURCE: &str = "llm_cost_source";
/// The source of a cost that the client told.
pub(crate) const REPORTED: &str = "reported";
pub(crate) const COMPUTED: &str = "llm_cost_computed";
pub(crate) const ROW: &str = "llm_price_row";
pub(crate) const LOW: &str = "llm_cost_estimate_low";
pub(crate) const MEDIAN: &str = "llm_cost_estimate_median";
pub(crate) const HIGH: &str = "llm_cost_estimate_high";
pub(crate) const REASON: &str = "llm_cost_unpriced_reason";
pub(crate) const SERVING: &str = "hf_inference_provider";

/// The same amount under the names of OpenObserve's older and newer columns and of OpenInference.
pub(crate) const INPUTS: [&str; 3] =
    ["llm_usage_cost_input", "llm_cost_prompt", "gen_ai_usage_cost_input"];
pub(crate) const OUTPUTS: [&str; 3] =
    ["llm_usage_cost_output", "llm_cost_completion", "gen_ai_usage_cost_output"];
pub(crate) const TOTALS: [&str; 3] = [TOTAL, "llm_cost_total", "gen_ai_usage_cost"];

/// What stands beside the amounts.
const BESIDE: [&str; 8] = [SOURCE, COMPUTED, ROW, LOW, MEDIAN, HIGH, REASON, SERVING];

/// All columns that pricing writes.
pub(crate) const WRITES: [&str; 17] = {
    let mut all = [""; 17];
    let groups: [&[&str]; 4] = [&INPUTS, &OUTPUTS, &TOTALS, &BESIDE];
    let (mut group, mut at) = (0, 0);
    while group < groups.len() {
        let mut place = 0;
        while place < groups[group].len() {
            all[at] = groups[group][place];
            (at, place) = (at + 1, place + 1);
        }
        group += 1;
    }
    all
};

/// How those names begin: few other columns' do.
const BEGINNINGS: [&str; 5] =
    ["llm_cost_", "llm_usage_cost_", "llm_price_", "gen_ai_usage_cost", "hf_inference_"];

/// Whether pricing writes that column; not the amounts, if the client reported them.
pub(crate) fn is_ours(name: &str, reported: bool) -> bool {
    if !BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
        return false;
    }
    let amounts = || [INPUTS, OUTPUTS, TOTALS].iter().flatten().any(|column| *column == name);
    BESIDE.contains(&name) || (!reported && amounts())
}

/// Takes out what pricing wrote.
pub(crate) fn clear(row: &mut Row, reported: bool) {
    let cells: Vec<(Name, Value)> = std::mem::take(row).into_cells().collect();
    *row = Row::with_capacity(cells.len() + BESIDE.len());
    for (name, value) in cells.into_iter().filter(|(name, _)| !is_ours(name.as_str(), reported)) {
        row.push(name, value);
    }
}

#[cfg(test)]
mod tests {
    use schema::{Type, column};

    use super::*;

    #[test]
    fn every_column_is_promised() {
        for name in
            [INPUTS, OUTPUTS, TOTALS].into_iter().flatten().chain([COMPUTED, LOW, MEDIAN, HIGH])
        {
            assert_eq!(column(name).map(|column| column.ty), Some(Type::Float), "{name}");
        }
        for name in [SOURCE, ROW, REASON, SERVING] {
            assert_eq!(column(name).map(|column| column.ty), Some(Type::Text), "{name}");
        }
    }

    #[test]
    fn reported_amounts_are_not_ours() {
        for name in [INPUTS, OUTPUTS, TOTALS].into_iter().flatten() {
            assert!(is_ours(name, false) && !is_ours(name, true), "{name}");
        }
        assert!(BESIDE.iter().all(|name| is_ours(name, true) && is_ours(name, false)));
        assert!(!is_ours("llm_cost_center", false) && !is_ours("llm_token_count_prompt", false));
    }
}
