//! Calls side by side: by model, provider, service, user or any other column; calls, errors by class, latency, time to
//! first token, speed, tokens and cost.

use std::collections::BTreeMap;

use histogram::Histogram;

use crate::answer::Cells;
use crate::belonging::Dimension;
use crate::calls::{CHOSEN, Pairs, SUMS, Sums, calls};
use crate::condition::Condition;
use crate::error::Error;
use crate::filter::{Filter, first_column, short_names};
use crate::search::{Own, Query};
use crate::streams::Spans;

/// Most values that stand side by side.
const MOST: usize = 1_000;

/// The calls that are `chosen`.
const PICKED: &str = "picked as (select c.* from calls c left semi join chosen m \
     on m.trace_id = c.trace_id and m.span_id = c.span_id)";

/// The calls of a time range that share a value. Each call counts once: the app's span, else the gateway's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelSummary {
    /// The value that they share: the model as requested, unless asked otherwise.
    pub value: String,
    /// The names of the models that answered.
    pub answered: Vec<String>,
    /// What they come to.
    pub sums: Sums,
    /// Failed calls by class; `unknown` is no class.
    pub errors_by_class: BTreeMap<String, i64>,
    /// Durations of the calls that succeeded, seconds.
    pub latency_s: Quantiles,
    /// Times to first token, seconds.
    pub ttft_s: Quantiles,
    /// Output tokens a second of the calls that succeeded, over their whole duration.
    pub output_tokens_per_s: Quantiles,
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

/// Calls side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Groups of calls, those with most calls first, at most 1,000.
    pub groups: Vec<ModelSummary>,
    /// Whether there are more.
    pub more: bool,
    /// All calls, each once.
    pub calls: u64,
    /// Calls without a value: they are in no group.
    pub without: u64,
    /// Whether a call may be in several groups: their sums then exceed the sum of all.
    pub overlapping: bool,
}

impl Query {
    /// Calls side by side by a field (a short name or a column; `model` is the requested model). By session or user, a call
    /// belongs as [`Query::groups`] has it; by tag, it is in the group of each of its tags. With a filter, the calls of which a
    /// span, the program's or the gateway's, meets it.
    ///
    /// # Errors
    /// As [`Query::search`]; [`Error::Parameter`] if no stream has the field.
    pub async fn models(
        &self,
        spans: Spans<'_>,
        by: &str,
        filter: Option<&Filter>,
    ) -> Result<Comparison, Error> {
        let mut condition = Condition::default();
        condition.filters.extend(filter.cloned());
        let column = first_column(by);
        if let Some(unknown) = self.unknown_fields(spans.streams, None, &[by.to_owned()])?.pop() {
            let near = unknown.nearest;
            let near = near.map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
            return Err(Error::Parameter(format!(
                "by: there is no field {by:?}{near}; there are {}, and every column that was sent",
                short_names().collect::<Vec<_>>().join(", ")
            )));
        }
        let dimension = Dimension::of(&column);
        let overlapping = dimension == Dimension::Tags;
        let (compared, chosen) = match filter {
            None => ("calls", String::new()),
            Some(_) => ("picked", format!("{CHOSEN}, {PICKED},")),
        };
        let parts = format!(
            "with recursive {}, {chosen} {}",
            calls("spans", Pairs::Anywhere),
            dimension.valued("spans", compared)
        );
        let own = |sql: &str| Own { spans, sql: format!("{parts}{sql}"), condition: &condition };
        let summary = self.own(own(&summary_sql())).await?;
        let classes = self.own(own(&classes_sql())).await?;
        let mut found = Comparison { overlapping, ..Comparison::default() };
        for cells in summary.cells() {
            let group = read(&cells);
            found.calls += group.sums.calls;
            match cells.text("value") {
                Some(value) => found.groups.push(ModelSummary { value, ..group }),
                None => found.without = group.sums.calls,
            }
        }
        found.more = found.groups.len() > MOST;
        found.groups.truncate(MOST);
        if found.more || overlapping {
            let all = self.own(own(&format!(" select count(*) as calls from {compared}"))).await?;
            let calls = all.cells().next().and_then(|cells| cells.int("calls"));
            found.calls = calls.unwrap_or(0).unsigned_abs();
        }
        for cells in classes.cells() {
            let value = cells.text("value");
            let group = found.groups.iter_mut().find(|group| Some(&group.value) == value.as_ref());
            let Some(group) = group else { continue };
            let answered = cells.text("answered");
            group.answered.extend(answered.filter(|name| !group.answered.contains(name)));
            if let Some(class) = cells.text("class") {
                *group.errors_by_class.entry(class).or_default() +=
                    cells.int("calls").unwrap_or_default();
            }
        }
        Ok(found)
    }
}

fn read(cells: &Cells<'_>) -> ModelSummary {
    ModelSummary {
        sums: Sums::read(cells),
        latency_s: Quantiles::read(cells, "latency"),
        ttft_s: Quantiles::read(cells, "ttft"),
        output_tokens_per_s: Quantiles::read(cells, "speed"),
        ..ModelSummary::default()
    }
}

/// The calls without a value are one row, the first.
fn summary_sql() -> String {
    format!(
        " select c.value, {SUMS}, \
         distribution(c.duration / 1e6) filter (where c.span_status <> 'ERROR') as latency, \
         distribution(c.call_ttft) as ttft, \
         distribution(c.call_output / (c.duration / 1e6)) \
           filter (where c.span_status <> 'ERROR' and c.duration > 0) as speed \
         from valued c group by c.value \
         order by c.value is not null, calls desc, c.value limit {}",
        MOST + 2
    )
}

/// The names that answered, and the classes of errors, of the same groups.
fn classes_sql() -> String {
    format!(
        ", top as (select value from valued where value is not null \
           group by value order by count(*) desc, value limit {MOST}) \
         select c.value, c.call_answered as answered, \
           case when c.span_status = 'ERROR' then coalesce(c.call_class, 'unknown') end as class, count(*) as calls \
         from valued c join top t on t.value = c.value group by 1, 2, 3 order by calls desc"
    )
}
