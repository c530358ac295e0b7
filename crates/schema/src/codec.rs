//! Rows as bytes: `version names rows`, every number a LEB128 varint.
//!
//! `names = count (len bytes)*`, `rows = count (cells (name-index tag content)*)*`. Names are written
//! once per batch, so a batch of like rows costs a byte or two a cell beyond its content.

use std::collections::HashMap;

use crate::{Name, Row, Value};

const VERSION: u8 = 1;
const TEXT: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const BYTES: u8 = 5;

/// Why bytes are no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes were written by a version that this program does not know.
    #[error("rows have format version {0}, this program reads version {VERSION}")]
    Version(u8),
    /// The bytes end early or name what is not there.
    #[error("rows are cut off or damaged at byte {at}")]
    Damaged {
        /// How many bytes were understood.
        at: usize,
    },
}

/// Writes rows as bytes that [`decode`] reads.
#[must_use]
pub fn encode(rows: &[Row]) -> Vec<u8> {
    let mut indexes: HashMap<&Name, u64> = HashMap::with_capacity(64);
    let mut names: Vec<&Name> = Vec::with_capacity(64);
    let mut body = Vec::with_capacity(rows.iter().map(Row::weight).sum());
    for row in rows {
        write_varint(&mut body, row.len() as u64);
        for (name, value) in row.cells() {
            let index = *indexes.entry(name).or_insert_with(|| {
                names.push(name);
                names.len() as u64 - 1
            });
            write_varint(&mut body, index);
            write_value(&mut body, value);
        }
    }
    let mut out = Vec::with_capacity(body.len() + names.len() * 24 + 16);
    out.push(VERSION);
    write_varint(&mut out, names.len() as u64);
    for name in names {
        write_bytes(&mut out, name.as_bytes());
    }
    write_varint(&mut out, rows.len() as u64);
    out.extend_from_slice(&body);
    out
}

/// Reads the rows that [`encode`] wrote.
///
/// # Errors
/// When the bytes are of another version, cut off or damaged; never panics, and never allocates more
/// than a small multiple of the input's length.
pub fn decode(bytes: &[u8]) -> Result<Vec<Row>, CodecError> {
    let mut reader = Reader { bytes, at: 0 };
    let version = reader.byte()?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let name_count = reader.count()?;
    let mut names = Vec::with_capacity(name_count);
    for _ in 0..name_count {
        names.push(Name::from(reader.text()?));
    }
    let row_count = reader.count()?;
    let mut rows = Vec::with_capacity(row_count);
    for _ in 0..row_count {
        let cells = reader.count()?;
        let mut row = Row::with_capacity(cells);
        for _ in 0..cells {
            let index = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
            let name = names.get(index).ok_or(CodecError::Damaged { at: reader.at })?.clone();
            row.set_unchecked(name, reader.value()?);
        }
        rows.push(row);
    }
    if reader.at == bytes.len() { Ok(rows) } else { Err(CodecError::Damaged { at: reader.at }) }
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => {
            out.push(TEXT);
            write_bytes(out, text.as_bytes());
        }
        Value::Int(int) => {
            out.push(INT);
            // Zigzag: small numbers of either sign stay short.
            write_varint(out, ((int << 1) ^ (int >> 63)).cast_unsigned());
        }
        Value::Float(float) => {
            out.push(FLOAT);
            out.extend_from_slice(&float.to_le_bytes());
        }
        Value::Bool(bool) => out.push(if *bool { TRUE } else { FALSE }),
        Value::Bytes(bytes) => {
            out.push(BYTES);
            write_bytes(out, bytes);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    const fn damaged(&self) -> CodecError {
        CodecError::Damaged { at: self.at }
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        let byte = *self.bytes.get(self.at).ok_or(self.damaged())?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, CodecError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    /// A count of things that take at least one byte each: more than there are bytes left is damage.
    fn count(&mut self) -> Result<usize, CodecError> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > self.bytes.len() - self.at { Err(self.damaged()) } else { Ok(count) }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let end = self.at.checked_add(len).ok_or(self.damaged())?;
        let taken = self.bytes.get(self.at..end).ok_or(self.damaged())?;
        self.at = end;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a str, CodecError> {
        let len = self.count()?;
        let start = self.at;
        std::str::from_utf8(self.take(len)?).map_err(|_| CodecError::Damaged { at: start })
    }

    fn value(&mut self) -> Result<Value, CodecError> {
        match self.byte()? {
            TEXT => Ok(Value::Text(self.text()?.to_owned())),
            INT => {
                let zigzag = self.varint()?;
                Ok(Value::Int((zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed())))
            }
            FLOAT => {
                let mut raw = [0; 8];
                raw.copy_from_slice(self.take(8)?);
                Ok(Value::Float(f64::from_le_bytes(raw)))
            }
            FALSE => Ok(Value::Bool(false)),
            TRUE => Ok(Value::Bool(true)),
            BYTES => {
                let len = self.count()?;
                Ok(Value::Bytes(self.take(len)?.to_vec()))
            }
            _ => Err(self.damaged()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".*".prop_map(Value::Text),
            any::<i64>().prop_map(Value::Int),
            any::<f64>()
                .prop_filter("NaN is not equal to itself", |f| !f.is_nan())
                .prop_map(Value::Float),
            any::<bool>().prop_map(Value::Bool),
            any::<Vec<u8>>().prop_map(Value::Bytes),
        ]
    }

    fn any_row() -> impl Strategy<Value = Row> {
        proptest::collection::btree_map("[a-z_]{1,12}", any_value(), 0..8).prop_map(|cells| {
            let mut row = Row::default();
            for (name, value) in cells {
                row.push(Name::from(name), value);
            }
            row
        })
    }

    proptest! {
        #[test]
        fn rows_come_back_as_they_went(rows in proptest::collection::vec(any_row(), 0..6)) {
            prop_assert_eq!(decode(&encode(&rows)), Ok(rows));
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(mut bytes: Vec<u8>) {
            let _ = decode(&bytes);
            bytes.insert(0, VERSION);
            let _ = decode(&bytes);
        }

        #[test]
        fn a_batch_cut_anywhere_is_damaged(rows in proptest::collection::vec(any_row(), 1..4), cut: proptest::sample::Index) {
            let bytes = encode(&rows);
            let cut = cut.index(bytes.len() - 1) + 1;
            prop_assert!(decode(&bytes[..cut]).is_err() || cut == bytes.len());
        }
    }

    #[test]
    fn another_version_is_named() {
        assert_eq!(decode(&[9]), Err(CodecError::Version(9)));
    }
}
