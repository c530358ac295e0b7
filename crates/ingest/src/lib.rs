//! Admission: spans, log records and metrics come in, and once they are acknowledged they are on disk and visible, and
//! spans are stored once.
//!
//! [`Ingest`] checks, normalises and logs a batch, waits until the log is synced, and only then hands the rows to
//! the lake and answers. Spans that were sent before are found by their ids and not stored again. A batch of which
//! a part is bad is taken in part, and the answer says how many were refused and why. A log record is a row of its
//! stream; a metric has streams of its own, and all streams of a batch are logged together. At start,
//! [`Ingest::replay`] gives the lake what it has not committed.
//!
//! The log's records are `version table rows`; see [`record`](self) in the source. This crate knows no HTTP.

mod books;
mod draft;
mod error;
mod ingest;
mod logs;
mod metrics;
mod recent;
mod record;
mod refusals;

pub use books::Counts;
pub use error::Error;
pub use ingest::{Accepted, Ingest, IngestConfig, Replayed};
