//! Traces as people look for them: a page of summaries in any order.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use datafusion::logical_expr::Expr;
use datafusion::prelude::{ident, lit};

use crate::condition::Condition;
use crate::cursor::{Key, TraceCursor};
use crate::error::Error;
use crate::filter::{Filter, http_class};
use crate::held::Place;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::summary::{KEYS, Key as Column, TraceSummary, keyed, quoted};

/// How far around the asked range the other spans, and the log events, of a found trace are looked for, µs.
pub(crate) const AROUND_US: i64 = 3_600_000_000;
/// Most places of a list that are noted for its later pages.
const MOST_NOTED: usize = 10_000;

/// Which traces are wanted: those with a span that meets all that is set.
#[derive(Clone, Debug, Default)]
pub struct TraceFilter {
    /// Model as requested or as answered.
    pub model: Option<String>,
    /// `OK` or `ERROR`.
    pub status: Option<String>,
    /// One of the closed set of error classes.
    pub error_class: Option<String>,
    /// Endpoint that served the call.
    pub endpoint: Option<String>,
    /// Replica that served the call.
    pub replica: Option<String>,
    /// Service that sent the span.
    pub service: Option<String>,
    /// Shortest span, µs.
    pub min_duration_us: Option<i64>,
    /// First digit of the HTTP status, 1 to 5.
    pub http_class: Option<u8>,
    /// Conditions in the filter language.
    pub filter: Option<Filter>,
    /// Which end of a span the time range is about.
    pub within: Within,
}

/// Which end of a span a time range is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Within {
    /// Spans that began in the range.
    #[default]
    Started,
    /// Spans that ended in the range and began at most [`LONGEST_CALL_US`] before it: as the graphs count calls.
    Ended,
}

/// How long before a range a span may have begun that ended in it, µs.
pub const LONGEST_CALL_US: i64 = 3_600_000_000;

/// What comes first in a list of traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The trace whose first span that meets the filter began last.
    #[default]
    Newest,
    /// By a column of the list; what has no value comes last.
    By(SortColumn, Direction),
}

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// A column of the list of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortColumn {
    name: &'static str,
    column: Column,
}

impl SortColumn {
    /// The column of that name.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the names that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        let known = KEYS.iter().find(|(known, _)| *known == name);
        known.map(|&(name, column)| Self { name, column }).ok_or_else(|| {
            let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Error::Parameter(format!("sort {name:?} is no column of the list; there are: {names}"))
        })
    }
}

/// Which page of which list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct TraceList<'a> {
    /// Where traces are looked for.
    pub spans: Spans<'a>,
    /// Which traces.
    pub filter: &'a TraceFilter,
    /// What comes first.
    pub sort: Sort,
    /// Behind which trace the page begins; at the beginning if `None`.
    pub after: Option<&'a TraceCursor>,
    /// Traces of the page.
    pub limit: usize,
}

/// A page of traces.
#[derive(Clone, Debug)]
pub struct TracePage {
    /// The traces.
    pub traces: Vec<TraceSummary>,
    /// Where the next page begins, if there is one.
    pub next: Option<TraceCursor>,
}

impl Query {
    /// A page of the traces that meet a filter. The pages of a list show what was there when its first page was asked for,
    /// as far as its order is still noted ([`crate::Limits::noted_bytes`]).
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn traces(&self, list: &TraceList<'_>) -> Result<TracePage, Error> {
        let question = list.question();
        let noted = list.after.and_then(|after| after.held).and_then(|(number, at)| {
            let order = self.held.get(number, question)?;
            let to = at.saturating_add(list.limit).min(order.places.len());
            // Behind what is noted the list goes on by the last place.
            (at < order.places.len()).then_some((number, at, to, order))
        });
        let (shown, next) = match noted {
            Some((number, at, to, order)) => {
                let more = to < order.places.len() || order.more;
                (order.places[at..to].to_vec(), more.then_some((Some(number), to)))
            }
            None => {
                let (mut places, more) = self.places(list).await?;
                let shown: Vec<Place> = places.iter().take(list.limit).cloned().collect();
                let next = (more || places.len() > shown.len()).then(|| {
                    let places = std::mem::take(&mut places);
                    (self.held.keep(question, places, more, shown.len()), shown.len())
                });
                (shown, next)
            }
        };
        let ids: Vec<String> = shown.iter().map(|(id, _)| format!("{id:032x}")).collect();
        let last = ids.last().zip(shown.last());
        let next = last.zip(next).map(|((id, (_, key)), (number, at))| TraceCursor {
            range: list.spans.range,
            held: number.map(|number| (number, at)),
            trace_id: id.clone(),
            key: key.clone(),
        });
        let range = list.filter.condition(list.spans.range).0.widened(AROUND_US);
        Ok(TracePage { traces: self.summaries(list.spans.within(range), &ids).await?, next })
    }

    /// The places of a list behind its cursor, and whether there are more.
    async fn places(&self, list: &TraceList<'_>) -> Result<(Vec<Place>, bool), Error> {
        let (mut range, mut condition) = list.filter.condition(list.spans.range);
        let (keyed, direction) = match list.sort {
            Sort::Newest => {
                let keyed = "with keyed as (select trace_id, min(_timestamp) as k from matching \
                             where trace_id is not null group by trace_id)";
                (keyed.to_owned(), Direction::Descending)
            }
            Sort::By(by, direction) => {
                condition.parts.push(began_in(range));
                range = range.widened(AROUND_US);
                (keyed(by.column), direction)
            }
        };
        let (order, beyond) = match direction {
            Direction::Ascending => ("asc", ">"),
            Direction::Descending => ("desc", "<"),
        };
        let after = list.after.map_or_else(String::new, |after| {
            let id = quoted(&after.trace_id);
            match after.key.sql() {
                Some(key) => {
                    format!(
                        "where k {beyond} {key} or (k = {key} and trace_id > {id}) or k is null"
                    )
                }
                None => format!("where k is null and trace_id > {id}"),
            }
        });
        let most = MOST_NOTED.max(list.limit).min(self.limits.most_rows.saturating_sub(1).max(1));
        let sql = format!(
            "{keyed} select trace_id, k from keyed {after} order by k {order} nulls last, trace_id limit {}",
            most + 1
        );
        let own = Own { spans: list.spans.within(range), sql, condition: &condition };
        let found = self.own(own).await?;
        let mut places: Vec<Place> = found
            .cells()
            .filter_map(|cells| {
                let id = u128::from_str_radix(&cells.text("trace_id")?, 16).ok()?;
                Some((id, Key::read(&cells, "k")))
            })
            .collect();
        let more = places.len() > most;
        places.truncate(most);
        Ok((places, more))
    }
}

impl TraceList<'_> {
    /// The same for all pages of a list, and for no other list.
    fn question(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?} {:?} {:?}", self.spans, self.filter, self.sort).hash(&mut hasher);
        hasher.finish()
    }
}

impl TraceFilter {
    /// The range that has to be read, and what its rows must meet.
    pub(crate) fn condition(&self, range: TimeRange) -> (TimeRange, Condition) {
        let mut parts = Vec::new();
        let equals = [
            ("span_status", &self.status),
            ("error_class", &self.error_class),
            ("inferscope_endpoint", &self.endpoint),
            ("inferscope_replica_id", &self.replica),
            ("service_name", &self.service),
        ];
        for (column, value) in equals {
            parts.extend(value.as_ref().map(|value| ident(column).eq(lit(value.as_str()))));
        }
        parts.extend(self.model.as_ref().map(|model| {
            let is = |column: &str| ident(column).eq(lit(model.as_str()));
            is("llm_request_parameters_model").or(is("llm_model_name"))
        }));
        parts.extend(self.min_duration_us.map(|least| ident("duration").gt_eq(lit(least))));
        parts.extend(self.http_class.map(http_class));
        let scanned = match self.within {
            Within::Started => range,
            Within::Ended => {
                parts.push(ended_in(range));
                TimeRange { from_us: range.from_us.saturating_sub(LONGEST_CALL_US), ..range }
            }
        };
        let filters = self.filter.iter().cloned().collect();
        (scanned, Condition { parts, filters, ..Condition::default() })
    }
}

fn began_in(range: TimeRange) -> Expr {
    let began = ident("_timestamp");
    began.clone().gt_eq(lit(range.from_us)).and(began.lt(lit(range.to_us)))
}

fn ended_in(range: TimeRange) -> Expr {
    let ended = ident("_timestamp") + ident("duration");
    ended.clone().gt_eq(lit(range.from_us)).and(ended.lt(lit(range.to_us)))
}
