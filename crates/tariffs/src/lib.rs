//! An organisation's own prices: checked, kept, in force for the next call, and for past ones when it is asked for.
//!
//! [`Tariffs`] puts the rows that were stored before on the [`Shelf`](prices::Shelf) at start, and with each change stores
//! first and swaps then: what was answered is kept, and what is on the shelf is what is stored. Every change is one
//! line of the log with who made it. How a call is priced is not known here.
//!
//! [`Repricer`] prices stored calls again by the book of now: a preview, then a job that survives restarts, is its own
//! audit entry, and can be undone. While one is under way the organisation's prices stay as they are.

mod by_book;
mod error;
mod job;
mod repricer;
mod run;
mod tally;
mod tariffs;

pub use error::Error;
pub use job::{Ask, Entry, Files, Filter, Job, JobKind, JobState};
pub use repricer::{Preview, Repricer, RepricerConfig};
pub use tally::{Changes, OfModel, States, Sum, Tally};
pub use tariffs::{Override, Tariffs, Written};
