//! Admission: spans, log records and metrics come in, and once they are acknowledged they are on disk and visible, and
//! spans are stored once.
//!
//! [`Ingest`] checks, cleans, normalises, prices and logs a batch, waits until the log is synced, and only then hands the rows
//! to the lake and answers. [`redaction::Policies`] say what is taken out first. Of several spans of one call one is made to
//! count. Spans that were sent before are found by their ids and not stored again. A batch of which
//! a part is bad is taken in part, and the answer says how many were refused and why. A log record is a row of its
//! stream; a metric has streams of its own, and all streams of a batch are logged together. At start,
//! [`Ingest::replay`] gives the lake what it has not committed.
//!
//! The log's records are `version table rows`; see [`record`](self) in the source. This crate knows no HTTP.

mod admission;
mod books;
mod commit;
mod config;
mod draft;
mod entries;
mod error;
mod ingest;
mod logs;
mod marks;
mod metrics;
mod open_traces;
mod parts;
mod privacy;
mod recent;
mod record;
mod refusals;
mod trial;
mod workers;

pub use conventions::Limits;

pub use books::{Change, Counts, Reason};
pub use config::IngestConfig;
pub use entries::Outcomes;
pub use error::Error;
pub use ingest::{Accepted, Ingest, Replayed};
pub use trial::Trial;
