//! Sorted files of one day become one, row by row.
//!
//! Each input is read in batches, so memory is bounded by what the open batches and one encoded row group take, and
//! not by the files. A span that comes twice is written once: of rows with the same time, the ids seen so far are
//! remembered, and a repeat has the same time as the first. *Witnesses* are files that are not rewritten and hold rows
//! of the same time: their ids are read, so that a row which one of them has is not written again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::batch::widen;
use crate::columns::TIME;
use crate::day::Day;
use crate::error::Error;
use crate::file::{self, File, REWRITTEN};
use crate::upkeep::footer::Opened;
use crate::upkeep::pace::{Pace, Stopped};

/// What all batches that are open at once may take, bytes.
const BATCHES: usize = 16 << 20;
/// Most rows of a batch.
const MOST_ROWS: usize = 8 * 1024;
/// Most files that are asked whether they have a row already.
const MOST_WITNESSES: usize = 128;
/// What these may weigh, as a multiple of the inputs, and in bytes if that is more: a merge of small files must not
/// read a whole day whose files all have rows of the same time.
const WITNESSES_PER_INPUT: u64 = 8;
const WITNESS_BYTES: u64 = 64 << 20;
/// By which a row is known: two rows of one table that have the same are the same span.
pub(crate) const IDS: [&str; 2] = ["trace_id", "span_id"];

/// Whether rows that come twice are written once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// All rows are written.
    Kept,
    /// A span that came before is not written again.
    Dropped,
}

/// What is to be merged.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    /// The table's name, for errors.
    pub(crate) table: String,
    pub(crate) folder: PathBuf,
    pub(crate) day: Day,
    /// The table's columns.
    pub(crate) columns: SchemaRef,
    /// The oldest rows first.
    pub(crate) inputs: Vec<Arc<File>>,
    pub(crate) witnesses: Vec<Arc<File>>,
    pub(crate) repeats: Repeats,
    /// The size at which a file is closed and a new one begun, bytes.
    pub(crate) most_bytes: u64,
    /// Now, ms since 1970-01-01 UTC.
    pub(crate) now_ms: i64,
}

/// What is done to the rows of the inputs as they are read.
pub(crate) trait Edit: Send + 'static {
    /// The rows as they are to be written: fewer, or with other values, but in the same order.
    fn edit(&mut self, rows: RecordBatch) -> Result<RecordBatch, Error>;

    /// Whether a column has a value afterwards; `None` if it is as it was.
    fn has_values(&self, _column: &str) -> Option<bool> {
        None
    }

    /// All rows were read.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Rows stay as they are.
pub(crate) struct AsTheyAre;

impl Edit for AsTheyAre {
    fn edit(&mut self, rows: RecordBatch) -> Result<RecordBatch, Error> {
        Ok(rows)
    }
}

/// What came of a merge. The files are on the disk and in no commit.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) files: Vec<File>,
    /// Rows that were left out because they were there before.
    pub(crate) repeats: u64,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
}

/// Merges, on the thread that calls it. After an error nothing that it wrote is left.
pub(crate) fn merge(job: &Merge, edit: &mut dyn Edit, pace: &mut Pace) -> Result<Merged, Error> {
    let mut output = Output { job, open: None, merged: Merged::default() };
    let mut result = run(job, edit, pace, &mut output).and_then(|()| output.close(pace));
    if result.is_ok() {
        result = edit.finish();
    }
    match result {
        Ok(()) => Ok(output.merged),
        Err(error) => {
            output.discard();
            Err(error)
        }
    }
}

fn run(
    job: &Merge,
    edit: &mut dyn Edit,
    pace: &mut Pace,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let mut opened = Vec::with_capacity(job.inputs.len());
    for file in &job.inputs {
        opened.push(Opened::ours(&job.table, &job.folder, file)?);
    }
    let schema = columns_in_use(&job.columns, &opened, edit);
    let rows = batch_rows(&opened);
    let mut cursors = Vec::with_capacity(opened.len() + job.witnesses.len());
    for (file, opened) in job.inputs.iter().zip(opened) {
        cursors.push(Cursor::input(job, file, opened, &schema, rows)?);
    }
    if job.repeats == Repeats::Dropped {
        let range = super::choose::span(&job.inputs);
        for file in asked(job) {
            // What cannot be read is no witness; that it cannot be read is told elsewhere.
            cursors.extend(Cursor::witness(job, file, range).ok().flatten());
        }
    }
    let (pending, seen) = (Vec::new(), HashSet::new());
    Weave { job, edit, pace, output, schema, cursors, pending, seen }.run()
}

/// The witnesses that are asked: the newest, since a repeat comes soon after the first.
fn asked(job: &Merge) -> Vec<&Arc<File>> {
    let inputs: u64 = job.inputs.iter().map(|file| file.size).sum();
    let most = WITNESS_BYTES.max(inputs.saturating_mul(WITNESSES_PER_INPUT));
    let mut witnesses: Vec<_> = job.witnesses.iter().collect();
    witnesses.sort_by_key(|file| Reverse((file.position(), file.written_ms)));
    let mut bytes: u64 = 0;
    let light = witnesses.into_iter().take_while(|file| {
        bytes = bytes.saturating_add(file.size);
        bytes <= most
    });
    light.take(MOST_WITNESSES).collect()
}

/// The table's columns that a file has a value in: one that is null everywhere needs no place.
fn columns_in_use(columns: &SchemaRef, opened: &[Opened], edit: &dyn Edit) -> SchemaRef {
    let stored = |name: &str| opened.iter().any(|file| file.has_values(name));
    let fields = columns.fields().iter().filter(|field| {
        let name = field.name();
        name == TIME || edit.has_values(name).unwrap_or_else(|| stored(name))
    });
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// How many rows of each file may be in memory.
fn batch_rows(opened: &[Opened]) -> usize {
    let heaviest = opened.iter().map(Opened::bytes_per_row).max().unwrap_or(1).max(1);
    (BATCHES / opened.len().max(1) / heaviest).clamp(1, MOST_ROWS)
}

/// The rows of several files, in the order of their time.
struct Weave<'a, 'o> {
    job: &'a Merge,
    edit: &'a mut dyn Edit,
    pace: &'a mut Pace,
    output: &'a mut Output<'o>,
    schema: SchemaRef,
    /// The inputs, then the witnesses.
    cursors: Vec<Cursor>,
    /// Rows that are to be written: cursor, and row of its batch.
    pending: Vec<(usize, usize)>,
    /// The ids of the rows of one time.
    seen: HashSet<(String, String)>,
}

impl Weave<'_, '_> {
    fn run(mut self) -> Result<(), Error> {
        let mut next = BinaryHeap::with_capacity(self.cursors.len());
        for at in 0..self.cursors.len() {
            if self.load(at)? {
                next.push(Reverse(self.cursors[at].turn(at)));
            }
        }
        let mut now = None;
        while let Some(Reverse((time, _, at))) = next.pop() {
            if now != Some(time) {
                self.seen.clear();
                now = Some(time);
            }
            self.take(at);
            let cursor = &mut self.cursors[at];
            cursor.row += 1;
            let full = self.pending.len() >= MOST_ROWS;
            if cursor.row == cursor.batch.num_rows() {
                self.write()?;
                if !self.load(at)? {
                    continue;
                }
            } else if full {
                self.write()?;
            }
            next.push(Reverse(self.cursors[at].turn(at)));
        }
        self.write()
    }

    /// Takes a cursor's row, unless it was there before.
    fn take(&mut self, at: usize) {
        let cursor = &self.cursors[at];
        let ids = (self.job.repeats == Repeats::Dropped).then(|| cursor.ids()).flatten();
        let fresh = ids.is_none_or(|ids| self.seen.insert(ids));
        match (cursor.role, fresh) {
            (Role::Input, true) => self.pending.push((at, cursor.row)),
            (Role::Input, false) => self.output.merged.repeats += 1,
            (Role::Witness, _) => {}
        }
    }

    /// Reads a cursor's next batch that has rows; answers whether there is one.
    fn load(&mut self, at: usize) -> Result<bool, Error> {
        loop {
            let cursor = &mut self.cursors[at];
            let Some(rows) = cursor.load(self.job, self.edit)? else { return Ok(false) };
            let bytes = cursor.share(rows);
            self.output.merged.bytes_read += bytes;
            self.output.spend(self.pace, bytes)?;
            if self.cursors[at].batch.num_rows() > 0 {
                return Ok(true);
            }
        }
    }

    /// Writes the rows that are pending.
    fn write(&mut self) -> Result<(), Error> {
        let (Some(first), Some(last)) = (self.pending.first(), self.pending.last()) else {
            return Ok(());
        };
        let one = self.pending.iter().all(|(at, _)| *at == first.0);
        let batch = if one && last.1 - first.1 + 1 == self.pending.len() {
            self.cursors[first.0].batch.slice(first.1, self.pending.len())
        } else {
            let inputs = self.cursors.iter().filter(|cursor| cursor.role == Role::Input);
            let batches: Vec<&RecordBatch> = inputs.map(|cursor| &cursor.batch).collect();
            interleave_record_batch(&batches, &self.pending)
                .map_err(|source| columns_error(self.job, source))?
        };
        self.pending.clear();
        self.output.write(&self.schema, &batch, self.pace)
    }
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
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    batch: RecordBatch,
    row: usize,
    /// The largest time that was read.
    last: i64,
}

/// A cursor's time, what is first among rows of one time, and the cursor.
type Turn = (i64, usize, usize);

impl Cursor {
    fn input(
        job: &Merge,
        file: &Arc<File>,
        opened: Opened,
        schema: &SchemaRef,
        rows: usize,
    ) -> Result<Self, Error> {
        let reader = opened.rows(&job.table, file, rows)?;
        Ok(Self::new(file, Role::Input, reader, Arc::clone(schema)))
    }

    /// The ids and times of a file's row groups of a time; `None` if it has none.
    fn witness(job: &Merge, file: &Arc<File>, range: (i64, i64)) -> Result<Option<Self>, Error> {
        let opened = Opened::ours(&job.table, &job.folder, file)?;
        let names = [TIME, IDS[0], IDS[1]];
        let fields: Option<Vec<_>> = names
            .iter()
            .map(|name| Some(job.columns.fields()[job.columns.index_of(name).ok()?].clone()))
            .collect();
        let (Some(fields), true) = (fields, names.iter().all(|name| opened.has_values(name)))
        else {
            return Ok(None);
        };
        let reader = opened.part(&job.table, file, &names, range, MOST_ROWS)?;
        Ok(Some(Self::new(file, Role::Witness, reader, Arc::new(Schema::new(fields)))))
    }

    fn new(
        file: &Arc<File>,
        role: Role,
        reader: ParquetRecordBatchReader,
        schema: SchemaRef,
    ) -> Self {
        let batch = RecordBatch::new_empty(Arc::clone(&schema));
        Self { file: Arc::clone(file), role, reader, schema, batch, row: 0, last: i64::MIN }
    }

    /// Reads the next batch; answers how many rows were read, or `None` at the end.
    fn load(&mut self, job: &Merge, edit: &mut dyn Edit) -> Result<Option<usize>, Error> {
        self.row = 0;
        let Some(batch) = self.reader.next() else {
            self.batch = RecordBatch::new_empty(Arc::clone(&self.schema));
            return Ok(None);
        };
        let batch = batch.map_err(|error| self.unreadable(job, &error.to_string()))?;
        let rows = batch.num_rows();
        let batch = match self.role {
            Role::Input => edit.edit(batch)?,
            Role::Witness => batch,
        };
        self.batch = widen(&batch, &self.schema)
            .map_err(|error| self.unreadable(job, &error.to_string()))?;
        for row in 0..self.batch.num_rows() {
            let time = self.time(row);
            if time < self.last {
                return Err(self.unreadable(job, "its rows are not sorted by time"));
            }
            self.last = time;
        }
        Ok(Some(rows))
    }

    fn unreadable(&self, job: &Merge, why: &str) -> Error {
        let (table, path) = (job.table.clone(), self.file.path.clone());
        Error::Unreadable { table, path, why: why.to_owned() }
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

    /// What so many rows take of the file, bytes.
    fn share(&self, rows: usize) -> u64 {
        self.file.size / self.file.rows.max(1) * rows as u64
    }
}

fn columns_error(job: &Merge, source: ArrowError) -> Error {
    Error::Columns { table: job.table.clone(), source }
}

/// The files that a merge writes.
struct Output<'a> {
    job: &'a Merge,
    open: Option<Open>,
    merged: Merged,
}

/// A file that is being written.
struct Open {
    writer: ArrowWriter<BufWriter<fs::File>>,
    file: File,
    written: u64,
}

impl Output<'_> {
    fn spend(&self, pace: &mut Pace, bytes: u64) -> Result<(), Error> {
        pace.spend(bytes).map_err(|Stopped| Error::Aborted { table: self.job.table.clone() })
    }

    fn write(
        &mut self,
        schema: &SchemaRef,
        batch: &RecordBatch,
        pace: &mut Pace,
    ) -> Result<(), Error> {
        let encode = |source| Error::Encode { table: self.job.table.clone(), source };
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(begin(self.job, schema)?),
        };
        open.writer.write(batch).map_err(encode)?;
        open.file.rows += batch.num_rows() as u64;
        open.file.times = match (open.file.times, file::times(batch)) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (known, more) => known.or(more),
        };
        let written = open.writer.bytes_written() as u64;
        let more = written - open.written;
        open.written = written;
        let full = written + open.writer.in_progress_size() as u64 >= self.job.most_bytes;
        self.merged.bytes_written += more;
        self.spend(pace, more)?;
        if full { self.close(pace) } else { Ok(()) }
    }

    /// Ends the file that is open, and brings it to the disk.
    fn close(&mut self, pace: &mut Pace) -> Result<(), Error> {
        let Some(Open { writer, mut file, written }) = self.open.take() else { return Ok(()) };
        let path = self.job.folder.join(&file.path);
        // Known from here on, so that an error does not leave it behind.
        self.merged.files.push(file.clone());
        let encode = |source| Error::Encode { table: self.job.table.clone(), source };
        let folder = |source| Error::Folder { path: path.display().to_string(), source };
        let mut out = writer.into_inner().map_err(encode)?;
        out.flush().map_err(folder)?;
        let out = out.into_inner().map_err(|error| folder(error.into_error()))?;
        out.sync_all().map_err(folder)?;
        file.size = out.metadata().map_err(folder)?.len();
        let more = file.size.saturating_sub(written);
        self.merged.bytes_written += more;
        self.merged.files.pop();
        self.merged.files.push(file);
        self.spend(pace, more)
    }

    fn discard(&mut self) {
        let open = self.open.take().map(|open| open.file);
        for file in self.merged.files.drain(..).chain(open) {
            let path = self.job.folder.join(&file.path);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a file of a merge that failed could not be deleted; vacuum will");
            }
        }
    }
}

fn begin(job: &Merge, schema: &SchemaRef) -> Result<Open, Error> {
    let position = job.inputs.first().map_or(0, |file| file.position());
    let path = file::fresh_path(REWRITTEN, job.day, position);
    let to = job.folder.join(&path);
    let error = |source| Error::Folder { path: to.display().to_string(), source };
    if let Some(day) = to.parent() {
        fs::create_dir_all(day).map_err(error)?;
    }
    let out = BufWriter::new(fs::File::create(&to).map_err(error)?);
    let rows: u64 = job.inputs.iter().map(|file| file.rows).sum();
    let writer = file::writer(out, schema, usize::try_from(rows).unwrap_or(usize::MAX))
        .map_err(|source| Error::Encode { table: job.table.clone(), source })?;
    let written_ms = job.now_ms;
    let day = Some(job.day);
    let file = File { path, size: 0, rows: 0, times: None, written_ms, day };
    Ok(Open { writer, file, written: 0 })
}
