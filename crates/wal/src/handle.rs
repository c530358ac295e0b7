//! The handle that the rest of the house holds.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::append::Append;
use crate::disk::{Disk, LocalDisk};
use crate::error::Error;
use crate::log::Log;
use crate::queue::{ITEM_BYTES, Item, Queue};
use crate::record::Position;
use crate::recover::recover;
use crate::replay::Replay;
use crate::stats::{Counters, Stats, add};
use crate::writer::Writer;

/// The bounds of a log, all in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalConfig {
    /// A new segment begins rather than going over this. Trimming frees whole segments, so small
    /// ones free sooner. Only a single group can make a segment larger.
    pub segment_bytes: u64,
    /// The most that one sync makes durable; bounds how long a record waits behind others.
    pub max_group_bytes: usize,
    /// What may wait for the disk. More is refused with [`Error::Busy`]. Also the largest record,
    /// and at most 1 GiB.
    pub queue_bytes: usize,
    /// What the segments may take on disk. Beyond it appends are refused with [`Error::Backlog`]
    /// until the log is trimmed; what waits already may go over it by `queue_bytes`.
    pub log_bytes: u64,
}

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_group_bytes: 8 << 20,
            // Two bodies of the largest size that ingest takes.
            queue_bytes: 128 << 20,
            log_bytes: 16 << 30,
        }
    }
}

const LARGEST_QUEUE: usize = 1 << 30;

/// A handle to an open log; clones share it. The last one to go closes it, as [`Wal::close`] does.
#[derive(Clone)]
pub struct Wal(Arc<Shared>);

struct Shared {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    log_bytes: u64,
    largest_record: usize,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Opens the log in the folder `dir`, created where it is missing, and what it holds.
    ///
    /// # Errors
    /// [`Error::InUse`] while another process has it open, [`Error::Version`] when a later program
    /// wrote it, [`Error::Io`] when the disk refuses. Damage is no error: see [`Replay::report`].
    /// A full disk is none either: appends then fail until there is room.
    pub fn open(dir: &Path, config: WalConfig) -> Result<(Self, Replay), Error> {
        Self::open_on(Arc::new(LocalDisk::open(dir)?), config)
    }

    /// Opens the log on `disk`: for tests that inject faults.
    ///
    /// # Errors
    /// As [`Wal::open`].
    pub fn open_on(disk: Arc<dyn Disk>, config: WalConfig) -> Result<(Self, Replay), Error> {
        let recovered = recover(disk.as_ref())?;
        let log = Log::resume(Arc::clone(&disk), config.segment_bytes, &recovered)?;
        let counters = Arc::new(Counters::default());
        counters.note(&log);
        let capacity = config.queue_bytes.clamp(ITEM_BYTES + 1, LARGEST_QUEUE);
        let queue = Arc::new(Queue::new(capacity));
        let writer = Writer {
            log,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            max_group_bytes: config.max_group_bytes,
        };
        let thread = std::thread::Builder::new()
            .name("wal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Error::io("start the writer of", error))?;
        let shared = Shared {
            queue,
            counters,
            log_bytes: config.log_bytes,
            largest_record: capacity - ITEM_BYTES,
            writer: Mutex::new(Some(thread)),
        };
        Ok((Self(Arc::new(shared)), Replay::new(disk, recovered)))
    }

    /// Takes a record; the answer resolves to its position once it is on disk. Records get their
    /// positions in the order of these calls. Never waits: at a bound the answer is an error.
    ///
    /// The answer is [`Error::Busy`], [`Error::Backlog`], [`Error::TooLarge`], [`Error::Empty`] or
    /// [`Error::Closed`] when the record was not taken, [`Error::Full`] when the disk had no room
    /// for it, and [`Error::Io`] when it is not known whether it is stored.
    pub fn append(&self, payload: Bytes) -> Append {
        match self.admit(&payload) {
            Ok(()) => self.push(|reply| Item::Record(payload, reply)),
            Err(error) => self.refuse(error),
        }
    }

    /// Resolves once everything that was taken before is on disk, to the position after it. Fails
    /// when the records just before it failed.
    pub fn barrier(&self) -> Append {
        self.push(Item::Barrier)
    }

    /// Lets go of records below `keep_from`: whole segments of them are removed soon after, and no
    /// later than the next [`barrier`](Wal::barrier) resolves. Positions go on where they were.
    pub fn trim(&self, keep_from: Position) {
        self.0.queue.trim(keep_from);
    }

    /// What the log has done since it was opened, and its size.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.counters.snapshot(self.0.queue.bytes())
    }

    /// Takes nothing more, writes what waits, and ends the writer; later calls on any clone answer
    /// [`Error::Closed`]. Blocks for as long as the disk needs.
    pub fn close(&self) {
        self.0.close();
    }

    fn admit(&self, payload: &Bytes) -> Result<(), Error> {
        let limit = self.0.largest_record;
        if payload.is_empty() {
            return Err(Error::Empty);
        }
        if payload.len() > limit {
            return Err(Error::TooLarge { bytes: payload.len(), limit });
        }
        let log_bytes = self.0.counters.log_bytes();
        if log_bytes >= self.0.log_bytes {
            return Err(Error::Backlog { log_bytes });
        }
        Ok(())
    }

    fn push(&self, item: impl FnOnce(oneshot::Sender<Result<Position, Error>>) -> Item) -> Append {
        let (reply, waiter) = oneshot::channel();
        match self.0.queue.push(item(reply)) {
            Ok(()) => Append::waiting(waiter),
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&self, error: Error) -> Append {
        add(&self.0.counters.refused, 1);
        Append::refused(error)
    }
}

impl Shared {
    fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("log writer ended by a panic");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}
