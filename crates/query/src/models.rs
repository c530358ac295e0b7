//! Models side by side: calls, errors by class, latency and tokens of each requested model.

use std::collections::BTreeMap;

use schema::OrgName;

use crate::error::Error;
use crate::search::Query;
use crate::session::TimeRange;

/// One requested model in a time range. Each call counts once: the app's span, else the gateway's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelSummary {
    /// The model as requested.
    pub requested: String,
    /// The names that answered.
    pub answered: Vec<String>,
    /// Calls.
    pub calls: i64,
    /// Failed calls.
    pub errors: i64,
    /// Failed calls by class.
    pub errors_by_class: BTreeMap<String, i64>,
    /// Median duration of the calls that succeeded, seconds.
    pub latency_p50_s: Option<f64>,
    /// 95th percentile of the same, seconds.
    pub latency_p95_s: Option<f64>,
    /// Median time to first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// Input tokens of the calls that say.
    pub tokens_input: Option<i64>,
    /// Output tokens of the calls that say.
    pub tokens_output: Option<i64>,
    /// Cost of the priced calls, US dollars.
    pub cost_usd: Option<f64>,
    /// Calls with output tokens and no cost.
    pub unpriced: i64,
}

impl Query {
    /// The models that were asked for in a time range, busiest first.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn models(
        &self,
        org: &OrgName,
        range: TimeRange,
    ) -> Result<Vec<ModelSummary>, Error> {
        let summary = self.own(org, format!("{CALLS} {SUMMARY}"), range).await?;
        let classes = self.own(org, format!("{CALLS} {CLASSES}"), range).await?;
        let mut models: Vec<ModelSummary> = summary
            .cells()
            .filter_map(|cells| {
                Some(ModelSummary {
                    requested: cells.text("model")?,
                    calls: cells.int("calls")?,
                    errors: cells.int("errors")?,
                    latency_p50_s: cells.float("p50").map(|us| us / 1e6),
                    latency_p95_s: cells.float("p95").map(|us| us / 1e6),
                    ttft_p50_s: cells.float("ttft"),
                    tokens_input: cells.int("tokens_input"),
                    tokens_output: cells.int("tokens_output"),
                    cost_usd: cells.float("cost"),
                    unpriced: cells.int("unpriced").unwrap_or_default(),
                    ..ModelSummary::default()
                })
            })
            .collect();
        for cells in classes.cells() {
            let Some(model) = models
                .iter_mut()
                .find(|model| Some(&model.requested) == cells.text("model").as_ref())
            else {
                continue;
            };
            if let Some(answered) =
                cells.text("answered").filter(|name| !model.answered.contains(name))
            {
                model.answered.push(answered);
            }
            if let Some(class) = cells.text("error_class") {
                *model.errors_by_class.entry(class).or_default() +=
                    cells.int("calls").unwrap_or_default();
            }
        }
        Ok(models)
    }
}

/// The calls of the range: app leaf spans, and gateway spans that no app leaf span describes: as their parent, as a span
/// of the same trace and model that was open all the while (50 ms of clock difference allowed), or by the response's id.
pub(crate) const CALLS: &str = "with app as (select * from \"traces\".\"default\" where llm_is_leaf and inferscope_vantage_point = 'app'), \
     gateway as (select g.* from \"traces\".\"default\" g left anti join app a \
       on g.trace_id = a.trace_id and (g.reference_parent_span_id = a.span_id \
         or (g.llm_request_parameters_model = a.llm_request_parameters_model \
           and g._timestamp >= a._timestamp - 50000 \
           and g._timestamp + g.duration <= a._timestamp + a.duration + 50000)) \
       left anti join app b on g.gen_ai_response_id = b.gen_ai_response_id \
       where g.llm_is_leaf and g.inferscope_vantage_point = 'gateway'), \
     calls as (select * from app union all select * from gateway)";

const SUMMARY: &str = "select llm_request_parameters_model as model, count(*) as calls, \
     count(*) filter (where span_status = 'ERROR') as errors, \
     approx_percentile_cont(duration, 0.5) filter (where span_status <> 'ERROR') as p50, \
     approx_percentile_cont(duration, 0.95) filter (where span_status <> 'ERROR') as p95, \
     approx_percentile_cont(gen_ai_response_time_to_first_chunk, 0.5) as ttft, \
     sum(llm_token_count_prompt) as tokens_input, sum(llm_token_count_completion) as tokens_output, \
     sum(llm_usage_cost_total) as cost, \
     count(*) filter (where llm_usage_cost_total is null and llm_token_count_completion is not null) as unpriced \
     from calls where llm_request_parameters_model is not null group by 1 order by calls desc, model";

const CLASSES: &str = "select llm_request_parameters_model as model, llm_model_name as answered, error_class, \
     count(*) as calls from calls where llm_request_parameters_model is not null group by 1, 2, 3 order by calls desc";
