//! Where a page of a sorted list ended, as text that stands in an address as it is.

use arrow::datatypes::DataType;

use crate::answer::Cells;
use crate::error::Error;
use crate::session::TimeRange;
use crate::summary::quoted;

/// By what a row stands at its place. Rows without a value come last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Int(i64),
    Float(f64),
    Text(String),
    Absent,
}

impl Key {
    /// Reads it off a column of an answer.
    pub(crate) fn read(cells: &Cells<'_>, name: &str) -> Self {
        let key = match cells.type_of(name) {
            Some(DataType::Float64) => cells.float(name).map(Self::Float),
            Some(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                cells.text(name).map(Self::Text)
            }
            Some(_) => cells.int(name).map(Self::Int),
            None => None,
        };
        key.unwrap_or(Self::Absent)
    }

    pub(crate) const fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Int(_) | Self::Float(_) | Self::Absent => 0,
        }
    }

    /// As SQL; `None` for no value.
    pub(crate) fn sql(&self) -> Option<String> {
        match self {
            Self::Int(number) => Some(number.to_string()),
            Self::Float(number) => Some(format!("cast({} as double)", quoted(&number.to_string()))),
            Self::Text(text) => Some(quoted(text)),
            Self::Absent => None,
        }
    }
}

/// Where a page of traces ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceCursor {
    /// The range of the list, for who did not name one: its pages are about one range.
    pub(crate) range: TimeRange,
    /// The number of the list's noted order, and how many of its traces were shown.
    pub(crate) held: Option<(u64, usize)>,
    /// The last trace of the page.
    pub(crate) trace_id: String,
    /// By what it stands there.
    pub(crate) key: Key,
}

impl TraceCursor {
    /// The range of the list.
    #[must_use]
    pub const fn range(&self) -> TimeRange {
        self.range
    }

    /// The cursor as text: letters, digits, dots and dashes.
    #[must_use]
    pub fn encode(&self) -> String {
        let held = self.held.map_or_else(String::new, |(number, at)| format!("{number:x}.{at:x}"));
        let key = match &self.key {
            Key::Int(number) => format!("i{}", signed(*number)),
            Key::Float(number) => format!("f{:x}", number.to_bits()),
            Key::Text(text) => format!("t{}", hex(text.as_bytes())),
            Key::Absent => "n".to_owned(),
        };
        let TimeRange { from_us, to_us } = self.range;
        let (from, to) = (signed(from_us), signed(to_us));
        format!("{from}.{to}-{held}-{}-{key}", hex(self.trace_id.as_bytes()))
    }

    /// Reads what [`TraceCursor::encode`] wrote.
    ///
    /// # Errors
    /// [`Error::Parameter`] if it is nothing of the kind.
    pub fn parse(text: &str) -> Result<Self, Error> {
        read(text).ok_or_else(|| {
            Error::Parameter(
                "before is no cursor of this list: send back what next said, or leave it out for the first page".to_owned(),
            )
        })
    }
}

fn read(text: &str) -> Option<TraceCursor> {
    let (range, rest) = text.split_once('-')?;
    let (from, to) = range.split_once('.')?;
    let (held, rest) = rest.split_once('-')?;
    let (trace_id, key) = rest.split_once('-')?;
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let range =
        TimeRange { from_us: number(from)?.cast_signed(), to_us: number(to)?.cast_signed() };
    let held = match held.split_once('.') {
        Some((list, at)) => Some((number(list)?, usize::try_from(number(at)?).ok()?)),
        None if held.is_empty() => None,
        None => return None,
    };
    let value = key.get(1..)?;
    let key = match key.get(..1)? {
        "i" => Key::Int(number(value)?.cast_signed()),
        "f" => Key::Float(f64::from_bits(number(value)?)),
        "t" => Key::Text(unhex(value)?),
        "n" if value.is_empty() => Key::Absent,
        _ => return None,
    };
    Some(TraceCursor { range, held, trace_id: unhex(trace_id)?, key })
}

/// A number without a sign, as it is read back.
fn signed(number: i64) -> String {
    format!("{:x}", number.cast_unsigned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<String> {
    let digits = text.as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<i64>().prop_map(Key::Int),
            any::<f64>().prop_filter("compares", |n| !n.is_nan()).prop_map(Key::Float),
            ".{0,20}".prop_map(Key::Text),
            Just(Key::Absent),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_needs_no_escapes(
            key in keys(), trace_id in ".{0,32}", held in proptest::option::of(any::<(u64, usize)>()),
            from_us in any::<i64>(), to_us in any::<i64>(),
        ) {
            let range = TimeRange { from_us, to_us };
            let cursor = TraceCursor { range, held, trace_id, key };
            let text = cursor.encode();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')));
            prop_assert_eq!(TraceCursor::parse(&text).expect("is good"), cursor);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.intx-]{0,40}|\\PC{0,40}") {
            if let Ok(cursor) = TraceCursor::parse(&text) {
                let again = TraceCursor::parse(&cursor.encode()).expect("is good");
                prop_assert_eq!(again.encode(), cursor.encode());
            }
        }
    }
}
