//! The streams of an organisation, and what is known of each without reading it.

use std::collections::BTreeMap;

use datafusion::catalog::TableProvider as _;
use lake::NullAs;
use schema::{Kind, OrgName, Table};

use crate::error::Error;
use crate::filter::{Filter, first_column, short_names};
use crate::names::nearest;
use crate::search::Query;
use crate::session::TimeRange;

/// The spans that a question is about.
#[derive(Clone, Copy, Debug)]
pub struct Spans<'a> {
    /// The trace streams that they are in, one at least, all of one organisation.
    pub streams: &'a [Table],
    /// When they began.
    pub range: TimeRange,
}

impl Spans<'_> {
    /// The same streams in another range.
    pub(crate) const fn within(self, range: TimeRange) -> Self {
        Self { range, ..self }
    }
}

/// A field of a filter that no stream has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Its name.
    pub field: String,
    /// The field that may have been meant.
    pub nearest: Option<String>,
}

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

    /// The trace streams that are asked for by name, with commas between them; all if none is.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the streams that there are, if one of them is not there.
    pub fn trace_streams(&self, org: &OrgName, asked: Option<&str>) -> Result<Vec<Table>, Error> {
        let mut known: Vec<Table> = self.lake.tables(org);
        known.push(Table::traces(org.clone()));
        known.retain(|table| table.kind == Kind::Traces);
        known.sort_unstable();
        known.dedup();
        let names = asked.unwrap_or_default().split(',').map(str::trim);
        let mut named: Vec<Table> = names
            .filter(|name| !name.is_empty())
            .map(|name| Table::new(org.clone(), Kind::Traces, name))
            .collect();
        named.sort_unstable();
        named.dedup();
        if let Some(missing) = named.iter().find(|table| !known.contains(table)) {
            let known: Vec<&str> = known.iter().map(|table| table.stream.as_str()).collect();
            return Err(Error::Parameter(format!(
                "stream: nobody has sent spans to {:?}; there are: {}",
                missing.stream,
                known.join(", ")
            )));
        }
        Ok(if named.is_empty() { known } else { named })
    }

    /// The columns of some streams together, with Arrow's names of their types.
    pub(crate) fn columns_of(&self, streams: &[Table]) -> Result<BTreeMap<String, String>, Error> {
        let infos = streams.iter().map(|table| self.stream_info(table));
        let mut columns = BTreeMap::new();
        for info in infos {
            columns.extend(info?.into_iter().flat_map(|info| info.columns));
        }
        Ok(columns)
    }

    /// The fields of a filter, and of a list of fields, that no span of these streams has: nothing can be found by them.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn unknown_fields(
        &self,
        streams: &[Table],
        filter: Option<&Filter>,
        fields: &[String],
    ) -> Result<Vec<UnknownField>, Error> {
        let columns = self.columns_of(streams)?;
        let named = filter.into_iter().flat_map(Filter::columns).map(str::to_owned);
        let mut unknown: Vec<UnknownField> = Vec::new();
        for field in named.chain(fields.iter().map(|field| first_column(field))) {
            if !columns.contains_key(&field) && !unknown.iter().any(|known| known.field == field) {
                let sent = columns.keys().map(String::as_str);
                let nearest = nearest(&field, sent.chain(short_names())).map(str::to_owned);
                unknown.push(UnknownField { field, nearest });
            }
        }
        Ok(unknown)
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
