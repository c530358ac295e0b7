//! How storage stands, for those who look after it.

use std::sync::Arc;

use clock::UnixNanos;
use schema::{OrgName, Table};

use crate::day::Day;
use crate::file::File;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::{UpkeepCounts, WhenFull};

/// Whole days that a forecast looks back.
const GROWTH_DAYS: i64 = 7;

/// One stream at rest and in memory.
#[derive(Clone, Debug)]
pub struct StreamStorage {
    /// Which.
    pub table: Table,
    /// Rows in files.
    pub rows: u64,
    /// Rows that are in no file yet.
    pub hot_rows: u64,
    /// What those take in memory, bytes.
    pub hot_bytes: u64,
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// The first UTC day that has rows, as `YYYY-MM-DD`.
    pub oldest_day: Option<String>,
    /// The last.
    pub newest_day: Option<String>,
    /// How many whole days are kept; `None` for ever.
    pub retention_days: Option<u32>,
    /// Bytes of files that nothing refers to and that are still on the disk.
    pub unreferenced_bytes: u64,
    /// Files that cannot be read and are left out of answers, and why.
    pub unreadable: Vec<(String, String)>,
    /// Whether the table's log cannot be read, so that no row can.
    pub damaged: bool,
    /// When files were last merged, since the start.
    pub last_merge: Option<UnixNanos>,
    /// What failed last, and when, since the start.
    pub last_error: Option<(UnixNanos, String)>,
}

/// The data folder, its ceiling and when it will be reached.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// What it takes on the disk, bytes; `None` before it was measured.
    pub bytes: Option<u64>,
    /// Bytes of these that will come back when files that nothing refers to are deleted.
    pub to_come_back: u64,
    /// What it may take, bytes; `None` if nothing bounds it.
    pub most_bytes: Option<u64>,
    /// What happens then.
    pub when_full: WhenFull,
    /// Whether that is now.
    pub full: bool,
    /// What a day's rows take in files, bytes: the mean over the last seven whole UTC days, or over those since the
    /// first row. `None` if no whole day has rows.
    pub bytes_per_day: Option<u64>,
    /// Days until the ceiling is reached at that rate; `None` without a ceiling or a rate.
    pub days_until_full: Option<f64>,
}

impl Lake {
    /// The streams of an organisation, or of all.
    #[must_use]
    pub fn streams(&self, org: Option<&OrgName>) -> Vec<StreamStorage> {
        let mut slots = self.all_slots();
        slots.retain(|slot| org.is_none_or(|org| slot.memory.table().org == *org));
        slots.sort_by_key(|slot| slot.memory.table().to_string());
        slots.iter().map(|slot| self.stream(slot)).collect()
    }

    fn stream(&self, slot: &Slot) -> StreamStorage {
        let (_, files) = slot.memory.stored();
        let days = || files.iter().filter_map(|file| file.day);
        let record = slot.record.lock();
        let (last_merge, last_error) = (record.last_merge, record.last_error.clone());
        drop(record);
        StreamStorage {
            table: slot.memory.table().clone(),
            rows: files.iter().map(|file| file.rows).sum(),
            hot_rows: slot.memory.hot_rows(),
            hot_bytes: slot.memory.uncommitted().0 as u64,
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.size).sum(),
            oldest_day: days().min().map(|day| day.to_string()),
            newest_day: days().max().map(|day| day.to_string()),
            retention_days: self.config.upkeep.retention_of(slot.memory.table()),
            unreferenced_bytes: slot.record.unreferenced_bytes(),
            unreadable: slot.memory.unreadable_files().into_iter().collect(),
            damaged: slot.memory.is_damaged(),
            last_merge,
            last_error,
        }
    }

    /// The data folder, its ceiling and when it will be reached.
    #[must_use]
    pub fn space(&self) -> Space {
        let measured = *self.measured();
        let config = &self.config.upkeep;
        let most_bytes = (config.most_bytes > 0).then_some(config.most_bytes);
        let slots = self.all_slots();
        let files = slots.iter().map(|slot| slot.memory.stored().1);
        let files: Vec<Arc<File>> = files.flat_map(|files| files.as_ref().clone()).collect();
        let bytes_per_day = growth(&files, Day::of_micros(self.clock.now().micros()));
        let stays = measured.bytes.map(|bytes| bytes.saturating_sub(measured.to_come_back));
        Space {
            bytes: measured.bytes,
            to_come_back: measured.to_come_back,
            most_bytes,
            when_full: config.when_full,
            full: self.is_full(),
            bytes_per_day,
            days_until_full: forecast(most_bytes, stays, bytes_per_day),
        }
    }

    /// What upkeep has done since the start.
    #[must_use]
    pub fn upkeep_counts(&self) -> UpkeepCounts {
        self.keeper.counts.read()
    }
}

/// The mean of what the last whole days' files take, from the first of these days that has any.
fn growth(files: &[Arc<File>], today: Day) -> Option<u64> {
    let days: Vec<Day> = (1..=GROWTH_DAYS).rev().map(|before| today.before(before)).collect();
    let of = |day: Day| -> u64 {
        files.iter().filter(|file| file.day == Some(day)).map(|file| file.size).sum()
    };
    let sizes: Vec<u64> = days.into_iter().map(of).skip_while(|bytes| *bytes == 0).collect();
    let total: u64 = sizes.iter().sum();
    (!sizes.is_empty()).then(|| total / sizes.len() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a forecast")]
fn forecast(most: Option<u64>, stays: Option<u64>, per_day: Option<u64>) -> Option<f64> {
    let left = most?.saturating_sub(stays?);
    let per_day = per_day.filter(|bytes| *bytes > 0)?;
    Some(left as f64 / per_day as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_the_mean_of_the_last_whole_days_since_the_first_row() {
        let today = Day::of_micros(0).before(-100);
        let file = |before: i64, size| {
            let day = Some(today.before(before));
            Arc::new(File { path: String::new(), size, rows: 1, times: None, written_ms: 0, day })
        };
        assert_eq!(growth(&[], today), None);
        assert_eq!(growth(&[file(0, 5)], today), None, "today is not whole");
        assert_eq!(growth(&[file(8, 5)], today), None, "too long ago");
        assert_eq!(growth(&[file(3, 30), file(1, 12), file(1, 18), file(0, 99)], today), Some(20));
        assert_eq!(growth(&[file(7, 70)], today), Some(10));
    }

    #[test]
    fn a_forecast_needs_a_ceiling_and_a_rate() {
        assert_eq!(forecast(Some(100), Some(40), Some(24)), Some(2.5));
        assert_eq!(forecast(Some(100), Some(140), Some(24)), Some(0.0));
        assert_eq!(forecast(None, Some(40), Some(24)), None);
        assert_eq!(forecast(Some(100), None, Some(24)), None);
        assert_eq!(forecast(Some(100), Some(40), Some(0)), None);
    }
}
