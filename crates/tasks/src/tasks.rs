//! The handle that spawns, and the ordered end.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::grace::Grace;
use crate::periodic::{Nudge, repeat};
use crate::report::Report;
use crate::room::Room;
use crate::stage::Stage;

/// How often the tasks that a stop still waits for are logged.
const REMINDER: Duration = Duration::from_secs(5);
/// How long an aborted task may take to reach its next await; after that it is left behind.
const ABORT: Duration = Duration::from_secs(1);

/// All tasks of a process; clones share them.
#[derive(Clone)]
pub struct Tasks(Arc<[Arc<Room>; Stage::ORDER.len()]>);

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Stage::ORDER.map(|stage| Arc::new(Room::new(stage)))))
    }

    fn room(&self, stage: Stage) -> &Arc<Room> {
        &self.0[stage.index()]
    }

    /// The token that is cancelled when `stage` is to end. Tasks of the stage watch it.
    #[must_use]
    pub fn token(&self, stage: Stage) -> CancellationToken {
        self.room(stage).token.clone()
    }

    /// Runs `task` beside the caller. It should end soon after `stage`'s token is cancelled; it is
    /// aborted at its next await when the stage's grace is over. After that a new task is not run.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(
        &self,
        stage: Stage,
        name: impl Into<Cow<'static, str>>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.room(stage).spawn(name.into(), false, task);
    }

    /// Runs `work` as a task, from now on, and gives what it answers. It comes to its end also when nobody waits for it any
    /// more. `None` if a panic or the end of the stage's grace came first.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn to_the_end<T, W>(
        &self,
        stage: Stage,
        name: &'static str,
        work: W,
    ) -> impl Future<Output = Option<T>> + use<T, W>
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        self.spawn(stage, name, async move {
            let _ = done.send(work.await);
        });
        async { result.await.ok() }
    }

    /// As [`Tasks::spawn`], for a task without which the process does not do its job: should a panic end it,
    /// [`Tasks::lost`] names it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn_vital(
        &self,
        stage: Stage,
        name: impl Into<Cow<'static, str>>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.room(stage).spawn(name.into(), true, task);
    }

    /// The vital tasks that a panic has ended.
    #[must_use]
    pub fn lost(&self) -> Vec<Cow<'static, str>> {
        self.0.iter().flat_map(|room| room.lost()).collect()
    }

    /// How many times a task has panicked since the start, in `stage`.
    #[must_use]
    pub fn panics(&self, stage: Stage) -> u64 {
        self.room(stage).panics()
    }

    /// Runs `activate` at once, `pause` after each of its ends, and on a nudge. It must be
    /// idempotent: it looks for itself what is due. A run that panics is logged and counted, and the next one comes
    /// in its time.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn_every<F: Future<Output = ()> + Send + 'static>(
        &self,
        stage: Stage,
        name: impl Into<Cow<'static, str>>,
        pause: Duration,
        activate: impl FnMut() -> F + Send + 'static,
    ) -> Nudge {
        let (nudge, name) = (Nudge::new(), name.into());
        let (room, named) = (Arc::clone(self.room(stage)), name.clone());
        let panicked = move |panic: &_| room.panicked_and_goes_on(&named, panic);
        let run = repeat(self.token(stage), nudge.clone(), pause, activate, panicked);
        self.spawn(stage, name, run);
        nudge
    }

    /// The names of the tasks of `stage` that have not ended.
    #[must_use]
    pub fn running(&self, stage: Stage) -> Vec<Cow<'static, str>> {
        self.room(stage).running()
    }

    /// Ends all tasks, stage after stage, and says which did not end by themselves. Returns no
    /// later than the sum of the graces and a second more for each stage.
    pub async fn stop(&self, grace: Grace) -> Report {
        let mut report = Report::default();
        for stage in Stage::ORDER {
            let room = self.room(stage);
            room.token.cancel();
            let aborted = end(room, stage, grace.of(stage)).await;
            report.aborted.extend(aborted.into_iter().map(|name| (stage, name)));
        }
        for stage in Stage::ORDER {
            let panicked = self.room(stage).panicked();
            report.panicked.extend(panicked.into_iter().map(|name| (stage, name)));
        }
        report
    }
}

/// Waits for a stage's tasks and aborts those that are left when the grace is over.
async fn end(room: &Room, stage: Stage, grace: Duration) -> Vec<Cow<'static, str>> {
    let deadline = Instant::now() + grace;
    loop {
        let until = deadline.min(Instant::now() + REMINDER);
        if timeout_at(until, room.joined()).await.is_ok() && room.end_if_idle() {
            return Vec::new();
        }
        let waiting = room.running();
        if Instant::now() >= deadline {
            break;
        }
        tracing::info!(stage = stage.name(), ?waiting, "waiting for tasks to end");
    }
    let aborted = room.abort();
    tracing::warn!(stage = stage.name(), ?aborted, "tasks did not end in time and are aborted");
    if timeout(ABORT, room.joined()).await.is_err() {
        tracing::error!(stage = stage.name(), tasks = ?room.running(), "tasks are left behind");
    }
    aborted
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;

    const GRACE: Grace = Grace::each(Duration::from_secs(10));

    #[tokio::test(start_paused = true)]
    async fn stages_end_one_after_the_other() {
        let tasks = Tasks::new();
        let ended = Arc::new(Mutex::new(Vec::new()));
        for stage in Stage::ORDER.into_iter().rev() {
            let (token, ended) = (tasks.token(stage), Arc::clone(&ended));
            tasks.spawn(stage, stage.name(), async move {
                token.cancelled().await;
                sleep(Duration::from_secs(1)).await;
                ended.lock().unwrap().push(stage);
            });
        }
        assert_eq!(tasks.running(Stage::Wal), ["wal"]);
        let started = Instant::now();
        let report = tasks.stop(GRACE).await;
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(*ended.lock().unwrap(), Stage::ORDER);
        assert_eq!(started.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_in_its_grace_is_aborted_and_named() {
        let tasks = Tasks::new();
        tasks.spawn(Stage::Streams, "deaf", pending());
        tasks.spawn(Stage::Streams, "quick", async {});
        tasks.spawn(Stage::Wal, format!("deaf {}", 2), pending());
        let started = Instant::now();
        let report = tasks.stop(GRACE.with(Stage::Streams, Duration::from_secs(30))).await;
        let aborted = [(Stage::Streams, "deaf".into()), (Stage::Wal, "deaf 2".into())];
        assert_eq!((report.aborted.as_slice(), report.is_clean()), (aborted.as_slice(), false));
        assert_eq!(started.elapsed().as_secs(), 40);
        assert!(Stage::ORDER.iter().all(|stage| tasks.running(*stage).is_empty()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_task_counts_as_ended_and_is_named() {
        let tasks = Tasks::new();
        tasks.spawn(Stage::Ingest, "clumsy", async { panic!("dropped it") });
        let report = tasks.stop(GRACE).await;
        assert_eq!(report.aborted, []);
        assert_eq!(report.panicked, [(Stage::Ingest, "clumsy".into())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_a_vital_task_but_not_one_that_repeats() {
        let tasks = Tasks::new();
        let runs = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&runs);
        tasks.spawn_vital(Stage::Ingest, "heart", async { panic!("stopped") });
        tasks.spawn_every(Stage::Wal, "limp", Duration::from_secs(1), move || {
            let run = count.fetch_add(1, Ordering::SeqCst);
            async move { assert!(run != 0, "the first run fails") }
        });
        sleep(Duration::from_millis(1_500)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(
            (tasks.lost(), tasks.running(Stage::Wal)),
            (vec!["heart".into()], vec!["limp".into()])
        );
        assert_eq!((tasks.panics(Stage::Ingest), tasks.panics(Stage::Wal)), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_may_come_while_its_stage_ends_but_not_after() {
        let tasks = Tasks::new();
        let runs = Arc::new(AtomicU32::new(0));
        let (inner, token, count) = (tasks.clone(), tasks.token(Stage::Streams), Arc::clone(&runs));
        tasks.spawn(Stage::Streams, "last call", async move {
            token.cancelled().await;
            inner.spawn(Stage::Streams, "its tail", async move {
                sleep(Duration::from_secs(1)).await;
                count.fetch_add(1, Ordering::SeqCst);
            });
        });
        assert!(tasks.stop(GRACE).await.is_clean());
        assert_eq!(runs.load(Ordering::SeqCst), 1);

        let count = Arc::clone(&runs);
        tasks.spawn(Stage::Streams, "late", async move {
            count.fetch_add(1, Ordering::SeqCst);
        });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert!(tasks.stop(GRACE).await.is_clean(), "a second stop has nothing to do");
    }

    #[tokio::test(start_paused = true)]
    async fn periodic_work_runs_at_once_on_the_timer_and_on_a_nudge() {
        let tasks = Tasks::new();
        let runs = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&runs);
        let minute = Duration::from_secs(60);
        let nudge = tasks.spawn_every(Stage::Maintenance, "tidy", minute, move || {
            let count = Arc::clone(&count);
            async move {
                sleep(Duration::from_secs(1)).await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let after = async |seconds| {
            sleep(Duration::from_secs(seconds)).await;
            runs.load(Ordering::SeqCst)
        };
        assert_eq!(after(2).await, 1, "at once");
        assert_eq!(after(61).await, 2, "on the timer, counted from the end of the first");
        nudge.nudge();
        nudge.nudge();
        assert_eq!(after(2).await, 3, "on a nudge");
        assert_eq!(after(50).await, 3, "two nudges before a run are one");
        assert!(tasks.stop(GRACE).await.is_clean());
        assert_eq!(after(600).await, 3, "not after the end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_under_way_is_finished_within_the_grace() {
        let tasks = Tasks::new();
        let runs = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&runs);
        tasks.spawn_every(Stage::Maintenance, "flush", Duration::from_secs(60), move || {
            let count = Arc::clone(&count);
            async move {
                sleep(Duration::from_secs(5)).await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        sleep(Duration::from_secs(1)).await;
        assert!(tasks.stop(GRACE).await.is_clean());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}
