//! What can be wrong with a fleet that was asked for, and with a call that finds no replica.

use std::time::Duration;

use fault::{Class, Fault};

use crate::EndpointState;

/// A fleet that cannot be set up as asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A name that cannot stand in a path.
    #[error("{name:?} is no name: use letters, digits, '-', '_' and '.', at most 64 of them")]
    BadName {
        /// What was given.
        name: String,
    },
    /// Two endpoints of one name.
    #[error("endpoint {namespace}/{name} is declared twice")]
    SameNameTwice {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// An endpoint without a model.
    #[error("endpoint {endpoint:?} names no model")]
    NoModel {
        /// The endpoint.
        endpoint: String,
    },
    /// Replica bounds that make no sense.
    #[error(
        "endpoint {endpoint:?}: min_replicas {min} and max_replicas {max} must be 0 ≤ min ≤ max, 1 ≤ max ≤ {most}"
    )]
    BadRange {
        /// The endpoint.
        endpoint: String,
        /// The lower bound given.
        min: u32,
        /// The upper bound given.
        max: u32,
        /// The largest upper bound accepted.
        most: u32,
    },
    /// An empty list of urls.
    #[error("endpoint {endpoint:?} has no replicas")]
    NoReplicas {
        /// The endpoint.
        endpoint: String,
    },
    /// A url that no replica can have.
    #[error("endpoint {endpoint:?}: {url}: {problem}")]
    BadUrl {
        /// The endpoint.
        endpoint: String,
        /// The url, without credentials.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// One url, two replicas.
    #[error("endpoint {endpoint:?}: {url} is listed twice")]
    SameUrlTwice {
        /// The endpoint.
        endpoint: String,
        /// The url, without credentials.
        url: String,
    },
    /// A process without a program to start.
    #[error("endpoint {endpoint:?}: its process has no command")]
    NoCommand {
        /// The endpoint.
        endpoint: String,
    },
    /// A process that cannot know where to listen.
    #[error("endpoint {endpoint:?}: its command and env nowhere say {{port}}")]
    NoPort {
        /// The endpoint.
        endpoint: String,
    },
    /// No way to check the certificate of an https replica.
    #[error(
        "the root certificates of this machine cannot be read, and a replica is https: {reason}"
    )]
    RootCertificates {
        /// What the machine said.
        reason: String,
    },
}

impl Error {
    /// Class, blame and retry: all of these are the configuration's, but for the missing certificates.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::BadName { .. }
            | Self::NoModel { .. }
            | Self::BadRange { .. }
            | Self::NoReplicas { .. }
            | Self::BadUrl { .. }
            | Self::SameUrlTwice { .. }
            | Self::NoCommand { .. }
            | Self::NoPort { .. } => Fault::caller(Class::Invalid),
            Self::SameNameTwice { .. } => Fault::caller(Class::Conflict),
            Self::RootCertificates { .. } => Fault::us(Class::Unavailable),
        }
    }
}

/// Why a call gets no replica.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoReplica {
    /// No replica is running.
    #[error("no replica of the endpoint is running: it is {state}")]
    NoneRunning {
        /// What the endpoint is instead.
        state: EndpointState,
    },
    /// Every running replica was tried for this call.
    #[error("every running replica of the endpoint was tried")]
    AllTried,
}

impl NoReplica {
    /// When another call makes sense: by then replicas have been probed again.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::NoneRunning { .. } | Self::AllTried => Duration::from_secs(2),
        }
    }

    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::upstream(Class::Unavailable).after(self.retry_after())
    }
}
