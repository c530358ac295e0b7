//! Who is asking and what they may do: a secret is checked in constant time, and dearly only once.
//!
//! [`Accounts`] turns [`Credentials`] into an [`Identity`] and keeps the organisations, the root
//! login and the access tokens. Passwords are argon2id hashes, tokens 32 random characters of which
//! only the SHA-256 is stored. What proved right is remembered for a while, so that a client that
//! sends a thousand bodies pays for one hash; what proved wrong is never remembered, and only a few
//! wrong ones are looked at at a time. [`Secret`] cannot be printed or serialised.
//!
//! Whoever may not enter an organisation gets the same answer whether it exists or not.
//!
//! This crate knows no HTTP and no gRPC: statuses and headers are made by its callers from
//! [`Error::fault`].

mod accounts;
mod credentials;
mod error;
mod identity;
mod password;
mod remembered;
mod root;
mod scopes;
mod secret;
mod tokens;

pub use accounts::{Accounts, Stats};
pub use credentials::Credentials;
pub use error::Error;
pub use identity::{Identity, Orgs};
pub use root::{DEFAULT_ROOT_EMAIL, FirstLogin, RootLogin};
pub use scopes::{Scope, Scopes, UnknownScope};
pub use secret::Secret;
pub use tokens::{TokenId, TokenInfo};
