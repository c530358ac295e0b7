//! The tasks of one stage.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::stage::Stage;

/// How many panics are kept by name; all are logged.
const PANICS_KEPT: usize = 100;

type Name = Cow<'static, str>;

pub(crate) struct Room {
    stage: Stage,
    pub(crate) token: CancellationToken,
    tracker: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    running: BTreeMap<u64, Running>,
    panicked: Vec<Name>,
    panics: u64,
    /// Vital tasks that a panic has ended.
    lost: Vec<Name>,
    ended: bool,
}

struct Running {
    name: Name,
    vital: bool,
    handle: Option<AbortHandle>,
}

impl Room {
    pub(crate) fn new(stage: Stage) -> Self {
        let (token, tracker) = (CancellationToken::new(), TaskTracker::new());
        Self { stage, token, tracker, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: Name,
        vital: bool,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut state = self.state();
        if state.ended {
            tracing::warn!(task = %name, stage = self.stage.name(), "task came after its stage ended");
            return;
        }
        state.last_id += 1;
        let id = state.last_id;
        let room = Arc::clone(self);
        // The lock is held until the task is listed, so it cannot be taken off before.
        let handle = self.tracker.spawn(async move {
            let leaving = Leaving { room: &room, id };
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            leaving.with(outcome);
        });
        state.running.insert(id, Running { name, vital, handle: Some(handle.abort_handle()) });
    }

    /// The names of tasks that have not ended.
    pub(crate) fn running(&self) -> Vec<Name> {
        self.state().running.values().map(|task| task.name.clone()).collect()
    }

    pub(crate) fn panics(&self) -> u64 {
        self.state().panics
    }

    pub(crate) fn lost(&self) -> Vec<Name> {
        self.state().lost.clone()
    }

    /// Notes a panic of a task that goes on.
    pub(crate) fn panicked_and_goes_on(&self, name: &Name, panic: &(dyn Any + Send)) {
        tracing::error!(task = %name, stage = self.stage.name(), reason = reason(panic), "a run of a task ended by a panic");
        self.state().note_panic(name);
    }

    pub(crate) fn panicked(&self) -> Vec<Name> {
        self.state().panicked.clone()
    }

    /// Waits until no task is left, those included that come meanwhile.
    pub(crate) async fn joined(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Takes no more tasks, unless one has come just now.
    pub(crate) fn end_if_idle(&self) -> bool {
        let mut state = self.state();
        state.ended = state.running.is_empty();
        state.ended
    }

    /// Aborts what is left and names it.
    pub(crate) fn abort(&self) -> Vec<Name> {
        let mut state = self.state();
        state.ended = true;
        let handles: Vec<_> =
            state.running.values_mut().filter_map(|task| task.handle.take()).collect();
        let names = state.running.values().map(|task| task.name.clone()).collect();
        drop(state);
        handles.iter().for_each(AbortHandle::abort);
        names
    }
}

/// Takes a task off the list when it ends, however it ends.
struct Leaving<'a> {
    room: &'a Room,
    id: u64,
}

impl Leaving<'_> {
    fn with(self, outcome: Result<(), Box<dyn Any + Send>>) {
        let Err(panic) = outcome else { return };
        let mut state = self.room.state();
        let Some(Running { name, vital, .. }) = state.running.get(&self.id) else { return };
        let (name, vital) = (name.clone(), *vital);
        let (stage, reason) = (self.room.stage.name(), reason(panic.as_ref()));
        tracing::error!(task = %name, stage, reason, "task ended by a panic");
        state.note_panic(&name);
        if vital {
            state.lost.push(name);
        }
    }
}

impl State {
    fn note_panic(&mut self, name: &Name) {
        self.panics += 1;
        if self.panicked.len() < PANICS_KEPT {
            self.panicked.push(name.clone());
        }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.room.state().running.remove(&self.id);
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    panic.downcast_ref::<&str>().copied().or_else(owned).unwrap_or("no message")
}
