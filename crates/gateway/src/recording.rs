use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use crate::record::CallRecord;

/// The bounds of the queue between calls and their records.
#[derive(Clone, Copy, Debug)]
pub struct RecordingConfig {
    /// Most records that wait.
    pub items: usize,
    /// Most bytes of bodies that wait.
    pub bytes: usize,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self { items: 16_384, bytes: 128 << 20 }
    }
}

/// A bounded queue of finished calls. When it is full the newest record is dropped and counted: a call
/// never waits for it.
#[must_use]
pub fn recording(config: RecordingConfig) -> (Recording, Recordings) {
    let (sender, receiver) = mpsc::channel(config.items.max(1));
    let load = Arc::new(Load { limit: config.bytes, ..Load::default() });
    (Recording { sender, load: Arc::clone(&load) }, Recordings { receiver, load })
}

/// The gateway's end of the queue.
#[derive(Clone, Debug)]
pub struct Recording {
    sender: mpsc::Sender<Box<CallRecord>>,
    load: Arc<Load>,
}

impl Recording {
    /// Queues the record, or drops and counts it; never waits.
    pub(crate) fn send(&self, record: Box<CallRecord>) {
        let size = record.size();
        if !self.load.take(size) {
            self.load.dropped.fetch_add(1, Ordering::Relaxed);
        } else if self.sender.try_send(record).is_err() {
            self.load.give_back(size);
            self.load.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records dropped because the queue was full or its reader gone.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.load.dropped.load(Ordering::Relaxed)
    }

    /// Bytes that wait in the queue.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.load.bytes.load(Ordering::Relaxed)
    }
}

/// The reader's end of the queue.
#[derive(Debug)]
pub struct Recordings {
    receiver: mpsc::Receiver<Box<CallRecord>>,
    load: Arc<Load>,
}

impl Recordings {
    /// Waits for records and takes up to `limit` of those that are there; none once every [`Recording`] is
    /// gone and the queue is empty. Nothing is lost when the wait is cancelled.
    pub async fn recv_many(&mut self, limit: usize) -> Vec<CallRecord> {
        let mut boxed = Vec::new();
        self.receiver.recv_many(&mut boxed, limit).await;
        let records: Vec<CallRecord> = boxed.into_iter().map(|record| *record).collect();
        self.load.give_back(records.iter().map(CallRecord::size).sum());
        records
    }
}

#[derive(Debug, Default)]
struct Load {
    limit: usize,
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

impl Load {
    fn take(&self, size: usize) -> bool {
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        let fits = before + size <= self.limit;
        if !fits {
            self.give_back(size);
        }
        fits
    }

    fn give_back(&self, size: usize) {
        self.bytes.fetch_sub(size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::capture::Captured;

    fn record(bytes: usize) -> Box<CallRecord> {
        let mut record = CallRecord::sample();
        record.request = Captured::of(&Bytes::from(vec![0; bytes]), usize::MAX);
        Box::new(record)
    }

    #[tokio::test]
    async fn too_many_records_drop_the_newest_and_count_it() {
        let (sender, mut receiver) = recording(RecordingConfig { items: 2, bytes: usize::MAX / 2 });
        for size in 1..=3 {
            sender.send(record(size));
        }
        assert_eq!(sender.dropped(), 1);
        let kept: Vec<u64> = receiver.recv_many(10).await.iter().map(|r| r.request.total).collect();
        assert_eq!((kept, sender.queued_bytes()), (vec![1, 2], 0));
    }

    #[tokio::test]
    async fn too_many_bytes_drop_the_newest_and_room_comes_back() {
        let (sender, mut receiver) = recording(RecordingConfig { items: 9, bytes: 10_000 });
        sender.send(record(6_000));
        sender.send(record(6_000));
        assert_eq!(sender.dropped(), 1);
        receiver.recv_many(10).await;
        sender.send(record(6_000));
        assert_eq!((sender.dropped(), receiver.recv_many(10).await.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_record_without_a_reader_is_dropped_and_counted() {
        let (sender, receiver) = recording(RecordingConfig::default());
        drop(receiver);
        sender.send(record(1));
        assert_eq!((sender.dropped(), sender.queued_bytes()), (1, 0));
    }
}
