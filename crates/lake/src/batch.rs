//! Rows to columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use schema::{Row, Type, Value};

use crate::columns::{Columns, OVERFLOW};

/// The rows as one batch of those columns that have a value. A cell without a column, or whose value does not fit
/// its column's type, goes to the overflow column under its own name: nothing is lost.
pub(crate) fn build(columns: &Columns, rows: &[&Row]) -> Result<RecordBatch, ArrowError> {
    let mut builders = Builders::new(columns, rows.len());
    let overflow = columns.position(OVERFLOW);
    for (at, row) in rows.iter().enumerate() {
        let mut rest = serde_json::Map::new();
        for (name, value) in row.cells() {
            let column = columns.position(name);
            if column.is_some() && column == overflow {
                keep_overflow(&mut rest, value);
            } else if !column.is_some_and(|column| builders.put(column, at, value)) {
                rest.insert(name.to_string(), json(value));
            }
        }
        if let (Some(overflow), false) = (overflow, rest.is_empty()) {
            let rest = serde_json::Value::Object(rest).to_string();
            builders.put(overflow, at, &Value::Text(rest));
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

/// A builder for each column that has had a value: most rows fill few of a table's columns.
struct Builders<'a> {
    columns: &'a Columns,
    rows: usize,
    of: Vec<Option<Box<Builder>>>,
}

impl<'a> Builders<'a> {
    fn new(columns: &'a Columns, rows: usize) -> Self {
        Self { columns, rows, of: columns.types().iter().map(|_| None).collect() }
    }

    /// As [`Builder::put`], in a column.
    fn put(&mut self, column: usize, at: usize, value: &Value) -> bool {
        let fresh = || Box::new(Builder::new(self.columns.types()[column], self.rows));
        self.of[column].get_or_insert_with(fresh).put(at, value)
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows;
        let (fields, arrays): (Vec<_>, Vec<_>) = self
            .columns
            .arrow()
            .fields()
            .iter()
            .zip(self.of)
            .filter_map(|(field, builder)| Some((Arc::clone(field), builder?.finish(rows))))
            .unzip();
        of_rows(Arc::new(Schema::new(fields)), arrays, rows)
    }
}

enum Builder {
    Text(StringBuilder, usize),
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

impl Builder {
    /// A builder with room for `rows`; what texts and bytes need is found as they come.
    fn new(ty: Type, rows: usize) -> Self {
        match ty {
            Type::Text => Self::Text(StringBuilder::with_capacity(rows, 0), 0),
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
            Self::Text(builder, filled) => match value {
                Value::Text(text) => append!(builder, filled, at, text),
                Value::Int(int) => append!(builder, filled, at, int.to_string()),
                Value::Float(float) => append!(builder, filled, at, float.to_string()),
                Value::Bool(bool) => append!(builder, filled, at, bool.to_string()),
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
            Self::Text(_, filled)
            | Self::Int(_, filled)
            | Self::Float(_, filled)
            | Self::Bool(_, filled)
            | Self::Bytes(_, filled) => *filled,
        }
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(mut builder, filled) => {
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
        Value::Text(text) => text.parse::<i64>().ok().filter(|int| int.to_string() == *text),
        Value::Float(_) | Value::Bool(_) | Value::Bytes(_) => None,
    }
}

/// A float column takes numbers, and text that reads back as it was written.
fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(int) if int.unsigned_abs() <= 1 << 53 => value.as_float(),
        Value::Float(float) => Some(*float),
        Value::Text(text) => text.parse::<f64>().ok().filter(|float| float.to_string() == *text),
        Value::Int(_) | Value::Bool(_) | Value::Bytes(_) => None,
    }
}

#[cfg(test)]
mod tests;
