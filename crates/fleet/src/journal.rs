//! What happened to which replica, and when: kept in a bounded list and told to whoever listens.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use clock::{SharedClock, UnixNanos};
use tokio::sync::broadcast;

use crate::ReplicaStatus;

/// Changes that a slow listener may be behind before it misses the oldest (and is told how many).
const BEHIND: usize = 1_024;

/// One change of one replica's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Counts the changes of this fleet from 0, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: UnixNanos,
    /// The endpoint's namespace.
    pub namespace: String,
    /// The endpoint's name.
    pub endpoint: String,
    /// The replica.
    pub replica_id: String,
    /// What it was before; `None` when it is new.
    pub from: Option<ReplicaStatus>,
    /// What it is now.
    pub to: ReplicaStatus,
    /// Why, for people.
    pub message: String,
}

/// The changes since the fleet was made, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The newest changes, as many as are kept.
    pub changes: Vec<StatusChange>,
    /// How many older ones are no longer kept.
    pub dropped: u64,
}

/// Whose status changed.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) namespace: String,
    pub(crate) endpoint: String,
    pub(crate) replica_id: String,
}

/// Takes down changes, stamps them with the time and tells listeners.
pub(crate) struct Journal {
    clock: SharedClock,
    limit: usize,
    kept: Mutex<VecDeque<StatusChange>>,
    sender: broadcast::Sender<StatusChange>,
}

impl Journal {
    pub(crate) fn new(clock: SharedClock, limit: usize) -> Self {
        let (sender, _) = broadcast::channel(BEHIND);
        Self { clock, limit: limit.max(1), kept: Mutex::default(), sender }
    }

    pub(crate) fn now(&self) -> UnixNanos {
        self.clock.now()
    }

    /// Takes down that `subject` went from `from` to `to`; answers the time it noted.
    pub(crate) fn record(
        &self,
        subject: &Subject,
        from: Option<ReplicaStatus>,
        to: ReplicaStatus,
        message: &str,
    ) -> UnixNanos {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let change = StatusChange {
            sequence: kept.back().map_or(0, |last| last.sequence + 1),
            at: self.clock.now(),
            namespace: subject.namespace.clone(),
            endpoint: subject.endpoint.clone(),
            replica_id: subject.replica_id.clone(),
            from,
            to,
            message: message.to_owned(),
        };
        let at = change.at;
        if kept.len() == self.limit {
            kept.pop_front();
        }
        kept.push_back(change.clone());
        // Nobody listening is fine. Sent under the lock, so listeners see the order of the list.
        let _ = self.sender.send(change);
        drop(kept);
        let (endpoint, replica_id) = (&subject.endpoint, &subject.replica_id);
        tracing::info!(namespace = subject.namespace, endpoint, replica_id, status = %to, message, "replica changed");
        at
    }

    pub(crate) fn history(&self) -> History {
        Self::copy(&self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The changes so far and a receiver of all later ones: nothing is missed or doubled between the two.
    pub(crate) fn subscribe(&self) -> (History, broadcast::Receiver<StatusChange>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (Self::copy(&kept), self.sender.subscribe())
    }

    fn copy(kept: &VecDeque<StatusChange>) -> History {
        let dropped = kept.front().map_or(0, |oldest| oldest.sequence);
        History { changes: kept.iter().cloned().collect(), dropped }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clock::ManualClock;

    use super::*;

    #[test]
    fn the_oldest_changes_go_and_are_counted() {
        let clock = Arc::new(ManualClock::at(UnixNanos(7)));
        let journal = Journal::new(clock.clone(), 2);
        let subject =
            Subject { namespace: "n".into(), endpoint: "e".into(), replica_id: "r".into() };
        assert_eq!(journal.history(), History::default());
        journal.record(&subject, None, ReplicaStatus::Pending, "new");
        let (before, mut later) = journal.subscribe();
        clock.set(UnixNanos(9));
        journal.record(&subject, Some(ReplicaStatus::Pending), ReplicaStatus::Running, "healthy");
        journal.record(&subject, Some(ReplicaStatus::Running), ReplicaStatus::Failed, "gone");

        assert_eq!((before.changes.len(), before.dropped), (1, 0));
        let after = journal.history();
        assert_eq!((after.changes.len(), after.dropped), (2, 1));
        assert_eq!(after.changes[0], later.try_recv().unwrap());
        assert_eq!((after.changes[0].at, after.changes[1].sequence), (UnixNanos(9), 2));
    }
}
