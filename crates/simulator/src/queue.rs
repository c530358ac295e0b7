use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The engine's slots and the line before them.
#[derive(Debug)]
pub(crate) struct Queue {
    slots: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

/// A slot of the engine; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// The line is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LineFull;

impl Queue {
    pub(crate) fn new(slots: usize, waiting: usize) -> Self {
        let limit = Semaphore::MAX_PERMITS;
        Self {
            slots: Arc::new(Semaphore::new(slots.clamp(1, limit))),
            line: Arc::new(Semaphore::new(waiting.min(limit))),
        }
    }

    /// Waits for a slot, first come first served; refuses when too many wait already.
    pub(crate) async fn enter(&self) -> Result<Slot, LineFull> {
        let slots = Arc::clone(&self.slots);
        let permit = match Arc::clone(&slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _place = self.line.try_acquire().map_err(|_| LineFull)?;
                slots.acquire_owned().await.expect("the semaphore is never closed")
            }
        };
        Ok(Slot { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slots_then_the_line_then_no_more() {
        let queue = Arc::new(Queue::new(1, 1));
        let first = queue.enter().await.unwrap();
        let mut second = Box::pin(queue.enter());
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(queue.enter().await.unwrap_err(), LineFull);
        drop(first);
        let second = second.await.unwrap();
        let mut left = Box::pin(queue.enter());
        assert!(futures::poll!(&mut left).is_pending());
        drop(left);
        let mut third = Box::pin(queue.enter());
        assert!(futures::poll!(&mut third).is_pending(), "a caller who left made room in the line");
        drop(second);
        third.await.unwrap();
    }
}
