//! JSON logs as OpenObserve and Elasticsearch take them, as log records: an array, lines, or pairs of action and record.
//!
//! [`read`] gives an [`Entry`] for each record that was sent, in order: one that is bad has its reason, and the others
//! go on. Only what leaves no record to be told from the next is an error of the whole body. What a body may cost is
//! bounded while it is read.
//!
//! This crate does no I/O and knows no clock: a record that does not say when it happened has no time.

mod body;
mod error;
mod record;

pub use body::{Entry, Form, Limits, read};
pub use error::ReadError;
