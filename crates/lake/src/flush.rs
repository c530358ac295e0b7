//! A flush: rows in memory become data files, and the files part of the table by one commit.

use std::collections::BTreeSet;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use crash::Place;
use deltalake_core::DeltaTableError;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use schema::Table;

use crate::columns::{Columns, DAY};
use crate::day::Day;
use crate::delta::{Change, DeltaLog, NotCommitted, Reach, Why};
use crate::disk;
use crate::error::Error;
use crate::file::{self, FLUSHED, File};
use crate::gather;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::table::{Share, Taken};

/// How much a flush has brought to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// There was nothing to flush.
    Nothing,
    /// Rows, up to the lake's watermark or as many as fit one flush.
    Rows(Share),
}

/// Flushes a table's rows up to the lake's watermark, or as many of them as fit one flush.
pub(crate) async fn flush(lake: &Lake, slot: &Slot) -> Result<Flushed, Error> {
    let mut place = slot.log.lock().await;
    // Out of its place while the flush runs: whatever cuts it short, the next one reads anew what the log holds.
    let mut log = match place.take() {
        Some(log) => Some(log),
        None => slot.reread(&lake.config.writer).await?,
    };
    let result = advance(lake, slot, &mut log).await;
    *place = log;
    result
}

/// As [`flush`]. Leaves `None` in the log's place when what it holds must be read anew.
async fn advance(lake: &Lake, slot: &Slot, log: &mut Option<DeltaLog>) -> Result<Flushed, Error> {
    let Some(taken) = slot.memory.take(lake.watermark())? else { return Ok(Flushed::Nothing) };
    let (position, share) = (taken.position, taken.share);
    match write(lake, slot, log, taken).await {
        Ok((files, reach)) => {
            slot.memory.committed(position, files);
            if reach == Reach::PastOthers
                && let Some(log) = log
            {
                let files = log.files().map_err(|error| log_error(slot.memory.table(), error))?;
                slot.memory.set_files(files);
            }
            Ok(Flushed::Rows(share))
        }
        Err(error) => {
            slot.memory.put_back();
            Err(error)
        }
    }
}

async fn write(
    lake: &Lake,
    slot: &Slot,
    place: &mut Option<DeltaLog>,
    taken: Taken,
) -> Result<(Vec<Arc<File>>, Reach), Error> {
    let table = slot.memory.table();
    let (position, columns) = (taken.position, Arc::clone(&taken.columns));
    let parts = encoded(table, taken).await?;
    let log = match &mut *place {
        Some(log) => log,
        none => none.insert(create(slot, &columns).await?),
    };
    let mut files = Vec::with_capacity(parts.len());
    if let Err(error) = store(lake, table, log, (position, parts), &mut files).await {
        discard(log, &files).await;
        return Err(error);
    }
    crash::point(Place::FlushWritten);
    let why = Why::Rows { writer: &lake.config.writer, position, columns: &columns };
    let error = match log.commit(Change { add: &files, remove: &[], why }).await {
        Ok(reach) => {
            crash::point(Place::FlushCommitted);
            return Ok((files.into_iter().map(Arc::new).collect(), reach));
        }
        Err(NotCommitted::Refused(error)) => {
            discard(log, &files).await;
            error
        }
        Err(NotCommitted::Unclear(error)) => error,
    };
    *place = None;
    Err(log_error(table, error))
}

async fn create(slot: &Slot, columns: &Columns) -> Result<DeltaLog, Error> {
    let folder_error = |source| Error::Folder { path: slot.folder.display().to_string(), source };
    tokio::fs::create_dir_all(&slot.folder).await.map_err(folder_error)?;
    let table = slot.memory.table();
    let created = DeltaLog::create(&slot.folder, &table.stream, columns).await;
    created.map_err(|error| log_error(table, error))
}

pub(crate) fn log_error(table: &Table, source: DeltaTableError) -> Error {
    Error::Log { table: table.to_string(), source: Box::new(source) }
}

/// Writes parts as files and brings them to the disk. `files` has each that may have been written, also after an
/// error.
async fn store(
    lake: &Lake,
    table: &Table,
    log: &DeltaLog,
    (position, parts): (u64, Vec<Part>),
    files: &mut Vec<File>,
) -> Result<(), Error> {
    for part in parts {
        let path = file::fresh_path(FLUSHED, part.day, position);
        let to = Path::from(path.as_str());
        let size = part.bytes.len() as u64;
        let written_ms = lake.clock.now().micros() / 1_000;
        let (rows, times, day) = (part.rows, part.times, Some(part.day));
        files.push(File { path, size, rows, times, written_ms, day });
        log.store()
            .put(&to, part.bytes.into())
            .await
            .map_err(|source| Error::File { table: table.to_string(), source })?;
    }
    let folder_error = |source| Error::Folder { path: log.folder().display().to_string(), source };
    disk::sync(to_sync(log.folder(), files)).await.map_err(folder_error)
}

/// The files, the folders of their days, and the table's folder, in which a day may be new.
pub(crate) fn to_sync(folder: &FsPath, files: &[File]) -> Vec<PathBuf> {
    let paths = files.iter().map(|file| folder.join(&file.path));
    let days: BTreeSet<PathBuf> = files
        .iter()
        .filter_map(|file| file.day)
        .map(|day| folder.join(format!("{DAY}={day}")))
        .collect();
    paths.chain(days).chain([folder.to_owned()]).collect()
}

/// Deletes files that are in no commit, as well as it can: what is left over takes room and is never read.
pub(crate) async fn discard(log: &DeltaLog, files: &[File]) {
    for file in files {
        match log.store().delete(&Path::from(file.path.as_str())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => {
                let folder = log.folder().display();
                tracing::warn!(%folder, path = file.path, %error, "a data file that is in no commit could not be deleted");
            }
        }
    }
}

async fn encoded(table: &Table, taken: Taken) -> Result<Vec<Part>, Error> {
    let name = table.to_string();
    tokio::task::spawn_blocking(move || encode(&name, &taken))
        .await
        .map_err(|_| Error::Aborted { table: table.to_string() })?
}

/// One data file to be.
struct Part {
    day: Day,
    bytes: Bytes,
    rows: u64,
    times: Option<(i64, i64)>,
}

/// The rows, one file a UTC day, each sorted by time.
fn encode(table: &str, taken: &Taken) -> Result<Vec<Part>, Error> {
    let days = gather::by_day(&taken.columns, &taken.batches)
        .map_err(|source| Error::Columns { table: table.to_owned(), source })?;
    let mut parts = Vec::new();
    for (day, batch) in days {
        let bytes = file::encode(&batch)
            .map_err(|source| Error::Encode { table: table.to_owned(), source })?;
        parts.push(Part { day, bytes, rows: batch.num_rows() as u64, times: file::times(&batch) });
    }
    Ok(parts)
}
