//! The one thread that writes: takes a group, makes it durable, wakes its waiters.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::error::Error;
use crate::log::Log;
use crate::queue::{Item, Queue, Reply, Work};
use crate::record::Position;
use crate::stats::{Counters, add};

pub(crate) struct Writer {
    pub(crate) log: Log,
    pub(crate) queue: Arc<Queue>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) max_group_bytes: usize,
}

/// Answers everyone, should the thread end by a panic.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    /// Runs until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let _abandon = Abandon(Arc::clone(&self.queue));
        let mut work = Work::default();
        let mut payloads = Vec::new();
        let mut replies = Vec::new();
        while self.queue.take(&mut work, self.max_group_bytes) {
            let cost: usize = work.items.iter().map(Item::cost).sum();
            for item in work.items.drain(..) {
                match item {
                    Item::Record(payload, reply) => {
                        payloads.push(payload);
                        replies.push(Waiter::Record(reply));
                    }
                    Item::Barrier(reply) => replies.push(Waiter::Barrier(reply)),
                }
            }
            let outcome = self.write(&payloads);
            if let Some(keep_from) = work.trim.take() {
                self.trim(keep_from);
            }
            self.counters.note(&self.log);
            payloads.clear();
            self.queue.settle(cost);
            answer(replies.drain(..), outcome);
        }
    }

    fn write(&mut self, payloads: &[Bytes]) -> Result<Position, Error> {
        if payloads.is_empty() {
            return Ok(self.log.next_position());
        }
        let started = Instant::now();
        let outcome = self.log.write(payloads.iter());
        add(&self.counters.busy_nanos, u64::try_from(started.elapsed().as_nanos()).unwrap_or(0));
        match &outcome {
            Ok(_) => {
                add(&self.counters.groups, 1);
                add(&self.counters.records, payloads.len() as u64);
                add(
                    &self.counters.bytes,
                    payloads.iter().map(|payload| payload.len() as u64).sum(),
                );
            }
            Err(Error::Full) => add(&self.counters.full, 1),
            Err(error) => {
                add(&self.counters.failed, 1);
                let error: &dyn std::error::Error = error;
                tracing::error!(error, records = payloads.len(), "log group failed");
            }
        }
        outcome
    }

    fn trim(&mut self, keep_from: Position) {
        match self.log.trim(keep_from) {
            Ok(trimmed) => add(&self.counters.trimmed_segments, trimmed.segments),
            Err(error) => {
                add(&self.counters.failed_trims, 1);
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "log could not be trimmed");
            }
        }
    }
}

enum Waiter {
    Record(Reply),
    Barrier(Reply),
}

/// Gives each record its position. A barrier gets the position after all records before it.
fn answer(waiters: impl Iterator<Item = Waiter>, outcome: Result<Position, Error>) {
    let mut next = outcome;
    for waiter in waiters {
        // Nobody listens any more: the record is stored all the same.
        let _gone = match waiter {
            Waiter::Record(reply) => {
                let answer = next.clone();
                next = next.map(Position::next);
                reply.send(answer)
            }
            Waiter::Barrier(reply) => reply.send(next.clone()),
        };
    }
}
