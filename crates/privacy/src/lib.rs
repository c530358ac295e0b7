//! What organisations have set for themselves of what is kept: stored first, then in force.
//!
//! [`Privacy`] keeps each organisation's settings in the metadata and puts them above the operator's in the
//! [`Policies`](redaction::Policies) that whoever takes rows in goes by. When a change is answered, what is admitted next goes by it.
//! A stored setting that cannot be read any more is taken for the strictest: nothing is kept where somebody wanted less.
//!
//! This crate takes nothing out of anything, and does not know who may ask.

mod error;
mod settings;

pub use error::Error;
pub use settings::{Kept, Limits, Privacy, Written};
