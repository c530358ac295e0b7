//! Small files become large ones.

use std::sync::Arc;

use schema::Kind;

use crate::columns::Columns;
use crate::day::Day;
use crate::delta::Why;
use crate::error::Error;
use crate::file::File;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::choose::{Group, Policy};
use crate::upkeep::commit;
use crate::upkeep::merge::{Merge, Repeats, merge};
use crate::upkeep::pace::{Pace, Stop};
use crate::upkeep::rewrite::{Edit, LoneFile, rewrite};

/// How long no file may have come to a day that is over before what is left of it is merged, ms.
const QUIET_MS: i64 = 3_600_000;
/// A merged file may be so many times as large as was aimed at.
const SLACK: u64 = 2;

/// What one try to merge came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// Nothing is due.
    Nothing,
    /// Files were merged, and more may be due.
    Merged,
}

/// Merges one group of files of a table, if there is one.
pub(crate) async fn merge_once(lake: &Lake, slot: &Slot) -> Result<Once, Error> {
    let Some(group) = next_group(lake, slot) else { return Ok(Once::Nothing) };
    let job = job(lake, slot, group);
    let inputs = job.inputs.clone();
    let table = job.table.clone();
    let (merged, repeats) = match on_a_thread(lake, table, move |pace| merge(&job, pace)).await {
        Err(Error::Unreadable { table, path, why }) => {
            slot.record.lock().left_alone.insert(path.clone());
            return Err(Error::Unreadable { table, path, why });
        }
        merged => merged?,
    };
    let target = lake.config.upkeep.target_bytes;
    let why = if repeats > 0 { Why::Dedup { target } } else { Why::Merge { target } };
    let (read, written) = (merged.bytes_read, merged.bytes_written);
    commit::replace(lake, slot, &inputs, merged.files, why).await?;
    slot.record.lock().last_merge = Some(lake.clock.now());
    lake.keeper.counts.merged(inputs.len(), repeats, read, written);
    tracing::debug!(table = %slot.memory.table(), files = inputs.len(), repeats, written, "files were merged");
    Ok(Once::Merged)
}

fn next_group(lake: &Lake, slot: &Slot) -> Option<Group> {
    let config = &lake.config.upkeep;
    let policy = Policy {
        target: config.target_bytes,
        gathered: config.gathered.max(2),
        quiet_before_ms: lake.clock.now().micros() / 1_000 - QUIET_MS,
    };
    let (_, files) = slot.memory.stored();
    let record = slot.record.lock();
    policy.next(&files, &record.left_alone)
}

fn job(lake: &Lake, slot: &Slot, group: Group) -> Merge {
    let (columns, _) = slot.memory.stored();
    let table = slot.memory.table();
    // Only spans have ids that say when two rows are the same.
    let repeats = match table.kind {
        Kind::Traces => Repeats::Dropped,
        Kind::Logs | Kind::Metrics => Repeats::Kept,
    };
    Merge {
        table: table.to_string(),
        folder: slot.folder.clone(),
        day: group.day,
        columns: Arc::clone(columns.arrow()),
        inputs: group.inputs,
        witnesses: group.others,
        repeats,
        most_bytes: lake.config.upkeep.target_bytes.saturating_mul(SLACK),
        now_ms: lake.clock.now().micros() / 1_000,
    }
}

/// Writes a file of a day anew, by itself and in one piece, and counts what that took.
pub(crate) async fn written_anew(
    lake: &Lake,
    slot: &Slot,
    (file, day): (&Arc<File>, Day),
    columns: &Columns,
    mut edit: impl Edit,
) -> Result<Vec<File>, Error> {
    let job = LoneFile {
        table: slot.memory.table().to_string(),
        folder: slot.folder.clone(),
        day,
        columns: Arc::clone(columns.arrow()),
        file: Arc::clone(file),
        now_ms: lake.clock.now().micros() / 1_000,
    };
    let table = job.table.clone();
    let written = on_a_thread(lake, table, move |pace| rewrite(&job, &mut edit, pace)).await?;
    lake.keeper.counts.rewrote(written.bytes_read, written.bytes_written);
    Ok(written.files)
}

/// Runs work on a thread of its own. It stops when this is dropped.
async fn on_a_thread<T: Send + 'static>(
    lake: &Lake,
    table: String,
    work: impl FnOnce(&mut Pace) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let stop = Stop::default();
    let mut pace = Pace::new(lake.config.upkeep.bytes_per_s, stop.flag());
    let working = tokio::task::spawn_blocking(move || work(&mut pace));
    let done = working.await.map_err(|_| Error::Aborted { table })?;
    drop(stop);
    done
}
