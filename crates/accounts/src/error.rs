use std::time::Duration;

use fault::{Class, Fault};
use schema::OrgName;

use crate::Scope;

/// Why somebody may not do something. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request carries no credentials.
    #[error("no credentials: send an Authorization header, Basic or Bearer")]
    NoCredentials,
    /// The `Authorization` header has no form that this program reads.
    #[error("the Authorization header cannot be read: {why}")]
    BadHeader {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody has these credentials, or they have run out.
    #[error("wrong credentials")]
    WrongCredentials,
    /// The login is good elsewhere. The same for an organisation that does not exist.
    #[error("this login does not open organization '{org}'")]
    ForeignOrg {
        /// The organisation as asked for.
        org: OrgName,
    },
    /// The login is good here, but not for this.
    #[error("this login lacks the scope '{scope}'")]
    MissingScope {
        /// What it would need.
        scope: Scope,
    },
    /// There is no such organisation. Said only to those who may enter every one.
    #[error("there is no organization '{org}'")]
    UnknownOrg {
        /// The organisation as asked for.
        org: OrgName,
    },
    /// The most organisations or tokens are there already.
    #[error("no more than {limit} {what} are kept; remove one first")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are kept.
        limit: usize,
    },
    /// A token's name or its set of scopes cannot be stored.
    #[error("a token needs a name of 1 to 100 characters and at least one scope")]
    BadToken,
    /// The first login's e-mail address or password cannot be used.
    #[error("the root login cannot be set: {why}")]
    BadRootLogin {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Too many passwords are waiting to be checked.
    #[error("too many logins at once; try again in a second")]
    Busy,
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness(#[source] rand::rand_core::OsError),
    /// A password cannot be hashed, or a stored hash cannot be read.
    #[error("a password hash cannot be made or read: {0}")]
    Hash(argon2::password_hash::Error),
    /// The store refused.
    #[error("accounts are not available")]
    Store(#[from] metadata::Error),
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NoCredentials | Self::BadHeader { .. } | Self::WrongCredentials => {
                Fault::caller(Class::Unauthenticated)
            }
            Self::ForeignOrg { .. } | Self::MissingScope { .. } => Fault::caller(Class::Forbidden),
            Self::UnknownOrg { .. } => Fault::caller(Class::NotFound),
            Self::TooMany { .. } => Fault::caller(Class::Conflict),
            Self::BadToken | Self::BadRootLogin { .. } => Fault::caller(Class::Invalid),
            Self::Busy => Fault::us(Class::Overloaded).after(Duration::from_secs(1)),
            Self::Randomness(_) | Self::Hash(_) => Fault::us(Class::Bug),
            Self::Store(error) => error.fault(),
        }
    }
}
