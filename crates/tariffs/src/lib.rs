//! An organisation's own prices: checked, kept, and in force for the next call.
//!
//! [`Tariffs`] puts the rows that were stored before on the [`Shelf`](prices::Shelf) at start, and with each change stores
//! first and swaps then: what was answered is kept, and what is on the shelf is what is stored. Every change is one
//! line of the log with who made it. How a call is priced is not known here.

mod error;
mod tariffs;

pub use error::Error;
pub use tariffs::{Override, Tariffs, Written};
