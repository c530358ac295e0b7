//! Sessions and users: the spans that belong to them, with calls, tokens and cost counted once a call.
//!
//! A trace may be of two sessions: then each span belongs to one of them, as [`crate::belonging`] has it.

use crate::answer::Cells;
use crate::belonging::belonging;
use crate::calls::{Pairs, SUMMED, SUMS, Sums, calls};
use crate::condition::Condition;
use crate::error::Error;
use crate::search::{Own, Query};
use crate::streams::Spans;
use crate::summary::{preview, quoted};
use crate::traces::TraceFilter;

/// What spans are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The session that they belong to.
    Session,
    /// The user that they belong to.
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
    /// Traces with a span of it.
    pub traces: i64,
    /// Traces with a failed span of it.
    pub failed_traces: i64,
    /// Its spans.
    pub spans: i64,
    /// Its calls, each once.
    pub sums: Sums,
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
    /// Spans outside are not counted.
    pub spans: Spans<'a>,
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
        let (range, mut condition) = groups.filter.condition(groups.spans.range);
        condition.sql = Condition::sql(groups.sql)?.sql;
        let sql = statement(groups);
        let own = Own { spans: groups.spans.within(range), sql, condition: &condition };
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
        "with recursive {calls}, {belonging}, \
         mine as (select * from belonging where trace_id in (select trace_id from matching)), \
         per_group as (select named, min(_timestamp) as started, max(_timestamp + duration) as ended, \
           max(_timestamp + duration) - min(_timestamp) as lasted, count(distinct trace_id) as traces, \
           count(*) as spans, \
           count(distinct case when span_status = 'ERROR' then trace_id end) as failed_traces \
           from mine group by named), \
         page as (select * from per_group {after} order by {order}, named limit {more} {offset}), \
         shown as (select m.named, m.trace_id, m.span_id from mine m join page p on p.named = m.named), \
         counted as (select b.named, {SUMS}, \
           first_value(substr(coalesce(c.gen_ai_input_messages, c.llm_input), 1, 2000) \
             order by c._timestamp) as input \
           from calls c join shown b on c.trace_id = b.trace_id and c.span_id = b.span_id group by b.named), \
         others as (select b.named, array_agg(distinct s.{other}) as others from spans s \
           join shown b on s.trace_id = b.trace_id and s.span_id = b.span_id \
           where s.{other} is not null group by b.named) \
         select p.named as id, p.started, p.ended, p.traces, p.spans, p.failed_traces, \
           {SUMMED}, k.input, x.others \
         from page p left join counted k on p.named = k.named left join others x on p.named = x.named \
         order by {order_of_page}, p.named",
        calls = calls("spans", Pairs::Anywhere),
        belonging = belonging(key, "spans"),
        order_of_page = order.replace("started", "p.started").replace("lasted", "p.lasted"),
    )
}

fn summary(cells: &Cells<'_>) -> Option<GroupSummary> {
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
        sums: Sums::read(cells),
        others,
        first_input: cells.text("input").map(|input| preview(&input)),
    })
}
