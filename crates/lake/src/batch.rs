//! Rows to columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use schema::{Name, Row, Text, Type, Value};

use crate::columns::{Columns, OVERFLOW};

/// The rows as one batch of those columns that have a value. A cell without a column, or whose value does not fit
/// its column's type, goes to the overflow column under its own name: nothing is lost.
pub(crate) fn build(columns: &Columns, rows: &[&Row]) -> Result<RecordBatch, ArrowError> {
    let mut builders = Builders::new(columns, rows.len());
    let mut places = Places { columns, last: Vec::new() };
    let overflow = columns.position(OVERFLOW);
    for (at, row) in rows.iter().enumerate() {
        let mut rest = serde_json::Map::new();
        builders.begin_row();
        for (cell, (name, value)) in row.cells().enumerate() {
            let column = places.column(cell, name);
            if column.is_some() && column == overflow {
                keep_overflow(&mut rest, value);
            } else if !column.is_some_and(|column| builders.put_cell(column, at, value)) {
                rest.insert(name.to_string(), json(value));
            }
        }
        if let (Some(overflow), false) = (overflow, rest.is_empty()) {
            let rest = serde_json::Value::Object(rest).to_string();
            builders.put(overflow, at, &Value::from(rest));
        }
    }
    builders.finish()
}

/// The batch in the columns of `schema`; a column that the batch has not is null.
pub(crate) fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let arrays = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(array) => Arc::clone(array),
        None => new_null_array(field.data_type(), batch.num_rows()),
    });
    of_rows(Arc::clone(schema), arrays.collect(), batch.num_rows())
}

/// Batches of the same table, one after the other, in the columns that any of them has.
pub(crate) fn concat(
    columns: &Columns,
    batches: &[&RecordBatch],
) -> Result<RecordBatch, ArrowError> {
    let names: HashSet<&str> = batches
        .iter()
        .flat_map(|batch| batch.schema_ref().fields())
        .map(|field| field.name().as_str())
        .collect();
    let fields = columns.arrow().fields().iter().filter(|field| names.contains(&**field.name()));
    let schema = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
    let widened =
        batches.iter().map(|batch| widen(batch, &schema)).collect::<Result<Vec<_>, _>>()?;
    concat_batches(&schema, &widened)
}

/// A batch that knows its number of rows also when it has no column.
fn of_rows(
    schema: SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options)
}

/// Overflow that the row brought along is an object; anything else is kept under the column's own name.
fn keep_overflow(rest: &mut serde_json::Map<String, serde_json::Value>, value: &Value) {
    match value.as_text().map(serde_json::from_str) {
        Some(Ok(serde_json::Value::Object(brought))) => rest.extend(brought),
        _ => {
            rest.insert(OVERFLOW.to_owned(), json(value));
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Int(int) => (*int).into(),
        Value::Float(float) => serde_json::Number::from_f64(*float)
            .map_or_else(|| not_finite(*float).into(), serde_json::Value::Number),
        Value::Bool(bool) => (*bool).into(),
        Value::Bytes(bytes) => bytes.clone().into(),
    }
}

/// The name of a float that JSON has no number for, as OTLP's JSON spells it.
const fn not_finite(float: f64) -> &'static str {
    if float.is_nan() {
        "NaN"
    } else if float.is_sign_positive() {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// Where a row's cells belong. Most rows have the names of the row before at the same places: those are not looked up.
struct Places<'a> {
    columns: &'a Columns,
    last: Vec<(&'a Name, Option<usize>)>,
}

impl<'a> Places<'a> {
    fn column(&mut self, cell: usize, name: &'a Name) -> Option<usize> {
        if let Some((last, column)) = self.last.get(cell)
            && *last == name
        {
            return *column;
        }
        let column = self.columns.position(name);
        match self.last.get_mut(cell) {
            Some(last) => *last = (name, column),
            None => self.last.push((name, column)),
        }
        column
    }
}

/// A column does not become a twin for a text shorter than this.
const WORTH_SHARING: usize = 16;
/// Most bytes that a column of texts reserves ahead.
const MOST_RESERVED: usize = 1 << 20;

/// A builder for each column that has had a value: most rows fill few of a table's columns.
///
/// Many columns mirror another one, and a row has one text for both. A column that has had nothing but the texts of
/// another one, in the same rows, is that column's twin: it is one array with it, and takes neither time nor memory.
struct Builders<'a> {
    columns: &'a Columns,
    rows: usize,
    of: Vec<Option<Box<Builder>>>,
    /// For a twin, the column that it mirrors so far.
    twins: Vec<Option<Twin>>,
    /// The texts of the current row, and the columns that hold them.
    texts: Vec<(&'a Text, usize)>,
}

/// What a column has in common with another one.
#[derive(Clone, Copy)]
struct Twin {
    of: usize,
    /// Values so far; the same rows of the other column have them.
    values: usize,
    /// The rows up to its last value.
    filled: usize,
}

impl<'a> Builders<'a> {
    fn new(columns: &'a Columns, rows: usize) -> Self {
        let count = columns.types().len();
        Self {
            columns,
            rows,
            of: std::iter::repeat_with(|| None).take(count).collect(),
            twins: vec![None; count],
            texts: Vec::new(),
        }
    }

    fn begin_row(&mut self) {
        self.texts.clear();
    }

    /// As [`Builder::put`], in a column.
    fn put_cell(&mut self, column: usize, at: usize, value: &'a Value) -> bool {
        let Value::Text(text) = value else { return self.put(column, at, value) };
        if self.columns.types()[column] != Type::Text {
            return self.put(column, at, value);
        }
        if self.is_twin(column, at, text) {
            return true;
        }
        let stored = self.put(column, at, value);
        if stored {
            self.texts.push((text, column));
        }
        stored
    }

    /// Whether a column that is given this text at row `at` is, or goes on to be, the twin of another one.
    fn is_twin(&mut self, column: usize, at: usize, text: &Text) -> bool {
        let twin = match self.twins[column] {
            Some(twin) => twin,
            None if self.of[column].is_some() || text.len() < WORTH_SHARING => return false,
            None => Twin { of: usize::MAX, values: 0, filled: 0 },
        };
        let same = |(other, of): &&(&Text, usize)| {
            other.is_same(text) && (twin.values == 0 || *of == twin.of) && *of != column
        };
        let Some((_, of)) = self.texts.iter().find(same).copied() else { return false };
        // As many values as the other column, this row's included: it has none where this one has not.
        let same_rows = self.of[of].as_ref().is_some_and(|other| {
            other.values() == twin.values + 1 && twin.filled <= at && other.filled() == at + 1
        });
        if same_rows {
            self.twins[column] = Some(Twin { of, values: twin.values + 1, filled: at + 1 });
        }
        same_rows
    }

    fn put(&mut self, column: usize, at: usize, value: &Value) -> bool {
        let ty = self.columns.types()[column];
        if let Some(twin) = self.twins[column].take() {
            if twin.filled > at {
                self.twins[column] = Some(twin);
                return false;
            }
            self.of[column] = self.copy_of(twin).map(Box::new);
        }
        let rows = self.rows;
        let fresh = || Box::new(Builder::new(ty, rows, value));
        self.of[column].get_or_insert_with(fresh).put(at, value)
    }

    /// A column of its own for what was a twin until now.
    fn copy_of(&self, twin: Twin) -> Option<Builder> {
        match self.of[twin.of].as_deref()? {
            Builder::Text(other) => Some(Builder::Text(other.start(twin.filled, self.rows))),
            Builder::Int(..) | Builder::Float(..) | Builder::Bool(..) | Builder::Bytes(..) => None,
        }
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows;
        for column in 0..self.of.len() {
            let Some(twin) = self.twins[column] else { continue };
            let whole = self.of[twin.of].as_ref().is_some_and(|of| of.values() == twin.values);
            if !whole {
                self.twins[column] = None;
                self.of[column] = self.copy_of(twin).map(Box::new);
            }
        }
        let arrays: Vec<Option<ArrayRef>> =
            self.of.into_iter().map(|builder| Some(builder?.finish(rows))).collect();
        let array = |column: usize| match self.twins[column] {
            Some(twin) => arrays[twin.of].clone(),
            None => arrays[column].clone(),
        };
        let (fields, arrays): (Vec<_>, Vec<_>) = self
            .columns
            .arrow()
            .fields()
            .iter()
            .enumerate()
            .filter_map(|(column, field)| Some((Arc::clone(field), array(column)?)))
            .unzip();
        of_rows(Arc::new(Schema::new(fields)), arrays, rows)
    }
}

enum Builder {
    Text(Texts),
    Int(Int64Builder, usize),
    Float(Float64Builder, usize),
    Bool(BooleanBuilder, usize),
    Bytes(BinaryBuilder, usize),
}

/// Appends to a builder at row `at`, with nulls for the rows since the last value.
macro_rules! append {
    ($builder:expr, $filled:expr, $at:expr, $value:expr) => {{
        $builder.append_nulls($at - *$filled);
        $builder.append_value($value);
        *$filled = $at + 1;
        true
    }};
}

/// A column of texts, and how many it has.
struct Texts {
    builder: StringBuilder,
    filled: usize,
    values: usize,
}

impl Texts {
    /// Room for `rows` texts of about the length of the first, within reason.
    fn new(rows: usize, first: usize) -> Self {
        let bytes = rows.saturating_mul(first).min(MOST_RESERVED);
        Self { builder: StringBuilder::with_capacity(rows, bytes), filled: 0, values: 0 }
    }

    fn put(&mut self, at: usize, text: &str) -> bool {
        self.builder.append_nulls(at - self.filled);
        self.builder.append_value(text);
        self.filled = at + 1;
        self.values += 1;
        true
    }

    /// A copy of the first `filled` rows, with room for `rows`.
    fn start(&self, filled: usize, rows: usize) -> Self {
        let mut copy = Self::new(rows, 0);
        let so_far = self.builder.finish_cloned();
        for at in (0..filled.min(so_far.len())).filter(|at| so_far.is_valid(*at)) {
            copy.put(at, so_far.value(at));
        }
        copy
    }
}

impl Builder {
    /// A builder with room for `rows` of values like the first; what more texts and bytes need is found as they come.
    fn new(ty: Type, rows: usize, first: &Value) -> Self {
        match ty {
            Type::Text => Self::Text(Texts::new(rows, first.as_text().map_or(0, str::len))),
            Type::Int => Self::Int(Int64Builder::with_capacity(rows), 0),
            Type::Float => Self::Float(Float64Builder::with_capacity(rows), 0),
            Type::Bool => Self::Bool(BooleanBuilder::with_capacity(rows), 0),
            Type::Bytes => Self::Bytes(BinaryBuilder::with_capacity(rows, 0), 0),
        }
    }

    /// Puts a value into row `at`; answers false if the value has no faithful form in this column, or the
    /// row has a value already.
    fn put(&mut self, at: usize, value: &Value) -> bool {
        if self.filled() > at {
            return false;
        }
        match self {
            Self::Text(texts) => match value {
                Value::Text(text) => texts.put(at, text),
                Value::Int(int) => texts.put(at, &int.to_string()),
                Value::Float(float) => texts.put(at, &float.to_string()),
                Value::Bool(bool) => texts.put(at, if *bool { "true" } else { "false" }),
                Value::Bytes(_) => false,
            },
            Self::Int(builder, filled) => match as_int(value) {
                Some(int) => append!(builder, filled, at, int),
                None => false,
            },
            Self::Float(builder, filled) => match as_float(value) {
                Some(float) => append!(builder, filled, at, float),
                None => false,
            },
            Self::Bool(builder, filled) => match value.as_bool() {
                Some(bool) => append!(builder, filled, at, bool),
                None => false,
            },
            Self::Bytes(builder, filled) => match value.as_bytes() {
                Some(bytes) => append!(builder, filled, at, bytes),
                None => false,
            },
        }
    }

    const fn filled(&self) -> usize {
        match self {
            Self::Text(texts) => texts.filled,
            Self::Int(_, filled)
            | Self::Float(_, filled)
            | Self::Bool(_, filled)
            | Self::Bytes(_, filled) => *filled,
        }
    }

    /// How many texts there are; only columns of texts have twins.
    const fn values(&self) -> usize {
        match self {
            Self::Text(texts) => texts.values,
            Self::Int(..) | Self::Float(..) | Self::Bool(..) | Self::Bytes(..) => 0,
        }
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(Texts { mut builder, filled, .. }) => {
                builder.append_nulls(rows - filled);
                Arc::new(builder.finish())
            }
            Self::Int(mut builder, filled) => {
                builder.append_nulls(rows - filled);
                Arc::new(builder.finish())
            }
            Self::Float(mut builder, filled) => {
                builder.append_nulls(rows - filled);
                Arc::new(builder.finish())
            }
            Self::Bool(mut builder, filled) => {
                builder.append_nulls(rows - filled);
                Arc::new(builder.finish())
            }
            Self::Bytes(mut builder, filled) => {
                builder.append_nulls(rows - filled);
                Arc::new(builder.finish())
            }
        }
    }
}

/// An integer column takes whole numbers, also those written as text or as a float, if nothing is lost.
fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
            Some(*float as i64)
        }
        Value::Text(text) => {
            text.parse::<i64>().ok().filter(|int| int.to_string() == text.as_str())
        }
        Value::Float(_) | Value::Bool(_) | Value::Bytes(_) => None,
    }
}

/// A float column takes numbers, and text that reads back as it was written.
fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(int) if int.unsigned_abs() <= 1 << 53 => value.as_float(),
        Value::Float(float) => Some(*float),
        Value::Text(text) => {
            text.parse::<f64>().ok().filter(|float| float.to_string() == text.as_str())
        }
        Value::Int(_) | Value::Bool(_) | Value::Bytes(_) => None,
    }
}

#[cfg(test)]
mod tests;
