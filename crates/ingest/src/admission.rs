//! From the spans of a batch that are new to the rows that are stored.

use std::sync::Arc;

use blobs::Blobs;
use conventions::{Limits, Options, drop_contents, join_streams, limit, normalise};
use otlp::{LogRecord, Metric, Span};
use redaction::{Capture, Policies};
use schema::{Kind, Name, OrgName, Row, Table};

use crate::books::{Books, Change};
use crate::logs;
use crate::parts::{Holds, Parts};
use crate::privacy::Cleaner;

/// What is done to spans on their way in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    pub(crate) privacy: Arc<Policies>,
    pub(crate) limits: Limits,
    pub(crate) parts: Option<Blobs>,
}

/// A span that was taken in.
pub(crate) struct Taken {
    pub(crate) row: Row,
    /// Whether contents were dropped.
    pub(crate) emptied: bool,
    /// Columns that were cut.
    pub(crate) truncated: usize,
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
        let policy = self.privacy.of(table);
        let capture = policy.capture;
        let mut parts = Parts::new(self.parts.as_ref(), &table.org, capture);
        let mut cleaner = Cleaner::by(&policy);
        let (mut truncated, mut emptied) = (0, 0);
        let mut rows = Vec::with_capacity(spans.len());
        for span in spans {
            let taken = Self::take(capture, &self.limits, &mut cleaner, &mut parts, span, options);
            emptied += u64::from(taken.emptied);
            truncated += taken.truncated;
            rows.push(taken.row);
        }
        note(books, &cleaner, emptied, truncated);
        Ok((rows, parts.stored()?))
    }

    /// The row of one span.
    pub(crate) fn take(
        capture: Capture,
        limits: &Limits,
        cleaner: &mut Cleaner,
        parts: &mut Parts<'_>,
        mut span: Span,
        options: &Options,
    ) -> Taken {
        let mut redacted = cleaner.clean(&mut span);
        let mut row = normalise(span, options);
        let emptied = capture == Capture::None && drop_contents(&mut row);
        redacted |= emptied;
        if redacted {
            row.set(Name::fixed("content_redacted"), true);
        }
        let truncated = limit(&mut row, limits, &mut |part| parts.keep(part));
        Taken { row, emptied, truncated }
    }

    /// The rows of log records: secrets taken out, binary parts stored, cut to size. Where no contents are kept, a GenAI event's are not.
    pub(crate) fn log_rows(
        &self,
        table: &Table,
        records: Vec<LogRecord>,
        now_ns: u64,
        books: &Books,
    ) -> Result<(Vec<Row>, Holds), blobs::Error> {
        let policy = self.privacy.of(table);
        let capture = policy.capture;
        let mut parts = Parts::new(self.parts.as_ref(), &table.org, capture);
        let mut cleaner = Cleaner::by(&policy);
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
            let mut cleaner = Cleaner::by(&self.privacy.of(&table));
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
