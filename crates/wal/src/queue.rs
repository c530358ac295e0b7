//! What waits for the writer: bounded in bytes, refused when full.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::record::Position;

pub(crate) type Reply = oneshot::Sender<Result<Position, Error>>;

/// What one waiting item costs beside its payload: the slot and its reply.
pub(crate) const ITEM_BYTES: usize = 128;
/// Barriers may overdraw the queue by this much, so that a full queue can still be waited for.
const BARRIER_RESERVE: usize = 64 * 1024;

/// Something that waits for the writer.
pub(crate) enum Item {
    Record(Bytes, Reply),
    Barrier(Reply),
}

impl Item {
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Record(payload, _) => payload.len() + ITEM_BYTES,
            Self::Barrier(_) => ITEM_BYTES,
        }
    }
}

/// What the writer took out at once.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) items: Vec<Item>,
    pub(crate) trim: Option<Position>,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// The cost of `items` and of what the writer took and has not settled yet.
    bytes: usize,
    trim: Option<Position>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), capacity }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an item, or refuses it at once.
    pub(crate) fn push(&self, item: Item) -> Result<(), Error> {
        let cost = item.cost();
        let bound = match &item {
            Item::Record(..) => self.capacity,
            Item::Barrier(_) => self.capacity + BARRIER_RESERVE,
        };
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.bytes + cost > bound {
            return Err(Error::Busy { queued_bytes: state.bytes });
        }
        state.bytes += cost;
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Asks for a trim; of several that wait, the furthest counts.
    pub(crate) fn trim(&self, keep_from: Position) {
        let mut state = self.state();
        state.trim = state.trim.max(Some(keep_from));
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for work and takes up to `max_bytes` of it, at least one item. `false`: the queue is
    /// closed and empty.
    pub(crate) fn take(&self, work: &mut Work, max_bytes: usize) -> bool {
        let waiting =
            |state: &mut State| state.items.is_empty() && state.trim.is_none() && !state.closed;
        let mut state =
            self.filled.wait_while(self.state(), waiting).unwrap_or_else(PoisonError::into_inner);
        work.trim = state.trim.take();
        let mut bytes = 0;
        while let Some(item) = state.items.front() {
            bytes += item.cost();
            if bytes > max_bytes && !work.items.is_empty() {
                break;
            }
            work.items.extend(state.items.pop_front());
        }
        !work.items.is_empty() || work.trim.is_some()
    }

    /// Gives back the room of items that were taken and answered.
    pub(crate) fn settle(&self, bytes: usize) {
        self.state().bytes -= bytes;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Takes nothing more; what waits is still handed out.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// Takes nothing more and drops what waits, whose waiters then learn that the log is closed.
    pub(crate) fn abandon(&self) {
        self.close();
        let dropped = std::mem::take(&mut self.state().items);
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(bytes: usize) -> (Item, oneshot::Receiver<Result<Position, Error>>) {
        let (reply, waiter) = oneshot::channel();
        (Item::Record(vec![0; bytes].into(), reply), waiter)
    }

    #[test]
    fn a_full_queue_refuses_records_until_the_writer_settles_and_takes_barriers_meanwhile() {
        let queue = Queue::new(2 * (ITEM_BYTES + 10));
        queue.push(record(10).0).unwrap();
        queue.push(record(10).0).unwrap();
        assert!(matches!(queue.push(record(1).0), Err(Error::Busy { .. })));
        queue.push(Item::Barrier(oneshot::channel().0)).unwrap();

        let mut work = Work::default();
        assert!(queue.take(&mut work, usize::MAX));
        assert!(matches!(queue.push(record(1).0), Err(Error::Busy { .. })), "not settled yet");
        queue.settle(work.items.iter().map(Item::cost).sum());
        assert_eq!(queue.bytes(), 0);
        queue.push(record(1).0).unwrap();
    }

    #[test]
    fn a_group_ends_at_its_bound_but_has_at_least_one_item() {
        let queue = Queue::new(1 << 20);
        for bytes in [100, 1, 1] {
            queue.push(record(bytes).0).unwrap();
        }
        for expected in [1, 2] {
            let mut work = Work::default();
            assert!(queue.take(&mut work, 2 * (ITEM_BYTES + 1)));
            assert_eq!(work.items.len(), expected);
        }
    }

    #[test]
    fn closing_hands_out_what_waits_and_abandoning_answers_it() {
        let queue = Queue::new(1 << 20);
        queue.push(record(1).0).unwrap();
        queue.close();
        assert!(matches!(queue.push(record(1).0), Err(Error::Closed)));
        let mut work = Work::default();
        assert!(queue.take(&mut work, usize::MAX));
        work.items.clear();
        assert!(!queue.take(&mut work, usize::MAX));

        let queue = Queue::new(1 << 20);
        let (item, waiter) = record(1);
        queue.push(item).unwrap();
        queue.abandon();
        assert!(waiter.blocking_recv().is_err());
    }
}
