//! Stored calls priced anew by one book.

use std::sync::Arc;

use lake::Revision;
use prices::{Book, READS, WRITES, price};
use schema::Row;

use crate::job::Filter;
use crate::tally::Tally;

/// What becomes of the calls that a filter leaves: only those that count, as at admission.
pub(crate) struct ByBook {
    pub(crate) book: Arc<Book>,
    pub(crate) filter: Filter,
}

impl Revision for ByBook {
    type Tally = Tally;

    fn reads(&self) -> &[&'static str] {
        READS
    }

    fn writes(&self) -> &[&'static str] {
        WRITES
    }

    fn concerns(&self, row: &Row) -> bool {
        let counts = row.get("llm_is_leaf").and_then(schema::Value::as_bool) == Some(true);
        counts && self.filter.fits(row)
    }

    fn revise(&self, row: &mut Row) {
        price(row, &self.book);
    }

    fn count(&self, tally: &mut Tally, before: &Row, after: &Row) {
        let changes = WRITES.iter().any(|name| before.get(name) != after.get(name));
        tally.add_call(before, after, changes);
    }
}
