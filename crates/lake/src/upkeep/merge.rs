//! Sorted files of one day become one, a few columns at a time.
//!
//! First it is found which rows follow one another ([`Order`]), a row group's worth of them, then each column's values
//! are taken over in that order. So memory is bounded by what some columns of the inputs take, a page, a dictionary and
//! a decoder for each, and by their encoded chunks, at most a row group: not by the files, and of a table's columns only
//! by the empty encoders of one row group.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use crate::batch::widen;
use crate::day::Day;
use crate::error::Error;
use crate::file::{self, BYTES_PER_GROUP, File, ROWS_PER_GROUP};
use crate::upkeep::footer::{
    Batches, MOST_ROWS, Opened, columns_in_use, readable, rows_at_once, unreadable,
};
use crate::upkeep::order::{Order, Picked};
use crate::upkeep::output::{Out, Output, Written};
use crate::upkeep::pace::Pace;

/// How many columns of files are read at once: each takes a page, a dictionary and a decoder, some 200 KiB.
const MOST_OPEN: usize = 256;

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

impl Merge {
    /// Rows of all inputs.
    fn rows(&self) -> u64 {
        self.inputs.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all inputs.
    pub(crate) fn bytes(&self) -> u64 {
        self.inputs.iter().map(|file| file.size).sum()
    }
}

/// Merges, on the thread that calls it. After an error nothing that it wrote is left. Answers with what it wrote how many
/// rows were left out because they were there before.
pub(crate) fn merge(job: &Merge, pace: &mut Pace) -> Result<(Written, u64), Error> {
    Output::of((&job.table, &job.folder), pace, |output| run(job, output))
}

/// Answers how many rows came twice.
fn run(job: &Merge, output: &mut Output<'_>) -> Result<u64, Error> {
    let opened = job.inputs.iter().map(|file| Opened::ours(&job.table, &job.folder, file));
    let inputs = opened.collect::<Result<Vec<_>, _>>()?;
    let stored = |name: &str| inputs.iter().any(|file| file.has_values(name));
    let schema = columns_in_use(&job.columns, stored);
    let mut order = Order::begin(job, &inputs, output)?;
    let most = rows_per_group(job);
    let mut open: Option<Open> = None;
    loop {
        let picked = order.next(most, output)?;
        if picked.rows.is_empty() {
            break;
        }
        let file = match &mut open {
            Some(open) => open,
            none => none.insert(Open::begin(job, &schema, output)?),
        };
        file.write(job, &inputs, &schema, &picked, output)?;
        if file.writer.bytes_written() as u64 >= job.most_bytes
            && let Some(full) = open.take()
        {
            full.end(job, output)?;
        }
    }
    if let Some(last) = open {
        last.end(job, output)?;
    }
    Ok(order.left_out)
}

/// How many rows a row group may have, by what they take on average.
fn rows_per_group(job: &Merge) -> usize {
    let most_bytes = job.most_bytes.min(BYTES_PER_GROUP as u64);
    let rows = most_bytes.saturating_mul(job.rows().max(1)) / job.bytes().max(1);
    usize::try_from(rows).unwrap_or(usize::MAX).clamp(1, ROWS_PER_GROUP)
}

/// A file that is being written.
struct Open {
    writer: SerializedFileWriter<Out>,
    columns: ArrowRowGroupWriterFactory,
    rows: u64,
    times: Option<(i64, i64)>,
}

impl Open {
    fn begin(job: &Merge, schema: &SchemaRef, output: &mut Output<'_>) -> Result<Self, Error> {
        let position = job.inputs.first().map_or(0, |file| file.position());
        let out = output.begin(job.day, position, job.now_ms)?;
        let rows = usize::try_from(job.rows()).unwrap_or(usize::MAX);
        let writer = file::writer(out, schema, rows);
        let (writer, columns) = writer
            .and_then(parquet::arrow::ArrowWriter::into_serialized_writer)
            .map_err(|source| encode(job, source))?;
        Ok(Self { writer, columns, rows: 0, times: None })
    }

    /// Writes a row group.
    fn write(
        &mut self,
        job: &Merge,
        inputs: &[Opened],
        schema: &SchemaRef,
        picked: &Picked,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        let failed = |source| encode(job, source);
        let number = self.writer.flushed_row_groups().len();
        let mut writers = self.columns.create_column_writers(number).map_err(failed)?.into_iter();
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for fields in schema.fields().chunks((MOST_OPEN / inputs.len().max(1)).max(1)) {
            let mut some: Vec<ArrowColumnWriter> = writers.by_ref().take(fields.len()).collect();
            let mut weave = Weave::begin(job, inputs, fields, picked)?;
            while let Some(batch) = weave.next(output)? {
                for ((writer, field), column) in some.iter_mut().zip(fields).zip(batch.columns()) {
                    for leaf in compute_leaves(field, column).map_err(failed)? {
                        writer.write(&leaf).map_err(failed)?;
                    }
                }
            }
            for writer in some {
                let chunk = writer.close().map_err(failed)?;
                chunk.append_to_row_group(&mut group).map_err(failed)?;
            }
        }
        group.close().map_err(failed)?;
        self.rows += picked.rows.len() as u64;
        self.times = file::both(self.times, picked.times);
        output.has_written(self.writer.bytes_written() as u64)
    }

    fn end(self, job: &Merge, output: &mut Output<'_>) -> Result<(), Error> {
        let out = self.writer.into_inner().map_err(|source| encode(job, source))?;
        output.end(out, self.rows, self.times)
    }
}

fn encode(job: &Merge, source: ParquetError) -> Error {
    Error::Encode { table: job.table.clone(), source }
}

/// Some columns of the rows that were picked, in their order.
struct Weave<'a> {
    table: &'a str,
    sources: Vec<Source<'a>>,
    schema: SchemaRef,
    /// Those that are still to come.
    rows: &'a [(usize, usize)],
}

/// Where some columns of an input are read.
struct Source<'a> {
    file: &'a File,
    reader: Option<Batches>,
    /// What all of the columns take of the file, bytes.
    stored_bytes: u64,
    batch: RecordBatch,
    /// The place in the file of the batch's first row.
    begin: usize,
}

impl<'a> Weave<'a> {
    fn begin(
        job: &'a Merge,
        inputs: &[Opened],
        fields: &[FieldRef],
        picked: &'a Picked,
    ) -> Result<Self, Error> {
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        let decoded = inputs.iter().map(|opened| opened.bytes_per_row_of(&names));
        let most = rows_at_once(inputs.len(), decoded.max().unwrap_or(1));
        let mut sources = Vec::with_capacity(inputs.len());
        for ((file, opened), part) in
            job.inputs.iter().zip(inputs).zip(parts(inputs.len(), &picked.rows))
        {
            let begin = part.as_ref().map_or(0, |part| part.start);
            let reader = part.map(|part| opened.slice(&job.table, file, &names, part, most));
            let reader = reader.transpose()?;
            sources.push(Source {
                file,
                reader,
                stored_bytes: opened.stored_bytes(&names),
                batch: RecordBatch::new_empty(Arc::clone(&schema)),
                begin,
            });
        }
        Ok(Self { table: &job.table, sources, schema, rows: &picked.rows })
    }

    /// The next rows; `None` at the end.
    fn next(&mut self, output: &mut Output<'_>) -> Result<Option<RecordBatch>, Error> {
        // Those whose batches are here, and if there is none the next batch of the first one's input.
        let mut here: Vec<(usize, usize)> = Vec::new();
        while let Some(&(at, row)) = self.rows.first() {
            let source = &mut self.sources[at];
            match row.checked_sub(source.begin) {
                Some(row) if row < source.batch.num_rows() && here.len() < MOST_ROWS => {
                    here.push((at, row));
                    self.rows = &self.rows[1..];
                }
                _ if here.is_empty() => source.load(self.table, &self.schema, output)?,
                _ => break,
            }
        }
        let (Some(&(at, first)), Some(&(_, last))) = (here.first(), here.last()) else {
            return Ok(None);
        };
        let is_slice = here.iter().all(|(other, _)| *other == at) && last - first + 1 == here.len();
        if is_slice {
            return Ok(Some(self.sources[at].batch.slice(first, here.len())));
        }
        let batches: Vec<&RecordBatch> = self.sources.iter().map(|source| &source.batch).collect();
        let woven = interleave_record_batch(&batches, &here);
        let table = || self.table.to_owned();
        woven.map(Some).map_err(|source| Error::Columns { table: table(), source })
    }
}

impl Source<'_> {
    /// Reads the next batch.
    fn load(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        let batch = self.reader.as_mut().and_then(Iterator::next);
        let too_few = || unreadable(table, self.file, "it has fewer rows than its footer says");
        let batch = readable(table, self.file, batch.ok_or_else(too_few)?)?;
        self.begin += self.batch.num_rows();
        self.batch = readable(table, self.file, widen(&batch, schema))?;
        output.has_read(file::share(self.stored_bytes, batch.num_rows(), self.file))
    }
}

/// Of each input the rows from the first to the last that are picked, if any is.
fn parts(inputs: usize, rows: &[(usize, usize)]) -> Vec<Option<Range<usize>>> {
    let mut parts: Vec<Option<Range<usize>>> = vec![None; inputs];
    for &(at, row) in rows {
        parts[at].get_or_insert(row..row).end = row + 1;
    }
    parts
}

#[cfg(test)]
mod tests;
