//! The row while it is filled: promised columns by place, others by name, and a place for every attribute.

use std::collections::HashMap;

use otlp::AnyValue;
use schema::{Name, Row, Value};

use crate::attribute::Known;
use crate::column::{COUNT, Column, column};
use crate::{Vantage, payload};

/// From how many further columns on their names are looked up by hash instead of one by one.
const HASHED_FROM: usize = 64;

pub(crate) struct Cells {
    vantage: Vantage,
    promised: Vec<Option<Value>>,
    others: Vec<(Name, Value)>,
    places: HashMap<Name, usize>,
    overflow: serde_json::Map<String, serde_json::Value>,
    repeats: HashMap<String, u32>,
}

impl Cells {
    pub(crate) fn new(vantage: Vantage) -> Self {
        Self {
            vantage,
            promised: vec![None; COUNT],
            others: Vec::with_capacity(48),
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

    /// Gives an attribute its column, or the next best place.
    pub(crate) fn attribute(&mut self, known: &Known, key: String, value: AnyValue) {
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
        if fits {
            self.set(column, value);
        } else {
            self.rename(&column.name(), column.name().as_str().to_owned(), value);
        }
    }

    fn rename(&mut self, name: &Name, key: String, value: Value) {
        let name = Name::from(format!("attr_{name}"));
        match self.other(&name) {
            None => self.push(name, value),
            Some(same) if *same == value => {}
            Some(_) => self.overflow(key, value),
        }
    }

    fn overflow(&mut self, key: String, value: Value) {
        let value = payload::of_cell(&value);
        if self.overflow.get(&key) == Some(&value) {
            return;
        }
        let repeat = self.repeats.entry(key.clone()).or_insert(0);
        *repeat += 1;
        let key = if *repeat == 1 { key } else { format!("{key}#{repeat}") };
        self.overflow.insert(key, value);
    }

    fn other(&self, name: &Name) -> Option<&Value> {
        let at = if self.places.is_empty() {
            self.others.iter().position(|(other, _)| other == name)
        } else {
            self.places.get(name).copied()
        };
        at.map(|at| &self.others[at].1)
    }

    fn push(&mut self, name: Name, value: Value) {
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
            self.set(column!("attributes_overflow"), overflow.to_string());
        }
        let filled = self.promised.iter().flatten().count();
        let mut row = Row::with_capacity(filled + self.others.len());
        for (column, value) in schema::TRACE_COLUMNS.iter().zip(self.promised) {
            row.push_some(column.cell(), value);
        }
        for (name, value) in self.others {
            row.push(name, value);
        }
        row
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
        AnyValue::Bytes(bytes) => Some(Value::Text(payload::bytes_text(&bytes).into_owned())),
        AnyValue::Array(_) | AnyValue::Map(_) => Some(Value::Text(payload::json_text(&value))),
    }
}

#[cfg(test)]
mod tests;
