//! How endpoints and replicas are at one moment, for those who show it.

use clock::UnixNanos;
use url::Url;

use crate::{EndpointState, Engine, ReplicaStatus};

/// An endpoint at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSnapshot {
    /// The organization that owns it.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Hub id of the model that it serves.
    pub model: String,
    /// The first part of its replicas' ids.
    pub deployment: String,
    /// The software in its replicas, when it is known and the same in all that are known.
    pub engine: Option<Engine>,
    /// What it can do now.
    pub state: EndpointState,
    /// The state for people, with a failed replica's reason.
    pub message: String,
    /// Running replicas.
    pub running: u32,
    /// Replicas that are kept up.
    pub min_replicas: u32,
    /// Replicas that it may have at most.
    pub max_replicas: u32,
    /// Calls received whose HTTP status is not known yet, with or without a replica.
    pub pending: u64,
    /// When the fleet was made.
    pub created: UnixNanos,
    /// The last change of a replica's status, or `created`.
    pub updated: UnixNanos,
    /// Its replicas, in the order of the configuration.
    pub replicas: Vec<ReplicaSnapshot>,
}

/// A replica at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSnapshot {
    /// Its id.
    pub replica_id: String,
    /// Where it is in its life.
    pub status: ReplicaStatus,
    /// Since when it has that status.
    pub since: UnixNanos,
    /// Why, for people.
    pub message: String,
    /// Its root url.
    pub url: Url,
    /// The software in it, when known.
    pub engine: Option<Engine>,
    /// The process, while there is one that we started.
    pub pid: Option<u32>,
    /// Its calls whose HTTP status is not known yet.
    pub pending: u64,
    /// Its calls that are not over yet, pending ones included.
    pub open: u64,
}

impl EndpointSnapshot {
    /// The engine that all replicas with a known one share.
    pub(crate) fn shared_engine(replicas: &[ReplicaSnapshot]) -> Option<Engine> {
        let mut known = replicas.iter().filter_map(|replica| replica.engine);
        let first = known.next()?;
        known.all(|engine| engine == first).then_some(first)
    }

    /// The sentence for `state`, with the reason of the first failed replica when it is failed.
    pub(crate) fn sentence(state: EndpointState, replicas: &[ReplicaSnapshot]) -> String {
        let failed = |replica: &&ReplicaSnapshot| replica.status == ReplicaStatus::Failed;
        match replicas.iter().find(failed) {
            Some(replica) if state == EndpointState::Failed => {
                format!("{}: {}", state.sentence(), replica.message)
            }
            Some(_) | None => state.sentence().to_owned(),
        }
    }
}
