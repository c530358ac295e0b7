//! Threads for bodies: what computes for long must not keep proxied calls waiting.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::error::Error;

/// A body of at most so many bytes is worked on where it is: that takes less than a call's own work, and a thread's
/// wake-up would double it.
const AT_ONCE_BYTES: usize = 32 << 10;

/// As many bodies at once as there are processors; the others wait, within the bound on all bodies together.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Workers {
    pub(crate) fn one_a_processor() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors)))
    }

    /// Runs `work` on a body of `bytes` to its end, beside the threads that pass calls on if it is large.
    ///
    /// # Errors
    /// When the process is about to end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        if bytes <= AT_ONCE_BYTES {
            return Ok(work());
        }
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| Error::Stopping)?;
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also where nobody waits for it any more.
            let _permit = permit;
            work()
        });
        work.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_cancelled) => Error::Stopping,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;
    use std::thread::current;

    use super::*;

    #[tokio::test]
    async fn a_large_body_leaves_the_thread_and_a_small_one_stays() {
        let workers = Workers::one_a_processor();
        let here = current().id();
        let thread = |bytes| workers.run(bytes, || current().id());
        assert_eq!(thread(AT_ONCE_BYTES).await.expect("runs"), here);
        assert_ne!(thread(AT_ONCE_BYTES + 1).await.expect("runs"), here);
    }

    #[tokio::test]
    async fn no_more_bodies_are_worked_on_than_there_are_permits() {
        let workers = Workers(Arc::new(Semaphore::new(1)));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (began, beginning) = tokio::sync::oneshot::channel();
        let first = workers.run(usize::MAX, move || {
            let _ = began.send(());
            held.recv()
        });
        let mut first = std::pin::pin!(first);
        tokio::select! {
            _ = &mut first => panic!("nobody released it"),
            _ = beginning => {}
        }
        assert_eq!(workers.0.available_permits(), 0);
        let mut second = std::pin::pin!(workers.run(usize::MAX, || ()));
        assert!(is_pending(second.as_mut()).await);
        release.send(()).expect("it waits");
        first.await.expect("ends").expect("was released");
        second.await.expect("gets its turn");
    }

    async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }
}
