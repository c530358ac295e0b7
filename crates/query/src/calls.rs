//! Which spans are one model call: the only place with the rule.

use crate::answer::Cells;

/// How far apart the clocks of a program and the gateway may be, µs.
const CLOCKS_US: i64 = 50_000;

/// Where the gateway's span of a program's call is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// In the trace of the program's span: what a trace shows is its own.
    OfOneTrace,
    /// Anywhere: the response's id may be in two traces.
    Anywhere,
}

/// Facts of the gateway's span, as they are carried along.
const FACTS: [(&str, &str); 14] = [
    ("at", "_timestamp"),
    ("cost", "llm_usage_cost_total"),
    ("reason", "llm_cost_unpriced_reason"),
    ("endpoint", "inferscope_endpoint"),
    ("replica", "inferscope_replica_id"),
    ("input", "llm_token_count_prompt"),
    ("output", "llm_token_count_completion"),
    ("total", "llm_token_count_total"),
    ("mark", "llm_token_source"),
    ("ttft", "gen_ai_response_time_to_first_chunk"),
    ("http", "http_response_status_code"),
    ("answered", "llm_model_name"),
    ("requested", "llm_request_parameters_model"),
    ("class", "error_class"),
];

/// The SQL of a WITH whose last part is `calls`: each model call of `spans` once.
///
/// A call is a leaf span of a program, or a leaf span of the gateway that no program's leaf span describes: as its parent
/// or, with one span between, its grandparent, or by the response's id; else as a span of the same trace and model that was
/// open all the while (50 ms of clock difference allowed).
///
/// A call has all columns of its span, and under `call_…` what is known of it from both sides: the program's word, else
/// that of the gateway's last try. What it cost is as the program reports it, else by who served, which the gateway knows
/// and the program infers.
pub(crate) fn calls(spans: &str, pairs: Pairs) -> String {
    let same_trace = match pairs {
        Pairs::OfOneTrace => "and g.trace_id = a.trace_id",
        Pairs::Anywhere => "",
    };
    let facts: Vec<String> =
        FACTS.iter().map(|(name, column)| format!("g.{column} as g_{name}")).collect();
    let pair = format!(
        "a.trace_id as app_trace, a.span_id as app_span, g.trace_id as gateway_trace, g.span_id as gateway_span, {}",
        facts.join(", ")
    );
    let last: Vec<String> = FACTS
        .iter()
        .map(|(name, _)| {
            format!(
                "last_value(g_{name} order by g_at) filter (where g_{name} is not null) as g_{name}"
            )
        })
        .collect();
    let last = last.join(", ");
    format!(
        "app as (select * from {spans} where llm_is_leaf and inferscope_vantage_point = 'app'), \
         seen as (select * from {spans} where llm_is_leaf and inferscope_vantage_point = 'gateway'), \
         told as (select {pair} from app a join seen g on g.trace_id = a.trace_id and g.reference_parent_span_id = a.span_id \
           union all select {pair} from seen g \
             join {spans} m on m.trace_id = g.trace_id and m.span_id = g.reference_parent_span_id \
             join app a on a.trace_id = m.trace_id and a.span_id = m.reference_parent_span_id \
           union all select {pair} from app a join seen g on g.gen_ai_response_id = a.gen_ai_response_id {same_trace}), \
         guessed as (select {pair} \
           from (select * from app a left anti join told t on t.app_trace = a.trace_id and t.app_span = a.span_id) a \
           join (select * from seen g left anti join told t on t.gateway_trace = g.trace_id and t.gateway_span = g.span_id) g \
           on g.trace_id = a.trace_id and g.llm_request_parameters_model = a.llm_request_parameters_model \
             and g._timestamp >= a._timestamp - {CLOCKS_US} \
             and g._timestamp + g.duration <= a._timestamp + a.duration + {CLOCKS_US}), \
         pairs as (select * from told union all select * from guessed), \
         served as (select app_trace, app_span, {last} from pairs group by app_trace, app_span), \
         gateway as (select g.* from seen g left anti join pairs p \
           on p.gateway_trace = g.trace_id and p.gateway_span = g.span_id), \
         calls as (select a.*, \
             case when s.app_span is null or (coalesce(a.llm_cost_source, 'reported') = 'reported' \
               and a.llm_usage_cost_total is not null) then a.llm_usage_cost_total else s.g_cost end as call_cost, \
             coalesce(s.g_reason, a.llm_cost_unpriced_reason) as call_unpriced_reason, \
             coalesce(s.g_endpoint, a.inferscope_endpoint) as call_endpoint, \
             coalesce(s.g_replica, a.inferscope_replica_id) as call_replica, \
             coalesce(a.llm_token_count_prompt, s.g_input) as call_input, \
             coalesce(a.llm_token_count_completion, s.g_output) as call_output, \
             coalesce(a.llm_token_count_total, s.g_total) as call_total, \
             coalesce(nullif(a.llm_token_source, 'absent'), nullif(s.g_mark, 'absent'), 'absent') as call_mark, \
             coalesce(a.gen_ai_response_time_to_first_chunk, s.g_ttft) as call_ttft, \
             coalesce(a.http_response_status_code, s.g_http) as call_http, \
             coalesce(a.llm_model_name, s.g_answered) as call_answered, \
             coalesce(a.llm_request_parameters_model, s.g_requested) as call_requested, \
             coalesce(a.error_class, s.g_class) as call_class \
             from app a left join served s on s.app_trace = a.trace_id and s.app_span = a.span_id \
           union all select g.*, g.llm_usage_cost_total as call_cost, g.llm_cost_unpriced_reason as call_unpriced_reason, \
             g.inferscope_endpoint as call_endpoint, g.inferscope_replica_id as call_replica, g.llm_token_count_prompt as call_input, \
             g.llm_token_count_completion as call_output, g.llm_token_count_total as call_total, \
             coalesce(g.llm_token_source, 'absent') as call_mark, g.gen_ai_response_time_to_first_chunk as call_ttft, \
             g.http_response_status_code as call_http, g.llm_model_name as call_answered, \
             g.llm_request_parameters_model as call_requested, g.error_class as call_class from gateway g)"
    )
}

/// The SQL of a part of a WITH behind [`calls`]: the ids of the program's or the gateway's own spans, `chosen`, of the calls of
/// which a span is in `matching`.
pub(crate) const CHOSEN: &str = "chosen as (select trace_id, span_id from matching \
     union select p.app_trace as trace_id, p.app_span as span_id from pairs p \
       join matching m on m.trace_id = p.gateway_trace and m.span_id = p.gateway_span)";

/// The column of `calls` that has what is known of `column` from both sides; itself, where the program's span says it all.
pub(crate) fn known(column: &str) -> &str {
    match column {
        "inferscope_endpoint" => "call_endpoint",
        "inferscope_replica_id" => "call_replica",
        "http_response_status_code" => "call_http",
        other => other,
    }
}

/// Sums over calls, as columns of a SELECT over `calls` called `c`; [`Sums::read`] reads them.
pub(crate) const SUMS: &str = "count(*) as calls, \
     count(*) filter (where c.span_status = 'ERROR') as errors, \
     sum(c.call_input) as tokens_input, sum(c.call_output) as tokens_output, sum(c.call_total) as tokens_total, \
     count(*) filter (where c.call_mark = 'reported') as reported, \
     count(*) filter (where c.call_mark = 'derived') as derived, \
     count(*) filter (where c.call_mark = 'estimated') as estimated, \
     count(*) filter (where c.call_mark = 'partial') as partial, \
     count(*) filter (where c.call_mark not in ('reported', 'derived', 'estimated', 'partial')) as absent, \
     sum(c.call_cost) as cost, \
     count(*) filter (where c.call_cost is null and coalesce(c.call_input, c.call_output) is not null) as unpriced";

/// The columns of [`SUMS`] by name.
pub(crate) const SUMMED: &str = "calls, errors, tokens_input, tokens_output, tokens_total, \
     reported, derived, estimated, partial, absent, cost, unpriced";

/// What some calls come to, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Calls.
    pub calls: u64,
    /// Failed calls.
    pub errors: u64,
    /// Input tokens of the calls that say; `None` if none does.
    pub tokens_input: Option<i64>,
    /// Output tokens of the calls that say.
    pub tokens_output: Option<i64>,
    /// Total tokens of the calls that say.
    pub tokens_total: Option<i64>,
    /// Where the counts came from, call by call.
    pub marks: Marks,
    /// Cost of the priced calls, US dollars; `None` if none is priced.
    pub cost_usd: Option<f64>,
    /// Calls that used tokens and have no cost.
    pub unpriced_calls: u64,
}

impl Sums {
    /// A group without a call is in no row of the calls: its counts are 0.
    pub(crate) fn read(cells: &Cells<'_>) -> Self {
        let count = |name: &str| cells.int(name).unwrap_or(0).unsigned_abs();
        Self {
            calls: count("calls"),
            errors: count("errors"),
            tokens_input: cells.int("tokens_input"),
            tokens_output: cells.int("tokens_output"),
            tokens_total: cells.int("tokens_total"),
            marks: Marks {
                reported: count("reported"),
                derived: count("derived"),
                estimated: count("estimated"),
                partial: count("partial"),
                absent: count("absent"),
            },
            cost_usd: cells.float("cost"),
            unpriced_calls: count("unpriced"),
        }
    }
}

/// How many calls have their token counts from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The model's server told both counts.
    pub reported: u64,
    /// A count was worked out from others.
    pub derived: u64,
    /// A count was estimated.
    pub estimated: u64,
    /// A count is missing, or the call broke off.
    pub partial: u64,
    /// Nothing was told.
    pub absent: u64,
}

impl Marks {
    /// Each mark with its calls, the weakest first.
    #[must_use]
    pub const fn weakest_first(&self) -> [(&'static str, u64); 5] {
        [
            ("absent", self.absent),
            ("partial", self.partial),
            ("estimated", self.estimated),
            ("derived", self.derived),
            ("reported", self.reported),
        ]
    }

    /// The mark of a sum over these calls: the weakest among them; `None` if there are none.
    #[must_use]
    pub fn weakest(&self) -> Option<&'static str> {
        self.weakest_first().into_iter().find(|(_, calls)| *calls > 0).map(|(mark, _)| mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_sum_is_the_weakest_in_it() {
        let all = Marks { reported: 5, derived: 4, estimated: 3, partial: 2, absent: 1 };
        assert_eq!(all.weakest(), Some("absent"));
        assert_eq!(Marks { absent: 0, ..all }.weakest(), Some("partial"));
        assert_eq!(Marks { absent: 0, partial: 0, ..all }.weakest(), Some("estimated"));
        assert_eq!(
            Marks { reported: 1, derived: 1, ..Marks::default() }.weakest(),
            Some("derived")
        );
        assert_eq!(Marks { reported: 1, ..Marks::default() }.weakest(), Some("reported"));
        assert_eq!(Marks::default().weakest(), None);
    }
}
