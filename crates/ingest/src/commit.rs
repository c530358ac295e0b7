//! From a batch to the log, and from there to the lake.

use std::sync::Arc;

use conventions::{Options, estimate_tokens};
use lake::{Prepared, Ticket};
use otlp::Span;
use prices::price;
use schema::{Kind, Row, Table};
use wal::Append;

use crate::error::Error;
use crate::ingest::Inner;
use crate::parts::Holds;
use crate::recent::{SpanKey, SpanKeys};
use crate::record::{self, Part};

/// From so many rows on they become columns at once; fewer wait until they are looked at, together with others.
const COLUMNS_FROM: usize = 16;

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

/// A batch that was given to the log, or had nothing new for it.
pub(crate) struct Stored {
    pub(crate) logged: Option<Logged>,
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
}

/// Rows that the log has been given.
pub(crate) struct Logged {
    append: Append,
    parts: Vec<(Table, Rows)>,
    keys: InFlightKeys,
    /// The binary parts that the rows name.
    holds: Holds,
}

enum Rows {
    Columns(Prepared),
    Plain(Vec<Row>),
}

/// What the lake is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Columns, where there are rows enough.
    Columns,
    /// Rows: somebody wants to see them.
    Rows,
}

/// An append whose rows may be in the log and are not in the lake yet. Should it be cut off there, by the end of the
/// process or a panic, no flush passes it by any more: the next start finds the rows in the log.
struct OnItsWay<'a>(Option<Ticket<'a>>);

impl OnItsWay<'_> {
    /// The rows are in the lake, or not in the log.
    fn is_over(&mut self) {
        self.0 = None;
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            std::mem::forget(ticket);
        }
    }
}

impl Inner {
    /// Has `log` give a batch to the log and waits until it is on disk; then its rows become visible. Answers how many
    /// were stored, and how many had been before. `observe` sees the rows of the first table.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        bytes: usize,
        log: impl FnOnce() -> Result<Stored, Error> + Send + 'static,
        observe: impl FnOnce(u64, &[Row]),
    ) -> Result<(u64, u64), Error> {
        // Before the log has the rows: no flush passes them by.
        let mut on_its_way = OnItsWay(Some(self.lake.ticket()));
        let given = self.workers.run(bytes, log).await.and_then(|given| given);
        let Stored { logged, stored, duplicates } = given.inspect_err(|_| on_its_way.is_over())?;
        if let Some(Logged { append, parts, keys, holds }) = logged {
            let position = match append.await {
                Ok(position) => position.0,
                Err(error) => {
                    // After an error of the disk the record may be in the log, and its rows come with the next start:
                    // what they name stays until then.
                    if matches!(error, wal::Error::Io { .. }) {
                        drop(holds);
                    } else {
                        holds.release();
                    }
                    on_its_way.is_over();
                    return Err(error.into());
                }
            };
            keys.settle();
            let mut observe = Some(observe);
            for (table, rows) in parts {
                match rows {
                    Rows::Columns(prepared) => self.lake.append_prepared(position, prepared),
                    Rows::Plain(rows) => {
                        if let Some(observe) = observe.take() {
                            observe(position, &rows);
                        }
                        self.lake.append(&table, position, rows);
                    }
                }
            }
            holds.release();
        }
        on_its_way.is_over();
        Ok((stored, duplicates))
    }

    /// Gives the spans that are new to the log.
    pub(crate) fn store(
        self: &Arc<Self>,
        table: &Table,
        spans: Vec<Span>,
        options: &Options,
        form: Form,
    ) -> Result<Stored, Error> {
        if !self.lake.has_room() {
            return Err(Error::NoRoom);
        }
        self.may_take(table)?;
        let of_table = SpanKeys::of(table);
        let keys: Vec<SpanKey> =
            spans.iter().map(|span| of_table.key(span.trace_id, span.span_id)).collect();
        let new = self.recent.admit(&keys).map_err(|_in_flight| Error::InFlight)?;
        let fresh: Vec<SpanKey> =
            keys.iter().zip(&new).filter(|(_, new)| **new).map(|(key, _)| *key).collect();
        let in_flight = InFlightKeys { ingest: Arc::clone(self), keys: fresh };
        let spans: Vec<Span> =
            spans.into_iter().zip(&new).filter(|(_, new)| **new).map(|(span, _)| span).collect();
        let books = self.books.of(Kind::Traces);
        let (mut rows, holds) = self.admission.rows(table, spans, options, books)?;
        self.open_traces.judge(table, self.clock.now(), &mut rows);
        if self.config.estimate_tokens {
            rows.iter_mut().for_each(estimate_tokens);
        }
        // Only a call that counts costs something.
        let book = self.config.prices.book(&table.org);
        rows.iter_mut().for_each(|row| price(row, &book));
        let (stored, duplicates) = (rows.len() as u64, (new.len() - rows.len()) as u64);
        if rows.is_empty() {
            return Ok(Stored { logged: None, stored, duplicates });
        }
        let logged = self.log(vec![(table.clone(), rows)], in_flight, holds, form)?;
        Ok(Stored { logged: Some(logged), stored, duplicates })
    }

    /// Gives rows to the log that are no spans.
    pub(crate) fn store_rows(
        self: &Arc<Self>,
        mut parts: Vec<Part>,
        holds: Holds,
    ) -> Result<Stored, Error> {
        if !self.lake.has_room() {
            holds.release();
            return Err(Error::NoRoom);
        }
        parts.retain(|(_, rows)| !rows.is_empty());
        let stored = parts.iter().map(|(_, rows)| rows.len() as u64).sum();
        if parts.is_empty() {
            return Ok(Stored { logged: None, stored, duplicates: 0 });
        }
        let keys = InFlightKeys { ingest: Arc::clone(self), keys: Vec::new() };
        let logged = self.log(parts, keys, holds, Form::Rows)?;
        Ok(Stored { logged: Some(logged), stored, duplicates: 0 })
    }

    /// Whether there is room for the table's rows: on the disk, and among the organisation's streams.
    pub(crate) fn may_take(&self, table: &Table) -> Result<(), Error> {
        if self.lake.is_full() {
            return Err(Error::Full);
        }
        if self.lake.may_take(table) {
            return Ok(());
        }
        Err(Error::TooManyStreams { stream: table.stream.clone() })
    }

    /// Gives rows to the log as one record, and makes columns of them while it writes.
    fn log(
        &self,
        parts: Vec<Part>,
        keys: InFlightKeys,
        holds: Holds,
        form: Form,
    ) -> Result<Logged, Error> {
        let bytes = parts.iter().flat_map(|(_, rows)| rows).map(Row::weight).sum();
        if !self.lake.could_hold(bytes) {
            holds.release();
            return Err(Error::TooHeavy { bytes });
        }
        let append = self.wal.append(record::encode(&parts));
        let form_of = |(table, mut rows): Part| {
            let worth_it = form == Form::Columns && rows.len() >= COLUMNS_FROM;
            let prepared = if worth_it { self.lake.prepare(&table, &rows) } else { None };
            let rows = prepared.map_or_else(
                || {
                    // They may stay for seconds: not with all of their body.
                    rows.iter_mut().for_each(Row::detach);
                    Rows::Plain(std::mem::take(&mut rows))
                },
                Rows::Columns,
            );
            (table, rows)
        };
        Ok(Logged { append, parts: parts.into_iter().map(form_of).collect(), keys, holds })
    }

    pub(crate) fn remember(&self, table: &Table, rows: &[Row]) {
        if table.kind == Kind::Traces {
            let of_table = SpanKeys::of(table);
            let keys: Vec<SpanKey> = rows.iter().filter_map(|row| of_table.of_row(row)).collect();
            self.recent.settle(&keys);
            self.open_traces.restore(table, self.clock.now(), rows);
        }
    }
}
