//! The few rows that change: organisations, users, access tokens, own prices, re-pricings and privacy settings, each kept
//! once its call has returned.
//!
//! [`Metadata`] is one SQLite file in write-ahead-log mode, readable by its owner only. Every
//! function is one statement or one transaction; a secret comes in and goes out as a digest or a
//! password hash, never in clear. Times are microseconds since 1970-01-01 UTC and come from the caller.
//!
//! This crate has no policy: it does not know what a scope allows, who may ask, or what time it is.

mod error;
mod migrations;
mod orgs;
mod prices;
mod privacy;
mod repricings;
mod store;
mod tokens;
mod users;

pub use error::Error;
pub use orgs::{Created, Org};
pub use prices::Price;
pub use privacy::PrivacySetting;
pub use repricings::Repricing;
pub use store::Metadata;
pub use tokens::{Digest, Token};
pub use users::{Role, User};
