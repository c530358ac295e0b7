//! What no table needs any longer leaves the disk: log entries, and files that nothing refers to.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crash::Place;
use tokio::time::Instant;

use crate::columns::DAY;
use crate::error::Error;
use crate::flush::log_error;
use crate::lake::Lake;
use crate::slot::Slot;

/// How often a folder is looked through although nothing is known to have been let go.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
/// How often a log is cleaned at most.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
const LOG: &str = "_delta_log";

/// Writes a checkpoint when enough was committed since the last, and deletes log entries that are old enough.
pub(crate) async fn clean_log(lake: &Lake, slot: &Slot) -> Result<(), Error> {
    let config = &lake.config.upkeep;
    let reading = slot.log.lock().await.as_ref().map(|log| log.reading());
    let Some(reading) = reading else { return Ok(()) };
    let error = |error| log_error(slot.memory.table(), error);
    let known = slot.record.lock().checkpoint;
    let last = match known {
        Some(version) => version,
        None => reading.checkpointed().await,
    };
    let due = reading.version() >= last.saturating_add(config.checkpoint_every.max(1));
    if due {
        reading.checkpoint().await.map_err(error)?;
        lake.keeper.counts.checkpointed();
    }
    slot.record.lock().checkpoint = Some(if due { reading.version() } else { last });
    let waited = slot.record.lock().cleaned.is_none_or(|cleaned| cleaned.elapsed() >= CLEAN_EVERY);
    if waited {
        let history_ms = i64::try_from(config.history.as_millis()).unwrap_or(i64::MAX);
        let before_ms = (lake.clock.now().micros() / 1_000).saturating_sub(history_ms);
        let deleted = reading.clean(before_ms).await.map_err(error)?;
        lake.keeper.counts.log_cleaned(deleted);
        slot.record.lock().cleaned = Some(Instant::now());
    }
    Ok(())
}

/// Deletes files that the table has not referred to for long enough. A restart begins the time anew: it is measured
/// by a clock that does not jump.
pub(crate) async fn vacuum(lake: &Lake, slot: &Slot) -> Result<(), Error> {
    let looked = {
        let record = slot.record.lock();
        record.unreferenced.is_empty()
            && record.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY)
    };
    if looked || !slot.folder.is_dir() {
        return Ok(());
    }
    // While it is held no flush writes files: what is found and not referred to was let go or left over.
    let mut place = slot.log.lock().await;
    if place.is_none() {
        *place = slot.reread(&lake.config.writer).await?;
    }
    let found = blocking(slot, files_in).await?;
    if due(lake, slot, found.clone()).is_empty() {
        return Ok(());
    }
    // Another program may have written to the table since: what it refers to stays.
    *place = slot.reread(&lake.config.writer).await?;
    let due = due(lake, slot, found);
    if due.is_empty() {
        return Ok(());
    }
    let (files, bytes) = (due.len() as u64, due.iter().map(|(_, bytes)| bytes).sum());
    let paths: Vec<String> = due.into_iter().map(|(path, _)| path).collect();
    let gone = paths.clone();
    blocking(slot, move |folder| delete(folder, &gone)).await?;
    let mut record = slot.record.lock();
    for path in &paths {
        record.unreferenced.remove(path);
    }
    drop(record);
    lake.keeper.counts.vacuumed(files, bytes);
    tracing::debug!(table = %slot.memory.table(), files, bytes, "files that nothing refers to were deleted");
    Ok(())
}

/// Notes which of the files that were found nobody refers to, and answers those that have been so for long enough.
fn due(lake: &Lake, slot: &Slot, found: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let config = &lake.config.upkeep;
    let grace = if lake.is_over_ceiling() {
        config.history.min(config.history_when_full)
    } else {
        config.history
    };
    let (_, files) = slot.memory.stored();
    let referred: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let now = Instant::now();
    let mut record = slot.record.lock();
    record.looked = Some(now);
    let mut before = std::mem::take(&mut record.unreferenced);
    let loose = found.into_iter().filter(|(path, _)| !referred.contains(path.as_str()));
    record.unreferenced = loose
        .map(|(path, bytes)| {
            let since = before.remove(&path).map_or(now, |(since, _)| since);
            (path, (since, bytes))
        })
        .collect();
    let unreferenced = record.unreferenced.iter();
    let old = unreferenced.filter(|(_, (since, _))| now.duration_since(*since) >= grace);
    old.map(|(path, (_, bytes))| (path.clone(), *bytes)).collect()
}

async fn blocking<T: Send + 'static>(
    slot: &Slot,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let folder = Arc::<Path>::from(slot.folder.as_path());
    let at = Arc::clone(&folder);
    let done = tokio::task::spawn_blocking(move || work(&at)).await;
    let done = done.map_err(|_| Error::Aborted { table: slot.memory.table().to_string() })?;
    done.map_err(|source| Error::Folder { path: folder.display().to_string(), source })
}

/// All files in the days' folders, and what half-written versions left in the log's: path below the table's folder,
/// and bytes.
fn files_in(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_day = name.strip_prefix(DAY).is_some_and(|rest| rest.starts_with('='));
        if !entry.file_type()?.is_dir() || !(is_day || name == LOG) {
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            let file = file?;
            let Ok(inner) = file.file_name().into_string() else { continue };
            // The store writes `name#1` and renames it.
            let wanted = is_day || inner.contains('#');
            let about = file.metadata();
            if let (true, Ok(about)) = (wanted, about)
                && about.is_file()
            {
                found.push((format!("{name}/{inner}"), about.len()));
            }
        }
    }
    Ok(found)
}

/// Deletes files, and folders that are empty then.
fn delete(folder: &Path, paths: &[String]) -> io::Result<()> {
    for path in paths {
        match fs::remove_file(folder.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => crash::point(Place::Vacuuming),
        }
    }
    let days: HashSet<&str> =
        paths.iter().filter_map(|path| path.split('/').next()).filter(|day| *day != LOG).collect();
    for day in days {
        // One that still has files refuses.
        let _ = fs::remove_dir(folder.join(day));
    }
    Ok(())
}
