//! What a stored record is: named, typed cells, and the columns that people are promised.
//!
//! A [`Row`] is one record of a stream (a span, a log record, a rollup). A cell that is absent is
//! null: there is no cell for it, and never a zero in its place. [`columns`](TRACE_COLUMNS) lists the
//! columns that always exist, each with type, unit and meaning. [`encode`] and [`decode`] turn rows
//! to bytes and back for the log.
//!
//! This crate does no I/O, knows no clock, and does not know how rows are stored or where they came from.

mod codec;
mod columns;
mod name;
mod row;
mod table;
mod value;

pub use codec::{CodecError, decode, encode, encode_into};
pub use columns::{
    Column, LOG_COLUMNS, METRIC_COLUMNS, ROLLUP_COLUMNS, TRACE_COLUMNS, Type, Unit, column,
};
pub use name::Name;
pub use row::Row;
pub use table::{
    DEFAULT_STREAM, Kind, OrgName, OrgNameError, ROLLUP_STREAM, Table, clean_name, stream_name,
};
pub use text::Text;
pub use value::Value;
