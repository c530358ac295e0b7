//! Rows as bytes: `version row-count row*`, every number a LEB128 varint.
//!
//! `row = shape content*`. A shape is the list of a row's names: `0 count name*` is a new one, `n` the n-th of this
//! batch. `name` is `0 length bytes` for a new name, else the n-th of this batch. `content = tag …` is a value, or
//! says where the same value stands: earlier in this row, or at this place of the row before, if that has the same
//! shape. So names and shapes are written once a batch, and a text that fills several columns once a row.
//!
//! Version 1 is still read: `version names rows`, `names = count (length bytes)*`,
//! `rows = count (cells (name-index tag content)*)*`.

use std::collections::HashMap;

use text::Text;

use crate::{Name, Row, Value};

const VERSION: u8 = 2;
const FIRST_VERSION: u8 = 1;
const TEXT: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const BYTES: u8 = 5;
/// The text of an earlier cell of this row; its place follows.
const SAME: u8 = 6;
/// The value at this place of the row before.
const AGAIN: u8 = 7;

/// A shorter text is written again: to look for it costs more than it does.
const WORTH_LOOKING: usize = 8;
/// How many of the newest shapes a row is compared with before its names are looked up.
const RECENT_SHAPES: usize = 8;

/// Why bytes are no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes were written by a version that this program does not know.
    #[error("rows have format version {0}, this program reads versions up to {VERSION}")]
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
    let mut out = Vec::new();
    encode_into(&mut out, rows);
    out
}

/// Writes rows behind what `out` holds already, as [`encode`] does.
pub fn encode_into(out: &mut Vec<u8>, rows: &[Row]) {
    out.reserve(rows.iter().map(Row::weight).sum());
    out.push(VERSION);
    write_varint(out, rows.len() as u64);
    let mut shapes = Shapes::default();
    let mut before: Option<(usize, &Row)> = None;
    let mut texts = Vec::new();
    for row in rows {
        let shape = shapes.write(out, row, before.map(|(shape, _)| shape));
        let before_it = before.filter(|(other, _)| *other == shape).map(|(_, row)| row);
        write_contents(out, row, before_it, &mut texts);
        before = Some((shape, row));
    }
}

/// The shapes and names that a batch has had so far, in the order of their first use.
#[derive(Default)]
struct Shapes<'a> {
    names: HashMap<&'a Name, u32>,
    shapes: Vec<&'a Row>,
    /// The numbers of a shape's names, and the shape's place.
    known: HashMap<Vec<u32>, usize>,
}

impl<'a> Shapes<'a> {
    /// Writes the shape of a row and answers its place. Most rows have the shape of one a few rows before.
    fn write(&mut self, out: &mut Vec<u8>, row: &'a Row, last: Option<usize>) -> usize {
        let recent = (0..self.shapes.len()).rev().take(RECENT_SHAPES);
        let found = last.into_iter().chain(recent).find(|at| has_shape_of(row, self.shapes[*at]));
        if let Some(at) = found {
            write_varint(out, at as u64 + 1);
            return at;
        }
        let fresh = self.names.len();
        let mut numbers = Vec::with_capacity(row.len());
        for (name, _) in row.cells() {
            let next = self.names.len() as u32;
            numbers.push(*self.names.entry(name).or_insert(next));
        }
        if let Some(at) = self.known.get(&numbers) {
            write_varint(out, *at as u64 + 1);
            return *at;
        }
        write_varint(out, 0);
        write_varint(out, row.len() as u64);
        let mut unwritten = fresh as u32;
        for ((name, _), number) in row.cells().zip(&numbers) {
            if *number == unwritten {
                unwritten += 1;
                write_varint(out, 0);
                write_bytes(out, name.as_bytes());
            } else {
                write_varint(out, u64::from(*number) + 1);
            }
        }
        let at = self.shapes.len();
        self.shapes.push(row);
        self.known.insert(numbers, at);
        at
    }
}

fn has_shape_of(row: &Row, other: &Row) -> bool {
    row.len() == other.len() && row.cells().zip(other.cells()).all(|((a, _), (b, _))| a == b)
}

fn write_contents<'a>(
    out: &mut Vec<u8>,
    row: &'a Row,
    before: Option<&Row>,
    texts: &mut Vec<(usize, &'a Text)>,
) {
    texts.clear();
    for (at, (_, value)) in row.cells().enumerate() {
        if before.and_then(|row| row.at(at)).is_some_and(|before| is_again(value, before)) {
            out.push(AGAIN);
            continue;
        }
        if let Value::Text(text) = value
            && text.len() >= WORTH_LOOKING
        {
            if let Some((same, _)) = texts.iter().find(|(_, other)| *other == text) {
                out.push(SAME);
                write_varint(out, *same as u64);
                continue;
            }
            texts.push((at, text));
        }
        write_value(out, value);
    }
}

/// Whether a value is worth a reference to the row before. Bit by bit: -0 is not 0.
fn is_again(value: &Value, before: &Value) -> bool {
    match (value, before) {
        (Value::Text(text), Value::Text(before)) => text == before,
        (Value::Int(int), Value::Int(before)) => int == before,
        (Value::Float(float), Value::Float(before)) => float.to_bits() == before.to_bits(),
        (Value::Bytes(bytes), Value::Bytes(before)) => bytes == before,
        (
            Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Bytes(_),
            _,
        ) => false,
    }
}

/// Reads the rows that [`encode`] wrote.
///
/// # Errors
/// When the bytes are of a later version, cut off or damaged; never panics, and never allocates more
/// than a multiple of the input's length: a cell of a row takes at least one byte.
pub fn decode(bytes: &[u8]) -> Result<Vec<Row>, CodecError> {
    let mut reader = Reader { bytes, at: 0 };
    let rows = match reader.byte()? {
        VERSION => reader.rows()?,
        FIRST_VERSION => reader.first_rows()?,
        version => return Err(CodecError::Version(version)),
    };
    if reader.at == bytes.len() { Ok(rows) } else { Err(reader.damaged()) }
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
        let count = self.number()?;
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

    fn rows(&mut self) -> Result<Vec<Row>, CodecError> {
        let count = self.count()?;
        let mut rows: Vec<Row> = Vec::with_capacity(count);
        let (mut names, mut shapes): (Vec<Name>, Vec<Vec<Name>>) = (Vec::new(), Vec::new());
        let mut before = None;
        for _ in 0..count {
            let shape = match self.number()?.checked_sub(1) {
                Some(known) => known,
                None => {
                    let shape = self.shape(&mut names)?;
                    shapes.push(shape);
                    shapes.len() - 1
                }
            };
            let cells = shapes.get(shape).ok_or(self.damaged())?;
            let before_it = if before == Some(shape) { rows.last() } else { None };
            let row = self.row(cells, before_it)?;
            rows.push(row);
            before = Some(shape);
        }
        Ok(rows)
    }

    fn shape(&mut self, names: &mut Vec<Name>) -> Result<Vec<Name>, CodecError> {
        let count = self.count()?;
        let mut shape = Vec::with_capacity(count);
        for _ in 0..count {
            let name = match self.number()?.checked_sub(1) {
                Some(known) => names.get(known).ok_or(self.damaged())?.clone(),
                None => {
                    let name = Name::from(self.text()?);
                    names.push(name.clone());
                    name
                }
            };
            shape.push(name);
        }
        Ok(shape)
    }

    fn row(&mut self, shape: &[Name], before: Option<&Row>) -> Result<Row, CodecError> {
        if shape.len() > self.bytes.len() - self.at {
            return Err(self.damaged());
        }
        let mut row = Row::with_capacity(shape.len());
        for (place, name) in shape.iter().enumerate() {
            let value = match self.byte()? {
                SAME => {
                    let same = self.number()?;
                    row.at(same).filter(|value| value.as_text().is_some()).cloned()
                }
                AGAIN => before.and_then(|row| row.at(place)).cloned(),
                tag => Some(self.value(tag)?),
            };
            row.set_unchecked(name.clone(), value.ok_or(self.damaged())?);
        }
        Ok(row)
    }

    /// The rows of version 1.
    fn first_rows(&mut self) -> Result<Vec<Row>, CodecError> {
        let name_count = self.count()?;
        let mut names = Vec::with_capacity(name_count);
        for _ in 0..name_count {
            names.push(Name::from(self.text()?));
        }
        let row_count = self.count()?;
        let mut rows = Vec::with_capacity(row_count);
        for _ in 0..row_count {
            let cells = self.count()?;
            let mut row = Row::with_capacity(cells);
            for _ in 0..cells {
                let name = names.get(self.number()?).ok_or(self.damaged())?.clone();
                let tag = self.byte()?;
                row.set_unchecked(name, self.value(tag)?);
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// A number that stands for a place in memory; one that is too large is beyond every end.
    fn number(&mut self) -> Result<usize, CodecError> {
        Ok(usize::try_from(self.varint()?).unwrap_or(usize::MAX))
    }

    fn value(&mut self, tag: u8) -> Result<Value, CodecError> {
        match tag {
            TEXT => Ok(Value::from(self.text()?)),
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
            ".*".prop_map(Value::from),
            "(short|a longer text|another text that comes again)".prop_map(Value::from),
            Just(Value::Int(7)),
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
            bytes[0] = FIRST_VERSION;
            let _ = decode(&bytes);
        }

        #[test]
        fn a_batch_cut_anywhere_is_damaged(rows in proptest::collection::vec(any_row(), 1..4), cut: proptest::sample::Index) {
            let bytes = encode(&rows);
            let cut = cut.index(bytes.len() - 1) + 1;
            prop_assert!(decode(&bytes[..cut]).is_err() || cut == bytes.len());
        }
    }

    fn row(cells: &[(&'static str, Value)]) -> Row {
        let mut row = Row::default();
        for (name, value) in cells {
            row.push(Name::fixed(name), value.clone());
        }
        row
    }

    #[test]
    fn rows_of_version_1_are_still_read() {
        let text =
            [FIRST_VERSION, 2, 1, b'a', 1, b'b', 2, 2, 0, TEXT, 1, b'x', 1, INT, 3, 1, 1, TRUE];
        let rows =
            vec![row(&[("a", "x".into()), ("b", Value::Int(-2))]), row(&[("b", true.into())])];
        assert_eq!(decode(&text), Ok(rows));
    }

    #[test]
    fn the_format_does_not_change_unnoticed() {
        let long = Value::from("long text");
        let rows = [
            row(&[("a", long.clone()), ("b", long.clone()), ("c", Value::Int(1))]),
            row(&[("a", long.clone()), ("b", "other one".into()), ("c", Value::Int(2))]),
            row(&[("c", Value::Int(2))]),
            row(&[("a", long.clone()), ("b", long), ("c", Value::Int(1))]),
        ];
        let mut expected = vec![VERSION, 4];
        expected.extend([0, 3, 0, 1, b'a', 0, 1, b'b', 0, 1, b'c', TEXT, 9]);
        expected.extend(b"long text");
        expected.extend([SAME, 0, INT, 2]);
        expected.extend([1, AGAIN, TEXT, 9]);
        expected.extend(b"other one");
        expected.extend([INT, 4]);
        expected.extend([0, 1, 3, INT, 4]);
        expected.extend([1, TEXT, 9]);
        expected.extend(b"long text");
        expected.extend([SAME, 0, INT, 2]);
        assert_eq!(encode(&rows), expected);
        assert_eq!(decode(&expected), Ok(rows.to_vec()));
    }

    #[test]
    fn a_reference_to_what_is_not_there_is_damage() {
        for content in [&[SAME, 0][..], &[AGAIN], &[SAME, 9]] {
            let bytes = [&[VERSION, 1, 0, 1, 0, 1, b'a'][..], content].concat();
            assert!(matches!(decode(&bytes), Err(CodecError::Damaged { .. })), "{content:?}");
        }
    }

    #[test]
    fn minus_zero_behind_zero_stays_minus_zero() {
        let rows = [row(&[("a", 0.0.into())]), row(&[("a", (-0.0).into())])];
        let back = decode(&encode(&rows)).expect("rows");
        assert!(back[1].float("a").expect("a float").is_sign_negative());
    }

    #[test]
    fn another_version_is_named() {
        assert_eq!(decode(&[9]), Err(CodecError::Version(9)));
    }
}
