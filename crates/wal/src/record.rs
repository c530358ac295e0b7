//! One record's bytes: length, checksum, payload.

use std::fmt;

/// A record's place in the log. Strictly increasing, with gaps, and never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The position of a new log's first record.
    pub const FIRST: Self = Self(1);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position `records` after this one.
    pub(crate) const fn plus(self, records: u64) -> Self {
        Self(self.0 + records)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes before a payload: its length and the checksum, both little-endian `u32`.
pub(crate) const PREFIX: usize = 8;
/// The smallest record: a prefix and one byte. Zeros on disk are therefore never a record.
pub(crate) const SMALLEST: u64 = PREFIX as u64 + 1;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) length: u32,
    pub(crate) checksum: u32,
}

impl Prefix {
    /// The prefix of `payload` at `position`. Payloads are bounded far below 4 GiB by the queue.
    pub(crate) fn of(position: Position, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).expect("the queue refuses payloads over 1 GiB");
        Self { length, checksum: checksum(position, length, payload) }
    }

    pub(crate) fn encode(self) -> [u8; PREFIX] {
        let mut bytes = [0; PREFIX];
        bytes[..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: [u8; PREFIX]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self {
            length: u32::from_le_bytes([a, b, c, d]),
            checksum: u32::from_le_bytes([e, f, g, h]),
        }
    }

    /// Whether `payload` is what was written at `position`.
    pub(crate) fn fits(self, position: Position, payload: &[u8]) -> bool {
        payload.len() == self.length as usize
            && checksum(position, self.length, payload) == self.checksum
    }
}

/// CRC32C over position, length and payload, so that a record copied elsewhere does not pass.
fn checksum(position: Position, length: u32, payload: &[u8]) -> u32 {
    let mut head = [0; 12];
    head[..8].copy_from_slice(&position.0.to_le_bytes());
    head[8..].copy_from_slice(&length.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_comes_back_and_holds_for_its_own_place_only() {
        let prefix = Prefix::of(Position(7), b"payload");
        assert_eq!(Prefix::decode(prefix.encode()), prefix);
        assert!(prefix.fits(Position(7), b"payload"));
        assert!(!prefix.fits(Position(8), b"payload"));
        assert!(!prefix.fits(Position(7), b"paylord"));
        assert!(!prefix.fits(Position(7), b"payloa"));
    }

    #[test]
    fn the_format_does_not_change_unnoticed() {
        let bytes = Prefix::of(Position(1), b"a").encode();
        assert_eq!(bytes[..4], [1, 0, 0, 0]);
        assert_eq!(bytes[4..], crc32c::crc32c(b"\x01\0\0\0\0\0\0\0\x01\0\0\0a").to_le_bytes());
    }
}
