//! Tables of rows that other engines can open: rows in memory and committed files, as one consistent view.
//!
//! [`Lake`] owns one Delta Lake table per organisation, kind and stream, in `root/org/kind/stream`.
//! Rows are appended with the position that the write-ahead log gave them, are visible at once, and
//! become Parquet files when they are heavy or old enough. A commit carries the log position of its rows
//! in Delta's own application transaction, so that after a crash a replay of the log adds exactly the rows
//! that are missing. [`Lake::keep_from`] says which part of the log is still needed.
//!
//! A column that is seen for the first time is added, up to a cap; beyond it, and for values that do not fit
//! their column's type, there is the JSON column `attributes_overflow`: nothing is lost.
//!
//! [`Lake::upkeep`] keeps the tables well: small files are merged, days expire, log and folders are cleaned, and a
//! trace, session or user is erased ([`Lake::erase`]), each as a Delta commit. [`Revising`] changes columns of stored rows. [`Lake::streams`] and [`Lake::space`]
//! say how things stand.
//!
//! Nothing outside this crate knows that tables are Parquet, and this crate knows nothing of LLMs.

mod backoff;
mod batch;
mod broken;
mod chunk;
mod columns;
mod day;
mod delta;
mod disk;
mod error;
mod file;
mod flush;
mod gather;
mod hot;
mod lake;
mod provider;
mod range;
mod rows;
mod slot;
mod table;
mod upkeep;

pub use error::Error;
pub use lake::{Flush, Lake, LakeConfig, Prepared, Ticket};
pub use provider::{Extent, NullAs, TableView};
pub use upkeep::{
    Direction, Distance, Erasure, ErasureState, Looked, Removed, Revising, Revision, RevisionStep,
    Space, StreamStorage, StreamTerm, Stretch, Subject, UpkeepConfig, UpkeepCounts, WhenFull,
};
