//! One file, written anew with other rows or values, in the order in which they stand in it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::batch::widen;
use crate::day::Day;
use crate::error::Error;
use crate::file::{self, File};
use crate::upkeep::footer::{Opened, columns_in_use, readable, rows_at_once};
use crate::upkeep::output::{Output, Written};
use crate::upkeep::pace::Pace;

/// What is done to the rows of a file as they are read.
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

/// A file that is to be written anew.
#[derive(Clone, Debug)]
pub(crate) struct LoneFile {
    /// The table's name, for errors.
    pub(crate) table: String,
    pub(crate) folder: PathBuf,
    pub(crate) day: Day,
    /// The table's columns.
    pub(crate) columns: SchemaRef,
    pub(crate) file: Arc<File>,
    /// Now, ms since 1970-01-01 UTC.
    pub(crate) now_ms: i64,
}

/// Writes the file anew, on the thread that calls it; no file if no row is left. After an error nothing that it wrote
/// is left.
pub(crate) fn rewrite(
    job: &LoneFile,
    edit: &mut dyn Edit,
    pace: &mut Pace,
) -> Result<Written, Error> {
    let (written, ()) = Output::of((&job.table, &job.folder), pace, |output| {
        run(job, edit, output)?;
        edit.finish()
    })?;
    Ok(written)
}

fn run(job: &LoneFile, edit: &mut dyn Edit, output: &mut Output<'_>) -> Result<(), Error> {
    let LoneFile { table, file, .. } = job;
    let encode = |source| Error::Encode { table: table.clone(), source };
    let opened = Opened::ours(table, &job.folder, file)?;
    let stored = |name: &str| opened.has_values(name);
    let schema =
        columns_in_use(&job.columns, |name| edit.has_values(name).unwrap_or_else(|| stored(name)));
    let (mut open, mut rows, mut times) = (None, 0, None);
    for batch in opened.rows(table, file, rows_at_once(1, opened.bytes_per_row()))? {
        let batch = readable(table, file, batch)?;
        output.has_read(file::share(file.size, batch.num_rows(), file))?;
        let batch = readable(table, file, widen(&edit.edit(batch)?, &schema))?;
        if batch.num_rows() == 0 {
            continue;
        }
        let writer = match &mut open {
            Some(writer) => writer,
            none => {
                let out = output.begin(job.day, file.position(), job.now_ms)?;
                let most = usize::try_from(file.rows).unwrap_or(usize::MAX);
                none.insert(file::writer(out, &schema, most).map_err(encode)?)
            }
        };
        writer.write(&batch).map_err(encode)?;
        output.has_written(writer.bytes_written() as u64)?;
        rows += batch.num_rows() as u64;
        times = file::both(times, file::times(&batch));
    }
    match open {
        Some(writer) => output.end(writer.into_inner().map_err(encode)?, rows, times),
        None => Ok(()),
    }
}
