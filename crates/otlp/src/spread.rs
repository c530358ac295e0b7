//! How much rows take that each carry a copy of what their group shares.

use crate::DecodeError;
use crate::model::{AnyValue, Limits};
use text::Text;

/// A budget for copies: one resource of a megabyte above ten thousand records of a byte would become ten gigabytes.
pub(crate) struct Spread {
    left: usize,
    max_bytes: usize,
}

impl Spread {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self { left: limits.decoded_bytes, max_bytes: limits.decoded_bytes }
    }

    /// Pays for copies of so many bytes.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), DecodeError> {
        let too_many = DecodeError::TooMany { max_bytes: self.max_bytes };
        self.left = self.left.checked_sub(bytes).ok_or(too_many)?;
        Ok(())
    }
}

/// About how many bytes attributes take as cells of a row.
pub(crate) fn weight(attributes: &[(Text, AnyValue)]) -> usize {
    attributes.iter().map(|(key, value)| key.len() + of_value(value)).sum()
}

fn of_value(value: &AnyValue) -> usize {
    let inner = match value {
        AnyValue::Null | AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => 0,
        AnyValue::Text(text) => text.len(),
        AnyValue::Bytes(bytes) => bytes.len(),
        AnyValue::Array(values) => values.iter().map(of_value).sum(),
        AnyValue::Map(entries) => weight(entries),
    };
    inner + size_of::<AnyValue>()
}
