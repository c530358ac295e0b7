//! Admission: spans come in, and once they are acknowledged they are on disk, visible, and stored once.
//!
//! [`Ingest`] checks, cleans, normalises, prices and logs a batch, waits until the log is synced, and only then hands the rows
//! to the lake and answers. [`Privacy`] says what is taken out first. Of several spans of one call one is made to
//! count. Spans that were sent before are found by their ids and not stored again. A batch of which
//! a part is bad is taken in part, and the answer says how many were refused and why. At start,
//! [`Ingest::replay`] gives the lake what it has not committed.
//!
//! The log's records are `version table rows`; see [`record`](self) in the source. This crate knows no HTTP.

mod admission;
mod books;
mod config;
mod error;
mod ingest;
mod open_traces;
mod privacy;
mod recent;
mod record;
mod workers;

pub use conventions::Limits;

pub use books::{Books, Change, Counts, Reason};
pub use config::IngestConfig;
pub use error::Error;
pub use ingest::{Accepted, Ingest, Replayed};
pub use privacy::{Capture, Exception, Privacy};
