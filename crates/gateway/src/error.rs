use std::time::Duration;

use fault::{Class, Fault};
use openai::PeekError;

use crate::picker::{Failure, NoReplica};
use crate::record::{CANCELLED, End, Trouble};

/// Why the gateway answers a call itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request names a model that no endpoint serves.
    #[error("The requested model '{model}' is not supported by any provider you have enabled.")]
    UnknownModel {
        /// The model as it was sent.
        model: String,
    },
    /// The request's body names no model, so nothing can be routed by it.
    #[error(
        "the request body names no `model`; to call an endpoint whatever the model, use /endpoints/{{namespace}}/{{name}}/…"
    )]
    NoModel,
    /// The request's body cannot be read as far as routing needs.
    #[error("{0}")]
    Unreadable(#[source] PeekError),
    /// The path names an endpoint that does not exist.
    #[error("there is no endpoint {namespace}/{name}")]
    UnknownEndpoint {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// The path cannot be put behind a replica's address.
    #[error("the path is not a valid URL path")]
    BadPath,
    /// The request's body is over the limit.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The caller went away while it sent its request.
    #[error("the request body ended early")]
    CallerGone,
    /// No replica can take the call.
    #[error("no replica of {endpoint} can take the call: {none}")]
    NoReplica {
        /// Namespace and name of the endpoint.
        endpoint: String,
        /// What the picker said.
        none: NoReplica,
    },
    /// Every replica that was tried failed before its answer began.
    #[error("{} ({endpoint}, attempts: {attempts})", words(*.failure))]
    Unanswered {
        /// Namespace and name of the endpoint.
        endpoint: String,
        /// How the last one failed.
        failure: Failure,
        /// Replicas tried.
        attempts: u32,
        /// What the connection said; for the record, not for the caller.
        detail: String,
    },
}

const fn words(failure: Failure) -> &'static str {
    match failure {
        Failure::Connect => "connection refused: no replica could be reached",
        Failure::Reset => "the replica closed the connection before it answered",
        Failure::Timeout => "the replica timed out before it answered",
    }
}

/// How long to wait after replicas could not be reached: about the time that a health check takes.
const UNREACHED: Duration = Duration::from_secs(2);

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownModel { .. } | Self::NoModel | Self::BadPath | Self::CallerGone => {
                Fault::caller(Class::Invalid)
            }
            Self::Unreadable(error) => error.fault(),
            Self::UnknownEndpoint { .. } => Fault::caller(Class::NotFound),
            Self::TooLarge { .. } => Fault::caller(Class::TooLarge),
            Self::NoReplica { none, .. } => Fault::us(Class::Unavailable).after(none.retry_after),
            Self::Unanswered { failure, .. } => match failure {
                Failure::Connect => Fault::upstream(Class::Unavailable).after(UNREACHED),
                Failure::Reset => Fault::upstream(Class::Unavailable).elsewhere(),
                Failure::Timeout => Fault::upstream(Class::Timeout),
            },
        }
    }

    pub(crate) const fn end(&self) -> End {
        match self {
            Self::UnknownModel { .. }
            | Self::NoModel
            | Self::Unreadable(_)
            | Self::UnknownEndpoint { .. }
            | Self::BadPath
            | Self::TooLarge { .. }
            | Self::NoReplica { .. } => End::Refused,
            Self::CallerGone => End::ClientLeft,
            Self::Unanswered { .. } => End::UpstreamFailed,
        }
    }

    pub(crate) fn trouble(&self) -> Trouble {
        let kind = match self {
            Self::UnknownModel { .. } => "model_not_supported",
            Self::NoModel | Self::Unreadable(_) | Self::BadPath | Self::TooLarge { .. } => {
                "bad_request"
            }
            Self::UnknownEndpoint { .. } => "not_found",
            Self::CallerGone => CANCELLED,
            Self::NoReplica { .. } => "overloaded",
            Self::Unanswered { failure, .. } => match failure {
                Failure::Connect | Failure::Reset => "connection",
                Failure::Timeout => "timeout",
            },
        };
        let message = match self {
            Self::Unanswered { detail, .. } if !detail.is_empty() => format!("{self}: {detail}"),
            _ => self.to_string(),
        };
        Trouble { kind, message }
    }
}
