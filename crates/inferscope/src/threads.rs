//! Threads for what may wait while calls may not.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};

/// By how much such threads stand back: with as much to do as the others they get about a third of their time.
/// Source: nice(2), sched(7); on Linux the value is a thread's own.
const STANDS_BACK: i32 = 5;

/// What walks a query's plan calls itself once for each link of a chain of conditions. Only what is used is taken from
/// the memory.
pub(crate) const STACK: usize = 64 << 20;

/// Threads that leave the processors to the ones that pass calls on, when both have work. What still runs on them when
/// this is dropped is not waited for.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn standing_back(name: &'static str) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name(name)
            .thread_stack_size(STACK)
            .on_thread_start(stand_back)
            .enable_all()
            .build();
        let runtime = runtime.with_context(|| format!("cannot start the threads {name:?}"))?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn onto them.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().map(Runtime::handle).expect("there until it is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn stand_back() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if let Err(error) = rustix::process::nice(STANDS_BACK)
        && !SAID.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(%error, "background threads run with the priority of all others");
    }
}
