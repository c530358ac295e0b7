//! Answers questions over the lake: SQL, lists of traces, one trace, models side by side; read-only, and within
//! limits on time, memory, rows and concurrency.
//!
//! [`Query`] is the one who answers. SQL sees the streams of one organisation, inside of one time range; a column
//! that nobody has sent is null. What a query may not do is decided on its syntax tree, before it is planned.
//! This crate never writes, and knows no HTTP.

mod error;
mod log_events;
mod models;
mod search;
mod session;
mod statement;
mod traces;
mod unpriced;

pub use error::Error;
pub use models::ModelSummary;
pub use search::{Found, Limits, Query, Search, Size};
pub use session::TimeRange;
pub use traces::{TraceCursor, TraceFilter, TracePage, TraceSummary};
pub use unpriced::UnpricedModel;
