//! Places at which this process can be told to die as by `kill -9`, so that tests can show what a crash there costs.
//!
//! [`arm`] names a place, [`point`] stands there: it ends the process at once, no destructor runs and nothing is
//! flushed. A process that was not told so, which is every one but a test's, loads one number at each place.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Where the process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// A segment of the write-ahead log has a name and no header yet.
    SegmentCreated = 1,
    /// A group of records is written to the log and not synced.
    LogWritten,
    /// A group is synced, and nobody has been told.
    LogSynced,
    /// A flush has written and synced its files; no commit names them.
    FlushWritten,
    /// A flush has committed; the log still holds the rows.
    FlushCommitted,
    /// A merge has written and synced its files; no commit names them.
    MergeWritten,
    /// A merge has committed; the files that it replaced are still there.
    MergeCommitted,
    /// One file of an erasure is written anew, others may follow before the commit.
    EraseRewriting,
    /// An erasure or an expiry has written what stays; no commit names it.
    DeleteWritten,
    /// An erasure or an expiry has committed a day; its journal does not say so yet.
    DeleteCommitted,
    /// A step of a revision has written its file, and what the rows were before; no commit names the file.
    ReviseWritten,
    /// A step of a revision has committed; its owner does not know it.
    ReviseCommitted,
    /// A vacuum has deleted a file, others may follow.
    Vacuuming,
    /// A checkpoint of a table's log is written and not synced.
    CheckpointWritten,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 14] = [
        Self::SegmentCreated,
        Self::LogWritten,
        Self::LogSynced,
        Self::FlushWritten,
        Self::FlushCommitted,
        Self::MergeWritten,
        Self::MergeCommitted,
        Self::EraseRewriting,
        Self::DeleteWritten,
        Self::DeleteCommitted,
        Self::ReviseWritten,
        Self::ReviseCommitted,
        Self::Vacuuming,
        Self::CheckpointWritten,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SegmentCreated => "segment-created",
            Self::LogWritten => "log-written",
            Self::LogSynced => "log-synced",
            Self::FlushWritten => "flush-written",
            Self::FlushCommitted => "flush-committed",
            Self::MergeWritten => "merge-written",
            Self::MergeCommitted => "merge-committed",
            Self::EraseRewriting => "erase-rewriting",
            Self::DeleteWritten => "delete-written",
            Self::DeleteCommitted => "delete-committed",
            Self::ReviseWritten => "revise-written",
            Self::ReviseCommitted => "revise-committed",
            Self::Vacuuming => "vacuuming",
            Self::CheckpointWritten => "checkpoint-written",
        }
    }
}

/// Where and when the process is to die: a place, and the how manyth time that it is reached. Written `PLACE` or
/// `PLACE:TIMES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Where.
    pub place: Place,
    /// At the how manyth time, from 1 on.
    pub times: u32,
}

/// A text that names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlace;

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Place::ALL.into_iter().map(Place::as_str).collect();
        write!(f, "give PLACE or PLACE:TIMES, with one of {}", names.join(", "))
    }
}

impl std::error::Error for NoPlace {}

impl FromStr for Crash {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (name, times) = text.split_once(':').unwrap_or((text, "1"));
        let place = Place::ALL.into_iter().find(|place| place.as_str() == name).ok_or(NoPlace)?;
        let times = times.parse().ok().filter(|times| *times > 0).ok_or(NoPlace)?;
        Ok(Self { place, times })
    }
}

/// The place of [`arm`] as a number; 0 for none.
static ARMED: AtomicU8 = AtomicU8::new(0);
/// How often it is still to be reached.
static LEFT: AtomicU32 = AtomicU32::new(0);

/// Has this process die there.
pub fn arm(crash: Crash) {
    LEFT.store(crash.times, Ordering::SeqCst);
    ARMED.store(crash.place as u8, Ordering::SeqCst);
}

/// Ends the process if it was to die here, now.
pub fn point(place: Place) {
    if ARMED.load(Ordering::Relaxed) == place as u8 && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
        let _ = writeln!(std::io::stderr(), "crash point {}", place.as_str());
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_and_counted() {
        for place in Place::ALL {
            assert_eq!(place.as_str().parse(), Ok(Crash { place, times: 1 }));
        }
        let third = Crash { place: Place::Vacuuming, times: 3 };
        assert_eq!("vacuuming:3".parse(), Ok(third));
        for bad in ["", "nowhere", "vacuuming:", "vacuuming:0", "vacuuming:-1", "vacuuming:3:4"] {
            assert_eq!(bad.parse::<Crash>(), Err(NoPlace), "{bad}");
        }
        assert!(NoPlace.to_string().contains("log-written"));
    }

    #[test]
    fn a_process_that_was_told_to_die_elsewhere_or_later_lives_on() {
        arm(Crash { place: Place::MergeWritten, times: 3 });
        for place in Place::ALL.into_iter().filter(|place| *place != Place::MergeWritten) {
            point(place);
        }
        point(Place::MergeWritten);
        point(Place::MergeWritten);
        assert_eq!(LEFT.load(Ordering::SeqCst), 1);
    }
}
