//! A table's columns: the promised ones, and those learned from rows, up to a cap.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use schema::{
    Kind, LOG_COLUMNS, METRIC_COLUMNS, Name, ROLLUP_COLUMNS, ROLLUP_STREAM, Row, TRACE_COLUMNS,
    Table, Type, Value,
};

/// The column that takes what has no column of its own.
pub(crate) const OVERFLOW: &str = "attributes_overflow";
/// The column that every time range works on.
pub(crate) const TIME: &str = "_timestamp";
/// The partition column: the UTC day of `_timestamp`, kept in the path and not in the file. An attribute of this name
/// goes to the overflow.
pub(crate) const DAY: &str = "_date";
/// The longest name that becomes a column; a longer one goes to the overflow.
const LONGEST_NAME: usize = 200;

/// The columns of one table, in their order. Columns are only ever added, and never change their type.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    types: Vec<Type>,
    index: HashMap<Name, usize>,
    arrow: SchemaRef,
}

impl Columns {
    /// The promised columns of a table that has no rows yet.
    pub(crate) fn promised(table: &Table) -> Self {
        let mut columns =
            Self { types: Vec::new(), index: HashMap::new(), arrow: Arc::new(Schema::empty()) };
        columns.add(promised_of(table));
        columns
    }

    /// The columns of a stored table, plus the promised ones that it was made without.
    pub(crate) fn stored(table: &Table, fields: impl IntoIterator<Item = (String, Type)>) -> Self {
        let mut columns =
            Self { types: Vec::new(), index: HashMap::new(), arrow: Arc::new(Schema::empty()) };
        columns.add(fields.into_iter().map(|(name, ty)| (Name::from(name), ty)));
        columns.add(promised_of(table));
        columns
    }

    /// These columns with those that `rows` have beyond them, while there are fewer than `cap`. `None` if the rows
    /// have none.
    pub(crate) fn learned<'a>(
        &self,
        rows: impl Iterator<Item = &'a Row>,
        cap: usize,
    ) -> Option<Self> {
        let mut fresh: Vec<(Name, Type)> = Vec::new();
        // The names seen last at each place: mostly those of the next row too.
        let mut last: Vec<&Name> = Vec::new();
        for row in rows {
            for (at, (name, value)) in row.cells().enumerate() {
                match last.get_mut(at) {
                    Some(seen) if *seen == name => continue,
                    Some(seen) => *seen = name,
                    None => last.push(name),
                }
                let room = self.types.len() + fresh.len() < cap;
                if room && self.may_add(name) && !fresh.iter().any(|(other, _)| other == name) {
                    fresh.push((name.clone(), type_of(value)));
                }
            }
        }
        if fresh.is_empty() {
            return None;
        }
        let mut learned = self.clone();
        learned.add(fresh.into_iter());
        Some(learned)
    }

    fn may_add(&self, name: &Name) -> bool {
        name.as_str() != DAY && name.len() <= LONGEST_NAME && !self.index.contains_key(name)
    }

    fn add(&mut self, fields: impl Iterator<Item = (Name, Type)>) {
        let mut arrow: Vec<Arc<Field>> = self.arrow.fields().iter().cloned().collect();
        for (name, ty) in fields {
            if name.as_str() == DAY || self.index.contains_key(&name) {
                continue;
            }
            arrow.push(Arc::new(Field::new(name.as_str(), arrow_type(ty), true)));
            self.index.insert(name, self.types.len());
            self.types.push(ty);
        }
        self.arrow = Arc::new(Schema::new(arrow));
    }

    /// Makes a column refuse nulls, so that a test can have a batch fail.
    #[cfg(test)]
    pub(crate) fn require(&mut self, name: &str) {
        let field = |field: &Arc<Field>| {
            let nullable = field.is_nullable() && field.name() != name;
            Arc::new(field.as_ref().clone().with_nullable(nullable))
        };
        self.arrow =
            Arc::new(Schema::new(self.arrow.fields().iter().map(field).collect::<Vec<_>>()));
    }

    /// The columns as an Arrow schema.
    pub(crate) const fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// The types, in the columns' order.
    pub(crate) fn types(&self) -> &[Type] {
        &self.types
    }

    /// Where a column stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }
}

fn promised_of(table: &Table) -> impl Iterator<Item = (Name, Type)> {
    let promised = match table.kind {
        Kind::Traces => TRACE_COLUMNS,
        Kind::Metrics if table.stream == ROLLUP_STREAM => ROLLUP_COLUMNS,
        Kind::Metrics => METRIC_COLUMNS,
        Kind::Logs => LOG_COLUMNS,
    };
    // Every table has a time and an overflow.
    let always = [(Name::fixed(TIME), Type::Int), (Name::fixed(OVERFLOW), Type::Text)];
    promised.iter().map(|column| (column.cell(), column.ty)).chain(always)
}

const fn type_of(value: &Value) -> Type {
    match value {
        Value::Text(_) => Type::Text,
        Value::Int(_) => Type::Int,
        Value::Float(_) => Type::Float,
        Value::Bool(_) => Type::Bool,
        Value::Bytes(_) => Type::Bytes,
    }
}

pub(crate) const fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Text => DataType::Utf8,
        Type::Int => DataType::Int64,
        Type::Float => DataType::Float64,
        Type::Bool => DataType::Boolean,
        Type::Bytes => DataType::Binary,
    }
}
