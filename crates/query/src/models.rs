//! Calls side by side: by model, provider, service, user or any other column; calls, errors by class, latency, time to
//! first token, speed, tokens and cost.

use std::collections::BTreeMap;

use histogram::Histogram;
use schema::{OrgName, Table};

use crate::answer::Cells;
use crate::condition::Condition;
use crate::error::Error;
use crate::filter::first_column;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::values::identifier;

/// Most values that stand side by side.
const MOST: usize = 1_000;

/// The calls of a time range that share a value. Each call counts once: the app's span, else the gateway's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelSummary {
    /// The value that they share: the model as requested, unless asked otherwise.
    pub value: String,
    /// The names of the models that answered.
    pub answered: Vec<String>,
    /// Calls.
    pub calls: i64,
    /// Failed calls.
    pub errors: i64,
    /// Failed calls by class.
    pub errors_by_class: BTreeMap<String, i64>,
    /// Durations of the calls that succeeded, seconds.
    pub latency_s: Quantiles,
    /// Times to first token, seconds.
    pub ttft_s: Quantiles,
    /// Output tokens a second of the calls that succeeded, over their whole duration.
    pub output_tokens_per_s: Quantiles,
    /// Input tokens of the calls that say.
    pub tokens_input: Option<i64>,
    /// Output tokens of the calls that say.
    pub tokens_output: Option<i64>,
    /// Cost of the priced calls, US dollars.
    pub cost_usd: Option<f64>,
    /// Calls that used tokens and have no cost.
    pub unpriced_calls: i64,
}

/// Quantiles out of a histogram: off by at most 1 %. `None` where there was nothing to observe.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Median.
    pub p50: Option<f64>,
    /// 90 %.
    pub p90: Option<f64>,
    /// 95 %.
    pub p95: Option<f64>,
    /// 99 %.
    pub p99: Option<f64>,
}

impl Quantiles {
    fn read(cells: &Cells<'_>, name: &str) -> Self {
        let histogram = cells.bytes(name).and_then(|bytes| Histogram::decode(&bytes).ok());
        let quantile = |q| histogram.as_ref().and_then(|histogram| histogram.quantile(q));
        Self { p50: quantile(0.5), p90: quantile(0.9), p95: quantile(0.95), p99: quantile(0.99) }
    }
}

impl Query {
    /// The calls of a time range side by side by a field (a short name or a column; `model` is the requested model), most
    /// calls first. Calls without a value are left out.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn models(
        &self,
        org: &OrgName,
        range: TimeRange,
        by: &str,
    ) -> Result<Vec<ModelSummary>, Error> {
        let (stream, condition) = (Table::traces(org.clone()), Condition::default());
        let by = identifier(&first_column(by));
        let own = |sql| Own { stream: &stream, sql, range, condition: &condition };
        let summary = self.own(own(format!("{CALLS} {}", summary_sql(&by)))).await?;
        let classes = self.own(own(format!("{CALLS} {}", classes_sql(&by)))).await?;
        let mut models: Vec<ModelSummary> =
            summary.cells().filter_map(|cells| read(&cells)).collect();
        for cells in classes.cells() {
            let Some(model) =
                models.iter_mut().find(|model| Some(&model.value) == cells.text("value").as_ref())
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

fn read(cells: &Cells<'_>) -> Option<ModelSummary> {
    Some(ModelSummary {
        value: cells.text("value")?,
        calls: cells.int("calls")?,
        errors: cells.int("errors")?,
        latency_s: Quantiles::read(cells, "latency"),
        ttft_s: Quantiles::read(cells, "ttft"),
        output_tokens_per_s: Quantiles::read(cells, "speed"),
        tokens_input: cells.int("tokens_input"),
        tokens_output: cells.int("tokens_output"),
        cost_usd: cells.float("cost"),
        unpriced_calls: cells.int("unpriced")?,
        ..ModelSummary::default()
    })
}

/// The calls of the range: app leaf spans, and gateway spans that no app leaf span describes: as their parent or by the
/// response's id, else as a span of the same trace and model that was open all the while (50 ms of clock difference
/// allowed).
///
/// `call_cost`, `call_unpriced_reason` and `call_endpoint` are what the call cost: as the app reports it, else by who
/// served it, which the gateway knows and the app infers.
pub(crate) const CALLS: &str = "with app as (select * from spans where llm_is_leaf and inferscope_vantage_point = 'app'), \
     seen as (select * from spans where llm_is_leaf and inferscope_vantage_point = 'gateway'), \
     told as (select a.trace_id as app_trace, a.span_id as app_span, g.trace_id as gateway_trace, g.span_id as gateway_span, \
         g.llm_usage_cost_total as cost, g.llm_cost_unpriced_reason as reason, g.inferscope_endpoint as endpoint \
         from app a join seen g on g.trace_id = a.trace_id and g.reference_parent_span_id = a.span_id \
       union all select a.trace_id as app_trace, a.span_id as app_span, g.trace_id as gateway_trace, g.span_id as gateway_span, \
         g.llm_usage_cost_total as cost, g.llm_cost_unpriced_reason as reason, g.inferscope_endpoint as endpoint \
         from app a join seen g on g.gen_ai_response_id = a.gen_ai_response_id), \
     guessed as (select a.trace_id as app_trace, a.span_id as app_span, g.trace_id as gateway_trace, g.span_id as gateway_span, \
         g.llm_usage_cost_total as cost, g.llm_cost_unpriced_reason as reason, g.inferscope_endpoint as endpoint \
         from (select * from app a left anti join told t on t.app_trace = a.trace_id and t.app_span = a.span_id) a \
         join (select * from seen g left anti join told t on t.gateway_trace = g.trace_id and t.gateway_span = g.span_id) g \
         on g.trace_id = a.trace_id and g.llm_request_parameters_model = a.llm_request_parameters_model \
           and g._timestamp >= a._timestamp - 50000 \
           and g._timestamp + g.duration <= a._timestamp + a.duration + 50000), \
     pairs as (select * from told union all select * from guessed), \
     served as (select app_trace, app_span, max(cost) as cost, max(reason) as reason, max(endpoint) as endpoint \
       from pairs group by app_trace, app_span), \
     gateway as (select g.* from seen g left anti join pairs p \
       on p.gateway_trace = g.trace_id and p.gateway_span = g.span_id), \
     calls as (select a.*, \
         case when s.app_span is null or (coalesce(a.llm_cost_source, 'reported') = 'reported' \
           and a.llm_usage_cost_total is not null) then a.llm_usage_cost_total else s.cost end as call_cost, \
         coalesce(s.reason, a.llm_cost_unpriced_reason) as call_unpriced_reason, \
         s.endpoint as call_endpoint \
         from app a left join served s on s.app_trace = a.trace_id and s.app_span = a.span_id \
       union all select g.*, g.llm_usage_cost_total as call_cost, g.llm_cost_unpriced_reason as call_unpriced_reason, \
         g.inferscope_endpoint as call_endpoint from gateway g)";

fn summary_sql(by: &str) -> String {
    format!(
        "select cast({by} as varchar) as value, count(*) as calls, \
         count(*) filter (where span_status = 'ERROR') as errors, \
         distribution(duration / 1e6) filter (where span_status <> 'ERROR') as latency, \
         distribution(gen_ai_response_time_to_first_chunk) as ttft, \
         distribution(llm_token_count_completion / (duration / 1e6)) \
           filter (where span_status <> 'ERROR' and duration > 0) as speed, \
         sum(llm_token_count_prompt) as tokens_input, sum(llm_token_count_completion) as tokens_output, \
         sum(call_cost) as cost, count(*) filter (where call_cost is null and coalesce(llm_token_count_prompt, llm_token_count_completion) is not null) as unpriced \
         from calls where {by} is not null group by 1 order by calls desc, value limit {MOST}"
    )
}

fn classes_sql(by: &str) -> String {
    format!(
        "select cast({by} as varchar) as value, llm_model_name as answered, error_class, count(*) as calls \
         from calls where {by} is not null group by 1, 2, 3 order by calls desc"
    )
}
