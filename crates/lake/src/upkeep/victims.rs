//! Which rows are to go.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;

use crate::error::Error;
use crate::upkeep::erase::Subject;
use crate::upkeep::rewrite::Edit;

/// The column of a row's trace.
pub(crate) const TRACE: &str = "trace_id";

/// Rows of some traces, and rows of a subject that are in no trace.
#[derive(Debug)]
pub(crate) struct Victims {
    pub(crate) traces: HashSet<String>,
    pub(crate) subject: Subject,
}

impl Victims {
    /// Which rows of a batch are not among them.
    pub(crate) fn spared(&self, batch: &RecordBatch) -> BooleanArray {
        let traces = texts(batch, TRACE);
        let subjects = texts(batch, self.subject.column());
        let spared = (0..batch.num_rows()).map(|row| {
            let named = value(subjects, row) == Some(self.subject.value());
            Some(match value(traces, row) {
                Some(trace) => !self.traces.contains(trace),
                None => !named,
            })
        });
        spared.collect()
    }
}

/// Writes the rows that are not to go.
pub(crate) struct LeaveOut {
    /// The table's name, for errors.
    pub(crate) table: String,
    pub(crate) victims: Arc<Victims>,
}

impl Edit for LeaveOut {
    fn edit(&mut self, rows: RecordBatch) -> Result<RecordBatch, Error> {
        filter_record_batch(&rows, &self.victims.spared(&rows))
            .map_err(|source| Error::Columns { table: self.table.clone(), source })
    }
}

pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>())
}

pub(crate) fn value(texts: Option<&StringArray>, row: usize) -> Option<&str> {
    texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::ArrayRef;

    use super::*;

    #[test]
    fn whole_traces_go_and_rows_of_the_subject_that_are_in_none() {
        let column = |texts: &[Option<&str>]| -> ArrayRef {
            Arc::new(texts.iter().copied().collect::<StringArray>())
        };
        let batch = RecordBatch::try_from_iter([
            ("trace_id", column(&[Some("a"), Some("a"), Some("b"), None, None])),
            ("user_id", column(&[Some("me"), None, Some("you"), Some("me"), Some("you")])),
        ])
        .expect("a batch");
        let victims = Victims {
            traces: HashSet::from(["a".to_owned()]),
            subject: Subject::User("me".to_owned()),
        };
        let spared = victims.spared(&batch);
        let spared: Vec<bool> = spared.iter().flatten().collect();
        assert_eq!(spared, [false, false, true, false, true]);
    }
}
