//! Log records of one request for several streams, each with an outcome of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonlogs::Entry;
use lake::Lake;
use otlp::LogRecord;
use schema::{Kind, OrgName, Table};

use crate::books::Reason;
use crate::commit::Stored;
use crate::error::Error;
use crate::ingest::{Batch, Ingest, Inner};
use crate::logs;
use crate::parts::Holds;

/// What became of each record of a request, in its order: why it was refused, or nothing if it is stored.
pub type Outcomes = Vec<Option<String>>;

impl Ingest {
    /// Takes log records into the streams that they name, `stream` where they name none: all that is good, or nothing.
    /// When this answers, what it accepted is on disk and visible. Repeats are not recognised.
    ///
    /// # Errors
    /// When the body cannot be read, or nothing was taken and the sender should send it again.
    pub async fn entries_of(
        &self,
        org: OrgName,
        stream: Option<String>,
        bytes: usize,
        read: impl FnOnce() -> Result<Vec<Entry>, Error> + Send + 'static,
    ) -> Result<Outcomes, Error> {
        let told: Arc<Mutex<Outcomes>> = Arc::default();
        let outcomes = Arc::clone(&told);
        self.take(Kind::Logs, bytes, move |inner, batch| {
            let entries = read()?;
            let (stored, all) = inner.store_entries(&org, stream.as_deref(), entries, batch)?;
            *outcomes.lock().unwrap_or_else(PoisonError::into_inner) = all;
            Ok(stored)
        })
        .await?;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut told))
    }
}

impl Inner {
    fn store_entries(
        self: &Arc<Self>,
        org: &OrgName,
        stream: Option<&str>,
        entries: Vec<Entry>,
        batch: &mut Batch,
    ) -> Result<(Stored, Outcomes), Error> {
        if self.lake.is_full() {
            return Err(Error::Full);
        }
        batch.received = entries.len() as u64;
        let now = self.clock.now();
        let now_ns = u64::try_from(now.0).unwrap_or(0);
        let mut streams = Streams::of(&self.lake, org);
        let mut outcomes = Outcomes::with_capacity(entries.len());
        for entry in entries {
            let named = stream.or(entry.stream.as_deref()).unwrap_or(schema::DEFAULT_STREAM);
            let admitted =
                entry.record.map_err(|why| (Reason::Malformed, why)).and_then(|record| {
                    self.config.check_age(now, logs::time(&record, now_ns))?;
                    streams.add(named, record)
                });
            outcomes.push(admitted.err().map(|(reason, why)| {
                batch.refusals.add(reason, 1, &why);
                why
            }));
        }
        let books = self.books.of(Kind::Logs);
        let (mut parts, mut holds) = (Vec::new(), Holds::default());
        for (table, records) in streams.records {
            match self.admission.log_rows(&table, records, now_ns, books) {
                Ok((rows, more)) => {
                    parts.push((table, rows));
                    holds.add(more);
                }
                Err(error) => {
                    holds.release();
                    return Err(error.into());
                }
            }
        }
        Ok((self.store_rows(parts, holds)?, outcomes))
    }
}

/// The records of a request by their table, as far as there may be streams for them.
struct Streams<'l> {
    lake: &'l Lake,
    org: &'l OrgName,
    /// How many streams there may be more.
    room: usize,
    records: BTreeMap<Table, Vec<LogRecord>>,
}

impl<'l> Streams<'l> {
    fn of(lake: &'l Lake, org: &'l OrgName) -> Self {
        let room = lake.room_for_streams(org, Kind::Logs);
        Self { lake, org, room, records: BTreeMap::new() }
    }

    fn add(&mut self, stream: &str, record: LogRecord) -> Result<(), (Reason, String)> {
        let table = Table::new(self.org.clone(), Kind::Logs, stream);
        if let Some(records) = self.records.get_mut(&table) {
            records.push(record);
            return Ok(());
        }
        if !self.lake.has(&table) {
            let left = self.room.checked_sub(1).ok_or_else(|| {
                let stream = &table.stream;
                let why =
                    format!("stream {stream:?} would be one more than storage.most_streams allows");
                (Reason::TooManyStreams, why)
            })?;
            self.room = left;
        }
        self.records.insert(table, vec![record]);
        Ok(())
    }
}
