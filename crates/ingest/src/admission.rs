//! From the spans of a batch that are new to the rows that are stored.

use blobs::Blobs;
use conventions::{Limits, Options, drop_contents, join_streams, limit, normalise};
use otlp::{LogRecord, Metric, Span};
use schema::{Kind, Name, OrgName, Row, Table};

use crate::books::{Books, Change};
use crate::logs;
use crate::parts::{Holds, Parts};
use crate::privacy::{Capture, Cleaner, Privacy};

/// What is done to spans on their way in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    pub(crate) privacy: Privacy,
    pub(crate) limits: Limits,
    pub(crate) parts: Option<Blobs>,
}

impl Admission {
    /// The rows of the spans: streams joined, secrets taken out, normalised, binary parts stored, cut to size.
    pub(crate) fn rows(
        &self,
        table: &Table,
        mut spans: Vec<Span>,
        options: &Options,
        books: &Books,
    ) -> Result<(Vec<Row>, Holds), blobs::Error> {
        join_streams(&mut spans);
        let capture = self.privacy.capture(table);
        let mut parts = Parts::new(self.parts.as_ref(), &table.org, capture);
        let mut cleaner = self.privacy.cleaner(table);
        let (mut truncated, mut emptied) = (0, 0);
        let mut rows = Vec::with_capacity(spans.len());
        for mut span in spans {
            let mut redacted = cleaner.clean(&mut span);
            let mut row = normalise(span, options);
            if capture == Capture::None && drop_contents(&mut row) {
                redacted = true;
                emptied += 1;
            }
            if redacted {
                row.set(Name::fixed("content_redacted"), true);
            }
            truncated += limit(&mut row, &self.limits, &mut |part| parts.keep(part));
            rows.push(row);
        }
        note(books, &cleaner, emptied, truncated);
        Ok((rows, parts.stored()?))
    }

    /// The rows of log records: secrets taken out, binary parts stored, cut to size. Where no contents are kept, a GenAI event's are not.
    pub(crate) fn log_rows(
        &self,
        table: &Table,
        records: Vec<LogRecord>,
        now_ns: u64,
        books: &Books,
    ) -> Result<(Vec<Row>, Holds), blobs::Error> {
        let capture = self.privacy.capture(table);
        let mut parts = Parts::new(self.parts.as_ref(), &table.org, capture);
        let mut cleaner = self.privacy.cleaner(table);
        let (mut truncated, mut emptied) = (0, 0);
        let mut rows = Vec::with_capacity(records.len());
        for mut record in records {
            let mut redacted = cleaner.clean_record(&mut record);
            let mut row = logs::row(&record, now_ns);
            if capture == Capture::None && row.text("llm_observation_type").is_some() {
                row.remove("body");
                drop_contents(&mut row);
                redacted = true;
                emptied += 1;
            }
            if redacted {
                row.set(Name::fixed("content_redacted"), true);
            }
            truncated += limit(&mut row, &self.limits, &mut |part| parts.keep(part));
            rows.push(row);
        }
        note(books, &cleaner, emptied, truncated);
        Ok((rows, parts.stored()?))
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
