//! The one path by which rows get in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock::SharedClock;
use conventions::{Options, Vantage, normalise};
use lake::Lake;
use otlp::{Span, Traces};
use schema::{Kind, Row, Table};
use tasks::{Stage, Tasks};
use wal::{Position, Replay, ReplayReport, Wal};

use crate::books::{Books, Counts};
use crate::error::Error;
use crate::recent::{Recent, SpanKey};
use crate::record;

/// What is admitted, and for how long repeats are recognised.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// A span that began longer ago is refused.
    pub oldest: Duration,
    /// A span that begins further ahead of now is refused.
    pub furthest_ahead: Duration,
    /// Recent spans that are remembered at least, to recognise repeats.
    pub remembered_spans: usize,
    /// How long the log is kept so that repeats are recognised after a restart too.
    pub remembered_for: Duration,
    /// Bytes of log beyond which it is trimmed sooner.
    pub remembered_bytes: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            oldest: Duration::from_secs(400 * 86_400),
            furthest_ahead: Duration::from_secs(600),
            remembered_spans: 1_000_000,
            remembered_for: Duration::from_secs(600),
            remembered_bytes: 256 << 20,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Spans that are stored now.
    pub stored: u64,
    /// Spans that had been stored before.
    pub duplicates: u64,
    /// Spans that were refused.
    pub rejected: u64,
    /// Why, in one sentence; empty if none was.
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

struct Inner {
    wal: Wal,
    lake: Arc<Lake>,
    clock: SharedClock,
    tasks: Tasks,
    config: IngestConfig,
    recent: Recent,
    books: Books,
    /// Where the log stood when, newest last.
    marks: Mutex<VecDeque<Mark>>,
}

/// Where the log stood at one moment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    /// All below was committed.
    position: u64,
    /// Bytes logged until then, since the start.
    bytes: u64,
}

/// Keys whose spans are being stored. Dropped before they are settled, also by a panic, they are forgotten, so that
/// the spans can be sent again.
struct InFlightKeys {
    ingest: Arc<Inner>,
    keys: Vec<SpanKey>,
}

impl InFlightKeys {
    fn settle(mut self) {
        self.ingest.recent.settle(&std::mem::take(&mut self.keys));
    }
}

impl Drop for InFlightKeys {
    fn drop(&mut self) {
        self.ingest.recent.forget(&self.keys);
    }
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
        let (books, marks) = (Books::default(), Mutex::default());
        Self(Arc::new(Inner { wal, lake, clock, tasks, config, recent, books, marks }))
    }

    /// Takes a batch of spans into a trace stream. When this answers, what it accepted is on disk and visible.
    ///
    /// # Errors
    /// When nothing was taken and the sender should send the batch again.
    pub async fn traces(&self, table: Table, traces: Traces) -> Result<Accepted, Error> {
        let mut accepted = Accepted {
            rejected: traces.rejected.len() as u64,
            reason: traces
                .rejected
                .first()
                .map(|rejected| rejected.reason.clone())
                .unwrap_or_default(),
            ..Accepted::default()
        };
        let received = traces.spans.len() as u64 + accepted.rejected;
        let spans = self.0.of_good_age(traces.spans, &mut accepted);
        let options = Options { vantage: Vantage::App, service_name: table.stream.clone() };
        let result = self.store(table, spans, options, |_, _| {}).await;
        self.0.books.enter(received, accepted.rejected, &result);
        let (stored, duplicates) = result?;
        Ok(Accepted { stored, duplicates, ..accepted })
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
        let options = Options { vantage: Vantage::Gateway, service_name: table.stream.clone() };
        let result = self.store(table, spans, options, observe).await;
        self.0.books.enter(received, 0, &result);
        result.map(|_| ())
    }

    /// Takes rows of our own making, such as rollups.
    ///
    /// # Errors
    /// When the log did not take them.
    pub async fn rows(&self, table: Table, rows: Vec<Row>) -> Result<(), Error> {
        self.commit(table, rows, Vec::new(), |_, _| {}).await
    }

    /// Hands to the lake what the log holds and the lake has not committed, oldest first; `each` sees all of it,
    /// also what the lake has. What cannot be read is counted and passed over. To be called once, before anything
    /// is taken in.
    pub fn replay(&self, mut log: Replay, mut each: impl FnMut(u64, &Table, &[Row])) -> Replayed {
        let mut replayed = Replayed::default();
        for entry in log.by_ref() {
            let record =
                entry.map_err(|error| error.to_string()).and_then(|(position, payload)| {
                    let (table, rows) =
                        record::decode(&payload).map_err(|error| error.to_string())?;
                    Ok((position.0, table, rows))
                });
            match record {
                Ok((position, table, rows)) => {
                    self.0.remember(&table, &rows);
                    each(position, &table, &rows);
                    replayed.rows += rows.len() as u64;
                    self.0.lake.append(&table, position, rows);
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
        let keep_from = self.0.lake.keep_from().min(also_needed_from).min(self.0.remembered_from());
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

    /// The counts of what came in.
    #[must_use]
    pub fn books(&self) -> Counts {
        self.0.books.counts()
    }

    /// The log's own counts.
    #[must_use]
    pub fn log_stats(&self) -> wal::Stats {
        self.0.wal.stats()
    }

    /// Stores the spans that are new; answers how many were stored and how many had been before.
    async fn store(
        &self,
        table: Table,
        spans: Vec<Span>,
        options: Options,
        observe: impl FnOnce(u64, &[Row]) + Send + 'static,
    ) -> Result<(u64, u64), Error> {
        self.has_room()?;
        if !self.0.lake.may_take(&table) {
            return Err(Error::TooManyStreams { stream: table.stream });
        }
        let keys: Vec<SpanKey> =
            spans.iter().map(|span| SpanKey::new(&table, span.trace_id, span.span_id)).collect();
        let new = self.0.recent.admit(&keys).map_err(|_in_flight| Error::InFlight)?;
        let fresh: Vec<SpanKey> =
            keys.iter().zip(&new).filter(|(_, new)| **new).map(|(key, _)| *key).collect();
        let rows: Vec<Row> = spans
            .into_iter()
            .zip(&new)
            .filter(|(_, new)| **new)
            .map(|(span, _)| normalise(span, &options))
            .collect();
        let (stored, duplicates) = (rows.len() as u64, (new.len() - rows.len()) as u64);
        if !rows.is_empty() {
            self.commit(table, rows, fresh, observe).await?;
        }
        Ok((stored, duplicates))
    }

    /// Logs rows, then makes them visible. Runs to its end also when the caller goes away: a record that is in the
    /// log and not in the lake would be invisible until the next start.
    async fn commit(
        &self,
        table: Table,
        rows: Vec<Row>,
        keys: Vec<SpanKey>,
        observe: impl FnOnce(u64, &[Row]) + Send + 'static,
    ) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        let keys = InFlightKeys { ingest: Arc::clone(&self.0), keys };
        let (done, result) = tokio::sync::oneshot::channel();
        self.0.tasks.spawn(Stage::Wal, "ingest-commit", async move {
            let ticket = inner.lake.ticket();
            let logged = inner.wal.append(record::encode(&table, &rows)).await;
            match logged {
                Ok(position) => {
                    keys.settle();
                    observe(position.0, &rows);
                    inner.lake.append(&table, position.0, rows);
                    drop(ticket);
                    let _ = done.send(Ok(()));
                }
                Err(error) => {
                    drop(keys);
                    let _ = done.send(Err(Error::Log(error)));
                }
            }
        });
        result.await.unwrap_or(Err(Error::Stopping))
    }
}

impl Inner {
    /// Passes on the spans whose start is neither too old nor too far ahead.
    fn of_good_age(&self, spans: Vec<Span>, accepted: &mut Accepted) -> Vec<Span> {
        let now = u128::try_from(self.clock.now().0).unwrap_or(0);
        let oldest = now.saturating_sub(self.config.oldest.as_nanos());
        let newest = now + self.config.furthest_ahead.as_nanos();
        let (good, bad): (Vec<_>, Vec<_>) = spans
            .into_iter()
            .partition(|span| (oldest..=newest).contains(&u128::from(span.start_ns)));
        if !bad.is_empty() {
            accepted.rejected += bad.len() as u64;
            let days = self.config.oldest.as_secs() / 86_400;
            let minutes = self.config.furthest_ahead.as_secs() / 60;
            accepted.reason = format!(
                "{} spans began more than {days} days ago or more than {minutes} minutes ahead of the server's clock",
                bad.len()
            );
        }
        good
    }

    fn remember(&self, table: &Table, rows: &[Row]) {
        if table.kind == Kind::Traces {
            let keys: Vec<SpanKey> =
                rows.iter().filter_map(|row| SpanKey::of_row(table, row)).collect();
            self.recent.settle(&keys);
        }
    }

    /// Where the log stood `remembered_for` ago, or later if it has grown beyond `remembered_bytes` since.
    fn remembered_from(&self) -> u64 {
        let stats = self.wal.stats();
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push_back(Mark {
            at: Instant::now(),
            position: self.lake.keep_from(),
            bytes: stats.bytes,
        });
        let enough = |mark: &Mark| {
            mark.at.elapsed() >= self.config.remembered_for
                || stats.bytes.saturating_sub(mark.bytes) >= self.config.remembered_bytes
        };
        // The newest mark that goes back far enough is the one to keep from.
        while marks.len() > 1 && enough(&marks[1]) {
            marks.pop_front();
        }
        let large = stats.log_bytes > self.config.remembered_bytes;
        match marks.front() {
            Some(mark) if enough(mark) => mark.position,
            // What an earlier life of this process left is not in the marks.
            Some(mark) if large => mark.position,
            Some(_) | None => 0,
        }
    }
}
