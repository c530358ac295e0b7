//! Rows that are not committed yet, as columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use schema::Row;

use crate::batch;
use crate::columns::Columns;
use crate::file;

/// Most rows that are built into one batch.
const MOST_ROWS: usize = 16 * 1024;
/// Most weight that is built into one batch, bytes: far from the 2 GiB that Arrow's offsets reach, also when escapes
/// make a text in the overflow six times longer.
const MOST_WEIGHT: usize = 64 << 20;
/// A batch of fewer rows is small, if it also weighs little.
const SMALL_ROWS: usize = 1_024;
/// A batch that weighs less is small, if it also has few rows, bytes.
const SMALL_WEIGHT: usize = 1 << 20;
/// Most small batches that stand in a row.
const MOST_SMALL: usize = 16;

/// Rows as columns, in the order they came, with the log positions they came from.
#[derive(Clone, Debug)]
pub(crate) struct Hot {
    /// Those of the table's columns that have a value here.
    pub(crate) batch: RecordBatch,
    pub(crate) times: Option<(i64, i64)>,
    /// Log position and number of rows, in the batch's order.
    runs: Vec<(u64, usize)>,
    row_weight: usize,
    weight: usize,
}

/// A log position and a row that it has.
pub(crate) type Logged<'a> = (u64, &'a Row);

impl Hot {
    fn new(batch: RecordBatch, runs: Vec<(u64, usize)>, row_weight: usize) -> Self {
        let weight = row_weight.max(batch.get_array_memory_size());
        Self { times: file::times(&batch), batch, runs, row_weight, weight }
    }

    fn build(columns: &Columns, logged: &[Logged<'_>]) -> Result<Self, ArrowError> {
        let rows: Vec<&Row> = logged.iter().map(|(_, row)| *row).collect();
        let weight = rows.iter().map(|row| row.weight()).sum();
        let runs = in_runs(logged.iter().map(|(position, _)| (*position, 1)));
        Ok(Self::new(batch::build(columns, &rows)?, runs, weight))
    }

    /// Rows as columns, in batches, before their log position is known: it is [given](Hot::at) later.
    pub(crate) fn unlogged(columns: &Columns, rows: &[Row]) -> Result<Vec<Self>, ArrowError> {
        let logged: Vec<Logged<'_>> = rows.iter().map(|row| (0, row)).collect();
        let slices = slices(&logged, MOST_ROWS, MOST_WEIGHT);
        slices.into_iter().map(|slice| Self::build(columns, slice)).collect()
    }

    /// The same rows, with the log position that all of them have.
    pub(crate) fn at(mut self, position: u64) -> Self {
        self.runs = vec![(position, self.batch.num_rows())];
        self
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().map(|(position, _)| *position)
    }

    /// What it counts for, bytes: what its rows weigh, or what its arrays take if that is more.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    fn is_small(&self) -> bool {
        self.batch.num_rows() < SMALL_ROWS && self.weight < SMALL_WEIGHT
    }

    /// What a number of its rows weigh, if all weigh the same.
    fn share(&self, rows: usize) -> usize {
        self.weight / self.batch.num_rows().max(1) * rows
    }

    /// The runs whose position is wanted.
    fn part(&self, wanted: impl Fn(u64) -> bool) -> Result<Self, ArrowError> {
        let (mut slices, mut runs, mut at) = (Vec::new(), Vec::new(), 0);
        for (position, rows) in &self.runs {
            if wanted(*position) {
                slices.push(self.batch.slice(at, *rows));
                runs.push((*position, *rows));
            }
            at += rows;
        }
        let batch = concat_batches(self.batch.schema_ref(), &slices)?;
        let weight = self.row_weight / self.batch.num_rows().max(1) * batch.num_rows();
        Ok(Self::new(batch, runs, weight))
    }
}

/// Rows in batches, each of a bounded number and weight of rows.
pub(crate) fn build(columns: &Columns, logged: &[Logged<'_>]) -> Result<Vec<Arc<Hot>>, ArrowError> {
    slices(logged, MOST_ROWS, MOST_WEIGHT)
        .into_iter()
        .map(|slice| Hot::build(columns, slice).map(Arc::new))
        .collect()
}

/// Parts rows; only a row that is heavier by itself makes a slice heavier than `most_weight`.
fn slices<'a, 'r>(
    logged: &'a [Logged<'r>],
    most_rows: usize,
    most_weight: usize,
) -> Vec<&'a [Logged<'r>]> {
    let (mut slices, mut from, mut weight) = (Vec::new(), 0, 0);
    for (at, (_, row)) in logged.iter().enumerate() {
        let row = row.weight();
        if at > from && (at - from == most_rows || weight + row > most_weight) {
            slices.push(&logged[from..at]);
            (from, weight) = (at, 0);
        }
        weight += row;
    }
    slices.push(&logged[from..]);
    slices
}

/// Makes one batch of the small ones at the end, when they have become many: a query looks at each.
pub(crate) fn merge_small(columns: &Columns, all: &mut Vec<Arc<Hot>>) -> Result<(), ArrowError> {
    let small = all.iter().rev().take_while(|hot| hot.is_small()).count();
    if small <= MOST_SMALL {
        return Ok(());
    }
    let from = all.len() - small;
    let batches: Vec<&RecordBatch> = all[from..].iter().map(|hot| &hot.batch).collect();
    let batch = batch::concat(columns, &batches)?;
    let runs = in_runs(all[from..].iter().flat_map(|hot| hot.runs.iter().copied()));
    let weight = all[from..].iter().map(|hot| hot.row_weight).sum();
    all.truncate(from);
    all.push(Arc::new(Hot::new(batch, runs, weight)));
    Ok(())
}

/// Joins neighbours of the same position.
fn in_runs(parts: impl Iterator<Item = (u64, usize)>) -> Vec<(u64, usize)> {
    let mut runs: Vec<(u64, usize)> = Vec::new();
    for (position, rows) in parts {
        match runs.last_mut() {
            Some((last, count)) if *last == position => *count += rows,
            Some(_) | None => runs.push((position, rows)),
        }
    }
    runs
}

/// Batches of one table.
pub(crate) type Batches = Vec<Arc<Hot>>;

/// Parts hot rows into those up to the watermark and those beyond.
pub(crate) fn split(all: &[Arc<Hot>], watermark: u64) -> Result<(Batches, Batches), ArrowError> {
    let (mut below, mut beyond) = (Batches::new(), Batches::new());
    for hot in all {
        if hot.positions().all(|position| position <= watermark) {
            below.push(Arc::clone(hot));
        } else if hot.positions().all(|position| position > watermark) {
            beyond.push(Arc::clone(hot));
        } else {
            below.push(Arc::new(hot.part(|position| position <= watermark)?));
            beyond.push(Arc::new(hot.part(|position| position > watermark)?));
        }
    }
    Ok((below, beyond))
}

/// The last position up to which rows weigh at most `most`, or the first position that there is; `None` if all do.
pub(crate) fn cut(all: &[Arc<Hot>], most: usize) -> Option<u64> {
    let mut by_position: BTreeMap<u64, usize> = BTreeMap::new();
    for hot in all {
        for (position, rows) in &hot.runs {
            *by_position.entry(*position).or_default() += hot.share(*rows);
        }
    }
    let (mut weight, mut last) = (0, None);
    for (position, more) in by_position {
        weight += more;
        if weight > most && last.is_some() {
            return last;
        }
        last = Some(position);
    }
    None
}

#[cfg(test)]
mod tests {
    use schema::{Name, OrgName, Table};

    use super::*;

    fn columns() -> Columns {
        Columns::promised(&Table::traces(OrgName::first()))
    }

    fn rows(count: usize) -> Vec<Row> {
        let row = |at| {
            let mut row = Row::default();
            row.push(Name::fixed("_timestamp"), i64::try_from(at).expect("small"));
            row
        };
        (0..count).map(row).collect()
    }

    fn logged(rows: &[Row]) -> Vec<Logged<'_>> {
        rows.iter().zip(1..).map(|(row, position)| (position, row)).collect()
    }

    fn hot(position: u64, count: usize) -> Arc<Hot> {
        let rows = rows(count);
        let logged: Vec<Logged<'_>> = rows.iter().map(|row| (position, row)).collect();
        Arc::new(Hot::build(&columns(), &logged).expect("builds"))
    }

    #[test]
    fn slices_are_bounded_in_rows_and_in_weight() {
        let rows = rows(5);
        let logged = logged(&rows);
        let lengths = |most_rows, most_weight| -> Vec<usize> {
            slices(&logged, most_rows, most_weight).iter().map(|slice| slice.len()).collect()
        };
        let weight = rows[0].weight();
        assert_eq!(lengths(2, usize::MAX), [2, 2, 1]);
        assert_eq!(lengths(5, usize::MAX), [5]);
        assert_eq!(lengths(9, 3 * weight), [3, 2]);
        assert_eq!(lengths(9, 1), [1, 1, 1, 1, 1], "a row that is too heavy stands alone");
    }

    #[test]
    fn many_small_batches_become_one_that_knows_its_positions() {
        let columns = columns();
        let mut all: Vec<Arc<Hot>> = (1..=16).map(|position| hot(position, 2)).collect();
        merge_small(&columns, &mut all).expect("nothing to do");
        assert_eq!(all.len(), 16);
        all.push(hot(16, 3));
        merge_small(&columns, &mut all).expect("merges");
        assert_eq!((all.len(), all[0].batch.num_rows()), (1, 35));
        assert_eq!(all[0].positions().collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
        let (below, beyond) = split(&all, 15).expect("splits");
        assert_eq!((below[0].batch.num_rows(), beyond[0].batch.num_rows()), (30, 5));
    }

    #[test]
    fn large_batches_stay_as_they_are() {
        let mut all = vec![hot(1, SMALL_ROWS)];
        all.extend((2..=18).map(|position| hot(position, 1)));
        merge_small(&columns(), &mut all).expect("merges");
        assert_eq!((all.len(), all[0].batch.num_rows()), (2, SMALL_ROWS));
    }

    #[test]
    fn a_cut_leaves_at_least_the_first_position() {
        let all = [hot(3, 10), hot(1, 10), hot(2, 10)];
        let weight = all[0].weight();
        assert_eq!(cut(&all, 2 * weight), Some(2));
        assert_eq!(cut(&all, 1), Some(1));
        assert_eq!(cut(&all, 3 * weight), None);
        assert_eq!(cut(&[], 0), None);
    }
}
