//! Tokens to money: what a call cost by a price book, where the price came from, and why there is none.
//!
//! A [`Book`] is layers of [`Row`]s, the first one that knows a call winning: an organisation's own rows, the
//! operator's file, and the book that this program ships ([`SHIPPED_AS_OF`]). [`price`] fills the cost columns of a
//! stored row from its other columns, and does the same again after the book has changed. A [`Shelf`] holds the book of
//! each organisation, to be swapped while calls are priced. [`Book::explain`] says step by step how a price was found.
//!
//! A cost has three states: priced, free (a price of 0 that somebody wrote down), and unpriced, which is null with its
//! reason and never 0. Money is added up in whole femto-dollars, so a sum is exact.
//!
//! No I/O, no clock, no tasks: when a call began comes with the call. The format of a book is in docs/prices.md.

mod book;
mod call;
mod columns;
mod cost;
mod document;
mod explain;
mod layer;
mod matching;
mod money;
mod norm;
mod pattern;
mod provider;
mod quote;
mod row;
mod serving;
mod shelf;
mod validity;

pub use book::Book;
pub use call::{Call, READS, Tokens, WRITES, price};
pub use cost::{Cost, Line};
pub use document::{Document, DocumentError, SHIPPED_AS_OF, SHIPPED_SOURCE};
pub use explain::Explanation;
pub use layer::{LayerError, LayerKind};
pub use matching::{Hit, Rule};
pub use money::Usd;
pub use norm::norm;
pub use provider::OWN;
pub use quote::{Outcome, Quote, Unpriced};
pub use row::{Row, RowError};
pub use serving::{Evidence, Serving};
pub use shelf::Shelf;
