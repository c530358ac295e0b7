//! Sessions and users: the traces that name them, with calls, tokens and cost counted once a call.

use schema::Table;

use crate::answer::Cells;
use crate::condition::Condition;
use crate::error::Error;
use crate::models::CALLS;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::traces::{TraceFilter, preview, quoted};

/// What traces are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The session that a span of the trace names.
    Session,
    /// The user that a span of the trace names.
    User,
}

impl GroupBy {
    /// The column of the group's own id, and that of the ids that come with it.
    const fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Session => ("session_id", "user_id"),
            Self::User => ("user_id", "session_id"),
        }
    }
}

/// A session or a user in a time range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSummary {
    /// Its id.
    pub id: String,
    /// Start of its first span in the range, µs since 1970-01-01 UTC.
    pub started_us: i64,
    /// End of its last span in the range, µs since 1970-01-01 UTC.
    pub ended_us: i64,
    /// Traces.
    pub traces: i64,
    /// Traces with a failed span.
    pub failed_traces: i64,
    /// Spans of these traces.
    pub spans: i64,
    /// Model calls, each once.
    pub calls: i64,
    /// Failed model calls.
    pub errors: i64,
    /// Input tokens of the calls that say; `None` if none does.
    pub tokens_input: Option<i64>,
    /// Output tokens of the calls that say.
    pub tokens_output: Option<i64>,
    /// Total tokens of the calls that say.
    pub tokens_total: Option<i64>,
    /// The weakest source among them.
    pub token_source: Option<String>,
    /// Cost of the priced calls, US dollars; `None` if none is priced.
    pub cost_usd: Option<f64>,
    /// Calls that used tokens and have no cost.
    pub unpriced_calls: i64,
    /// The users of a session, the sessions of a user; at most [`MOST_OTHERS`] in the order of their names.
    pub others: Vec<String>,
    /// Beginning of the first call's input.
    pub first_input: Option<String>,
}

/// Most ids of the other kind that a group shows.
const MOST_OTHERS: usize = 100;

/// Which groups, in which order.
#[derive(Clone, Debug)]
pub struct Groups<'a> {
    /// The trace stream.
    pub stream: &'a Table,
    /// Spans outside are not counted.
    pub range: TimeRange,
    /// Sessions or users.
    pub by: GroupBy,
    /// Groups with a trace that has a span that meets this.
    pub filter: &'a TraceFilter,
    /// The same as an SQL condition; empty for none.
    pub sql: &'a str,
    /// What comes first.
    pub order: Order,
    /// Where the page begins.
    pub page: Page<'a>,
    /// Groups of the page.
    pub limit: usize,
}

/// What comes first in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What began last.
    Newest,
    /// What began first.
    Oldest,
    /// What took longest.
    Longest,
    /// What was over soonest.
    Shortest,
}

impl Order {
    /// As SQL over the columns `started` and `lasted`.
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Newest => "started desc",
            Self::Oldest => "started",
            Self::Longest => "lasted desc",
            Self::Shortest => "lasted",
        }
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page<'a> {
    /// Behind so many.
    Offset(usize),
    /// In the order of the newest, behind the group that started then (µs) and has this id: rows that come in meanwhile
    /// move nothing.
    After(i64, &'a str),
}

impl Query {
    /// A page of sessions or users, and whether there are more.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn groups(&self, groups: &Groups<'_>) -> Result<(Vec<GroupSummary>, bool), Error> {
        let (range, mut condition) = groups.filter.condition(groups.range);
        condition.sql = Condition::sql(groups.sql)?.sql;
        let sql = statement(groups);
        let own = Own { stream: groups.stream, sql, range, condition: &condition };
        let found = self.own(own).await?;
        let mut summaries: Vec<GroupSummary> =
            found.cells().filter_map(|cells| summary(&cells)).collect();
        let more = summaries.len() > groups.limit;
        summaries.truncate(groups.limit);
        Ok((summaries, more))
    }
}

fn statement(groups: &Groups<'_>) -> String {
    let (key, other) = groups.by.columns();
    let (after, offset) = match groups.page {
        Page::Offset(offset) => (String::new(), format!("offset {offset}")),
        Page::After(started, id) => {
            let id = quoted(id);
            let after =
                format!("where started < {started} or (started = {started} and named > {id})");
            (after, String::new())
        }
    };
    let (order, more) = (groups.order.sql(), groups.limit + 1);
    format!(
        "{CALLS}, \
         owned as (select trace_id, min({key}) as named from spans \
           where {key} is not null and trace_id in (select trace_id from matching) group by trace_id), \
         per_trace as (select o.named, s.trace_id, min(s._timestamp) as started, \
           max(s._timestamp + s.duration) as ended, count(*) as spans, \
           bool_or(s.span_status = 'ERROR') as failed \
           from spans s join owned o on s.trace_id = o.trace_id group by o.named, s.trace_id), \
         per_group as (select named, min(started) as started, max(ended) as ended, \
           max(ended) - min(started) as lasted, count(*) as traces, sum(spans) as spans, \
           count(*) filter (where failed) as failed_traces from per_trace group by named), \
         page as (select * from per_group {after} order by {order}, named limit {more} {offset}), \
         counted as (select o.named, count(*) as calls, \
           count(*) filter (where c.span_status = 'ERROR') as errors, \
           sum(c.llm_token_count_prompt) as tokens_input, \
           sum(c.llm_token_count_completion) as tokens_output, \
           sum(c.llm_token_count_total) as tokens_total, \
           min(case c.llm_token_source when 'reported' then 3 when 'derived' then 2 \
             when 'estimated' then 1 when 'partial' then 0 end) as mark, \
           sum(c.call_cost) as cost, \
           count(*) filter (where c.call_cost is null \
             and coalesce(c.llm_token_count_prompt, c.llm_token_count_completion) is not null) as unpriced, \
           first_value(substr(coalesce(c.gen_ai_input_messages, c.llm_input), 1, 2000) \
             order by c._timestamp) as input \
           from calls c join owned o on c.trace_id = o.trace_id group by o.named), \
         others as (select o.named, array_agg(distinct s.{other}) as others from spans s \
           join owned o on s.trace_id = o.trace_id where s.{other} is not null group by o.named) \
         select p.named as id, p.started, p.ended, p.traces, p.spans, p.failed_traces, \
           k.calls, k.errors, k.tokens_input, k.tokens_output, k.tokens_total, k.mark, k.cost, \
           k.unpriced, k.input, x.others \
         from page p left join counted k on p.named = k.named left join others x on p.named = x.named \
         order by {order_of_page}, p.named",
        order_of_page = order.replace("started", "p.started").replace("lasted", "p.lasted"),
    )
}

fn summary(cells: &Cells<'_>) -> Option<GroupSummary> {
    let mark = cells.int("mark").and_then(|mark| {
        ["partial", "estimated", "derived", "reported"].get(usize::try_from(mark).ok()?).copied()
    });
    let mut others = cells.texts("others");
    others.sort_unstable();
    others.truncate(MOST_OTHERS);
    Some(GroupSummary {
        id: cells.text("id")?,
        started_us: cells.int("started")?,
        ended_us: cells.int("ended")?,
        traces: cells.int("traces")?,
        failed_traces: cells.int("failed_traces")?,
        spans: cells.int("spans")?,
        // A group without a model call is in no row of the calls.
        calls: cells.int("calls").unwrap_or(0),
        errors: cells.int("errors").unwrap_or(0),
        tokens_input: cells.int("tokens_input"),
        tokens_output: cells.int("tokens_output"),
        tokens_total: cells.int("tokens_total"),
        token_source: mark.map(str::to_owned),
        cost_usd: cells.float("cost"),
        unpriced_calls: cells.int("unpriced").unwrap_or(0),
        others,
        first_input: cells.text("input").map(|input| preview(&input)),
    })
}
