//! Work that repeats.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Asks a periodic task to run now. Carries no data: the task looks for itself what is due.
#[derive(Clone, Debug)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Notify::new()))
    }

    /// Asks for a run. While one is under way, one more follows it, however often this is called.
    pub fn nudge(&self) {
        self.0.notify_one();
    }
}

/// Runs `activate` at once, then `pause` after each end or on a nudge, until cancelled. A run that
/// is under way is not cut off: it ends by itself, or with the stage's grace. One that ends by a panic is told to
/// `panicked`, and the next comes after the pause all the same.
pub(crate) async fn repeat<F: Future<Output = ()>>(
    token: CancellationToken,
    nudge: Nudge,
    pause: Duration,
    mut activate: impl FnMut() -> F,
    panicked: impl Fn(&(dyn Any + Send)),
) {
    while !token.is_cancelled() {
        // A nudge that came before this run begins is answered by it.
        let _answered = nudge.0.notified().now_or_never();
        let run = AssertUnwindSafe(async { activate().await }).catch_unwind();
        if let Err(panic) = run.await {
            panicked(panic.as_ref());
        }
        tokio::select! {
            () = token.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
            () = nudge.0.notified() => {}
        }
    }
}
