//! One change of a table's files, by one commit, beside the flushes of the same process.

use std::collections::HashSet;
use std::sync::Arc;

use crash::Place;

use crate::delta::{Change, DeltaLog, NotCommitted, Reach, Why};
use crate::disk;
use crate::error::Error;
use crate::file::File;
use crate::flush::{discard, log_error, to_sync};
use crate::lake::Lake;
use crate::slot::Slot;

/// Puts the files `add`, which are written, in the place of `remove`. When that fails, `add` is deleted unless the
/// table may have it.
pub(crate) async fn replace(
    lake: &Lake,
    slot: &Slot,
    remove: &[Arc<File>],
    add: Vec<File>,
    why: Why<'_>,
) -> Result<(), Error> {
    let mut place = slot.log.lock().await;
    // Out of its place as in a flush: whatever cuts this short, the next one reads anew what the log holds.
    let log = match place.take() {
        Some(log) => Some(log),
        None => slot.reread(&lake.config.writer).await?,
    };
    let Some(mut log) = log else {
        return Err(Error::Overtaken { table: slot.memory.table().to_string() });
    };
    let result = exchange(slot, &mut log, remove, &add, why).await;
    let known = !matches!(result, Err(Failed::Unclear(_)));
    if let Err(Failed::Refused(_)) = &result {
        discard(&log, &add).await;
    }
    if known {
        *place = Some(log);
    }
    slot.record.let_go();
    result.map_err(|failed| match failed {
        Failed::Refused(error) | Failed::Unclear(error) => error,
    })
}

/// The version that a table's log has of an application transaction.
pub(crate) async fn committed(
    lake: &Lake,
    slot: &Slot,
    transaction: &str,
) -> Result<Option<u64>, Error> {
    let mut place = slot.log.lock().await;
    if place.is_none() {
        *place = slot.reread(&lake.config.writer).await?;
    }
    let Some(log) = place.as_ref() else { return Ok(None) };
    log.committed(transaction).await.map_err(|error| log_error(slot.memory.table(), error))
}

/// Why the files were not exchanged, or may not have been.
enum Failed {
    Refused(Error),
    Unclear(Error),
}

async fn exchange(
    slot: &Slot,
    log: &mut DeltaLog,
    remove: &[Arc<File>],
    add: &[File],
    why: Why<'_>,
) -> Result<(), Failed> {
    let table = slot.memory.table();
    if !has_all(slot, remove) {
        return Err(Failed::Refused(Error::Overtaken { table: table.to_string() }));
    }
    let folder_error = |source| {
        Failed::Refused(Error::Folder { path: log.folder().display().to_string(), source })
    };
    disk::sync(to_sync(log.folder(), add)).await.map_err(folder_error)?;
    let (written, committed) = places(why);
    crash::point(written);
    let reach = log.commit(Change { add, remove, why }).await.map_err(|error| match error {
        NotCommitted::Refused(error) => Failed::Refused(log_error(table, error)),
        NotCommitted::Unclear(error) => Failed::Unclear(log_error(table, error)),
    })?;
    crash::point(committed);
    slot.memory.replace(remove, add.iter().cloned().map(Arc::new).collect());
    if reach == Reach::PastOthers {
        let files = log.files().map_err(|error| Failed::Unclear(log_error(table, error)))?;
        slot.memory.set_files(files);
    }
    Ok(())
}

/// Where a process can be told to die before and after a commit.
const fn places(why: Why<'_>) -> (Place, Place) {
    match why {
        Why::Rows { .. } => (Place::FlushWritten, Place::FlushCommitted),
        Why::Merge { .. } | Why::Dedup { .. } => (Place::MergeWritten, Place::MergeCommitted),
        Why::Delete { .. } => (Place::DeleteWritten, Place::DeleteCommitted),
        Why::Revise { .. } => (Place::ReviseWritten, Place::ReviseCommitted),
    }
}

fn has_all(slot: &Slot, files: &[Arc<File>]) -> bool {
    let (_, stored) = slot.memory.stored();
    let stored: HashSet<&str> = stored.iter().map(|file| file.path.as_str()).collect();
    files.iter().all(|file| stored.contains(file.path.as_str()))
}
