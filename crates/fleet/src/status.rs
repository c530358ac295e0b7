//! The states of replicas and endpoints, with the spellings that clients know.

use std::fmt;

/// Where one replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplicaStatus {
    /// Known, but nothing has answered or been started yet.
    Pending,
    /// Started or answering, but not healthy yet.
    Initializing,
    /// Healthy: it gets calls.
    Running,
    /// Told to stop: it gets no new calls and may finish what it has.
    Draining,
    /// It failed a call, failed its probes, or its process ended by itself.
    Failed,
    /// Gone for good; this replica id will not come back.
    Terminated,
}

impl ReplicaStatus {
    /// The spelling on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Initializing => "initializing",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }
}

impl fmt::Display for ReplicaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an endpoint as a whole can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// At least one replica is running.
    Running,
    /// None is running, at least one is on its way.
    Initializing,
    /// None is running or on its way, at least one has failed.
    Failed,
    /// Nothing has happened yet.
    Pending,
    /// It has no replicas because none are asked for.
    ScaledToZero,
}

impl EndpointState {
    /// The state that replicas in `statuses` add up to, for an endpoint that wants at least `wanted` of them.
    pub(crate) fn of(statuses: &[ReplicaStatus], wanted: u32) -> Self {
        let any = |status| statuses.contains(&status);
        if any(ReplicaStatus::Running) {
            Self::Running
        } else if any(ReplicaStatus::Initializing) {
            Self::Initializing
        } else if any(ReplicaStatus::Failed) {
            Self::Failed
        } else if statuses.is_empty() && wanted == 0 {
            Self::ScaledToZero
        } else {
            Self::Pending
        }
    }

    /// The spelling of Hugging Face's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Initializing => "initializing",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::ScaledToZero => "scaledToZero",
        }
    }

    /// The sentence that Hugging Face's API says in this state.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Running => "Endpoint is ready",
            Self::Initializing => "No replicas are ready yet",
            Self::Failed => "Endpoint failed to deploy",
            Self::Pending => "Endpoint waiting to be scheduled",
            Self::ScaledToZero => "Scaled to zero",
        }
    }
}

impl fmt::Display for EndpointState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReplicaStatus::{Draining, Failed, Initializing, Pending, Running};

    #[test]
    fn one_running_replica_makes_an_endpoint_run() {
        assert_eq!(EndpointState::of(&[Failed, Running, Pending], 3), EndpointState::Running);
        assert_eq!(EndpointState::of(&[Failed, Initializing], 2), EndpointState::Initializing);
        assert_eq!(EndpointState::of(&[Pending, Failed], 2), EndpointState::Failed);
        assert_eq!(EndpointState::of(&[Draining], 1), EndpointState::Pending);
    }

    #[test]
    fn no_replicas_is_scaled_to_zero_only_when_none_are_wanted() {
        assert_eq!(EndpointState::of(&[], 0).as_str(), "scaledToZero");
        assert_eq!(EndpointState::of(&[], 1).as_str(), "pending");
    }
}
