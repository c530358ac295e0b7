//! Answers questions over the lake: SQL, lists of traces, one trace, models side by side; read-only, and within
//! limits on time, memory, rows and concurrency.
//!
//! [`Query`] is the one who answers. SQL sees the streams of one organisation, inside of one time range; a column
//! that nobody has sent is null. What a query may not do is decided on its syntax tree, before it is planned.
//! This crate never writes, and knows no HTTP.

mod answer;
mod belonging;
mod calls;
mod condition;
mod cursor;
mod dialect;
mod error;
mod explain;
mod filter;
mod format;
mod functions;
mod gathered;
mod groups;
mod held;
mod latest;
mod log_events;
mod models;
mod names;
mod operands;
mod rows;
mod search;
mod session;
mod statement;
mod streams;
mod summary;
mod trace;
mod traces;
mod union;
mod unpriced;
mod values;
mod wording;
mod workers;

pub use answer::Found;
pub use calls::{Marks, Sums};
pub use cursor::TraceCursor;
pub use error::Error;
pub use explain::{Difference, Explaining, Explanation, FEWEST_CALLS, MOST_CHANCE, Share};
pub use filter::Filter;
pub use format::{Encoder, Format};
pub use groups::{GroupBy, GroupSummary, Groups, Order, Page};
pub use latest::{Latest, LatestTrace, Node, TimesOf};
pub use models::{Comparison, ModelSummary, Quantiles};
pub use names::nearest;
pub use rows::{About, Ended, Piece, Rows, Scanned};
pub use search::{Limits, Query, Search, Size};
pub use session::TimeRange;
pub use streams::{Spans, StreamInfo, UnknownField};
pub use summary::TraceSummary;
pub use trace::Trace;
pub use traces::{
    Direction, LONGEST_CALL_US, Sort, SortColumn, TraceFilter, TraceList, TracePage, Within,
};
pub use unpriced::UnpricedModel;
pub use values::{Counted, Facet, ValueOrder, Values};
