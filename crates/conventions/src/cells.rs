//! The row while it is filled: promised columns by place, others by name, and a place for every attribute.

use std::collections::HashMap;

use otlp::AnyValue;
use schema::{Name, Row, Value};
use text::Text;

use crate::attribute::Known;
use crate::column::{COUNT, Column, column};
use crate::{Vantage, payload};

/// From how many further columns on their names are looked up by hash instead of one by one.
const HASHED_FROM: usize = 64;

pub(crate) struct Cells {
    vantage: Vantage,
    promised: Vec<Option<Value>>,
    others: Vec<(Name, Value)>,
    marks: Marks,
    places: HashMap<Name, usize>,
    overflow: serde_json::Map<String, serde_json::Value>,
    repeats: HashMap<String, u32>,
}

impl Cells {
    pub(crate) fn new(vantage: Vantage) -> Self {
        Self {
            vantage,
            promised: std::iter::repeat_with(|| None).take(COUNT).collect(),
            others: Vec::with_capacity(48),
            marks: Marks::default(),
            places: HashMap::new(),
            overflow: serde_json::Map::new(),
            repeats: HashMap::new(),
        }
    }

    pub(crate) const fn vantage(&self) -> Vantage {
        self.vantage
    }

    /// Fills a promised column.
    pub(crate) fn set(&mut self, column: Column, value: impl Into<Value>) {
        self.promised[column.index()] = Some(value.into());
    }

    /// Fills a promised column if there is a value for it: absent stays null.
    pub(crate) fn set_some(&mut self, column: Column, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(column, value);
        }
    }

    /// A promised column's value.
    pub(crate) fn get(&self, column: Column) -> Option<&Value> {
        self.promised[column.index()].as_ref()
    }

    /// A promised column's text.
    pub(crate) fn text(&self, column: Column) -> Option<&str> {
        self.promised[column.index()].as_ref().and_then(Value::as_text)
    }

    /// Fills a column that is not promised, unless it is filled or promised already.
    pub(crate) fn add(&mut self, name: Name, value: Value) {
        if Column::find(&name).is_none() && self.other(&name).is_none() {
            self.push(name, value);
        }
    }

    /// As [`Cells::add`], for a key that was looked up.
    pub(crate) fn add_known(&mut self, known: &Known, value: Value) {
        if let (None, Some(name)) = (known.column, &known.name)
            && self.other(name).is_none()
        {
            self.push(name.clone(), value);
        }
    }

    /// Gives an attribute its column, or the next best place.
    pub(crate) fn attribute(&mut self, known: &Known, key: &str, value: AnyValue) {
        let Some(value) = cell(value) else { return };
        let Some(name) = &known.name else { return self.overflow(key, value) };
        if known.reserved && self.vantage == Vantage::Gateway {
            if let Some(column) = known.column {
                return self.ours(column, value);
            }
        } else if let Some(column) = known.column {
            if self.promised[column.index()].as_ref() == Some(&value) {
                return;
            }
            return self.rename(name, key, value);
        } else if known.reserved {
            return self.rename(name, key, value);
        }
        match self.other(name) {
            None => self.push(name.clone(), value),
            Some(same) if *same == value => {}
            Some(_) => self.rename(name, key, value),
        }
    }

    /// A column that only the gateway sets, if the value has its type.
    fn ours(&mut self, column: Column, value: Value) {
        let fits = match (&value, column.ty()) {
            (Value::Text(_), schema::Type::Text)
            | (Value::Int(_), schema::Type::Int)
            | (Value::Float(_), schema::Type::Float)
            | (Value::Bool(_), schema::Type::Bool)
            | (Value::Bytes(_), schema::Type::Bytes) => true,
            (
                Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Bytes(_),
                _,
            ) => false,
        };
        let is_free = self.promised[column.index()].as_ref().is_none_or(|same| *same == value);
        if fits && is_free {
            self.set(column, value);
        } else {
            self.rename(&column.name(), &column.name(), value);
        }
    }

    fn rename(&mut self, name: &Name, key: &str, value: Value) {
        let name = Name::from(format!("attr_{name}"));
        match self.other(&name) {
            None => self.push(name, value),
            Some(same) if *same == value => {}
            Some(_) => self.overflow(key, value),
        }
    }

    fn overflow(&mut self, key: &str, value: Value) {
        let value = payload::of_cell(&value);
        if self.overflow.get(key) == Some(&value) {
            return;
        }
        let repeat = self.repeats.entry(key.to_owned()).or_insert(0);
        *repeat += 1;
        let key = if *repeat == 1 { key.to_owned() } else { format!("{key}#{repeat}") };
        self.overflow.insert(key, value);
    }

    fn other(&self, name: &Name) -> Option<&Value> {
        if !self.marks.may_have(name) {
            return None;
        }
        let at = if self.places.is_empty() {
            self.others.iter().position(|(other, _)| other == name)
        } else {
            self.places.get(name).copied()
        };
        at.map(|at| &self.others[at].1)
    }

    fn push(&mut self, name: Name, value: Value) {
        self.marks.add(&name);
        if !self.places.is_empty() {
            self.places.insert(name.clone(), self.others.len());
        }
        self.others.push((name, value));
        if self.others.len() == HASHED_FROM {
            self.places
                .extend(self.others.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
        }
    }

    pub(crate) fn into_row(mut self) -> Row {
        if !self.overflow.is_empty() {
            let overflow = serde_json::Value::Object(std::mem::take(&mut self.overflow));
            self.set(column!("attributes_overflow"), Text::from(overflow.to_string()));
        }
        let filled = self.promised.iter().flatten().count();
        let mut cells = Vec::with_capacity(filled + self.others.len());
        let columns = schema::TRACE_COLUMNS.iter().zip(self.promised);
        cells.extend(columns.filter_map(|(column, value)| Some((column.cell(), value?))));
        cells.append(&mut self.others);
        Row::of(cells)
    }
}

/// Which names were added, roughly: one that was is always found, and most that were not are told apart without a look
/// at the names. With it, an attribute costs no comparison with all those before it.
#[derive(Default)]
struct Marks([u64; 4]);

impl Marks {
    /// One of 256 places, by a name's length and a few of its characters.
    fn place(name: &str) -> (usize, u64) {
        let bytes = name.as_bytes();
        let len = bytes.len();
        let at = |place: usize| usize::from(bytes.get(place).copied().unwrap_or_default());
        let mixed = len
            .wrapping_mul(31)
            .wrapping_add(at(len / 2).wrapping_mul(7))
            .wrapping_add(at(len.saturating_sub(1)).wrapping_mul(13))
            .wrapping_add(at(len.saturating_sub(6)).wrapping_mul(67));
        (mixed >> 6 & 3, 1 << (mixed & 63))
    }

    fn add(&mut self, name: &str) {
        let (word, bit) = Self::place(name);
        self.0[word] |= bit;
    }

    fn may_have(&self, name: &str) -> bool {
        let (word, bit) = Self::place(name);
        self.0[word] & bit != 0
    }
}

/// An attribute's value as a cell: structured ones as JSON text, bytes as text or base64; `None` for no value.
#[must_use]
pub fn cell(value: AnyValue) -> Option<Value> {
    match value {
        AnyValue::Null => None,
        AnyValue::Text(text) => Some(Value::Text(text)),
        AnyValue::Bool(bool) => Some(Value::Bool(bool)),
        AnyValue::Int(int) => Some(Value::Int(int)),
        AnyValue::Double(float) => Some(Value::Float(float)),
        AnyValue::Bytes(bytes) => Some(Value::from(payload::bytes_text(&bytes))),
        AnyValue::Array(_) | AnyValue::Map(_) => Some(Value::from(payload::json_text(&value))),
    }
}

#[cfg(test)]
mod tests;
