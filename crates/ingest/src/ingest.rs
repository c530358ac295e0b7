//! The one path by which rows get in.

use std::sync::Arc;

use clock::SharedClock;
use conventions::{Options, Vantage};
use lake::Lake;
use otlp::{DecodeError, LogRecord, Logs, Metrics, Point, Span, Traces};
use redaction::Policy;
use schema::{Kind, OrgName, Row, Table};
use tasks::{Stage, Tasks};
use wal::{Position, Replay, ReplayReport, Wal};

use crate::admission::Admission;
use crate::books::{Counts, Ledger, Refused};
use crate::commit::{Form, Stored};
use crate::config::IngestConfig;
use crate::error::Error;
use crate::logs;
use crate::marks::Marks;
use crate::metrics::Sheets;
use crate::open_traces::OpenTraces;
use crate::parts::Holds;
use crate::recent::Recent;
use crate::record;
use crate::refusals::Refusals;
use crate::trial::{self, Trial};
use crate::workers::Workers;

/// About what a span with a prompt and an answer takes.
const CALL_BYTES: usize = 2 << 10;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Spans, log records or data points that are stored now.
    pub stored: u64,
    /// Spans that had been stored before.
    pub duplicates: u64,
    /// Those that were refused.
    pub rejected: u64,
    /// Why: the first few reasons; empty if none was.
    pub reason: String,
}

/// What a replay found.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Rows that were handed to the lake.
    pub rows: u64,
    /// Records that could not be read, and why the last could not.
    pub unreadable: Option<(u64, String)>,
    /// What the log says of itself.
    pub log: ReplayReport,
}

/// Takes rows in. Cheap to clone.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) wal: Wal,
    pub(crate) lake: Arc<Lake>,
    pub(crate) clock: SharedClock,
    pub(crate) tasks: Tasks,
    pub(crate) config: IngestConfig,
    pub(crate) recent: Recent,
    pub(crate) open_traces: OpenTraces,
    pub(crate) admission: Admission,
    pub(crate) books: Ledger,
    pub(crate) workers: Workers,
    pub(crate) marks: Marks,
}

/// What a batch had, as far as it was read.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) received: u64,
    pub(crate) refusals: Refusals,
}

impl Ingest {
    /// Logs to `wal` and hands on to `lake`.
    #[must_use]
    pub fn new(
        wal: Wal,
        lake: Arc<Lake>,
        clock: SharedClock,
        tasks: Tasks,
        config: IngestConfig,
    ) -> Self {
        let recent = Recent::new(config.remembered_spans);
        let open_traces = OpenTraces::new(config.open_trace_spans, config.open_trace_for);
        let admission = Admission {
            privacy: Arc::clone(&config.privacy),
            limits: config.limits,
            parts: config.parts.clone(),
        };
        let (books, marks) = (Ledger::default(), Marks::default());
        let workers = Workers::one_a_processor();
        Self(Arc::new(Inner {
            wal,
            lake,
            clock,
            tasks,
            config,
            recent,
            open_traces,
            admission,
            books,
            workers,
            marks,
        }))
    }

    /// Takes a batch of spans into a trace stream. When this answers, what it accepted is on disk and visible.
    ///
    /// # Errors
    /// When nothing was taken and the sender should send the batch again.
    pub async fn traces(&self, table: Table, traces: Traces) -> Result<Accepted, Error> {
        self.traces_of(table, traces.spans.len() * CALL_BYTES, move || Ok(traces)).await
    }

    /// As [`Ingest::traces`], of a body of `bytes` that `read` makes spans of. A large body is read, normalised and
    /// made columns of on threads of its own, so that no call waits for it.
    ///
    /// # Errors
    /// When the body cannot be read, or nothing was taken and the sender should send the batch again.
    pub async fn traces_of(
        &self,
        table: Table,
        bytes: usize,
        read: impl FnOnce() -> Result<Traces, DecodeError> + Send + 'static,
    ) -> Result<Accepted, Error> {
        self.take(Kind::Traces, bytes, move |inner, batch| {
            let Traces { spans, rejected } = read()?;
            batch.refusals = Refusals::of(&rejected);
            batch.received = (spans.len() + rejected.len()) as u64;
            let start = |span: &Span| span.start_ns;
            let spans = inner.config.of_good_age(
                inner.clock.now(),
                spans,
                "spans",
                start,
                &mut batch.refusals,
            );
            let options = Options { vantage: Vantage::App, service_name: table.stream.clone() };
            inner.store(&table, spans, &options, Form::Columns)
        })
        .await
    }

    /// Takes a batch of log records into a log stream. When this answers, what it accepted is on disk and visible.
    /// Repeats are not recognised: a log record has no id.
    ///
    /// # Errors
    /// As [`Ingest::traces_of`].
    pub async fn logs_of(
        &self,
        table: Table,
        bytes: usize,
        read: impl FnOnce() -> Result<Logs, DecodeError> + Send + 'static,
    ) -> Result<Accepted, Error> {
        self.take(Kind::Logs, bytes, move |inner, batch| {
            let Logs { records, rejected } = read()?;
            batch.refusals = Refusals::of(&rejected);
            batch.received = (records.len() + rejected.len()) as u64;
            let now_ns = u64::try_from(inner.clock.now().0).unwrap_or(0);
            let time = |record: &LogRecord| logs::time(record, now_ns);
            let records = inner.config.of_good_age(
                inner.clock.now(),
                records,
                "log records",
                time,
                &mut batch.refusals,
            );
            inner.may_take(&table)?;
            let books = inner.books.of(Kind::Logs);
            let (rows, holds) = inner.admission.log_rows(&table, records, now_ns, books)?;
            inner.store_rows(vec![(table, rows)], holds)
        })
        .await
    }

    /// Takes a batch of metrics, each into streams named after it: all or nothing of what is good. When this answers,
    /// what it accepted is on disk and visible. Repeats are not recognised.
    ///
    /// # Errors
    /// As [`Ingest::traces_of`]. A metric that would need more streams than there may be is no error: its points are
    /// refused.
    pub async fn metrics_of(
        &self,
        org: OrgName,
        bytes: usize,
        read: impl FnOnce() -> Result<Metrics, DecodeError> + Send + 'static,
    ) -> Result<Accepted, Error> {
        self.take(Kind::Metrics, bytes, move |inner, batch| {
            let mut metrics = read()?;
            if inner.lake.is_full() {
                return Err(Error::Full);
            }
            inner.admission.clean(&org, &mut metrics.metrics, inner.books.of(Kind::Metrics));
            batch.refusals = Refusals::of(&metrics.rejected);
            batch.received = metrics.points() as u64 + batch.refusals.count();
            let lake = &inner.lake;
            let mut sheets = Sheets::new(org.clone(), lake.room_for_streams(&org, Kind::Metrics));
            for mut metric in metrics.metrics {
                let points = std::mem::take(&mut metric.points);
                let time = |point: &Point| point.time_ns;
                metric.points = inner.config.of_good_age(
                    inner.clock.now(),
                    points,
                    "data points",
                    time,
                    &mut batch.refusals,
                );
                if !metric.points.is_empty() {
                    sheets.add(&metric, |table| lake.has(table));
                }
            }
            let count = sheets.points;
            let stored = inner.store_rows(sheets.done(&mut batch.refusals), Holds::default())?;
            // A point may be several rows.
            Ok(Stored { stored: count, ..stored })
        })
        .await
    }

    /// Takes the gateway's own spans of calls. `observe` sees the rows and their log position after they are on
    /// disk and before they are visible.
    ///
    /// # Errors
    /// When the log did not take them.
    pub async fn calls(
        &self,
        table: Table,
        spans: Vec<Span>,
        observe: impl FnOnce(u64, &[Row]) + Send + 'static,
    ) -> Result<(), Error> {
        let received = spans.len() as u64;
        let bytes = spans.len() * CALL_BYTES;
        let options = Options { vantage: Vantage::Gateway, service_name: table.stream.clone() };
        self.in_its_own_task(|inner| async move {
            let work = Arc::clone(&inner);
            let log = move || work.store(&table, spans, &options, Form::Rows);
            let result = inner.commit(bytes, log, observe).await;
            inner.books.of(Kind::Traces).enter(received, Refused::default(), &result);
            result.map(|_| ())
        })
        .await
    }

    /// Takes rows of our own making, such as rollups.
    ///
    /// # Errors
    /// When the log did not take them.
    pub async fn rows(&self, table: Table, rows: Vec<Row>) -> Result<(), Error> {
        self.in_its_own_task(|inner| async move {
            let work = Arc::clone(&inner);
            let log = move || work.store_rows(vec![(table, rows)], Holds::default());
            inner.commit(0, log, |_, _| {}).await.map(|_| ())
        })
        .await
    }

    /// Takes a batch: `admit` reads it, says what it refuses, and gives the rest to the log.
    pub(crate) async fn take(
        &self,
        kind: Kind,
        bytes: usize,
        admit: impl FnOnce(&Arc<Inner>, &mut Batch) -> Result<Stored, Error> + Send + 'static,
    ) -> Result<Accepted, Error> {
        self.in_its_own_task(|inner| async move {
            let work = Arc::clone(&inner);
            let (tell, told) = tokio::sync::oneshot::channel();
            let log = move || {
                let mut batch = Batch::default();
                let logged = admit(&work, &mut batch);
                let _ = tell.send(batch);
                logged
            };
            let result = inner.commit(bytes, log, |_, _| {}).await;
            // Nothing is told of a batch that nobody came to look at.
            let Ok(Batch { received, refusals }) = told.await else {
                return Err(result.err().unwrap_or(Error::Stopping));
            };
            inner.books.of(kind).enter(received, refusals.refused(), &result);
            let (stored, duplicates) = result?;
            Ok(refusals.accepted(stored, duplicates))
        })
        .await
    }

    /// Runs to its end also when the caller goes away: a record that is in the log and not in the lake would be
    /// invisible until the next start.
    async fn in_its_own_task<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.0));
        let committed = self.0.tasks.to_the_end(Stage::Wal, "ingest-commit", work);
        committed.await.unwrap_or(Err(Error::Stopping))
    }

    /// Hands to the lake what the log holds and the lake has not committed, oldest first; `each` sees all of it,
    /// also what the lake has. What cannot be read is counted and passed over. To be called once, before anything
    /// is taken in.
    pub fn replay(&self, mut log: Replay, mut each: impl FnMut(u64, &Table, &[Row])) -> Replayed {
        let mut replayed = Replayed::default();
        for entry in log.by_ref() {
            let record =
                entry.map_err(|error| error.to_string()).and_then(|(position, payload)| {
                    let parts = record::decode(&payload).map_err(|error| error.to_string())?;
                    Ok((position.0, parts))
                });
            match record {
                Ok((position, parts)) => {
                    for (table, rows) in parts {
                        self.0.remember(&table, &rows);
                        each(position, &table, &rows);
                        replayed.rows += rows.len() as u64;
                        self.0.lake.append(&table, position, rows);
                    }
                }
                Err(why) => {
                    let (count, _) = replayed.unreadable.take().unwrap_or_default();
                    replayed.unreadable = Some((count + 1, why));
                }
            }
        }
        replayed.log = log.report();
        replayed
    }

    /// Lets go of the part of the log that nobody needs: the lake has committed it, it is below
    /// `also_needed_from`, and it is too old to help to recognise repeats.
    pub fn trim(&self, also_needed_from: u64) {
        let Inner { lake, wal, config, marks, .. } = &*self.0;
        let committed = lake.keep_from();
        let remembered = marks.remembered_from(committed, &wal.stats(), config);
        let keep_from = committed.min(also_needed_from).min(remembered);
        self.0.wal.trim(Position(keep_from));
    }

    /// Whether there is room for more rows: asked before a body is read, so that what will be refused costs nothing.
    ///
    /// # Errors
    /// [`Error::NoRoom`] or [`Error::Full`] if not.
    pub fn has_room(&self) -> Result<(), Error> {
        if self.0.lake.is_full() {
            return Err(Error::Full);
        }
        if self.0.lake.has_room() { Ok(()) } else { Err(Error::NoRoom) }
    }

    /// What would be stored of a text that is an attribute of a model call.
    #[must_use]
    pub fn tried(&self, policy: &Policy, key: &str, text: &str) -> Trial {
        trial::tried(policy, &self.0.config.limits, key, text)
    }

    /// The counts of what came in: of spans, log records or data points.
    #[must_use]
    pub fn books(&self, kind: Kind) -> Counts {
        self.0.books.of(kind).counts()
    }

    /// Spans of open traces that are remembered to count each call once.
    #[must_use]
    pub fn open_trace_spans(&self) -> usize {
        self.0.open_traces.spans()
    }

    /// The log's own counts.
    #[must_use]
    pub fn log_stats(&self) -> wal::Stats {
        self.0.wal.stats()
    }
}
