//! The ceiling of the data folder: what it takes, whether it is full, and what goes when it is.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::day::Day;
use crate::error::Error;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::{Removed, Step, WhenFull, is_rollups, retain};

/// Bytes of a block, as the system counts them.
const BLOCK: u64 = 512;

/// What the data folder takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Bytes on the disk; `None` before the first look.
    pub(crate) bytes: Option<u64>,
    /// Bytes of these that vacuum will give back.
    pub(crate) to_come_back: u64,
    /// Bytes of these that rows name.
    named: u64,
}

impl Lake {
    pub(crate) fn measured(&self) -> MutexGuard<'_, Measured> {
        self.keeper.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the data folder takes more than it may, also when what is too much will come back.
    pub(crate) fn is_over_ceiling(&self) -> bool {
        let most = self.config.upkeep.most_bytes;
        most > 0 && self.measured().bytes.is_some_and(|bytes| bytes >= most)
    }

    /// By how much the data folder takes more than it may, without what will come back, bytes.
    fn over_by(&self) -> Option<u64> {
        let most = self.config.upkeep.most_bytes;
        let Measured { bytes, to_come_back, .. } = *self.measured();
        let stays = bytes?.saturating_sub(to_come_back);
        (most > 0 && stays >= most).then(|| stays - most)
    }
}

/// Measures the data folder, makes room if that is wanted, and says whether more may come in.
pub(crate) async fn keep(lake: &Lake, slots: &[Arc<Slot>]) {
    if let Err(error) = measure(lake, slots).await {
        tracing::warn!(%error, "the data folder could not be measured");
        lake.keeper.counts.failed(Step::Room);
        return;
    }
    if lake.config.upkeep.when_full == WhenFull::DropOldest {
        drop_oldest(lake, slots).await;
    }
    let full = lake.over_by().is_some();
    let was = lake.keeper.full.swap(full, Ordering::Relaxed);
    let most = lake.config.upkeep.most_bytes;
    match (was, full) {
        (false, true) => {
            tracing::error!(
                most,
                "the data folder has reached its ceiling; nothing more is taken in until there is room"
            );
        }
        (true, false) => tracing::info!(most, "the data folder has room again"),
        (true, true) | (false, false) => {}
    }
}

async fn measure(lake: &Lake, slots: &[Arc<Slot>]) -> Result<(), Error> {
    let folder = lake.config.upkeep.data_folder.as_ref().unwrap_or(&lake.config.root).clone();
    let (at, passing) = (folder.clone(), lake.config.upkeep.passing_folder.clone());
    let of_rows = lake.config.upkeep.named_folder.clone();
    let measuring = tokio::task::spawn_blocking(move || {
        let named = of_rows.map_or(Ok(0), |folder| bytes_in(&folder, None))?;
        Ok((bytes_in(&at, passing.as_deref())?, named))
    });
    let (bytes, named) = measuring
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|source| Error::Folder { path: folder.display().to_string(), source })?;
    let to_come_back = slots.iter().map(|slot| slot.record.unreferenced_bytes()).sum();
    *lake.measured() = Measured { bytes: Some(bytes), to_come_back, named };
    Ok(())
}

/// What a folder and all below it take on the disk, but for one folder.
fn bytes_in(folder: &Path, without: Option<&Path>) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if without.is_some_and(|without| without == entry.path()) {
            continue;
        }
        let more = entry.metadata().and_then(|about| match about.is_dir() {
            true => bytes_in(&entry.path(), without),
            false => Ok(about.blocks() * BLOCK),
        });
        match more {
            Ok(more) => bytes += more,
            // Files come and go while this looks.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Removes the oldest days of all streams but the rollups, until what stays is below the ceiling or only today is
/// left; one day only where rows name something that goes after them.
async fn drop_oldest(lake: &Lake, slots: &[Arc<Slot>]) {
    let today = Day::of_micros(lake.clock.now().micros());
    while lake.over_by().is_some() {
        let theirs = slots.iter().filter(|slot| may_drop(slot));
        let days = theirs.flat_map(|slot| {
            slot.memory.stored().1.iter().filter_map(|file| file.day).collect::<Vec<_>>()
        });
        let Some(oldest) = days.min().filter(|day| *day < today) else { return };
        let mut failed = false;
        for slot in slots.iter().filter(|slot| may_drop(slot)) {
            let bytes = bytes_of(slot, oldest);
            let removed = retain::remove_before(lake, slot, oldest.before(-1), Removed::Full).await;
            match removed {
                Ok(()) => lake.measured().to_come_back += bytes,
                Err(error) => {
                    failed = true;
                    lake.step(slot, Step::Room, Err(error));
                }
            }
        }
        if failed || lake.measured().named > 0 {
            return;
        }
    }
}

fn may_drop(slot: &Slot) -> bool {
    !is_rollups(slot.memory.table()) && !slot.memory.is_damaged()
}

fn bytes_of(slot: &Slot, day: Day) -> u64 {
    let (_, files) = slot.memory.stored();
    files.iter().filter(|file| file.day == Some(day)).map(|file| file.size).sum()
}
