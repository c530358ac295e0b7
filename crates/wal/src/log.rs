//! The segments and their order: write a group, begin a new segment, drop old ones. No threads.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use crash::Place;

use crate::disk::{Disk, DiskFile, remove_if_there};
use crate::error::Error;
use crate::record::{PREFIX, Position, Prefix};
use crate::recover::{Recovered, Tail};
use crate::segment::{self, HEADER};

/// Small records are gathered into writes of about this many bytes; a larger payload is written
/// from where it lies.
const WRITE_BYTES: usize = 1 << 20;

/// A segment that is no longer written to.
struct Sealed {
    first: Position,
    bytes: u64,
}

/// The segment that is written to.
struct Active {
    first: Position,
    file: Box<dyn DiskFile>,
    /// Its length up to the last group that was synced.
    bytes: u64,
}

/// What a trim removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trimmed {
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    sealed: VecDeque<Sealed>,
    active: Option<Active>,
    next: Position,
    torn: Option<Tail>,
    buffer: Vec<u8>,
}

impl Log {
    /// Takes up the log where earlier lives left it, in a segment of its own.
    pub(crate) fn resume(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        recovered: &Recovered,
    ) -> Result<Self, Error> {
        let sealed = recovered
            .segments
            .iter()
            .map(|found| Sealed { first: found.first, bytes: found.bytes })
            .collect();
        let torn = recovered.torn.clone();
        let next = recovered.next;
        let buffer = Vec::new();
        let mut log = Self { disk, segment_bytes, sealed, active: None, next, torn, buffer };
        match log.begin_segment() {
            // A full disk must not keep the server from starting: the first append tries again.
            Ok(()) | Err(Error::Full) => Ok(log),
            Err(error) => Err(error),
        }
    }

    /// The position that the next record gets.
    pub(crate) fn next_position(&self) -> Position {
        self.next
    }

    pub(crate) fn segments(&self) -> u64 {
        (self.sealed.len() + usize::from(self.active.is_some())) as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        let active = self.active.as_ref().map_or(0, |active| active.bytes);
        active + self.sealed.iter().map(|sealed| sealed.bytes).sum::<u64>()
    }

    /// Writes and syncs a group; answers the position of its first record, the others follow.
    ///
    /// After an error none of the group is acknowledged, and the log is ready for the next group.
    pub(crate) fn write<'a>(
        &mut self,
        group: impl ExactSizeIterator<Item = &'a Bytes> + Clone,
    ) -> Result<Position, Error> {
        let records = group.len() as u64;
        let size: u64 = group.clone().map(|payload| (PREFIX + payload.len()) as u64).sum();
        let mut active = self.room_for(size)?;
        let first = self.next;
        if let Err(error) = append(active.file.as_mut(), &mut self.buffer, first, group) {
            let error = Error::io("write", error);
            let cut = active.file.cut(active.bytes);
            match (&error, cut) {
                (Error::Full, Ok(())) => self.active = Some(active),
                _ => self.give_up(active, records),
            }
            return Err(error);
        }
        crash::point(Place::LogWritten);
        if let Err(error) = active.file.sync() {
            // Nobody knows what reached the disk, and a second sync would not tell.
            let _ = active.file.cut(active.bytes);
            self.give_up(active, records);
            return Err(Error::io("sync", error));
        }
        crash::point(Place::LogSynced);
        active.bytes += size;
        self.active = Some(active);
        self.next = first.plus(records);
        Ok(first)
    }

    /// Takes out the active segment, a new one if this one has had its share of bytes.
    fn room_for(&mut self, size: u64) -> Result<Active, Error> {
        let full = |active: &mut Active| {
            active.bytes > HEADER as u64 && active.bytes + size > self.segment_bytes
        };
        if let Some(active) = self.active.take_if(full) {
            self.seal(active);
        }
        if self.active.is_none() {
            self.begin_segment()?;
        }
        Ok(self.active.take().expect("a segment was there or has just begun"))
    }

    fn seal(&mut self, active: Active) {
        self.sealed.push_back(Sealed { first: active.first, bytes: active.bytes });
    }

    /// Leaves a segment whose end is in doubt. The positions that it may hold are passed over.
    fn give_up(&mut self, active: Active, records: u64) {
        self.next = self.next.plus(records);
        self.seal(active);
    }

    /// Begins the segment at `next`, on disk with its name when this returns.
    fn begin_segment(&mut self) -> Result<(), Error> {
        let first = self.next;
        let make = || -> io::Result<Box<dyn DiskFile>> {
            let mut file = self.disk.create(&segment::name(first))?;
            crash::point(Place::SegmentCreated);
            file.append(&segment::header(first))?;
            file.sync()?;
            self.disk.sync_names()?;
            Ok(file)
        };
        let file = make().map_err(|error| Error::io("begin a segment of", error))?;
        self.active = Some(Active { first, file, bytes: HEADER as u64 });
        if let Some(tail) = self.torn.take() {
            self.cut(&tail);
        }
        Ok(())
    }

    /// Cuts a torn tail. It is only tidiness: replay stops before the tail in any case.
    fn cut(&mut self, tail: &Tail) {
        let name = segment::name(tail.first);
        let cut = self.disk.open(&name).and_then(|mut file| {
            file.cut(tail.keep)?;
            file.sync()
        });
        if let Err(error) = cut {
            tracing::warn!(segment = name, %error, "torn tail of the log could not be cut");
            return;
        }
        for sealed in self.sealed.iter_mut().filter(|sealed| sealed.first == tail.first) {
            sealed.bytes = tail.keep;
        }
    }

    /// Removes whole segments that hold nothing at or above `keep_from`.
    pub(crate) fn trim(&mut self, keep_from: Position) -> Result<Trimmed, Error> {
        let done = |active: &mut Active| active.bytes > HEADER as u64;
        let mut begun = Ok(());
        if self.next <= keep_from
            && let Some(active) = self.active.take_if(done)
        {
            self.seal(active);
            begun = self.begin_segment();
        }
        let mut trimmed = Trimmed::default();
        while let Some(oldest) = self.sealed.front() {
            // The newest segment stays in any case: its name carries the next position.
            let after = self.sealed.get(1).map(|sealed| sealed.first);
            match after.or(self.active.as_ref().map(|active| active.first)) {
                Some(after) if after <= keep_from => {}
                Some(_) | None => break,
            }
            remove_if_there(self.disk.as_ref(), &segment::name(oldest.first))
                .map_err(|error| Error::io("trim", error))?;
            trimmed.segments += 1;
            trimmed.bytes += oldest.bytes;
            self.sealed.pop_front();
        }
        begun.map(|()| trimmed)
    }
}

/// Writes the records of a group behind each other, in few and large writes.
fn append<'a>(
    file: &mut dyn DiskFile,
    buffer: &mut Vec<u8>,
    first: Position,
    group: impl Iterator<Item = &'a Bytes>,
) -> io::Result<()> {
    buffer.clear();
    for (index, payload) in (0..).zip(group) {
        buffer.extend_from_slice(&Prefix::of(first.plus(index), payload).encode());
        if payload.len() < WRITE_BYTES {
            buffer.extend_from_slice(payload);
        }
        if buffer.len() >= WRITE_BYTES || payload.len() >= WRITE_BYTES {
            file.append(buffer)?;
            buffer.clear();
        }
        if payload.len() >= WRITE_BYTES {
            file.append(payload)?;
        }
    }
    if !buffer.is_empty() {
        file.append(buffer)?;
    }
    Ok(())
}
