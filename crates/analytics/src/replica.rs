use std::collections::BTreeMap;
use std::str::FromStr;

use crate::labels::Label;

/// How many replicas of an endpoint are remembered at most; past that the one unseen for longest goes.
const MOST_REPLICAS: usize = 2_000;

/// How many transitions of a replica are remembered at most; past that the oldest goes.
const MOST_TRANSITIONS: usize = 500;

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplicaStatus {
    /// It is to be started.
    Pending,
    /// Model weights are fetched.
    Downloading,
    /// A container image is fetched.
    Pulling,
    /// The server starts.
    Initializing,
    /// It answers.
    Running,
    /// It finishes its calls and takes no new one.
    Draining,
    /// It does not answer.
    Failed,
    /// It ended.
    Terminated,
    /// Nobody was watching: Inferscope itself did not run.
    Unseen,
}

impl ReplicaStatus {
    const ALL: [Self; 9] = [
        Self::Pending,
        Self::Downloading,
        Self::Pulling,
        Self::Initializing,
        Self::Running,
        Self::Draining,
        Self::Failed,
        Self::Terminated,
        Self::Unseen,
    ];

    /// The status in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Downloading => "downloading",
            Self::Pulling => "pulling",
            Self::Initializing => "initializing",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Unseen => "unseen",
        }
    }

    /// Whether the replica is on its way to run.
    pub(crate) const fn is_starting(self) -> bool {
        match self {
            Self::Pending | Self::Downloading | Self::Pulling | Self::Initializing => true,
            Self::Running | Self::Draining | Self::Failed | Self::Terminated | Self::Unseen => {
                false
            }
        }
    }

    /// Whether nothing is to be seen of the replica.
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Terminated | Self::Unseen)
    }
}

impl FromStr for ReplicaStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// A replica takes a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The replica.
    pub replica_id: String,
    /// What it became.
    pub status: ReplicaStatus,
    /// Why; empty when there is nothing to say.
    pub message: String,
    /// When, µs since 1970-01-01 UTC.
    pub at_us: i64,
}

/// A status with its begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) at_us: i64,
    pub(crate) status: ReplicaStatus,
    pub(crate) message: Option<String>,
}

/// The life of one replica.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// Ascending in time.
    pub(crate) transitions: Vec<Transition>,
    /// Until when something was known of it, µs since 1970-01-01 UTC.
    pub(crate) seen_us: i64,
    /// Whether this process watches it.
    pub(crate) watched: bool,
}

impl Life {
    pub(crate) fn status(&self) -> Option<ReplicaStatus> {
        self.transitions.last().map(|transition| transition.status)
    }

    /// Puts a transition in its place in time; one that is known already is left out.
    fn insert(&mut self, transition: Transition) {
        self.seen_us = self.seen_us.max(transition.at_us);
        let place = self.transitions.partition_point(|known| known.at_us <= transition.at_us);
        let same = |known: &Transition| {
            known.at_us == transition.at_us && known.status == transition.status
        };
        if self.transitions[..place]
            .iter()
            .rev()
            .take_while(|known| known.at_us == transition.at_us)
            .any(same)
        {
            return;
        }
        self.transitions.insert(place, transition);
        if self.transitions.len() > MOST_TRANSITIONS {
            self.transitions.remove(0);
        }
    }

    /// Keeps what happened since `floor_us`, and the status that the replica had then.
    fn forget_before(&mut self, floor_us: i64) {
        let since = self.transitions.partition_point(|transition| transition.at_us < floor_us);
        self.transitions.drain(..since.saturating_sub(1));
    }
}

/// The lives of an endpoint's replicas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives(pub(crate) BTreeMap<Label, Life>);

impl Lives {
    /// Records a transition that this process saw; `false` when the replica had the status already.
    pub(crate) fn change(&mut self, replica: Label, transition: Transition) -> bool {
        let life = self.life(replica);
        let news = !life.watched || life.status() != Some(transition.status);
        life.watched = true;
        if news {
            life.insert(transition);
        }
        news
    }

    /// Records a transition that was stored.
    pub(crate) fn recall(&mut self, replica: Label, transition: Transition) {
        self.life(replica).insert(transition);
    }

    /// Records that something was known of the replica at `us`.
    pub(crate) fn see(&mut self, replica: Label, us: i64) {
        let life = self.life(replica);
        life.seen_us = life.seen_us.max(us);
    }

    /// Ends, where it was last seen, the life of each replica that was stored: this process has yet to
    /// see it. Returns the transitions that say so.
    pub(crate) fn lose_sight(&mut self, now_us: i64) -> Vec<(Label, Transition)> {
        let mut lost = Vec::new();
        for (replica, life) in &mut self.0 {
            let Some(last) = life.transitions.last().filter(|last| !last.status.is_over()) else {
                continue;
            };
            let at_us = life.seen_us.min(now_us).max(last.at_us.saturating_add(1));
            let transition = Transition { at_us, status: ReplicaStatus::Unseen, message: None };
            life.insert(transition.clone());
            lost.push((replica.clone(), transition));
        }
        lost
    }

    /// The present status of each replica that this process watches, unless it is over.
    pub(crate) fn present(&self) -> impl Iterator<Item = (&Label, &Transition)> {
        let watched = self.0.iter().filter(|(_, life)| life.watched);
        let last = watched.filter_map(|(replica, life)| Some((replica, life.transitions.last()?)));
        last.filter(|(_, transition)| !transition.status.is_over())
    }

    /// Adds what another account of the same replicas knows.
    pub(crate) fn merge(&mut self, other: Self) {
        for (replica, life) in other.0 {
            let own = self.life(replica);
            own.seen_us = own.seen_us.max(life.seen_us);
            own.watched |= life.watched;
            life.transitions.into_iter().for_each(|transition| own.insert(transition));
        }
    }

    pub(crate) fn forget_before(&mut self, floor_us: i64) {
        self.0.retain(|_, life| {
            life.seen_us >= floor_us
                || (life.watched && !life.status().is_none_or(ReplicaStatus::is_over))
        });
        self.0.values_mut().for_each(|life| life.forget_before(floor_us));
    }

    fn life(&mut self, replica: Label) -> &mut Life {
        if self.0.len() >= MOST_REPLICAS && !self.0.contains_key(&replica) {
            let oldest = self
                .0
                .iter()
                .min_by_key(|(_, life)| (life.watched, life.seen_us))
                .map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                self.0.remove(&name);
            }
        }
        self.0.entry(replica).or_default()
    }
}
