//! A flush: rows in memory become data files, and the files part of the table by one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::batch::widen;
use crate::columns::{Columns, TIME};
use crate::delta::{DAY, DeltaLog};
use crate::error::Error;
use crate::file::{self, File};
use crate::lake::{Lake, Slot};
use crate::table::Taken;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Flushes a table's rows up to the lake's watermark. Answers the bytes of memory that became free.
pub(crate) async fn flush(lake: &Lake, slot: &Slot) -> Result<Option<usize>, Error> {
    let name = slot.memory.table().to_string();
    let mut log = slot.log.lock().await;
    let taken = slot
        .memory
        .take(lake.watermark())
        .map_err(|source| Error::Columns { table: name.clone(), source })?;
    let Some(taken) = taken else { return Ok(None) };
    let position = taken.position;
    match write(lake, slot, &mut log, taken).await {
        Ok(files) => Ok(Some(slot.memory.committed(position, files))),
        Err(error) => {
            slot.memory.put_back();
            Err(error)
        }
    }
}

async fn write(
    lake: &Lake,
    slot: &Slot,
    log: &mut Option<DeltaLog>,
    taken: Taken,
) -> Result<Vec<Arc<File>>, Error> {
    let table = slot.memory.table().to_string();
    let (position, columns) = (taken.position, Arc::clone(&taken.columns));
    let encoded = tokio::task::spawn_blocking({
        let table = table.clone();
        move || encode(&table, &taken)
    })
    .await
    .map_err(|_| Error::Aborted { table: table.clone() })??;

    let log_error = |source| Error::Log { table: table.clone(), source: Box::new(source) };
    let log = match log {
        Some(log) => log,
        none => {
            std::fs::create_dir_all(&slot.folder).map_err(|source| Error::Folder {
                path: slot.folder.display().to_string(),
                source,
            })?;
            none.insert(open_or_create(slot, &columns).await.map_err(log_error)?)
        }
    };
    let mut files = Vec::with_capacity(encoded.len());
    for part in encoded {
        let path = format!(
            "{DAY}={}/part-{position:020}-{:016x}.parquet",
            part.day,
            rand::random::<u64>()
        );
        let size = part.bytes.len() as u64;
        log.store()
            .put(&Path::from(path.as_str()), part.bytes.into())
            .await
            .map_err(|source| Error::File { table: table.clone(), source })?;
        let written_ms = lake.clock.now().micros() / 1_000;
        files.push((File { path, size, rows: part.rows, times: part.times, written_ms }, part.day));
    }
    sync_files(log, &files).await?;
    log.commit(&lake.config.writer, position, &files, &columns).await.map_err(log_error)?;
    Ok(files.into_iter().map(|(file, _)| Arc::new(file)).collect())
}

async fn open_or_create(slot: &Slot, columns: &Columns) -> deltalake_core::DeltaResult<DeltaLog> {
    match DeltaLog::open(&slot.folder).await? {
        Some(log) => Ok(log),
        None => DeltaLog::create(&slot.folder, &slot.memory.table().stream, columns).await,
    }
}

/// Brings the files to the disk before the commit that names them.
async fn sync_files(log: &DeltaLog, files: &[(File, String)]) -> Result<(), Error> {
    let paths: Vec<_> = files.iter().map(|(file, _)| log.folder().join(&file.path)).collect();
    let folder = log.folder().display().to_string();
    let sync = move || {
        for path in paths {
            std::fs::File::open(&path)?.sync_all()?;
            if let Some(parent) = path.parent() {
                std::fs::File::open(parent)?.sync_all()?;
            }
        }
        Ok(())
    };
    let synced = tokio::task::spawn_blocking(sync).await;
    synced
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
        .map_err(|source| Error::Folder { path: folder, source })
}

/// One data file to be.
struct Part {
    day: String,
    bytes: Bytes,
    rows: u64,
    times: Option<(i64, i64)>,
}

/// The rows, one file a UTC day, each sorted by time.
fn encode(table: &str, taken: &Taken) -> Result<Vec<Part>, Error> {
    let columns = |source| Error::Columns { table: table.to_owned(), source };
    let widened = taken
        .batches
        .iter()
        .map(|batch| widen(batch, taken.columns.arrow()))
        .collect::<Result<Vec<_>, _>>();
    let all = concat_batches(taken.columns.arrow(), &widened.map_err(columns)?).map_err(columns)?;
    let mut parts = Vec::new();
    for (day, rows) in rows_by_day(&all) {
        let batch = take_record_batch(&all, &UInt32Array::from(rows)).map_err(columns)?;
        let batch = file::sorted(&batch).map_err(columns)?;
        let bytes = file::encode(&batch)
            .map_err(|source| Error::Encode { table: table.to_owned(), source })?;
        parts.push(Part {
            day: day_text(day),
            bytes,
            rows: batch.num_rows() as u64,
            times: file::times(&batch),
        });
    }
    Ok(parts)
}

/// The row numbers of each UTC day, as days since 1970-01-01. A row without a time counts to day 0.
fn rows_by_day(batch: &RecordBatch) -> BTreeMap<i64, Vec<u32>> {
    let mut days: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    let times = batch.column_by_name(TIME).and_then(|times| times.as_primitive_opt::<Int64Type>());
    for (row, time) in times.into_iter().flatten().enumerate() {
        let day = time.unwrap_or(0).div_euclid(DAY_MICROS);
        days.entry(day).or_default().push(u32::try_from(row).unwrap_or(u32::MAX));
    }
    days
}

/// A day since 1970-01-01 as `YYYY-MM-DD`.
fn day_text(day: i64) -> String {
    let midnight =
        chrono::DateTime::from_timestamp(day.saturating_mul(86_400), 0).unwrap_or_default();
    midnight.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::day_text;

    #[test]
    fn days_are_written_as_the_calendar_has_them() {
        assert_eq!(day_text(0), "1970-01-01");
        assert_eq!(day_text(-1), "1969-12-31");
        assert_eq!(day_text(11_016), "2000-02-29");
        assert_eq!(day_text(20_781), "2026-11-24");
    }
}
