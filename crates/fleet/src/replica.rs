//! One replica: where it is, how it is, and how many calls it has.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use clock::UnixNanos;
use http::Uri;
use tokio::sync::Notify;
use url::Url;

use crate::journal::{Journal, Subject};
use crate::output::Output;
use crate::{Engine, ReplicaSnapshot, ReplicaStatus};

/// One replica. Its counters are read on every call, so they and `running` are atomics beside the lock.
pub(crate) struct Replica {
    subject: Subject,
    url: Url,
    /// The url as an HTTP client takes it, so that no call has to parse it.
    base: Uri,
    engine: OnceLock<Engine>,
    pub(crate) output: Option<Arc<Output>>,
    pub(crate) load: Load,
    running: AtomicBool,
    state: Mutex<State>,
    journal: Arc<Journal>,
    /// The endpoint's: wakes calls that wait for a replica.
    began: Arc<Notify>,
    /// Wakes the supervisor: a call failed.
    blamed: Notify,
}

/// Calls that a replica has now.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Calls whose HTTP status is not known yet.
    pub(crate) pending: AtomicU64,
    /// Calls that are not over yet, the pending ones included.
    pub(crate) open: AtomicU64,
}

struct State {
    status: ReplicaStatus,
    since: UnixNanos,
    message: String,
    pid: Option<u32>,
    blames: u64,
}

/// What a new replica is made of.
pub(crate) struct Birth {
    pub(crate) subject: Subject,
    pub(crate) url: Url,
    pub(crate) engine: Option<Engine>,
    pub(crate) output: Option<Arc<Output>>,
    pub(crate) message: &'static str,
}

impl Replica {
    /// A pending replica; the journal hears of it.
    pub(crate) fn new(birth: Birth, journal: Arc<Journal>, began: Arc<Notify>) -> Arc<Self> {
        let status = ReplicaStatus::Pending;
        let since = journal.record(&birth.subject, None, status, birth.message);
        let state =
            State { status, since, message: birth.message.to_owned(), pid: None, blames: 0 };
        Arc::new(Self {
            base: birth.url.as_str().parse().expect("a url that was checked is a URI"),
            subject: birth.subject,
            url: birth.url,
            engine: birth.engine.map_or_else(OnceLock::new, OnceLock::from),
            output: birth.output,
            load: Load::default(),
            running: AtomicBool::new(false),
            state: Mutex::new(state),
            journal,
            began,
            blamed: Notify::new(),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.subject.replica_id
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) const fn base(&self) -> &Uri {
        &self.base
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        self.engine.get().copied()
    }

    /// Sets the engine, once: later calls change nothing.
    pub(crate) fn know_engine(&self, engine: Engine) {
        let _ = self.engine.set(engine);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub(crate) fn status(&self) -> ReplicaStatus {
        self.state().status
    }

    /// How many calls have failed here so far: a probe that began before the last one proves nothing.
    pub(crate) fn blames(&self) -> u64 {
        self.state().blames
    }

    pub(crate) fn set_pid(&self, pid: Option<u32>) {
        self.state().pid = pid;
    }

    /// Moves to `status`; the same status again only renews the message. `Terminated` is final.
    pub(crate) fn set(&self, status: ReplicaStatus, message: impl Into<String>) {
        self.change(&mut self.state(), status, message.into());
    }

    /// As [`Self::set`], for what a probe found that began when `blames` calls had failed.
    pub(crate) fn set_if_blames(&self, blames: u64, status: ReplicaStatus, message: String) {
        let mut state = self.state();
        if status != ReplicaStatus::Running || state.blames == blames {
            self.change(&mut state, status, message);
        }
    }

    /// Takes a running replica out because a call failed, until a later probe finds it healthy.
    pub(crate) fn blame(&self, why: &str) {
        let mut state = self.state();
        state.blames += 1;
        if state.status == ReplicaStatus::Running {
            self.change(&mut state, ReplicaStatus::Failed, format!("a call failed: {why}"));
            self.blamed.notify_one();
        }
    }

    /// Returns when a call took the replica out.
    pub(crate) async fn blamed(&self) {
        self.blamed.notified().await;
    }

    fn change(&self, state: &mut State, status: ReplicaStatus, message: String) {
        if state.status == ReplicaStatus::Terminated {
            return;
        }
        if state.status != status {
            state.since = self.journal.record(&self.subject, Some(state.status), status, &message);
            state.status = status;
            self.running.store(status == ReplicaStatus::Running, Ordering::Release);
        }
        state.message = message;
        if status == ReplicaStatus::Running {
            self.began.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> ReplicaSnapshot {
        let state = self.state();
        ReplicaSnapshot {
            replica_id: self.id().to_owned(),
            status: state.status,
            since: state.since,
            message: state.message.clone(),
            url: self.url.clone(),
            engine: self.engine(),
            pid: state.pid,
            pending: self.load.pending.load(Ordering::Relaxed),
            open: self.load.open.load(Ordering::Relaxed),
        }
    }
}
