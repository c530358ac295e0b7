//! What is different about some calls: the columns whose values are spread otherwise among them than among the rest.
//!
//! The measure is Jensen and Shannon's divergence of the two spreads, to base 2: 0 when they are the same, 1 when no
//! value is in both. Null is a value like any other. What chance alone gives sets of these sizes is taken off, so that
//! a column with many values does not win by having them.

mod spread;

use datafusion::prelude::{ident, lit};
use schema::{OrgName, Table};

use crate::error::Error;
use crate::filter::Filter;
use crate::models::CALLS;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::StreamInfo;
use crate::traces::TraceFilter;
use crate::values::identifier;

pub use spread::{Difference, Share};

/// Most calls of each set that are looked at: the newest.
const MOST_CALLS: usize = 20_000;
/// Fewer calls in one of the sets explain nothing.
const FEWEST_CALLS: usize = 5;
/// Most columns that are compared.
const MOST_COLUMNS: usize = 300;
/// The part of a text that is compared, characters.
const LONGEST: usize = 200;

/// Columns that are different on every call, or long.
const LEFT_OUT: [&str; 22] = [
    "_timestamp",
    "trace_id",
    "span_id",
    "reference_parent_span_id",
    "reference_parent_trace_id",
    "start_time",
    "end_time",
    "events",
    "links",
    "attributes_overflow",
    "gen_ai_response_id",
    "llm_input",
    "llm_output",
    "gen_ai_input_messages",
    "gen_ai_output_messages",
    "gen_ai_system_instructions",
    "gen_ai_tool_definitions",
    "llm_invocation_parameters",
    "error_message",
    "status_message",
    "trace_state",
    "flags",
];

/// How some calls differ from the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Calls that meet the filter.
    pub selected: u64,
    /// The other calls of the range.
    pub rest: u64,
    /// Whether only the newest calls of a set were looked at.
    pub sampled: bool,
    /// The columns that differ, most first.
    pub differences: Vec<Difference>,
}

impl Query {
    /// Compares the calls of a time range that meet a filter with those that do not. Columns that the filter names are
    /// left out: they differ by themselves.
    ///
    /// # Errors
    /// As [`Query::search`]; [`Error::Parameter`] if a set has fewer than 5 calls.
    pub async fn explain(
        &self,
        org: &OrgName,
        range: TimeRange,
        filter: &Filter,
        limit: usize,
    ) -> Result<Explanation, Error> {
        let stream = Table::traces(org.clone());
        let info = self.stream_info(&stream)?;
        let columns = info.map(|info| comparable(&info, filter)).unwrap_or_default();
        let of = TraceFilter { filter: Some(filter.clone()), ..TraceFilter::default() };
        let (range, mut condition) = of.condition(range);
        condition.parts.push(ident("llm_is_leaf").eq(lit(true)));
        let own = |sql| Own { stream: &stream, sql, range, condition: &condition };
        let counts = self.own(own(count_sql())).await?;
        let count = |name: &str| {
            counts.cells().next().and_then(|cells| cells.int(name)).unwrap_or(0).unsigned_abs()
        };
        let (selected, rest) = (count("selected"), count("rest"));
        if selected.min(rest) < FEWEST_CALLS as u64 {
            return Err(Error::Parameter(format!(
                "the filter has {selected} calls and leaves {rest}: both need at least {FEWEST_CALLS} to compare"
            )));
        }
        let chosen = self.own(own(rows_sql(&columns, "not null"))).await?;
        let others = self.own(own(rows_sql(&columns, "null"))).await?;
        let mut differences: Vec<Difference> = columns
            .iter()
            .filter_map(|column| {
                spread::difference(column, &chosen.texts_of(column), &others.texts_of(column))
            })
            .collect();
        differences
            .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.column.cmp(&b.column)));
        differences.truncate(limit);
        let sampled = selected.max(rest) > MOST_CALLS as u64;
        Ok(Explanation { selected, rest, sampled, differences })
    }
}

fn comparable(info: &StreamInfo, filter: &Filter) -> Vec<String> {
    let named: Vec<&str> = filter.columns().collect();
    info.columns
        .iter()
        .filter(|(_, ty)| matches!(ty.as_str(), "Utf8" | "Int64" | "Float64" | "Boolean"))
        .map(|(name, _)| name.as_str())
        .filter(|name| !LEFT_OUT.contains(name) && !named.contains(name))
        // A second name of a column tells nothing new.
        .filter(|name| {
            schema::column(name).is_none_or(|column| !column.meaning.starts_with("same as"))
        })
        .take(MOST_COLUMNS)
        .map(str::to_owned)
        .collect()
}

const MARKED: &str = "marked as (select c.*, m.span_id as chosen from calls c left join \
     (select distinct trace_id, span_id from matching) m \
     on c.trace_id = m.trace_id and c.span_id = m.span_id)";

fn count_sql() -> String {
    format!(
        "{CALLS}, {MARKED} select count(chosen) as selected, count(*) - count(chosen) as rest from marked"
    )
}

fn rows_sql(columns: &[String], chosen: &str) -> String {
    let parts: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = identifier(column);
            format!("substr(cast({name} as varchar), 1, {LONGEST}) as {name}")
        })
        .chain(["1 as one".to_owned()])
        .collect();
    format!(
        "{CALLS}, {MARKED} select {} from marked where chosen is {chosen} \
         order by _timestamp desc limit {MOST_CALLS}",
        parts.join(", ")
    )
}
