//! Reading rows back, for those who keep their own records in the lake.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::prelude::{Expr, SessionConfig, SessionContext, ident, lit};
use futures::StreamExt as _;
use schema::{Name, Row, Table, Value};

use crate::columns::TIME;
use crate::error::Error;
use crate::lake::Lake;
use crate::provider::NullAs;

impl Lake {
    /// A table's rows with `from_us <= _timestamp < to_us` (µs) whose columns equal the texts of `equal`, oldest first;
    /// a column that the table has not equals nothing. For small tables of our own, such as rollups: all rows of the
    /// answer are held in memory at once.
    ///
    /// # Errors
    /// When a data file cannot be read, or the table is damaged.
    pub async fn rows(
        &self,
        table: &Table,
        from_us: i64,
        to_us: i64,
        equal: &[(&str, &str)],
    ) -> Result<Vec<Row>, Error> {
        let asked: Vec<String> = equal.iter().map(|(column, _)| (*column).to_owned()).collect();
        let Some(view) = self.view(table, &asked, NullAs::Text)? else { return Ok(Vec::new()) };
        let mut batches = session()
            .read_table(Arc::new(view))?
            .filter(condition(from_us, to_us, equal))?
            .sort(vec![ident(TIME).sort(true, false)])?
            .execute_stream()
            .await?;
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            rows.extend(from_batch(&batch?));
        }
        Ok(rows)
    }
}

fn session() -> SessionContext {
    let mut config = SessionConfig::new();
    // Conditions rule rows out while a file is decoded, not after.
    config.options_mut().execution.parquet.pushdown_filters = true;
    SessionContext::new_with_config(config)
}

fn condition(from_us: i64, to_us: i64, equal: &[(&str, &str)]) -> Expr {
    let time = ident(TIME).gt_eq(lit(from_us)).and(ident(TIME).lt(lit(to_us)));
    equal.iter().fold(time, |all, (column, text)| all.and(ident(*column).eq(lit(*text))))
}

/// The rows of a batch; a null is no cell.
pub(crate) fn from_batch(batch: &RecordBatch) -> Vec<Row> {
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
