//! What a start finds: which segments there are, where the last one ends, what comes next.

use crate::disk::Disk;
use crate::error::Error;
use crate::record::{Position, SMALLEST};
use crate::scan::{Ending, Scan, Step};
use crate::segment::{self, HEADER};

/// A segment from an earlier life of the process.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) first: Position,
    pub(crate) bytes: u64,
}

/// Everything that a start learned from the disk.
pub(crate) struct Recovered {
    /// The segments, oldest first. One that begins at `next` is not among them: it is empty and
    /// will be made anew.
    pub(crate) segments: Vec<Found>,
    /// The first position that no earlier life can have given out.
    pub(crate) next: Position,
    /// A tail to cut once a newer segment is on disk. Until then its length is what tells the next
    /// start which positions were used.
    pub(crate) torn: Option<Tail>,
}

/// The torn end of the last segment.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) first: Position,
    /// Where the last whole record ends.
    pub(crate) keep: u64,
    pub(crate) torn_bytes: u64,
}

/// Reads the folder, and the last segment that has records to its end.
pub(crate) fn recover(disk: &dyn Disk) -> Result<Recovered, Error> {
    let mut segments = list(disk)?;
    for found in segments.iter().filter(|found| found.bytes >= HEADER as u64) {
        // Refuses versions that are not ours before anything is changed.
        Scan::open(disk, found.first, found.bytes)?;
    }
    let mut next = segments.last().map_or(Position::FIRST, |last| last.first);
    let mut torn = None;
    if let Some(last) = segments.iter().rev().find(|found| found.bytes > HEADER as u64) {
        let (end, tail) = end_of(disk, last)?;
        next = next.max(end);
        torn = tail;
    }
    segments.retain(|found| found.first < next);
    Ok(Recovered { segments, next, torn })
}

fn list(disk: &dyn Disk) -> Result<Vec<Found>, Error> {
    let files = disk.list().map_err(|error| Error::io("list", error))?;
    let mut segments: Vec<Found> = files
        .into_iter()
        .filter_map(|(name, bytes)| {
            segment::first_position(&name).map(|first| Found { first, bytes })
        })
        .collect();
    segments.sort_by_key(|found| found.first);
    Ok(segments)
}

/// The position after everything that `last` can hold, and its torn tail when it has one.
///
/// Bytes that cannot be read may have been acknowledged records: as many positions are passed over
/// as could fit, so that none is ever given twice.
fn end_of(disk: &dyn Disk, last: &Found) -> Result<(Position, Option<Tail>), Error> {
    let mut scan = Scan::open(disk, last.first, last.bytes)?;
    let ending = loop {
        match scan.step() {
            Step::Record(..) => {}
            Step::End(ending) => break ending,
        }
    };
    // What was read may still be in the page cache only: whoever replays it builds on it.
    let synced = disk.open(&segment::name(last.first)).and_then(|mut file| file.sync());
    synced.map_err(|error| Error::io("sync", error))?;
    let end = scan.next_position().plus(ending.bytes().div_ceil(SMALLEST));
    let tail = match ending {
        Ending::Torn { bytes } => {
            Some(Tail { first: last.first, keep: scan.offset(), torn_bytes: bytes })
        }
        Ending::Clean | Ending::Damaged { .. } | Ending::Unreadable { .. } => None,
    };
    Ok((end, tail))
}
