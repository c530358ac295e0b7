//! Files that upkeep writes. They are in no commit yet, and go again if the work fails.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::day::Day;
use crate::error::Error;
use crate::file::{self, File, REWRITTEN};
use crate::upkeep::pace::{Pace, Stopped};

/// Where data goes on its way to the disk.
pub(crate) type Out = BufWriter<fs::File>;

/// What was written. The files are on the disk and in no commit.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) files: Vec<File>,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
}

/// The files of one piece of work, and what it moved.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    table: &'a str,
    folder: &'a Path,
    pace: &'a mut Pace,
    /// With all files that were begun; the last one may be open.
    written: Written,
    /// What the file that is open has by now, bytes.
    of_open: u64,
}

impl<'a> Output<'a> {
    /// Does work that writes files of the table in `folder`; answers what they are, and what the work says. After an
    /// error nothing that it wrote is left.
    pub(crate) fn of<T>(
        (table, folder): (&'a str, &'a Path),
        pace: &'a mut Pace,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<(Written, T), Error> {
        let mut output = Self { table, folder, pace, written: Written::default(), of_open: 0 };
        match work(&mut output) {
            Ok(said) => Ok((output.written, said)),
            Err(error) => {
                output.discard();
                Err(error)
            }
        }
    }

    /// Counts bytes that were read, and sleeps when they came too fast.
    pub(crate) fn has_read(&mut self, bytes: u64) -> Result<(), Error> {
        self.written.bytes_read += bytes;
        self.spend(bytes)
    }

    /// Counts what the open file has by now, in bytes.
    pub(crate) fn has_written(&mut self, in_all: u64) -> Result<(), Error> {
        let more = in_all.saturating_sub(self.of_open);
        self.of_open = in_all;
        self.written.bytes_written += more;
        self.spend(more)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Error> {
        self.pace.spend(bytes).map_err(|Stopped| Error::Aborted { table: self.table.to_owned() })
    }

    /// Begins a file of a day whose oldest rows have this position in the log. `now_ms` is since 1970-01-01 UTC.
    pub(crate) fn begin(&mut self, day: Day, position: u64, now_ms: i64) -> Result<Out, Error> {
        let path = file::fresh_path(REWRITTEN, day, position);
        let to = self.folder.join(&path);
        let error = |source| Error::Folder { path: to.display().to_string(), source };
        if let Some(day) = to.parent() {
            fs::create_dir_all(day).map_err(error)?;
        }
        let out = BufWriter::new(fs::File::create(&to).map_err(error)?);
        // Known from here on, so that an error does not leave it behind.
        let day = Some(day);
        self.written.files.push(File {
            path,
            size: 0,
            rows: 0,
            times: None,
            written_ms: now_ms,
            day,
        });
        self.of_open = 0;
        Ok(out)
    }

    /// Ends the file that is open, with what is in it, and brings it to the disk.
    pub(crate) fn end(
        &mut self,
        mut out: Out,
        rows: u64,
        times: Option<(i64, i64)>,
    ) -> Result<(), Error> {
        let Some(file) = self.written.files.last_mut() else { return Ok(()) };
        let path = self.folder.join(&file.path);
        let error = |source| Error::Folder { path: path.display().to_string(), source };
        out.flush().map_err(error)?;
        let out = out.into_inner().map_err(|failed| error(failed.into_error()))?;
        out.sync_all().map_err(error)?;
        file.size = out.metadata().map_err(error)?.len();
        (file.rows, file.times) = (rows, times);
        let size = file.size;
        self.has_written(size)
    }

    /// Deletes all of them.
    fn discard(self) {
        for file in self.written.files {
            let path = self.folder.join(&file.path);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a file of work that failed could not be deleted; vacuum will");
            }
        }
    }
}
