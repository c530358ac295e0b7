//! Reading rows back, for those who keep their own records in the lake.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::prelude::{SessionContext, col, lit};
use schema::{Name, Row, Table, Value};
use std::sync::Arc;

use crate::columns::TIME;
use crate::error::Error;
use crate::lake::Lake;
use crate::provider::NullAs;

impl Lake {
    /// A table's rows with `from_us <= _timestamp < to_us` (µs), oldest first. For small tables of our own, such as
    /// rollups: all rows are held in memory at once.
    ///
    /// # Errors
    /// When a data file cannot be read.
    pub async fn rows(&self, table: &Table, from_us: i64, to_us: i64) -> Result<Vec<Row>, Error> {
        let Some(view) = self.view(table, &[], NullAs::Anything)? else { return Ok(Vec::new()) };
        let rows = SessionContext::new()
            .read_table(Arc::new(view))?
            .filter(col(TIME).gt_eq(lit(from_us)).and(col(TIME).lt(lit(to_us))))?
            .sort(vec![col(TIME).sort(true, false)])?;
        Ok(rows.collect().await?.iter().flat_map(from_batch).collect())
    }
}

fn from_batch(batch: &RecordBatch) -> Vec<Row> {
    let mut rows = vec![Row::with_capacity(batch.num_columns()); batch.num_rows()];
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let name = Name::from(field.name().as_str());
        for (at, row) in rows.iter_mut().enumerate().filter(|(at, _)| column.is_valid(*at)) {
            row.push_some(name.clone(), cell(column, at));
        }
    }
    rows
}

fn cell(column: &dyn Array, at: usize) -> Option<Value> {
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(at).into()),
        DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(at).into()),
        DataType::Float64 => Some(column.as_primitive::<Float64Type>().value(at).into()),
        DataType::Boolean => Some(column.as_boolean().value(at).into()),
        DataType::Binary => Some(Value::Bytes(column.as_binary::<i32>().value(at).to_vec())),
        _ => None,
    }
}
