//! Keeping tables well: merging, expiring, cleaning, erasing, revising, and a ceiling for the disk.
//!
//! [`Lake::upkeep`] is one pass over all tables; the program calls it again and again, one at a time. Each step looks
//! for itself what is due and ends in one Delta commit, so a pass may be cut short anywhere: what was written and not
//! committed is in no table, and vacuum deletes it. Files leave the disk by vacuum only, when nothing has referred to
//! them for [`UpkeepConfig::history`]: a reader with an older view finds them until then.

mod change;
mod check;
mod choose;
mod commit;
mod compact;
mod counts;
pub(crate) mod erase;
mod footer;
mod formers;
mod jobs;
mod merge;
mod order;
mod output;
mod pace;
mod record;
mod retain;
mod revise;
mod rewrite;
mod room;
mod status;
mod texts;
mod vacuum;
mod victims;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::UnixNanos;
use schema::{Kind, OrgName, Table};
use tokio::sync::Notify;

use crate::error::Error;
use crate::lake::Lake;
use crate::slot::Slot;

use counts::Counts;
pub use counts::{Removed, UpkeepCounts};
pub use erase::{Erasure, ErasureState, Subject};
use jobs::Jobs;
pub(crate) use record::Record;
use retain::Jumps;
pub use revise::{Direction, Distance, Looked, Revising, Revision, Step as RevisionStep, Stretch};
use room::Measured;
pub use status::{Space, StreamStorage};

/// Merges of one table in a row, in one pass: then it is the other tables' turn.
const ROUNDS: usize = 64;

/// How tables are kept well.
#[derive(Clone, Debug)]
pub struct UpkeepConfig {
    /// The size that merged files have, about, bytes.
    pub target_bytes: u64,
    /// So many small files of a day are merged into one.
    pub gathered: usize,
    /// What merging may read and write in a second, both together, bytes; 0 bounds nothing.
    pub bytes_per_s: u64,
    /// How long a file stays on the disk, and a version in the log, after the table has moved on.
    pub history: Duration,
    /// The same while the data folder is over its ceiling. Longer than any query may take.
    pub history_when_full: Duration,
    /// A checkpoint is written after so many commits.
    pub checkpoint_every: u64,
    /// Whole UTC days that ended so many days ago are removed; 0 keeps them for ever.
    pub retention_days: u32,
    /// The same for the rollups.
    pub rollup_retention_days: u32,
    /// Streams with a retention of their own; the first that fits counts.
    pub streams: Vec<StreamTerm>,
    /// The folder whose size [`UpkeepConfig::most_bytes`] bounds; the tables' own if `None`.
    pub data_folder: Option<PathBuf>,
    /// A folder below it that does not count: what it holds goes by itself, and must not cost a day of data.
    pub passing_folder: Option<PathBuf>,
    /// A folder below it with what rows name, which goes some time after them: while it holds anything, one day is
    /// dropped a pass, and not one more than is needed.
    pub named_folder: Option<PathBuf>,
    /// Traces of a session or user that are looked for at once; one with more is erased in rounds.
    pub erase_at_once: usize,
    /// Bytes that the data folder may take; 0 bounds nothing.
    pub most_bytes: u64,
    /// What happens then.
    pub when_full: WhenFull,
}

impl Default for UpkeepConfig {
    fn default() -> Self {
        Self {
            target_bytes: 128 << 20,
            gathered: 8,
            bytes_per_s: 32 << 20,
            history: Duration::from_secs(3_600),
            history_when_full: Duration::from_secs(120),
            checkpoint_every: 100,
            retention_days: 0,
            rollup_retention_days: 0,
            streams: Vec::new(),
            data_folder: None,
            passing_folder: None,
            named_folder: None,
            erase_at_once: 100_000,
            most_bytes: 0,
            when_full: WhenFull::Refuse,
        }
    }
}

/// What happens when the data folder has reached its ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Nothing more comes in until there is room.
    Refuse,
    /// The oldest days of all streams but the rollups go; today stays, and is refused if it is too much by itself.
    DropOldest,
}

/// How long some streams are kept.
#[derive(Clone, Debug)]
pub struct StreamTerm {
    /// Of this organisation, or of any.
    pub org: Option<OrgName>,
    /// Of this kind, or of any.
    pub kind: Option<Kind>,
    /// The stream's name.
    pub stream: String,
    /// As [`UpkeepConfig::retention_days`].
    pub retention_days: u32,
}

impl StreamTerm {
    fn fits(&self, table: &Table) -> bool {
        self.stream == table.stream
            && self.org.as_ref().is_none_or(|org| *org == table.org)
            && self.kind.is_none_or(|kind| kind == table.kind)
    }
}

impl UpkeepConfig {
    /// How many days a table's rows are kept; `None` for ever.
    fn retention_of(&self, table: &Table) -> Option<u32> {
        let own = self.streams.iter().find(|term| term.fits(table));
        let days = match own {
            Some(term) => term.retention_days,
            None if is_rollups(table) => self.rollup_retention_days,
            None => self.retention_days,
        };
        (days > 0).then_some(days)
    }
}

fn is_rollups(table: &Table) -> bool {
    *table == Table::rollups(table.org.clone())
}

/// What upkeep knows beyond single tables.
#[derive(Debug)]
pub(crate) struct Keeper {
    counts: Counts,
    full: AtomicBool,
    measured: std::sync::Mutex<Measured>,
    jumps: std::sync::Mutex<Jumps>,
    jobs: Jobs,
    wanted: Notify,
    /// One pass, or one step of a revision, at a time.
    running: tokio::sync::Mutex<()>,
}

impl Keeper {
    /// With the erasures that are waiting in `root`.
    pub(crate) async fn open(root: &Path, now: UnixNanos) -> Result<Self, Error> {
        Ok(Self {
            counts: Counts::default(),
            full: AtomicBool::new(false),
            measured: std::sync::Mutex::default(),
            jumps: std::sync::Mutex::new(Jumps::from_now(now)),
            jobs: Jobs::open(root).await?,
            wanted: Notify::new(),
            running: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// A part of upkeep, by the name that logs and metrics have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Check,
    Expire,
    Merge,
    Log,
    Vacuum,
    Erase,
    Room,
    Revise,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Check,
        Self::Expire,
        Self::Merge,
        Self::Log,
        Self::Vacuum,
        Self::Erase,
        Self::Room,
        Self::Revise,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Expire => "expire",
            Self::Merge => "merge",
            Self::Log => "log",
            Self::Vacuum => "vacuum",
            Self::Erase => "erase",
            Self::Room => "room",
            Self::Revise => "revise",
        }
    }
}

impl Lake {
    /// One pass of upkeep over all tables. What fails is logged, counted and tried again in the next pass.
    ///
    /// May be dropped at any point: nothing is lost or doubled, and the next pass goes on.
    pub async fn upkeep(&self) {
        let _one = self.keeper.running.lock().await;
        self.erase_what_waits().await;
        let slots = self.all_slots();
        for slot in slots.iter().filter(|slot| !slot.memory.is_damaged()) {
            self.step(slot, Step::Check, check::check(slot).await);
            self.step(slot, Step::Expire, retain::expire(self, slot).await);
        }
        self.merge_what_is_due(&slots).await;
        for slot in slots.iter().filter(|slot| !slot.memory.is_damaged()) {
            self.step(slot, Step::Log, vacuum::clean_log(self, slot).await);
            self.step(slot, Step::Vacuum, vacuum::vacuum(self, slot).await);
        }
        room::keep(self, &slots).await;
    }

    /// Returns when a pass should not wait for its time.
    pub async fn upkeep_wanted(&self) {
        self.keeper.wanted.notified().await;
    }

    /// Tables take turns, so that a backlog of one does not keep the others waiting.
    async fn merge_what_is_due(&self, slots: &[Arc<Slot>]) {
        let mut due: Vec<&Arc<Slot>> =
            slots.iter().filter(|slot| !slot.memory.is_damaged()).collect();
        for _ in 0..ROUNDS {
            let mut again = Vec::new();
            for slot in due {
                let merged = compact::merge_once(self, slot).await;
                let more = matches!(merged, Ok(compact::Once::Merged));
                self.step(slot, Step::Merge, merged.map(|_| ()));
                if more {
                    again.push(slot);
                }
            }
            due = again;
            if due.is_empty() {
                break;
            }
            self.erase_what_waits().await;
        }
    }

    fn step(&self, slot: &Slot, step: Step, result: Result<(), Error>) {
        let Err(error) = result else { return };
        let table = slot.memory.table();
        tracing::warn!(%table, step = step.name(), %error, "upkeep of a table failed; it is tried again");
        self.keeper.counts.failed(step);
        slot.record.failed(self.clock.now(), &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stream_that_fits_says_how_long_it_is_kept() {
        let org: OrgName = "acme".parse().expect("a name");
        let term = |org: Option<&OrgName>, kind, stream: &str, retention_days| StreamTerm {
            org: org.cloned(),
            kind,
            stream: stream.to_owned(),
            retention_days,
        };
        let config = UpkeepConfig {
            retention_days: 30,
            rollup_retention_days: 400,
            streams: vec![
                term(Some(&org), None, "noisy", 7),
                term(None, Some(Kind::Traces), "noisy", 0),
                term(None, None, "noisy", 3),
            ],
            ..UpkeepConfig::default()
        };
        let of = |org: &OrgName, kind, stream| {
            config.retention_of(&Table::new(org.clone(), kind, stream))
        };
        let other = OrgName::first();
        assert_eq!(of(&org, Kind::Traces, "noisy"), Some(7));
        assert_eq!(of(&other, Kind::Traces, "noisy"), None, "for ever");
        assert_eq!(of(&other, Kind::Logs, "noisy"), Some(3));
        assert_eq!(of(&other, Kind::Logs, "calm"), Some(30));
        assert_eq!(config.retention_of(&Table::rollups(org)), Some(400));
        assert_eq!(UpkeepConfig::default().retention_of(&Table::traces(other)), None);
    }
}
