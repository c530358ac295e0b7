use crate::Histogram;
use crate::index::{self, MAX_BUCKETS};

const VERSION: u8 = 1;

/// Why bytes are no histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes were written by a version that this program does not know.
    #[error("the histogram has format version {0}, this program reads version {VERSION}")]
    Version(u8),
    /// The bytes end early, go on after the end, or say what no histogram can hold.
    #[error("the histogram is cut off or damaged at byte {at}")]
    Damaged {
        /// How many bytes were understood.
        at: usize,
    },
}

impl Histogram {
    /// The histogram as bytes that [`decode`](Self::decode) reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.buckets.len() * 3);
        out.push(VERSION);
        out.extend_from_slice(&self.scale.to_le_bytes());
        write_varint(&mut out, self.zeros);
        write_varint(&mut out, self.buckets.len() as u64);
        let mut before = None;
        for &(index, count) in &self.buckets {
            write_varint(&mut out, step(before, index));
            write_varint(&mut out, count);
            before = Some(index);
        }
        if self.count > 0 {
            for float in [self.sum, self.min, self.max] {
                out.extend_from_slice(&float.to_le_bytes());
            }
        }
        out
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// When the bytes are of another version, cut off or damaged. Never panics, and never allocates
    /// more than [`MAX_BUCKETS`] buckets.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { bytes, at: 0 };
        let [version, scale] = reader.array()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let mut histogram = Self { scale: i8::from_le_bytes([scale]), ..Self::new() };
        if !(index::LOWEST_SCALE..=index::START_SCALE).contains(&histogram.scale) {
            return Err(reader.damaged());
        }
        histogram.zeros = reader.varint()?;
        histogram.count = histogram.zeros;
        reader.buckets(&mut histogram)?;
        if histogram.count > 0 {
            reader.extent(&mut histogram)?;
        }
        if reader.at == bytes.len() { Ok(histogram) } else { Err(reader.damaged()) }
    }
}

/// How an index is written: zigzag for the first, the distance less one for the others.
fn step(before: Option<i32>, index: i32) -> u64 {
    let index = i64::from(index);
    match before {
        None => ((index << 1) ^ (index >> 63)).cast_unsigned(),
        Some(before) => (index - i64::from(before) - 1).cast_unsigned(),
    }
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    const fn damaged(&self) -> DecodeError {
        DecodeError::Damaged { at: self.at }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self.bytes[self.at..].first_chunk::<N>().ok_or(self.damaged())?;
        self.at += N;
        Ok(*taken)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    fn buckets(&mut self, into: &mut Histogram) -> Result<(), DecodeError> {
        let count = usize::try_from(self.varint()?).ok().filter(|count| *count <= MAX_BUCKETS);
        let count = count.ok_or(self.damaged())?;
        into.buckets.reserve_exact(count);
        for _ in 0..count {
            let index = self.index(into.buckets.last().map(|bucket| bucket.0), into.scale)?;
            let held = self.varint()?;
            if held == 0 {
                return Err(self.damaged());
            }
            into.buckets.push((index, held));
            into.count = into.count.saturating_add(held);
        }
        Ok(())
    }

    fn index(&mut self, before: Option<i32>, scale: i8) -> Result<i32, DecodeError> {
        let step = self.varint()?;
        let index = match before {
            None => Some((step >> 1).cast_signed() ^ -(step & 1).cast_signed()),
            Some(before) => {
                i64::try_from(step).ok().and_then(|step| step.checked_add(i64::from(before) + 1))
            }
        };
        let index = index.filter(|index| index::exists(*index, scale));
        index.and_then(|index| i32::try_from(index).ok()).ok_or(self.damaged())
    }

    fn extent(&mut self, into: &mut Histogram) -> Result<(), DecodeError> {
        into.sum = f64::from_le_bytes(self.array()?);
        into.min = f64::from_le_bytes(self.array()?);
        into.max = f64::from_le_bytes(self.array()?);
        let ordered =
            into.min.is_finite() && into.max.is_finite() && 0.0 <= into.min && into.min <= into.max;
        if ordered && into.sum >= 0.0 { Ok(()) } else { Err(self.damaged()) }
    }
}
