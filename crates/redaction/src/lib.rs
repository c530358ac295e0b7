//! Secrets and personal data taken out of text: what a rule finds does not survive.
//!
//! [`Rules::redact`] gives back a text in which every match of every rule is `[redacted:<rule>]`; a text without a
//! match is borrowed, not copied. The [built-in rules](Rules::built_in) know keys and tokens of common services,
//! authorization values, private keys, e-mail addresses and payment cards; [`Rules::with`] adds own patterns.
//! Patterns run in time linear in the text, whatever they are. Texts are often JSON inside a string: what is left
//! of them is JSON still, because a marker begins after an escape and stands in quotes where a number stood.
//!
//! [`is_authorization`] tells the names of attributes and headers whose value is never to be kept.
//!
//! This crate knows no span and no row, does no I/O, and keeps nothing.

mod built_in;
mod header;
mod rules;
mod suspect;

pub use header::is_authorization;
pub use rules::{Redacted, RuleError, Rules};
