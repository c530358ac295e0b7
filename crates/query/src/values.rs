//! The values of columns with their counts: of rows, and of traces.

use datafusion::prelude::{ident, lit};
use schema::Table;

use crate::condition::{Condition, escaped};
use crate::error::Error;
use crate::filter::{as_text, first_column};
use crate::rows::{About, Scanned};
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::traces::TraceFilter;

/// Which values of a column are wanted.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// The stream.
    pub stream: &'a Table,
    /// Rows outside are not seen.
    pub range: TimeRange,
    /// An SQL condition on the rows; empty for none.
    pub filter: &'a str,
    /// A text that the value contains, in any case; empty for none.
    pub keyword: &'a str,
    /// Values to pass over.
    pub offset: usize,
    /// Values at most.
    pub limit: usize,
    /// What comes first.
    pub order: ValueOrder,
}

/// The values of a column.
#[derive(Debug)]
pub struct Counted {
    /// The values as text, each with the number of its rows.
    pub values: Vec<(String, u64)>,
    /// What had to be read for it.
    pub scanned: Scanned,
    /// What is known of it from the plan.
    pub about: About,
}

/// What comes first in a list of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueOrder {
    /// The most frequent.
    Frequent,
    /// The smallest as text.
    Alphabetical,
}

/// The values of one column among the traces that meet a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The column.
    pub column: String,
    /// The most frequent values and in how many traces each is.
    pub values: Vec<(String, u64)>,
    /// Different values in all.
    pub distinct: u64,
    /// Traces in which no matching span has a value.
    pub missing: u64,
}

impl Query {
    /// The values of a column with the number of rows that have them. A column that nobody has sent has none.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn values(&self, values: &Values<'_>, column: &str) -> Result<Counted, Error> {
        let mut condition = Condition::sql(values.filter)?;
        if !values.keyword.is_empty() {
            let like = format!("%{}%", escaped(values.keyword));
            condition.parts.push(as_text(column).ilike(lit(like)));
        }
        condition.parts.push(ident(column).is_not_null());
        let order = match values.order {
            ValueOrder::Frequent => "n desc, value",
            ValueOrder::Alphabetical => "value",
        };
        let sql = format!(
            "select cast({} as varchar) as value, count(*) as n from matching group by 1 \
             order by {order} limit {} offset {}",
            identifier(column),
            values.limit,
            values.offset,
        );
        let spans = Spans { streams: std::slice::from_ref(values.stream), range: values.range };
        let own = Own { spans, sql, condition: &condition };
        let found = self.own(own).await?;
        Ok(Counted { values: counts(&found), scanned: found.scanned, about: found.about })
    }

    /// How the traces that meet a filter spread over the values of some fields, by short name or column.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn facets(
        &self,
        spans: Spans<'_>,
        filter: &TraceFilter,
        fields: &[String],
        limit: usize,
    ) -> Result<Vec<Facet>, Error> {
        let (range, condition) = filter.condition(spans.range);
        let spans = spans.within(range);
        let mut facets = Vec::with_capacity(fields.len());
        for field in fields {
            let column = first_column(field);
            let name = identifier(&column);
            let own = |sql| Own { spans, sql, condition: &condition };
            let values = self
                .own(own(format!(
                    "select cast({name} as varchar) as value, count(distinct trace_id) as n from matching \
                     where {name} is not null group by 1 order by n desc, value limit {limit}"
                )))
                .await?;
            let about = self
                .own(own(format!(
                    "select count(distinct {name}) as different, count(distinct trace_id) as traces, \
                       count(distinct trace_id) filter (where {name} is not null) as having from matching"
                )))
                .await?;
            let number =
                |name: &str| about.cells().next().and_then(|cells| cells.int(name)).unwrap_or(0);
            facets.push(Facet {
                values: counts(&values),
                distinct: number("different").unsigned_abs(),
                missing: (number("traces") - number("having")).unsigned_abs(),
                column,
            });
        }
        Ok(facets)
    }
}

fn counts(found: &crate::answer::Found) -> Vec<(String, u64)> {
    found
        .cells()
        .filter_map(|cells| Some((cells.text("value")?, cells.int("n")?.unsigned_abs())))
        .collect()
}

/// A column's name in SQL.
pub(crate) fn identifier(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
