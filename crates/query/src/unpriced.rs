//! Calls that nobody has a price for, by what a price would have to say.

use crate::calls::{Pairs, calls};
use crate::condition::Condition;
use crate::error::Error;
use crate::search::{Own, Query};
use crate::streams::Spans;

/// Calls of one model, provider and endpoint that used tokens and have no cost. Each call counts once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnpricedModel {
    /// The model as requested.
    pub requested: Option<String>,
    /// The model that answered.
    pub answered: Option<String>,
    /// The provider as it was named.
    pub provider: Option<String>,
    /// The own endpoint that served.
    pub endpoint: Option<String>,
    /// Why there is no cost, as `llm_cost_unpriced_reason` has it.
    pub reason: Option<String>,
    /// Calls.
    pub calls: i64,
    /// Their input tokens, of those that say.
    pub tokens_input: Option<i64>,
    /// Their output tokens, of those that say.
    pub tokens_output: Option<i64>,
    /// By the cheapest provider's prices, US dollars, of those with an estimate.
    pub estimate_low_usd: Option<f64>,
    /// By the middle provider's.
    pub estimate_median_usd: Option<f64>,
    /// By the dearest provider's.
    pub estimate_high_usd: Option<f64>,
}

impl Query {
    /// What was called and has no price, busiest first.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn unpriced(&self, spans: Spans<'_>) -> Result<Vec<UnpricedModel>, Error> {
        let condition = Condition::default();
        let sql = format!("with {} {UNPRICED}", calls("spans", Pairs::Anywhere));
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        let models = found.cells().map(|cells| UnpricedModel {
            requested: cells.text("model"),
            answered: cells.text("answered"),
            provider: cells.text("provider"),
            endpoint: cells.text("endpoint"),
            reason: cells.text("reason"),
            calls: cells.int("calls").unwrap_or_default(),
            tokens_input: cells.int("tokens_input"),
            tokens_output: cells.int("tokens_output"),
            estimate_low_usd: cells.float("low"),
            estimate_median_usd: cells.float("median"),
            estimate_high_usd: cells.float("high"),
        });
        Ok(models.collect())
    }
}

const UNPRICED: &str = "select call_requested as model, call_answered as answered, \
     gen_ai_provider_name as provider, call_endpoint as endpoint, call_unpriced_reason as reason, \
     count(*) as calls, sum(call_input) as tokens_input, sum(call_output) as tokens_output, \
     sum(llm_cost_estimate_low) as low, sum(llm_cost_estimate_median) as median, sum(llm_cost_estimate_high) as high \
     from calls where call_cost is null \
     and (call_input is not null or call_output is not null) \
     group by 1, 2, 3, 4, 5 order by calls desc, model limit 1000";
