//! What earlier lives of the process left in the log, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::Disk;
use crate::error::Error;
use crate::record::Position;
use crate::recover::{Found, Recovered};
use crate::scan::{Ending, Scan, Step};
use crate::segment::{self, HEADER};

/// What a replay has met so far. Final once the iterator has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Records handed out.
    pub records: u64,
    /// Payload bytes handed out.
    pub bytes: u64,
    /// Bytes of writes that were cut short by a crash; nothing in them was acknowledged, unless
    /// the disk itself lost the end of a file.
    pub torn_bytes: u64,
    /// Bytes passed over because they are not what was written: records may be lost.
    pub damaged_bytes: u64,
    /// Segments of which some or all was passed over as damaged.
    pub skipped_segments: u64,
}

/// An iterator over the records that were in the log when it was opened, oldest first.
///
/// Reads one record at a time. Positions strictly increase; gaps are where a write failed or
/// damage was passed over. An `Err` is a segment that the disk would not give back: it is counted
/// as skipped, and the iterator goes on with the next. Records that were appended since the
/// opening are not in it; segments that were trimmed meanwhile are left out.
pub struct Replay {
    disk: Arc<dyn Disk>,
    segments: VecDeque<Found>,
    scan: Option<Scan>,
    report: ReplayReport,
    next: Position,
}

impl Replay {
    pub(crate) fn new(disk: Arc<dyn Disk>, recovered: Recovered) -> Self {
        let mut segments: VecDeque<Found> = recovered.segments.into();
        let mut report = ReplayReport::default();
        if let Some(tail) = recovered.torn {
            report.torn_bytes = tail.torn_bytes;
            for found in segments.iter_mut().filter(|found| found.first == tail.first) {
                found.bytes = tail.keep;
            }
        }
        segments.retain(|found| found.bytes > HEADER as u64);
        Self { disk, segments, scan: None, report, next: Position::FIRST }
    }

    /// What was met so far.
    #[must_use]
    pub fn report(&self) -> ReplayReport {
        self.report
    }

    /// Opens the next segment; `None` when there is none left.
    fn open_next(&mut self) -> Option<Result<(), Error>> {
        let found = self.segments.pop_front()?;
        if found.first < self.next {
            // Only a file that was put there by hand: positions would run backwards.
            self.skip(found.bytes, &segment::name(found.first));
            return Some(Ok(()));
        }
        match Scan::open(self.disk.as_ref(), found.first, found.bytes) {
            Ok(scan) => self.scan = Some(scan),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                self.skip(found.bytes, &segment::name(found.first));
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    fn skip(&mut self, bytes: u64, name: &str) {
        self.report.damaged_bytes += bytes;
        self.report.skipped_segments += 1;
        tracing::warn!(segment = name, bytes, "damaged part of the log is passed over");
    }

    fn finish(&mut self, ending: Ending, segment: Position) -> Result<(), Error> {
        match ending {
            Ending::Clean => Ok(()),
            Ending::Torn { bytes } => {
                self.report.torn_bytes += bytes;
                Ok(())
            }
            Ending::Damaged { bytes } => {
                self.skip(bytes, &segment::name(segment));
                Ok(())
            }
            Ending::Unreadable { bytes, error } => {
                self.skip(bytes, &segment::name(segment));
                Err(Error::io("read", error))
            }
        }
    }
}

impl Iterator for Replay {
    type Item = Result<(Position, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(mut scan) = self.scan.take() else {
                match self.open_next()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            match scan.step() {
                Step::Record(position, payload) => {
                    self.next = position.next();
                    self.report.records += 1;
                    self.report.bytes += payload.len() as u64;
                    self.scan = Some(scan);
                    return Some(Ok((position, payload)));
                }
                Step::End(ending) => {
                    if let Err(error) = self.finish(ending, scan.first_position()) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}
