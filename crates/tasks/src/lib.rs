//! Named tasks in stages: every one is joined, and they end in the order in which data flows.
//!
//! [`Tasks`] is handed to whoever must run something beside its caller. [`Tasks::stop`] ends stage
//! after stage: it cancels the stage's token, waits for its tasks within a [`Grace`], aborts what
//! is left and names it in the [`Report`]. A task that panics counts as ended, is logged with its
//! name and listed in the report. This crate does not know what the tasks do.
//!
//! Work that repeats is an idempotent `activate`, run on a timer and on a [`Nudge`]:
//!
//! ```
//! # use std::time::Duration;
//! # use tasks::{Grace, Stage, Tasks};
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let tasks = Tasks::new();
//! let nudge = tasks.spawn_every(Stage::Maintenance, "compact", Duration::from_secs(60), || async {
//!     // look at the state of things and do what is due
//! });
//! nudge.nudge(); // something may be due earlier
//! let report = tasks.stop(Grace::each(Duration::from_secs(5))).await;
//! assert!(report.is_clean());
//! # }
//! ```

mod grace;
mod periodic;
mod report;
mod room;
mod stage;
mod tasks;

pub use grace::Grace;
pub use periodic::Nudge;
pub use report::Report;
pub use stage::Stage;
pub use tasks::Tasks;
pub use tokio_util::sync::CancellationToken;
