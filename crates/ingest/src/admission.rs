//! From the spans of a batch that are new to the rows that are stored.

use conventions::{Limits, Options, drop_contents, join_streams, limit, normalise};
use otlp::Span;
use schema::{Name, Row, Table};

use crate::books::{Books, Change};
use crate::privacy::{Capture, Privacy};

/// What is done to spans on their way in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    pub(crate) privacy: Privacy,
    pub(crate) limits: Limits,
}

impl Admission {
    /// The rows of the spans: streams joined, secrets taken out, normalised, cut to size.
    pub(crate) fn rows(
        &self,
        table: &Table,
        mut spans: Vec<Span>,
        options: &Options,
        books: &Books,
    ) -> Vec<Row> {
        join_streams(&mut spans);
        let without_contents = self.privacy.capture(table) == Capture::None;
        let mut cleaner = self.privacy.cleaner(table);
        let (mut truncated, mut emptied) = (0, 0);
        let mut rows = Vec::with_capacity(spans.len());
        for mut span in spans {
            let mut redacted = cleaner.clean(&mut span);
            let mut row = normalise(span, options);
            if without_contents && drop_contents(&mut row) {
                redacted = true;
                emptied += 1;
            }
            if redacted {
                row.set(Name::fixed("content_redacted"), true);
            }
            truncated += limit(&mut row, &self.limits);
            rows.push(row);
        }
        books.note(Change::RedactedMatches, cleaner.redacted);
        books.note(Change::Authorizations, cleaner.authorizations);
        books.note(Change::SpansWithoutContents, emptied);
        books.note(Change::TruncatedColumns, truncated as u64);
        rows
    }
}
