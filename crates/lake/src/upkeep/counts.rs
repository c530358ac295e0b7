//! What upkeep has done since the start.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::upkeep::Step;

/// Why files left a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// Their day was older than it is kept.
    Expired,
    /// The data folder had reached its ceiling.
    Full,
    /// Somebody asked for rows to be erased.
    Erased,
}

impl Removed {
    const ALL: [Self; 3] = [Self::Expired, Self::Full, Self::Erased];

    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Full => "full",
            Self::Erased => "erased",
        }
    }
}

/// What upkeep has done since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpkeepCounts {
    /// Merges.
    pub merges: u64,
    /// Files that were merged into others.
    pub merged_files: u64,
    /// Bytes of files that merges, erasures and revisions read.
    pub bytes_read: u64,
    /// Bytes of files that they wrote.
    pub bytes_written: u64,
    /// Spans that were stored twice and are stored once now.
    pub repeats: u64,
    /// Rows that left the tables, by why.
    pub rows_removed: Vec<(Removed, u64)>,
    /// Files that left the tables, by why.
    pub files_removed: Vec<(Removed, u64)>,
    /// Rows of which a revision has changed columns.
    pub rows_revised: u64,
    /// Files that had such rows.
    pub files_revised: u64,
    /// Files that vacuum deleted.
    pub vacuumed_files: u64,
    /// Their bytes.
    pub vacuumed_bytes: u64,
    /// Checkpoints that were written.
    pub checkpoints: u64,
    /// Entries of tables' logs that were deleted.
    pub log_entries: u64,
    /// What failed, by the step's name.
    pub failures: Vec<(&'static str, u64)>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    merges: AtomicU64,
    merged_files: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    repeats: AtomicU64,
    rows_removed: [AtomicU64; Removed::ALL.len()],
    files_removed: [AtomicU64; Removed::ALL.len()],
    rows_revised: AtomicU64,
    files_revised: AtomicU64,
    vacuumed_files: AtomicU64,
    vacuumed_bytes: AtomicU64,
    checkpoints: AtomicU64,
    log_entries: AtomicU64,
    failures: [AtomicU64; Step::ALL.len()],
}

impl Counts {
    pub(crate) fn merged(&self, files: usize, repeats: u64, read: u64, written: u64) {
        self.merges.fetch_add(1, Relaxed);
        self.merged_files.fetch_add(files as u64, Relaxed);
        self.repeats.fetch_add(repeats, Relaxed);
        self.rewrote(read, written);
    }

    pub(crate) fn rewrote(&self, read: u64, written: u64) {
        self.bytes_read.fetch_add(read, Relaxed);
        self.bytes_written.fetch_add(written, Relaxed);
    }

    pub(crate) fn removed(&self, why: Removed, files: u64, rows: u64) {
        self.files_removed[why as usize].fetch_add(files, Relaxed);
        self.rows_removed[why as usize].fetch_add(rows, Relaxed);
    }

    /// A file was written anew for so many rows.
    pub(crate) fn revised(&self, rows: u64) {
        self.files_revised.fetch_add(1, Relaxed);
        self.rows_revised.fetch_add(rows, Relaxed);
    }

    pub(crate) fn vacuumed(&self, files: u64, bytes: u64) {
        self.vacuumed_files.fetch_add(files, Relaxed);
        self.vacuumed_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn checkpointed(&self) {
        self.checkpoints.fetch_add(1, Relaxed);
    }

    pub(crate) fn log_cleaned(&self, entries: u64) {
        self.log_entries.fetch_add(entries, Relaxed);
    }

    pub(crate) fn failed(&self, step: Step) {
        self.failures[step as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self) -> UpkeepCounts {
        let by_why = |counts: &[AtomicU64; Removed::ALL.len()]| {
            Removed::ALL.iter().map(|why| (*why, counts[*why as usize].load(Relaxed))).collect()
        };
        let failures = Step::ALL.iter();
        UpkeepCounts {
            merges: self.merges.load(Relaxed),
            merged_files: self.merged_files.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            repeats: self.repeats.load(Relaxed),
            rows_removed: by_why(&self.rows_removed),
            files_removed: by_why(&self.files_removed),
            rows_revised: self.rows_revised.load(Relaxed),
            files_revised: self.files_revised.load(Relaxed),
            vacuumed_files: self.vacuumed_files.load(Relaxed),
            vacuumed_bytes: self.vacuumed_bytes.load(Relaxed),
            checkpoints: self.checkpoints.load(Relaxed),
            log_entries: self.log_entries.load(Relaxed),
            failures: failures
                .map(|step| (step.name(), self.failures[*step as usize].load(Relaxed)))
                .collect(),
        }
    }
}
