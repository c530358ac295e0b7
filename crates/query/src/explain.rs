//! What is different about some calls: the columns whose values are spread otherwise among them than among the rest.
//!
//! The measure is Jensen and Shannon's divergence of the two spreads, to base 2: 0 when they are the same, 1 when no
//! value is in both. Null is a value like any other. What chance alone gives sets of these sizes is taken off, so that
//! a column with many values does not win by having them, and a column that chance explains is not named at all.
//!
//! The range is read in slices, those far from each other first, so that an early answer is about all of the range.

mod outcome;
mod spread;
mod tally;

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use datafusion::prelude::{ident, lit};
use schema::Table;

use crate::answer::Found;
use crate::calls::{CHOSEN, Pairs, calls, known};
use crate::error::Error;
use crate::filter::Filter;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::traces::{LONGEST_CALL_US, TraceFilter};
use crate::values::identifier;
use crate::workers::Workers;

use outcome::Follows;
pub use spread::{Difference, Share};
use tally::{Counts, Tally};

/// Fewer calls in one of the sets explain nothing.
pub const FEWEST_CALLS: u64 = 5;
/// A column that chance sets so far apart with this probability, or a higher one, is not named.
pub const MOST_CHANCE: f64 = 0.01;
/// A difference below this is none, however many calls show it.
const LEAST_SCORE: f64 = 0.001;
/// Calls of a slice, about.
const SLICE: u64 = 10_000;
/// Most slices that a range begins with.
const MOST_SLICES: u64 = 32;
/// Most columns that are compared.
const MOST_COLUMNS: usize = 300;
/// The part of a text that is compared, characters.
const LONGEST: usize = 200;

/// Columns that are different on every call, or long.
const LEFT_OUT: [&str; 24] = [
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
    "llm_field_provenance",
    "stored_parts",
    "error_message",
    "status_message",
    "trace_state",
    "flags",
];

/// How some calls differ from the rest, as far as was looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Calls that meet the filter, of those that were looked at.
    pub selected: u64,
    /// The others that were looked at.
    pub rest: u64,
    /// Calls of the range.
    pub of: u64,
    /// Whether all of the range was read.
    pub complete: bool,
    /// Whether one of the sets has fewer than [`FEWEST_CALLS`] calls: nothing is compared.
    pub too_few: bool,
    /// Columns that were compared.
    pub compared: usize,
    /// The columns that differ, most first.
    pub differences: Vec<Difference>,
    /// Those that differ and are known only when a call is over, where the filter is about how calls ended.
    pub follows: Vec<Difference>,
}

/// An explanation on its way: each step reads more of the range. It ends when it is dropped.
#[derive(Debug)]
pub struct Explaining {
    workers: Workers,
    /// `None` once a step failed or was given up: what it had counted is lost.
    going: Option<Going>,
}

/// What a step reads on from, on the threads of questions.
#[derive(Debug)]
struct Going {
    query: Query,
    streams: Vec<Table>,
    range: TimeRange,
    filter: TraceFilter,
    follows: Follows,
    columns: Vec<String>,
    tallies: Vec<Tally>,
    sizes: Counts,
    of: u64,
    /// What is still to be read; the last comes next.
    slices: Vec<TimeRange>,
    limit: usize,
    begun: bool,
}

impl Query {
    /// Compares the calls of a time range that meet a filter with those that do not. Columns that the filter names are
    /// left out: they differ by themselves.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn explain(
        &self,
        spans: Spans<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Explaining, Error> {
        let named: Vec<&str> = filter.columns().collect();
        let columns = comparable(&self.columns_of(spans.streams)?, &named);
        // Of a short name the first column is the one that is meant.
        let follows = Follows::of(&filter.fields().collect::<Vec<_>>());
        let filter = TraceFilter { filter: Some(filter.clone()), ..TraceFilter::default() };
        let count = format!(
            "with {} select count(*) as n, min(_timestamp) as first, max(_timestamp) as last from calls",
            calls("spans", Pairs::Anywhere)
        );
        let condition = filter.condition(spans.range).1;
        let found = self.own(Own { spans, sql: count, condition: &condition }).await?;
        let cells = found.cells().next();
        let number = |name: &str| cells.as_ref().and_then(|cells| cells.int(name));
        let of = number("n").unwrap_or(0).unsigned_abs();
        let times = number("first").zip(number("last"));
        let slices = times.map_or_else(Vec::new, |(first, last)| {
            let whole = TimeRange { from_us: first, to_us: last.saturating_add(1) };
            sliced(whole, of.div_ceil(SLICE).clamp(1, MOST_SLICES))
        });
        let tallies = vec![Tally::default(); columns.len()];
        let going = Going {
            query: self.clone(),
            streams: spans.streams.to_vec(),
            range: spans.range,
            filter,
            follows,
            columns,
            tallies,
            sizes: Counts::default(),
            of,
            slices,
            limit,
            begun: false,
        };
        Ok(Explaining { workers: self.workers.clone(), going: Some(going) })
    }
}

impl Explaining {
    /// What is known after reading one more slice; `None` once the whole range has been told. After an error, or a step
    /// that was not waited for, there is nothing more.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn next(&mut self) -> Result<Option<Explanation>, Error> {
        let Some(mut going) = self.going.take() else { return Ok(None) };
        let work = async move {
            let told = going.next().await?;
            Ok((going, told))
        };
        let (going, told) = self.workers.run(work).await?;
        self.going = Some(going);
        Ok(told)
    }
}

impl Going {
    async fn next(&mut self) -> Result<Option<Explanation>, Error> {
        let Some(slice) = self.slices.pop() else {
            // A range without calls is told too.
            return Ok((!std::mem::replace(&mut self.begun, true)).then(|| self.explanation()));
        };
        self.begun = true;
        self.read(slice).await?;
        Ok(Some(self.explanation()))
    }

    /// Reads a slice, in parts if it is too much for one answer.
    async fn read(&mut self, slice: TimeRange) -> Result<(), Error> {
        let mut open = vec![slice];
        while let Some(slice) = open.pop() {
            let found = self.rows(slice).await?;
            let middle = slice.from_us + (slice.to_us - slice.from_us) / 2;
            match &found.partial {
                None => self.count(&found)?,
                Some(_) if middle > slice.from_us => {
                    open.push(TimeRange { from_us: middle, ..slice });
                    open.push(TimeRange { to_us: middle, ..slice });
                }
                Some(why) => return Err(Error::Execution(format!("{why}: narrow the time range"))),
            }
        }
        Ok(())
    }

    async fn rows(&self, slice: TimeRange) -> Result<Found, Error> {
        let parts: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let name = identifier(known(column));
                format!("substr(cast(c.{name} as varchar), 1, {LONGEST}) as v{at}")
            })
            .collect();
        let TimeRange { from_us, to_us } = slice;
        let sql = format!(
            "with {calls}, {CHOSEN} select m.span_id as chosen, 1 as one {comma} {parts} from calls c left join chosen m \
             on m.trace_id = c.trace_id and m.span_id = c.span_id \
             where c._timestamp >= {from_us} and c._timestamp < {to_us}",
            calls = calls("spans", Pairs::Anywhere),
            comma = if parts.is_empty() { "" } else { "," },
            parts = parts.join(", "),
        );
        // The program's span of a call that the gateway saw in the slice may have begun before it.
        let range = slice.widened(LONGEST_CALL_US).inside(self.range);
        let (_, mut condition) = self.filter.condition(range);
        condition.parts.push(ident("llm_is_leaf").eq(lit(true)));
        let spans = Spans { streams: &self.streams, range };
        let own = Own { spans, sql, condition: &condition };
        self.query.own_part(own).await
    }

    fn count(&mut self, found: &Found) -> Result<(), Error> {
        for batch in &found.batches {
            let chosen = batch.column(0);
            let counts: Vec<Counts> = (0..batch.num_rows())
                .map(|row| match chosen.is_valid(row) {
                    true => Counts { selected: 1, rest: 0 },
                    false => Counts { selected: 0, rest: 1 },
                })
                .collect();
            counts.iter().for_each(|counts| self.sizes.add(*counts));
            for (tally, column) in self.tallies.iter_mut().zip(&batch.columns()[2..]) {
                // A part of a text is a view of it.
                let texts = cast(column, &DataType::Utf8).map_err(DataFusionError::from)?;
                for (text, counts) in texts.as_string::<i32>().iter().zip(&counts) {
                    tally.add(text, *counts);
                }
            }
        }
        Ok(())
    }

    fn explanation(&self) -> Explanation {
        let Counts { selected, rest } = self.sizes;
        let too_few = selected.min(rest) < FEWEST_CALLS;
        let compared = if too_few { 0 } else { self.columns.len() };
        let mut differences: Vec<Difference> = self.columns[..compared]
            .iter()
            .zip(&self.tallies)
            .filter_map(|(column, tally)| spread::difference(column, tally, compared))
            .filter(|one| one.score >= LEAST_SCORE && one.p_value < MOST_CHANCE)
            .collect();
        differences
            .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.column.cmp(&b.column)));
        let (mut follows, mut differences): (Vec<_>, Vec<_>) =
            differences.into_iter().partition(|one| self.follows.has(&one.column));
        follows.truncate(self.limit);
        differences.truncate(self.limit);
        let complete = self.slices.is_empty();
        Explanation {
            selected,
            rest,
            of: self.of,
            complete,
            too_few,
            compared,
            differences,
            follows,
        }
    }
}

/// A range in so many slices, in the order in which they are popped: far from each other at first.
fn sliced(whole: TimeRange, count: u64) -> Vec<TimeRange> {
    let length = whole.to_us.abs_diff(whole.from_us);
    let count = count.min(length).max(1);
    let at = |part: u64| {
        let offset = u128::from(length) * u128::from(part) / u128::from(count);
        whole.from_us.saturating_add_unsigned(u64::try_from(offset).unwrap_or(length))
    };
    let mut slices: Vec<(u64, TimeRange)> = (0..count)
        .map(|part| (part.reverse_bits(), TimeRange { from_us: at(part), to_us: at(part + 1) }))
        .collect();
    slices.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
    slices.into_iter().map(|(_, slice)| slice).collect()
}

fn comparable(columns: &BTreeMap<String, String>, named: &[&str]) -> Vec<String> {
    columns
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_cover_a_range_once(from in -1_000_i64..1_000, length in 1_i64..500, count in 1_u64..40) {
            let whole = TimeRange { from_us: from, to_us: from + length };
            let mut slices = sliced(whole, count);
            slices.sort_by_key(|slice| slice.from_us);
            prop_assert_eq!(slices[0].from_us, from);
            prop_assert_eq!(slices.last().expect("has one").to_us, whole.to_us);
            prop_assert!(slices.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
            prop_assert!(slices.iter().all(|slice| slice.from_us < slice.to_us));
        }
    }

    #[test]
    fn the_first_slices_are_far_from_each_other() {
        let mut slices = sliced(TimeRange { from_us: 0, to_us: 800 }, 8);
        let order: Vec<i64> = std::iter::from_fn(|| slices.pop()).map(|one| one.from_us).collect();
        assert_eq!(order, [0, 400, 200, 600, 100, 500, 300, 700]);
    }
}
