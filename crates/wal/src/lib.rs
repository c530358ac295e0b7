//! A write-ahead log of opaque records: once an [`Append`] resolves, its record survives power loss.
//!
//! One writer thread takes all waiting records as one group, writes them, syncs once and wakes
//! every waiter. [`Wal`] is the handle to it; [`Replay`] streams what earlier lives of the process
//! left, in order. This crate does not know what the bytes mean, and it never sends a record back
//! to the caller except at start: readers keep what they appended.
//!
//! ```no_run
//! # async fn f(dir: &std::path::Path) -> Result<(), wal::Error> {
//! let (log, replay) = wal::Wal::open(dir, wal::WalConfig::default())?;
//! for record in replay {
//!     let (position, payload) = record?; // synced before the last crash
//! }
//! let position = log.append("a record".into()).await?; // on disk now
//! log.trim(position); // everything below is kept elsewhere
//! # Ok(()) }
//! ```
//!
//! On disk: `segment = header record*`, `record = length checksum payload`; a record's position is
//! the segment's first position plus its place in the segment. One process life writes into a
//! segment, so nothing is ever appended behind a tail of unknown state. `docs/wal-format.md` has
//! the bytes.
//!
//! When things go wrong:
//! - **Disk full**: the group that did not fit is cut off again, its waiters get [`Error::Full`],
//!   and the next group tries afresh.
//! - **A failed sync** leaves it unknown what reached the disk. The waiters get [`Error::Io`], the
//!   segment is given up and a new one begun; a sync is never tried twice on the same file. A
//!   record that failed so may still come back at the next replay.
//! - **A torn tail** is cut at start and counted. **Damage in the middle** costs the rest of that
//!   segment, is counted, and the next segments are served.
//! - **Queue or log at its bound**: the append is refused at once and counted; nothing waits.

mod append;
mod disk;
mod error;
mod handle;
mod log;
mod queue;
mod record;
mod recover;
mod replay;
mod scan;
mod segment;
mod stats;
mod writer;

pub use append::Append;
pub use disk::{Disk, DiskFile, LocalDisk};
pub use error::Error;
pub use handle::{Wal, WalConfig};
pub use record::Position;
pub use replay::{Replay, ReplayReport};
pub use stats::Stats;
