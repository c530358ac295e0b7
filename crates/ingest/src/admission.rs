//! From the spans of a batch that are new to the rows that are stored.

use conventions::{Limits, Options, drop_contents, join_streams, limit, normalise};
use otlp::{LogRecord, Metric, Span};
use schema::{Kind, Name, OrgName, Row, Table};

use crate::books::{Books, Change};
use crate::logs;
use crate::privacy::{Capture, Cleaner, Privacy};

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
        note(books, &cleaner, emptied, truncated);
        rows
    }

    /// The rows of log records: secrets taken out, cut to size. Where no contents are kept, a GenAI event's are not.
    pub(crate) fn log_rows(
        &self,
        table: &Table,
        records: Vec<LogRecord>,
        now_ns: u64,
        books: &Books,
    ) -> Vec<Row> {
        let without_contents = self.privacy.capture(table) == Capture::None;
        let mut cleaner = self.privacy.cleaner(table);
        let (mut truncated, mut emptied) = (0, 0);
        let mut rows = Vec::with_capacity(records.len());
        for mut record in records {
            let mut redacted = cleaner.clean_record(&mut record);
            let mut row = logs::row(&record, now_ns);
            if without_contents && row.text("llm_observation_type").is_some() {
                row.remove("body");
                drop_contents(&mut row);
                redacted = true;
                emptied += 1;
            }
            if redacted {
                row.set(Name::fixed("content_redacted"), true);
            }
            truncated += limit(&mut row, &self.limits);
            rows.push(row);
        }
        note(books, &cleaner, emptied, truncated);
        rows
    }

    /// Takes secrets out of what metrics say beside their numbers.
    pub(crate) fn clean(&self, org: &OrgName, metrics: &mut [Metric], books: &Books) {
        for metric in metrics {
            let table = Table::new(org.clone(), Kind::Metrics, &metric.name);
            let mut cleaner = self.privacy.cleaner(&table);
            cleaner.clean_metric(metric);
            note(books, &cleaner, 0, 0);
        }
    }
}

fn note(books: &Books, cleaner: &Cleaner, emptied: u64, truncated: usize) {
    books.note(Change::RedactedMatches, cleaner.redacted);
    books.note(Change::Authorizations, cleaner.authorizations);
    books.note(Change::WithoutContents, emptied);
    books.note(Change::TruncatedColumns, truncated as u64);
}
