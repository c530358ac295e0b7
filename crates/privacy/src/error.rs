use std::time::Duration;

use fault::{Class, Fault};

/// Why a setting was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no setting.
    #[error(
        "the body is no privacy setting, which is {{\"capture\": \"full\" | \"redacted\" | \"none\", \"rules\": [{{\"name\", \"pattern\"}}]}}: {0}"
    )]
    BadSetting(#[source] serde_json::Error),
    /// A rule cannot be used.
    #[error(transparent)]
    Rule(#[from] redaction::RuleError),
    /// The organisation has settings for as many streams as it may.
    #[error(
        "an organization has settings for at most {limit} streams (privacy.most_stream_settings); remove one first"
    )]
    TooManyStreams {
        /// How many.
        limit: usize,
    },
    /// The organisation would have more rules than it may.
    #[error(
        "an organization has at most {limit} rules of its own, those of its streams included (privacy.most_own_rules); remove one first"
    )]
    TooManyRules {
        /// How many.
        limit: usize,
    },
    /// The server is about to stop.
    #[error("the server is shutting down, send again later")]
    Stopping,
    /// The store refused.
    #[error("privacy settings cannot be stored now")]
    Store(#[from] metadata::Error),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::BadSetting(_) | Self::Rule(_) => Fault::caller(Class::Invalid),
            Self::TooManyStreams { .. } | Self::TooManyRules { .. } => {
                Fault::caller(Class::Conflict)
            }
            Self::Stopping => Fault::us(Class::Unavailable).after(Duration::from_secs(2)),
            Self::Store(error) => error.fault(),
        }
    }
}
