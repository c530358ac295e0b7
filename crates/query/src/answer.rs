//! An answer that is whole in memory, and typed cells out of it.

use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use crate::error::Error;
use crate::rows::{About, Scanned};

/// An answer.
#[derive(Debug)]
pub struct Found {
    pub(crate) batches: Vec<RecordBatch>,
    /// Rows of the answer.
    pub rows: usize,
    /// What had to be read for it.
    pub scanned: Scanned,
    /// How long it took.
    pub took: Duration,
    /// Why the answer is not whole, if it is not.
    pub partial: Option<String>,
    /// What is known of it from the plan.
    pub about: About,
}

impl Found {
    /// The rows as a JSON array of objects; null cells are left out, times are ISO 8601 in UTC.
    ///
    /// # Errors
    /// When a column has a type without a JSON form.
    pub fn json(&self) -> Result<String, Error> {
        let mut text = String::from("[");
        for batch in &self.batches {
            crate::format::append_rows(&mut text, batch)?;
        }
        text.push(']');
        Ok(text)
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = Cells<'_>> {
        self.batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| Cells { batch, row }))
    }

    /// The cells of a column of texts.
    pub(crate) fn texts_of(&self, name: &str) -> Vec<Option<String>> {
        let columns = self.batches.iter().filter_map(|batch| batch.column_by_name(name));
        columns
            .filter_map(|column| arrow::compute::cast(column, &DataType::Utf8).ok())
            .flat_map(|column| {
                let texts: Vec<Option<String>> =
                    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect();
                texts
            })
            .collect()
    }

    /// Keeps the first rows; answers whether there were more.
    pub(crate) fn keep(&mut self, most: usize) -> bool {
        let (mut left, were) = (most, self.rows);
        for batch in &mut self.batches {
            *batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
        }
        self.rows = were.min(most);
        were > most
    }

    /// The single number of a count.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let cells = self.cells().next()?;
        cells.int("zo_sql_num").and_then(|count| u64::try_from(count).ok())
    }
}

/// Reads typed cells out of an answer of this crate's own SQL.
pub(crate) struct Cells<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Cells<'_> {
    fn column(&self, name: &str, ty: &DataType) -> Option<ArrayRef> {
        let column = self.batch.column_by_name(name).filter(|column| column.is_valid(self.row))?;
        arrow::compute::cast(&column.slice(self.row, 1), ty).ok()
    }

    /// The type of a column, if there is one of that name.
    pub(crate) fn type_of(&self, name: &str) -> Option<&DataType> {
        self.batch.column_by_name(name).map(ArrayRef::data_type)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let column = self.column(name, &DataType::Utf8)?;
        Some(column.as_string::<i32>().value(0).to_owned())
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        let column = self.column(name, &DataType::Int64)?;
        Some(column.as_primitive::<Int64Type>().value(0))
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        let column = self.column(name, &DataType::Float64)?;
        Some(column.as_primitive::<Float64Type>().value(0))
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let column = self.column(name, &DataType::Binary)?;
        Some(column.as_binary::<i32>().value(0).to_vec())
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let column = self.batch.column_by_name(name).filter(|column| column.is_valid(self.row));
        let Some(list) = column.and_then(|column| column.as_list_opt::<i32>()) else {
            return Vec::new();
        };
        let values = list.value(self.row);
        let Some(texts) = values.as_string_opt::<i32>() else { return Vec::new() };
        texts.iter().flatten().map(str::to_owned).collect()
    }
}
