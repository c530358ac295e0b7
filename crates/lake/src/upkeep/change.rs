//! Some columns of rows get other values: what a revision makes of a batch.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use schema::{Row, Value};

use crate::batch;
use crate::columns::{Columns, OVERFLOW, TIME};
use crate::error::Error;
use crate::rows::from_batch;
use crate::upkeep::formers::{FormerWriter, Formers, key};
use crate::upkeep::order::IDS;
use crate::upkeep::revise::Revision;
use crate::upkeep::rewrite::Edit;

/// What is made of the rows of one data file, which come in the order of their time.
pub(crate) struct Change<R> {
    /// The table's name, for errors.
    pub(crate) table: String,
    pub(crate) columns: Arc<Columns>,
    pub(crate) revision: Arc<R>,
    /// First moment inside and first moment after, µs.
    pub(crate) range: (i64, i64),
    pub(crate) way: Way,
}

/// Where new values come from.
pub(crate) enum Way {
    /// From the revision.
    Anew,
    /// They are what they were before.
    Back(Formers),
}

/// A row of the columns that a revision reads or writes, and what becomes of it if it is concerned.
pub(crate) struct Changed {
    pub(crate) before: Row,
    pub(crate) after: Option<Row>,
}

impl<R: Revision> Change<R> {
    /// The columns that are looked at.
    pub(crate) fn looks_at(revision: &R) -> Vec<&'static str> {
        let mut names: Vec<&str> = [TIME].into_iter().chain(IDS).collect();
        names.extend(revision.reads().iter().chain(revision.writes()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What becomes of each row.
    pub(crate) fn of(&mut self, batch: &RecordBatch) -> Result<Vec<Changed>, Error> {
        let names = Self::looks_at(&self.revision);
        let schema = batch.schema();
        let fields = schema.fields().iter().enumerate();
        let looked_at = fields.filter(|(_, field)| names.contains(&field.name().as_str()));
        let places: Vec<usize> = looked_at.map(|(place, _)| place).collect();
        let part = batch.project(&places).map_err(|source| self.columns_error(source))?;
        let rows = from_batch(&part).into_iter();
        rows.map(|before| Ok(Changed { after: self.after(&before)?, before })).collect()
    }

    fn after(&mut self, before: &Row) -> Result<Option<Row>, Error> {
        // A row that cannot be known again could not be brought back.
        let Some((time, _)) = key(before) else { return Ok(None) };
        if !(self.range.0..self.range.1).contains(&time) {
            return Ok(None);
        }
        match &mut self.way {
            Way::Anew => Ok(self.revision.concerns(before).then(|| {
                let mut after = before.clone();
                self.revision.revise(&mut after);
                after
            })),
            Way::Back(formers) => {
                let Some(former) = formers.of(before)? else { return Ok(None) };
                let mut after = before.clone();
                for name in self.revision.writes() {
                    after.remove(name);
                    if let Some(value) = former.get(name) {
                        after.push((*name).into(), value.clone());
                    }
                }
                Ok(Some(after))
            }
        }
    }

    /// The batch with the new values of the columns that may change.
    fn rebuilt(&self, batch: &RecordBatch, rows: &[&Row]) -> Result<RecordBatch, ArrowError> {
        let writes = self.revision.writes();
        let cells = |row: &&Row| {
            let ours = row.cells().filter(|(name, _)| writes.contains(&name.as_str()));
            Row::of(ours.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        let rows: Vec<Row> = rows.iter().map(cells).collect();
        let built = batch::build(&self.columns, &rows.iter().collect::<Vec<_>>())?;
        if built.column_by_name(OVERFLOW).is_some() {
            let text = "a new value does not fit the type of its column";
            return Err(ArrowError::SchemaError(text.to_owned()));
        }
        let stored = batch.schema();
        let kept = stored.fields().iter().zip(batch.columns());
        let kept = kept.filter(|(field, _)| !writes.contains(&field.name().as_str()));
        let (built_schema, built_columns) = (built.schema(), built.columns());
        let all = kept.chain(built_schema.fields().iter().zip(built_columns));
        let (fields, arrays): (Vec<Arc<Field>>, Vec<_>) =
            all.map(|(field, array)| (Arc::clone(field), Arc::clone(array))).unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }

    fn columns_error(&self, source: ArrowError) -> Error {
        Error::Columns { table: self.table.clone(), source }
    }
}

/// Whether a row has other values than before in one of these columns.
pub(crate) fn differs(before: &Row, after: &Row, columns: &[&str]) -> bool {
    columns.iter().any(|name| !same(before.get(name), after.get(name)))
}

/// By its bits: a float that is no number is equal to itself.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Float(a)), Some(Value::Float(b))) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// Writes the rows as they are to be, and first, elsewhere, what they were.
pub(crate) struct Rewrite<R> {
    pub(crate) change: Change<R>,
    /// The columns that have a value afterwards, of those that may change.
    pub(crate) filled: Vec<&'static str>,
    /// `None` if nobody is to go back.
    pub(crate) formers: Option<FormerWriter>,
}

impl<R: Revision> Edit for Rewrite<R> {
    fn edit(&mut self, batch: RecordBatch) -> Result<RecordBatch, Error> {
        let rows = self.change.of(&batch)?;
        let writes = self.change.revision.writes();
        let changes = |row: &&Changed| {
            row.after.as_ref().is_some_and(|after| differs(&row.before, after, writes))
        };
        let changed: Vec<&Row> = rows.iter().filter(changes).map(|row| &row.before).collect();
        if changed.is_empty() {
            return Ok(batch);
        }
        if let Some(formers) = &mut self.formers {
            formers.keep(&changed)?;
        }
        let after: Vec<&Row> =
            rows.iter().map(|row| row.after.as_ref().unwrap_or(&row.before)).collect();
        self.change.rebuilt(&batch, &after).map_err(|source| self.change.columns_error(source))
    }

    fn has_values(&self, column: &str) -> Option<bool> {
        let may_change = self.change.revision.writes().contains(&column);
        may_change.then(|| self.filled.contains(&column))
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.formers.take().map_or(Ok(()), FormerWriter::finish)
    }
}
