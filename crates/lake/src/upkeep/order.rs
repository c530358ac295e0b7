//! In which order the rows of several sorted files stand in one, and which of them come twice.
//!
//! Only times and ids are read for it. A span that comes twice is taken once: of rows with the same time, the ids seen
//! so far are remembered, and a repeat has the same time as the first. *Witnesses* are files that are not rewritten and
//! hold rows of the same time: their ids are read, so that a row which one of them has is not taken again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};

use crate::columns::TIME;
use crate::error::Error;
use crate::file::{File, both, share};
use crate::upkeep::choose;
use crate::upkeep::footer::{Batches, Opened, readable, unreadable};
use crate::upkeep::merge::{Merge, Repeats};
use crate::upkeep::output::Output;

/// By which a row is known: two rows of one table that have the same are the same span.
pub(crate) const IDS: [&str; 2] = ["trace_id", "span_id"];
/// What the order is found by.
const NAMES: [&str; 3] = [TIME, IDS[0], IDS[1]];
/// Rows that are read at once, of each file.
const BATCH: usize = 1_024;
/// Most files that are asked whether they have a row already.
const MOST_WITNESSES: usize = 128;
/// What these may weigh, as a multiple of the inputs, and in bytes if that is more: a merge of small files must not
/// read a whole day whose files all have rows of the same time.
const WITNESSES_PER_INPUT: u64 = 8;
const WITNESS_BYTES: u64 = 64 << 20;

/// Rows that stand behind one another: the input, and the place in its file.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    pub(crate) rows: Vec<(usize, usize)>,
    /// Their smallest and largest time, µs.
    pub(crate) times: Option<(i64, i64)>,
}

/// The order of a merge's rows, found piece by piece.
pub(crate) struct Order {
    table: String,
    repeats: Repeats,
    /// The inputs, then the witnesses.
    cursors: Vec<Cursor>,
    next: BinaryHeap<Reverse<Turn>>,
    /// The ids of the rows of one time.
    now: Option<i64>,
    seen: HashSet<(String, String)>,
    /// Rows that were left out because they were there before.
    pub(crate) left_out: u64,
}

/// A time, what is first among rows of one time, and the cursor.
type Turn = (i64, usize, usize);

impl Order {
    pub(crate) fn begin(
        job: &Merge,
        inputs: &[Opened],
        output: &mut Output<'_>,
    ) -> Result<Self, Error> {
        let mut cursors = Vec::with_capacity(inputs.len());
        for (file, opened) in job.inputs.iter().zip(inputs) {
            let all = (0..opened.groups()).collect();
            let reader = opened.columns(&job.table, file, &NAMES, all, BATCH)?;
            cursors.push(Cursor::new(file, Role::Input, opened, reader));
        }
        if job.repeats == Repeats::Dropped {
            let range = choose::span(&job.inputs);
            // What cannot be read is no witness; that it cannot be read is told elsewhere.
            let witnesses = asked(job).into_iter();
            cursors.extend(witnesses.filter_map(|file| Cursor::witness(job, file, range).ok()?));
        }
        let next = BinaryHeap::with_capacity(cursors.len());
        let (table, repeats) = (job.table.clone(), job.repeats);
        let mut order =
            Self { table, repeats, cursors, next, now: None, seen: HashSet::new(), left_out: 0 };
        for at in 0..order.cursors.len() {
            order.load(at, output)?;
        }
        Ok(order)
    }

    /// The next rows, at most so many; none at the end.
    pub(crate) fn next(&mut self, most: usize, output: &mut Output<'_>) -> Result<Picked, Error> {
        let mut picked = Picked::default();
        while picked.rows.len() < most {
            let Some(Reverse((time, _, at))) = self.next.pop() else { break };
            if self.now != Some(time) {
                self.seen.clear();
                self.now = Some(time);
            }
            if self.is_taken(at) {
                let cursor = &self.cursors[at];
                picked.rows.push((at, cursor.begin + cursor.row));
                if time != i64::MAX {
                    picked.times = both(picked.times, Some((time, time)));
                }
            }
            let cursor = &mut self.cursors[at];
            cursor.row += 1;
            if cursor.row < cursor.batch.num_rows() {
                self.next.push(Reverse(self.cursors[at].turn(at)));
            } else {
                self.load(at, output)?;
            }
        }
        Ok(picked)
    }

    /// Whether a cursor's row is to be written, and was not there before.
    fn is_taken(&mut self, at: usize) -> bool {
        let cursor = &self.cursors[at];
        let ids = (self.repeats == Repeats::Dropped).then(|| cursor.ids()).flatten();
        let fresh = ids.is_none_or(|ids| self.seen.insert(ids));
        match cursor.role {
            Role::Input if !fresh => {
                self.left_out += 1;
                false
            }
            Role::Input => true,
            Role::Witness => false,
        }
    }

    /// Reads a cursor's next batch, and puts it in line if there is one.
    fn load(&mut self, at: usize, output: &mut Output<'_>) -> Result<(), Error> {
        let cursor = &mut self.cursors[at];
        if cursor.load(&self.table)? {
            let rows = cursor.batch.num_rows();
            output.has_read(share(cursor.stored_bytes, rows, &cursor.file))?;
            self.next.push(Reverse(cursor.turn(at)));
        }
        Ok(())
    }
}

/// The witnesses that are asked: the newest, since a repeat comes soon after the first.
fn asked(job: &Merge) -> Vec<&Arc<File>> {
    let most = WITNESS_BYTES.max(job.bytes().saturating_mul(WITNESSES_PER_INPUT));
    let mut witnesses: Vec<_> = job.witnesses.iter().collect();
    witnesses.sort_by_key(|file| Reverse((file.position(), file.written_ms)));
    let mut bytes: u64 = 0;
    let light = witnesses.into_iter().take_while(|file| {
        bytes = bytes.saturating_add(file.size);
        bytes <= most
    });
    light.take(MOST_WITNESSES).collect()
}

/// Whether a file's rows are written, or only known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Input,
    Witness,
}

/// Where a file is read.
struct Cursor {
    file: Arc<File>,
    role: Role,
    reader: Batches,
    /// What the times and ids take of the file, bytes.
    stored_bytes: u64,
    batch: RecordBatch,
    /// How many rows were read before the batch.
    begin: usize,
    /// The row of the batch whose turn it is.
    row: usize,
    /// The largest time that was read.
    last: i64,
}

impl Cursor {
    /// The ids and times of a file's row groups of a time; `None` if it has none.
    fn witness(job: &Merge, file: &Arc<File>, range: (i64, i64)) -> Result<Option<Self>, Error> {
        let opened = Opened::ours(&job.table, &job.folder, file)?;
        if !NAMES.iter().all(|name| opened.has_values(name)) {
            return Ok(None);
        }
        let reader = opened.part(&job.table, file, &NAMES, range, BATCH)?;
        Ok(Some(Self::new(file, Role::Witness, &opened, reader)))
    }

    fn new(file: &Arc<File>, role: Role, opened: &Opened, reader: Batches) -> Self {
        let stored_bytes = opened.stored_bytes(&NAMES);
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let file = Arc::clone(file);
        Self { file, role, reader, stored_bytes, batch, begin: 0, row: 0, last: i64::MIN }
    }

    /// Reads the next batch; whether there is one.
    fn load(&mut self, table: &str) -> Result<bool, Error> {
        self.begin += self.batch.num_rows();
        self.row = 0;
        let Some(batch) = self.reader.next() else { return Ok(false) };
        self.batch = readable(table, &self.file, batch)?;
        for row in 0..self.batch.num_rows() {
            let time = self.time(row);
            if time < self.last {
                return Err(unreadable(table, &self.file, "its rows are not sorted by time"));
            }
            self.last = time;
        }
        Ok(self.batch.num_rows() > 0)
    }

    /// Rows without a time are the last, as the sort of a flush has them.
    fn time(&self, row: usize) -> i64 {
        let times = self.batch.column_by_name(TIME);
        let times = times.and_then(|times| times.as_primitive_opt::<Int64Type>());
        times.filter(|times| times.is_valid(row)).map_or(i64::MAX, |times| times.value(row))
    }

    fn turn(&self, at: usize) -> Turn {
        let rank = match self.role {
            Role::Witness => 0,
            Role::Input => 1 + at,
        };
        (self.time(self.row), rank, at)
    }

    /// The ids of the row; `None` if it lacks one: then nobody can say whether it came before.
    fn ids(&self) -> Option<(String, String)> {
        let id = |name: &str| {
            let ids = self.batch.column_by_name(name)?.as_string_opt::<i32>()?;
            ids.is_valid(self.row).then(|| ids.value(self.row).to_owned())
        };
        Some((id(IDS[0])?, id(IDS[1])?))
    }
}
