//! One table in memory: rows that are not committed yet, and the list of committed files.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use schema::{Row, Table};

use crate::batch;
use crate::columns::Columns;
use crate::file::{self, File};

/// Rows as columns, in the order they came, with the log positions they came from.
#[derive(Clone, Debug)]
pub(crate) struct Hot {
    pub(crate) batch: RecordBatch,
    /// Log position and number of rows, in the batch's order.
    runs: Vec<(u64, usize)>,
    pub(crate) times: Option<(i64, i64)>,
    weight: usize,
}

impl Hot {
    fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().map(|(position, _)| *position)
    }
}

/// A consistent view of one table: every acknowledged row once, from memory or from a file.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) columns: Arc<Columns>,
    pub(crate) hot: Vec<Arc<Hot>>,
    pub(crate) files: Arc<Vec<Arc<File>>>,
}

/// What a flush takes: its rows stay visible in the table until the commit is reported.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) columns: Arc<Columns>,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) position: u64,
}

#[derive(Debug)]
struct State {
    columns: Arc<Columns>,
    tail: Vec<(u64, Vec<Row>)>,
    hot: Vec<Arc<Hot>>,
    flushing: Vec<Arc<Hot>>,
    files: Arc<Vec<Arc<File>>>,
    committed: Option<u64>,
    weight: usize,
    oldest: Option<Instant>,
}

/// A table's memory. All methods are short and never wait for I/O.
#[derive(Debug)]
pub(crate) struct Memory {
    table: Table,
    most_columns: usize,
    state: Mutex<State>,
}

impl Memory {
    pub(crate) fn new(
        table: Table,
        columns: Columns,
        files: Vec<Arc<File>>,
        committed: Option<u64>,
        most_columns: usize,
    ) -> Self {
        let state = State {
            columns: Arc::new(columns),
            tail: Vec::new(),
            hot: Vec::new(),
            flushing: Vec::new(),
            files: Arc::new(files),
            committed,
            weight: 0,
            oldest: None,
        };
        Self { table, most_columns, state: Mutex::new(state) }
    }

    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid between any two statements that can panic, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rows of a log position. Rows that a commit already holds are passed over: they come from a replay.
    pub(crate) fn append(&self, position: u64, rows: Vec<Row>) -> usize {
        let weight = rows.iter().map(Row::weight).sum();
        let mut state = self.state();
        if rows.is_empty() || state.committed.is_some_and(|committed| position <= committed) {
            return 0;
        }
        state.tail.push((position, rows));
        state.weight += weight;
        state.oldest.get_or_insert_with(Instant::now);
        weight
    }

    /// A consistent view of now.
    pub(crate) fn view(&self) -> Result<View, ArrowError> {
        let mut state = self.state();
        state.seal(self.most_columns)?;
        let hot = state.flushing.iter().chain(&state.hot).cloned().collect();
        Ok(View { columns: Arc::clone(&state.columns), hot, files: Arc::clone(&state.files) })
    }

    /// Bytes of rows that are not committed, and when the oldest of them came.
    pub(crate) fn uncommitted(&self) -> (usize, Option<Instant>) {
        let state = self.state();
        (state.weight, state.oldest)
    }

    /// The log position up to which this table's rows are committed.
    pub(crate) fn committed_position(&self) -> Option<u64> {
        self.state().committed
    }

    /// The smallest log position that is not committed.
    pub(crate) fn first_uncommitted(&self) -> Option<u64> {
        let state = self.state();
        let hot = state.flushing.iter().chain(&state.hot).flat_map(|hot| hot.positions());
        hot.chain(state.tail.iter().map(|(position, _)| *position)).min()
    }

    /// Takes the rows up to `watermark`, below which no row is still on its way. `None` if there are none, or
    /// another flush has not ended.
    pub(crate) fn take(&self, watermark: u64) -> Result<Option<Taken>, ArrowError> {
        let mut state = self.state();
        if !state.flushing.is_empty() {
            return Ok(None);
        }
        state.seal(self.most_columns)?;
        let (taken, kept) = split(&state.hot, watermark)?;
        let Some(position) = taken.iter().flat_map(|hot| hot.positions()).max() else {
            return Ok(None);
        };
        state.flushing.clone_from(&taken);
        state.hot = kept;
        let batches = taken.iter().map(|hot| hot.batch.clone()).collect();
        Ok(Some(Taken { columns: Arc::clone(&state.columns), batches, position }))
    }

    /// The rows of the last [`Memory::take`] are committed in `files`. Answers their weight.
    pub(crate) fn committed(&self, position: u64, files: Vec<Arc<File>>) -> usize {
        let mut state = self.state();
        let flushed: usize = state.flushing.drain(..).map(|hot| hot.weight).sum();
        state.weight = state.weight.saturating_sub(flushed);
        state.oldest = (!state.hot.is_empty() || !state.tail.is_empty()).then(Instant::now);
        state.committed = Some(position);
        let mut all = Vec::clone(&state.files);
        all.extend(files);
        state.files = Arc::new(all);
        flushed
    }

    /// The last [`Memory::take`] came to nothing: its rows wait for the next flush.
    pub(crate) fn put_back(&self) {
        let mut state = self.state();
        let mut hot = std::mem::take(&mut state.flushing);
        hot.append(&mut state.hot);
        state.hot = hot;
    }
}

impl State {
    /// Turns the tail's rows into columns.
    fn seal(&mut self, most_columns: usize) -> Result<(), ArrowError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let rows = self.tail.iter().flat_map(|(_, rows)| rows);
        let mut columns = Columns::clone(&self.columns);
        if columns.learn(rows, most_columns) {
            self.columns = Arc::new(columns);
        }
        let runs = self.tail.iter().map(|(position, rows)| (*position, rows.len())).collect();
        let rows: Vec<Row> = self.tail.drain(..).flat_map(|(_, rows)| rows).collect();
        let batch = batch::build(&self.columns, &rows)?;
        let weight = rows.iter().map(Row::weight).sum();
        self.hot.push(Arc::new(Hot { times: file::times(&batch), batch, runs, weight }));
        Ok(())
    }
}

type Batches = Vec<Arc<Hot>>;

/// Parts hot rows into those up to the watermark and those beyond.
fn split(all: &[Arc<Hot>], watermark: u64) -> Result<(Batches, Batches), ArrowError> {
    let (mut below, mut beyond) = (Batches::new(), Batches::new());
    for hot in all {
        if hot.positions().all(|position| position <= watermark) {
            below.push(Arc::clone(hot));
        } else if hot.positions().all(|position| position > watermark) {
            beyond.push(Arc::clone(hot));
        } else {
            below.extend(part(hot, |position| position <= watermark)?);
            beyond.extend(part(hot, |position| position > watermark)?);
        }
    }
    Ok((below, beyond))
}

/// The runs of a batch whose position is wanted.
fn part(hot: &Hot, wanted: impl Fn(u64) -> bool) -> Result<Option<Arc<Hot>>, ArrowError> {
    let (mut slices, mut runs, mut at) = (Vec::new(), Vec::new(), 0);
    for (position, rows) in &hot.runs {
        if wanted(*position) {
            slices.push(hot.batch.slice(at, *rows));
            runs.push((*position, *rows));
        }
        at += rows;
    }
    let batch = concat_batches(hot.batch.schema_ref(), &slices)?;
    let weight = hot.weight * batch.num_rows() / hot.batch.num_rows().max(1);
    Ok((batch.num_rows() > 0)
        .then(|| Arc::new(Hot { times: file::times(&batch), batch, runs, weight })))
}
