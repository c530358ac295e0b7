//! Secrets and personal data taken out of text, and how much of what was said is kept at all.
//!
//! [`Rules::redact`] gives back a text in which every match of every rule is `[redacted:<rule>]`; a text without a
//! match is borrowed, not copied. The [built-in rules](Rules::built_in) know keys and tokens of common services,
//! authorization values, private keys, e-mail addresses and payment cards; [`Rules::and`] adds own patterns.
//! One search for a pattern is linear in the text, whatever the pattern is. A text that is JSON is looked at text by text, and by the
//! names of its fields: what is left of it is JSON still.
//!
//! [`named`] tells the names of attributes, headers and fields whose value lets somebody in; [`without_authorizations`]
//! takes those that are never kept out of JSON, whatever the rules.
//!
//! [`Policies`] say what holds for the rows of a stream: the operator's word, and above it what an organisation has set
//! for itself, which can only be stricter.
//!
//! This crate knows no span and no row, and does no I/O.

mod built_in;
mod json;
mod names;
mod policy;
mod rules;
mod suspect;

pub use names::{Named, named};
pub use policy::{Capture, Exception, Operator, Policies, Policy, Setting};
pub use rules::{OwnRule, Redacted, RuleError, Rules, without_authorizations};
