//! Reads the records of one segment, one at a time, up to its end or the first that is not whole.

use std::io::{self, BufReader, Read};

use bytes::Bytes;

use crate::disk::Disk;
use crate::error::Error;
use crate::record::{PREFIX, Position, Prefix};
use crate::segment::{self, HEADER, Header};

/// How much of a file is read ahead.
const CHUNK: usize = 256 * 1024;

/// What a scan met next.
pub(crate) enum Step {
    Record(Position, Bytes),
    End(Ending),
}

/// How a segment's records end. `bytes` is what lies behind the last whole record.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The file ends with a whole record.
    Clean,
    /// The last record is not whole and nothing follows it: a write was cut short.
    Torn { bytes: u64 },
    /// A record is not what was written, and bytes follow it.
    Damaged { bytes: u64 },
    /// The disk would not give the rest back.
    Unreadable { bytes: u64, error: io::Error },
}

impl Ending {
    /// Bytes behind the last whole record.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Clean => 0,
            Self::Torn { bytes } | Self::Damaged { bytes } | Self::Unreadable { bytes, .. } => {
                *bytes
            }
        }
    }
}

/// A walk over the records of one segment.
pub(crate) struct Scan {
    reader: BufReader<Box<dyn Read + Send>>,
    first: Position,
    next: Position,
    offset: u64,
    length: u64,
    header: Header,
}

impl Scan {
    /// Opens the segment that begins at `first`, to read its first `length` bytes (at least a
    /// header).
    pub(crate) fn open(disk: &dyn Disk, first: Position, length: u64) -> Result<Self, Error> {
        let source = disk.read(&segment::name(first)).map_err(|error| Error::io("read", error))?;
        let mut reader = BufReader::with_capacity(CHUNK, source);
        let mut bytes = [0; HEADER];
        let header = match reader.read_exact(&mut bytes) {
            Ok(()) => segment::check(first, bytes)?,
            Err(_) => Header::Damaged,
        };
        Ok(Self { reader, first, next: first, offset: HEADER as u64, length, header })
    }

    /// The position that the segment begins at.
    pub(crate) fn first_position(&self) -> Position {
        self.first
    }

    /// The position that the next record has, or would have.
    pub(crate) fn next_position(&self) -> Position {
        self.next
    }

    /// Where the last whole record ends, in bytes from the start of the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record, or how the segment ends. Nothing behind an end is to be asked for.
    pub(crate) fn step(&mut self) -> Step {
        let left = self.length.saturating_sub(self.offset);
        match self.header {
            Header::Damaged => return Step::End(Ending::Damaged { bytes: self.length }),
            Header::Good if left == 0 => return Step::End(Ending::Clean),
            Header::Good if left < PREFIX as u64 => {
                return Step::End(Ending::Torn { bytes: left });
            }
            Header::Good => {}
        }
        match self.read_record(left) {
            Ok(step) => step,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Step::End(Ending::Torn { bytes: left })
            }
            Err(error) => Step::End(Ending::Unreadable { bytes: left, error }),
        }
    }

    fn read_record(&mut self, left: u64) -> io::Result<Step> {
        let mut prefix = [0; PREFIX];
        self.reader.read_exact(&mut prefix)?;
        let prefix = Prefix::decode(prefix);
        let whole = PREFIX as u64 + u64::from(prefix.length);
        if prefix.length == 0 || whole > left {
            return Ok(Step::End(Ending::Torn { bytes: left }));
        }
        let mut payload = vec![0; prefix.length as usize];
        self.reader.read_exact(&mut payload)?;
        if !prefix.fits(self.next, &payload) {
            let ending = match whole == left {
                true => Ending::Torn { bytes: left },
                false => Ending::Damaged { bytes: left },
            };
            return Ok(Step::End(ending));
        }
        let position = self.next;
        self.next = position.next();
        self.offset += whole;
        Ok(Step::Record(position, payload.into()))
    }
}
