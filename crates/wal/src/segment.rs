//! One segment file: its name and its header.

use crate::error::Error;
use crate::record::Position;

/// Bytes before the first record.
pub(crate) const HEADER: usize = 20;
/// The version that this program writes, and the newest that it reads.
pub(crate) const VERSION: u8 = 1;

const MAGIC: &[u8; 7] = b"INSCWAL";
const SUFFIX: &str = ".wal";

/// The file name of the segment whose first record has this position: names sort as positions do.
pub(crate) fn name(first: Position) -> String {
    format!("{:020}{SUFFIX}", first.0)
}

/// The first position that a file name carries; `None` when it is not a segment's name.
pub(crate) fn first_position(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(SUFFIX)?;
    let canonical = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| digits.parse().ok().map(Position))?
}

/// The header of the segment that begins at `first`.
pub(crate) fn header(first: Position) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..7].copy_from_slice(MAGIC);
    bytes[7] = VERSION;
    bytes[8..16].copy_from_slice(&first.0.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What the start of a segment file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Records follow.
    Good,
    /// The bytes are not the header of this segment.
    Damaged,
}

/// Reads the header of the segment named by `first`; a later version than ours is an error, since
/// passing over it would lose what it holds.
pub(crate) fn check(first: Position, bytes: [u8; HEADER]) -> Result<Header, Error> {
    if bytes == header(first) {
        return Ok(Header::Good);
    }
    let checked = crc32c::crc32c(&bytes[..16]).to_le_bytes() == bytes[16..];
    if checked && bytes.starts_with(MAGIC) && bytes[7] > VERSION {
        return Err(Error::Version { segment: name(first), found: bytes[7], known: VERSION });
    }
    Ok(Header::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_positions_and_sort_like_them() {
        for position in [1, 9, 10, u64::MAX] {
            assert_eq!(first_position(&name(Position(position))), Some(Position(position)));
        }
        assert!(name(Position(9)) < name(Position(10)));
        for other in ["lock", "1.wal", "+0000000000000000001.wal", "99999999999999999999.wal", ""] {
            assert_eq!(first_position(other), None, "{other}");
        }
    }

    #[test]
    fn a_later_version_is_refused_and_damage_is_not_mistaken_for_one() {
        let good = header(Position(3));
        assert_eq!(check(Position(3), good).unwrap(), Header::Good);
        assert_eq!(check(Position(4), good).unwrap(), Header::Damaged);

        let mut flipped = good;
        flipped[7] = 2;
        assert_eq!(check(Position(3), flipped).unwrap(), Header::Damaged);

        let checksum = crc32c::crc32c(&flipped[..16]);
        flipped[16..].copy_from_slice(&checksum.to_le_bytes());
        assert!(matches!(check(Position(3), flipped), Err(Error::Version { found: 2, .. })));
    }
}
