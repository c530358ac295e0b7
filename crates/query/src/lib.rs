//! Answers questions over the lake: SQL, lists of traces, one trace, models side by side; read-only, and within
//! limits on time, memory, rows and concurrency.
//!
//! [`Query`] is the one who answers. SQL sees the streams of one organisation, inside of one time range; a column
//! that nobody has sent is null. What a query may not do is decided on its syntax tree, before it is planned.
//! This crate never writes, and knows no HTTP.

mod answer;
mod condition;
mod dialect;
mod error;
mod explain;
mod filter;
mod format;
mod functions;
mod groups;
mod latest;
mod log_events;
mod models;
mod names;
mod rows;
mod search;
mod session;
mod statement;
mod streams;
mod traces;
mod unpriced;
mod values;

pub use answer::Found;
pub use error::Error;
pub use explain::{Difference, Explanation, Share};
pub use filter::Filter;
pub use format::{Encoder, Format};
pub use groups::{GroupBy, GroupSummary, Groups, Order, Page};
pub use latest::{Latest, LatestTrace, MOST_SPANS, Node};
pub use models::{ModelSummary, Quantiles};
pub use rows::{About, Ended, Piece, Rows, Scanned};
pub use search::{Limits, Query, Search, Size};
pub use session::TimeRange;
pub use streams::StreamInfo;
pub use traces::{LONGEST_CALL_US, TraceCursor, TraceFilter, TracePage, TraceSummary, Within};
pub use unpriced::UnpricedModel;
pub use values::{Facet, ValueOrder, Values};
