//! Calls that nobody has a price for, by what a price would have to say.

use schema::{OrgName, Table};

use crate::condition::Condition;
use crate::error::Error;
use crate::models::CALLS;
use crate::search::{Own, Query};
use crate::session::TimeRange;

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
    /// What was called in a time range and has no price, busiest first.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn unpriced(
        &self,
        org: &OrgName,
        range: TimeRange,
    ) -> Result<Vec<UnpricedModel>, Error> {
        let (stream, condition) = (Table::traces(org.clone()), Condition::default());
        let sql = format!("{CALLS} {UNPRICED}");
        let found = self.own(Own { stream: &stream, sql, range, condition: &condition }).await?;
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

const UNPRICED: &str = "select llm_request_parameters_model as model, llm_model_name as answered, \
     gen_ai_provider_name as provider, call_endpoint as endpoint, call_unpriced_reason as reason, \
     count(*) as calls, sum(llm_token_count_prompt) as tokens_input, sum(llm_token_count_completion) as tokens_output, \
     sum(llm_cost_estimate_low) as low, sum(llm_cost_estimate_median) as median, sum(llm_cost_estimate_high) as high \
     from calls where call_cost is null \
     and (llm_token_count_prompt is not null or llm_token_count_completion is not null) \
     group by 1, 2, 3, 4, 5 order by calls desc, model limit 1000";
