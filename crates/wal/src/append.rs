//! The promise of a position.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::record::Position;

/// Resolves once the record is on disk, or cannot be. Already under way: dropping this does not
/// take the record back. Needs no particular runtime.
#[derive(Debug)]
#[must_use = "until this resolves the record is not durable"]
pub struct Append(State);

#[derive(Debug)]
enum State {
    Refused(Error),
    Waiting(oneshot::Receiver<Result<Position, Error>>),
}

impl Append {
    pub(crate) fn refused(error: Error) -> Self {
        Self(State::Refused(error))
    }

    pub(crate) fn waiting(waiter: oneshot::Receiver<Result<Position, Error>>) -> Self {
        Self(State::Waiting(waiter))
    }

    /// Blocks this thread until the record is on disk, or cannot be.
    ///
    /// # Errors
    /// As [`Wal::append`](crate::Wal::append).
    ///
    /// # Panics
    /// When called within an asynchronous task: await there.
    pub fn wait(self) -> Result<Position, Error> {
        match self.0 {
            State::Refused(error) => Err(error),
            State::Waiting(waiter) => waiter.blocking_recv().unwrap_or(Err(Error::Closed)),
        }
    }
}

impl Future for Append {
    type Output = Result<Position, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Refused(error) => Poll::Ready(Err(error.clone())),
            State::Waiting(waiter) => {
                Pin::new(waiter).poll(context).map(|answer| answer.unwrap_or(Err(Error::Closed)))
            }
        }
    }
}
