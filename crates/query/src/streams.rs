//! The streams of an organisation, and what is known of each without reading it.

use datafusion::catalog::TableProvider as _;
use lake::NullAs;
use schema::{Kind, OrgName, Table};

use crate::error::Error;
use crate::search::Query;

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its address.
    pub table: Table,
    /// Rows, in files and in memory.
    pub rows: u64,
    /// Data files.
    pub files: usize,
    /// Their size, bytes.
    pub bytes: u64,
    /// First and last moment of the rows, µs since 1970-01-01 UTC, both inside; `None` without rows.
    pub times: Option<(i64, i64)>,
    /// Its columns with Arrow's names of their types, in their order.
    pub columns: Vec<(String, String)>,
}

impl Query {
    /// The streams of one kind, by name; of all kinds if `None`.
    #[must_use]
    pub fn streams(&self, org: &OrgName, kind: Option<Kind>) -> Vec<StreamInfo> {
        let mut tables = self.lake.tables(org);
        // The default stream is there from the start.
        tables.push(Table::traces(org.clone()));
        tables.retain(|table| kind.is_none_or(|kind| table.kind == kind));
        tables.sort_unstable();
        tables.dedup();
        // A table that cannot be read does not hide the others; the program's log names it.
        tables.iter().filter_map(|table| self.stream_info(table).ok().flatten()).collect()
    }

    /// One stream; `None` if nothing was ever sent to it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn stream_info(&self, table: &Table) -> Result<Option<StreamInfo>, Error> {
        let Some(view) = self.lake.view(table, &[], NullAs::Anything)? else { return Ok(None) };
        let extent = view.extent((i64::MIN, i64::MAX));
        let schema = view.schema();
        let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
            (field.name().clone(), field.data_type().to_string())
        };
        Ok(Some(StreamInfo {
            table: table.clone(),
            rows: extent.rows,
            files: extent.files,
            bytes: extent.bytes,
            times: view.times(),
            columns: schema.fields().iter().map(column).collect(),
        }))
    }
}
