//! One table in memory: rows that are not committed yet, and the list of committed files.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use schema::{Row, Table};

use crate::columns::Columns;
use crate::error::Error;
use crate::file::File;
use crate::hot::{self, Hot, Logged};

/// Most weight that one flush takes, bytes: its rows become one batch, whose offsets end at 2 GiB.
const MOST_TAKEN: usize = 256 << 20;

/// A consistent view of one table: every acknowledged row once, from memory or from a file.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) columns: Arc<Columns>,
    pub(crate) hot: Vec<Arc<Hot>>,
    pub(crate) files: Arc<Vec<Arc<File>>>,
}

/// What a table's log says.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) columns: Columns,
    pub(crate) files: Vec<Arc<File>>,
    /// The log position up to which this table's rows are committed.
    pub(crate) committed: Option<u64>,
}

impl Stored {
    /// What a table has that was never flushed.
    pub(crate) fn nothing(table: &Table) -> Self {
        Self { columns: Columns::promised(table), files: Vec::new(), committed: None }
    }
}

/// What a flush takes: its rows stay visible in the table until the commit is reported.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) columns: Arc<Columns>,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) position: u64,
    pub(crate) share: Share,
}

/// How much of what could be flushed a flush has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of it.
    All,
    /// As much as fits one flush.
    Part,
}

/// The weight of the rows in memory of all tables, bytes. Each table adds and takes away its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total(Arc<AtomicUsize>);

impl Total {
    /// Bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn change(&self, from: usize, to: usize) {
        if to >= from {
            self.0.fetch_add(to - from, Ordering::Relaxed);
        } else {
            self.0.fetch_sub(from - to, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
struct State {
    columns: Arc<Columns>,
    tail: Vec<(u64, Vec<Row>)>,
    tail_weight: usize,
    hot: Vec<Arc<Hot>>,
    flushing: Vec<Arc<Hot>>,
    files: Arc<Vec<Arc<File>>>,
    /// Files that are in the log and cannot be read, and why: views leave them out.
    unreadable: BTreeMap<String, String>,
    committed: Option<u64>,
    /// Why the stored rows cannot be read. Until they can, rows only gather in the tail.
    damage: Option<String>,
    /// What the lake's total counts for this table.
    weight: usize,
    oldest: Option<Instant>,
}

/// A table's memory. All methods are short and never wait for I/O.
#[derive(Debug)]
pub(crate) struct Memory {
    table: Table,
    most_columns: usize,
    total: Total,
    state: Mutex<State>,
}

impl Memory {
    /// The memory of a table that has what is `stored`, or why that is not known. Its weight is counted in `total`.
    pub(crate) fn new(
        table: Table,
        stored: Result<Stored, String>,
        most_columns: usize,
        total: Total,
    ) -> Self {
        let (stored, damage) = match stored {
            Ok(stored) => (stored, None),
            Err(why) => (Stored::nothing(&table), Some(why)),
        };
        let state = State {
            columns: Arc::new(stored.columns),
            tail: Vec::new(),
            tail_weight: 0,
            hot: Vec::new(),
            flushing: Vec::new(),
            files: Arc::new(stored.files),
            unreadable: BTreeMap::new(),
            committed: stored.committed,
            damage,
            weight: 0,
            oldest: None,
        };
        Self { table, most_columns, total, state: Mutex::new(state) }
    }

    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid between any two statements that can panic, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state with all rows as columns.
    fn sealed(&self) -> Result<MutexGuard<'_, State>, Error> {
        self.sound()?;
        let mut state = self.state();
        let sealed = state.seal(self.most_columns);
        self.weigh(&mut state);
        sealed.map_err(|source| self.columns_error(source))?;
        Ok(state)
    }

    fn columns_error(&self, source: ArrowError) -> Error {
        Error::Columns { table: self.table.to_string(), source }
    }

    /// Has the lake's total count what the state weighs now.
    fn weigh(&self, state: &mut State) {
        let hot = state.hot.iter().chain(&state.flushing);
        let weight = state.tail_weight + hot.map(|hot| hot.weight()).sum::<usize>();
        self.total.change(state.weight, weight);
        state.weight = weight;
    }

    /// Adds rows of a log position. Rows that a commit already holds are passed over: they come from a replay.
    pub(crate) fn append(&self, position: u64, rows: Vec<Row>) {
        let added: usize = rows.iter().map(Row::weight).sum();
        let mut state = self.state();
        if rows.is_empty() || state.committed.is_some_and(|committed| position <= committed) {
            return;
        }
        state.tail.push((position, rows));
        state.tail_weight += added;
        self.total.change(state.weight, state.weight + added);
        state.weight += added;
        state.oldest.get_or_insert_with(Instant::now);
    }

    /// The columns of these rows, those that are new among them added to the table; `None` while the stored columns
    /// are not known.
    pub(crate) fn columns_of(&self, rows: &[Row]) -> Option<Arc<Columns>> {
        let known = |state: &State| state.damage.is_none().then(|| Arc::clone(&state.columns));
        let columns = known(&self.state())?;
        if columns.learned(rows.iter(), self.most_columns).is_none() {
            return Some(columns);
        }
        // Others may have added columns meanwhile: what is added now has to follow theirs.
        let mut state = self.state();
        let columns = known(&state)?;
        if let Some(learned) = columns.learned(rows.iter(), self.most_columns) {
            state.columns = Arc::new(learned);
        }
        Some(Arc::clone(&state.columns))
    }

    /// As [`Memory::append`], of rows that are columns already.
    pub(crate) fn append_hot(&self, position: u64, batches: Vec<Hot>) {
        let mut state = self.state();
        if state.committed.is_some_and(|committed| position <= committed) {
            return;
        }
        state.hot.extend(batches.into_iter().map(|hot| Arc::new(hot.at(position))));
        self.weigh(&mut state);
        state.oldest.get_or_insert_with(Instant::now);
    }

    /// A consistent view of now.
    pub(crate) fn view(&self) -> Result<View, Error> {
        let mut state = self.sealed()?;
        state.merge_small().map_err(|source| self.columns_error(source))?;
        self.weigh(&mut state);
        let hot = state.flushing.iter().chain(&state.hot).cloned().collect();
        Ok(View { columns: Arc::clone(&state.columns), hot, files: state.readable_files() })
    }

    /// The columns of now, and all committed files, also those that cannot be read.
    pub(crate) fn stored(&self) -> (Arc<Columns>, Arc<Vec<Arc<File>>>) {
        let state = self.state();
        (Arc::clone(&state.columns), Arc::clone(&state.files))
    }

    /// Rows that are in no file yet.
    pub(crate) fn hot_rows(&self) -> u64 {
        let state = self.state();
        let hot = state.flushing.iter().chain(&state.hot).map(|hot| hot.batch.num_rows());
        let tail = state.tail.iter().map(|(_, rows)| rows.len());
        hot.chain(tail).sum::<usize>() as u64
    }

    /// A file cannot be read: views leave it out until [`Memory::readable`]. Answers whether this is news.
    pub(crate) fn unreadable(&self, path: &str, why: String) -> bool {
        self.state().unreadable.insert(path.to_owned(), why).is_none()
    }

    /// A file can be read again. Answers whether this is news.
    pub(crate) fn readable(&self, path: &str) -> bool {
        self.state().unreadable.remove(path).is_some()
    }

    /// The files that cannot be read, and why.
    pub(crate) fn unreadable_files(&self) -> BTreeMap<String, String> {
        self.state().unreadable.clone()
    }

    /// Bytes of rows that are not committed, and when the oldest of them came.
    pub(crate) fn uncommitted(&self) -> (usize, Option<Instant>) {
        let state = self.state();
        (state.weight, state.oldest)
    }

    /// Whether what is stored could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        self.state().damage.is_some()
    }

    /// Says why what is stored could not be read, if it could not.
    pub(crate) fn sound(&self) -> Result<(), Error> {
        let damage = self.state().damage.clone();
        damage.map_or(Ok(()), |why| Err(Error::Damaged { table: self.table.to_string(), why }))
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

    /// Takes the rows up to `watermark`, below which no row is still on its way, or the first of them if they are
    /// many. `None` if there are none. The caller sees to it that there is one flush at a time.
    pub(crate) fn take(&self, watermark: u64) -> Result<Option<Taken>, Error> {
        let mut state = self.sealed()?;
        state.put_back();
        let cut = hot::cut(&state.hot, MOST_TAKEN).filter(|cut| *cut < watermark);
        let (taken, kept) = hot::split(&state.hot, cut.unwrap_or(watermark))
            .map_err(|source| self.columns_error(source))?;
        let Some(position) = taken.iter().flat_map(|hot| hot.positions()).max() else {
            return Ok(None);
        };
        let batches = taken.iter().map(|hot| hot.batch.clone()).collect();
        state.flushing = taken;
        state.hot = kept;
        self.weigh(&mut state);
        let share = cut.map_or(Share::All, |_| Share::Part);
        Ok(Some(Taken { columns: Arc::clone(&state.columns), batches, position, share }))
    }

    /// The rows of the last [`Memory::take`] are committed in `files`.
    pub(crate) fn committed(&self, position: u64, files: Vec<Arc<File>>) {
        let mut state = self.state();
        state.flushing.clear();
        self.weigh(&mut state);
        state.oldest = state.has_rows().then(Instant::now);
        state.committed = Some(position);
        let mut all = Vec::clone(&state.files);
        all.extend(files);
        state.files = Arc::new(all);
    }

    /// A commit has put files in the place of others.
    pub(crate) fn replace(&self, removed: &[Arc<File>], added: Vec<Arc<File>>) {
        let gone: HashSet<&str> = removed.iter().map(|file| file.path.as_str()).collect();
        let mut state = self.state();
        let kept = state.files.iter().filter(|file| !gone.contains(file.path.as_str()));
        let files = kept.cloned().chain(added).collect();
        state.set_files(files);
    }

    /// The table's log turned out to have these files.
    pub(crate) fn set_files(&self, files: Vec<Arc<File>>) {
        self.state().set_files(files);
    }

    /// The last [`Memory::take`] came to nothing: its rows wait for the next flush.
    pub(crate) fn put_back(&self) {
        self.state().put_back();
    }

    /// The table's log was read again: rows that it holds are let go, and its files are the table's.
    pub(crate) fn adopt(&self, stored: Stored) -> Result<(), Error> {
        let mut state = self.state();
        state.put_back();
        if let Some(committed) = stored.committed {
            let (_, kept) =
                hot::split(&state.hot, committed).map_err(|source| self.columns_error(source))?;
            state.hot = kept;
            state.tail.retain(|(position, _)| *position > committed);
            state.tail_weight = state.tail.iter().flat_map(|(_, rows)| rows).map(Row::weight).sum();
        }
        if state.damage.take().is_some() {
            state.columns = Arc::new(stored.columns);
        }
        state.set_files(stored.files);
        state.committed = stored.committed;
        state.oldest = state.oldest.filter(|_| state.has_rows());
        self.weigh(&mut state);
        Ok(())
    }
}

impl State {
    /// Turns the tail's rows into columns. When that fails they stay in the tail.
    fn seal(&mut self, most_columns: usize) -> Result<(), ArrowError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let logged: Vec<Logged<'_>> = self
            .tail
            .iter()
            .flat_map(|(position, rows)| rows.iter().map(|row| (*position, row)))
            .collect();
        let learned = self.columns.learned(logged.iter().map(|(_, row)| *row), most_columns);
        let columns = learned.map_or_else(|| Arc::clone(&self.columns), Arc::new);
        let built = hot::build(&columns, &logged)?;
        self.hot.extend(built);
        self.columns = columns;
        self.tail.clear();
        self.tail_weight = 0;
        Ok(())
    }

    /// For those who look at each batch. A flush makes one batch of all in any case.
    fn merge_small(&mut self) -> Result<(), ArrowError> {
        let columns = Arc::clone(&self.columns);
        hot::merge_small(&columns, &mut self.hot)
    }

    fn set_files(&mut self, files: Vec<Arc<File>>) {
        self.unreadable.retain(|path, _| files.iter().any(|file| file.path == *path));
        self.files = Arc::new(files);
    }

    fn readable_files(&self) -> Arc<Vec<Arc<File>>> {
        if self.unreadable.is_empty() {
            return Arc::clone(&self.files);
        }
        let readable = self.files.iter().filter(|file| !self.unreadable.contains_key(&file.path));
        Arc::new(readable.cloned().collect())
    }

    const fn has_rows(&self) -> bool {
        !self.hot.is_empty() || !self.tail.is_empty()
    }

    fn put_back(&mut self) {
        let mut hot = std::mem::take(&mut self.flushing);
        hot.append(&mut self.hot);
        self.hot = hot;
    }
}

#[cfg(test)]
mod tests {
    use schema::{Name, OrgName};

    use super::*;

    fn row(id: &str) -> Row {
        let mut row = Row::default();
        row.push(Name::fixed("span_id"), id);
        row
    }

    fn memory(stored: impl FnOnce(&mut Columns)) -> (Memory, Total) {
        let table = Table::traces(OrgName::first());
        let mut nothing = Stored::nothing(&table);
        stored(&mut nothing.columns);
        let total = Total::default();
        (Memory::new(table, Ok(nothing), 1_000, total.clone()), total)
    }

    #[test]
    fn rows_that_cannot_become_columns_are_not_lost() {
        let (memory, total) = memory(|columns| columns.require("span_id"));
        memory.append(4, vec![row("a"), Row::default()]);
        let weight = total.bytes();
        assert!(matches!(memory.view(), Err(Error::Columns { .. })));
        assert!(memory.take(9).is_err());
        assert_eq!((memory.first_uncommitted(), total.bytes()), (Some(4), weight));
    }

    #[test]
    fn many_rows_are_sealed_in_slices() {
        let (memory, _) = memory(|_| {});
        memory.append(1, (0..=16 * 1024).map(|_| row("a")).collect());
        let rows: Vec<usize> =
            memory.view().expect("a view").hot.iter().map(|hot| hot.batch.num_rows()).collect();
        assert_eq!(rows, [16 * 1024, 1]);
    }

    #[test]
    fn the_total_counts_what_batches_take_and_ends_at_nothing() {
        let (memory, total) = memory(|_| {});
        memory.append(1, vec![row("a")]);
        assert_eq!(total.bytes(), row("a").weight());
        let view = memory.view().expect("a view");
        assert_eq!(total.bytes(), view.hot[0].batch.get_array_memory_size());
        assert!(total.bytes() > row("a").weight());
        memory.append(2, vec![row("b")]);
        let taken = memory.take(1).expect("takes").expect("one row");
        assert_eq!((taken.position, taken.share), (1, Share::All));
        memory.committed(1, Vec::new());
        assert_eq!(total.bytes(), memory.uncommitted().0);
        memory.take(2).expect("takes").expect("one row");
        memory.committed(2, Vec::new());
        assert_eq!(total.bytes(), 0);
    }

    #[test]
    fn what_the_log_turns_out_to_hold_leaves_memory() {
        let (memory, total) = memory(|_| {});
        memory.append(1, vec![row("a")]);
        memory.take(1).expect("takes").expect("one row");
        memory.append(2, vec![row("b")]);
        let stored =
            Stored { committed: Some(1), ..Stored::nothing(&Table::traces(OrgName::first())) };
        memory.adopt(stored).expect("adopts");
        assert_eq!(memory.first_uncommitted(), Some(2));
        assert_eq!(memory.view().expect("a view").hot.len(), 1);
        assert_eq!(total.bytes(), memory.uncommitted().0);
    }
}
