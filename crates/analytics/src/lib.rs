//! How each endpoint is doing: every finished call and every sample lands in one 10-second window,
//! once, also over a `kill -9`.
//!
//! [`Analytics`] is fed by three: [`observe`](Analytics::observe) with the gateway's rows as they pass
//! through the log, [`sample`](Analytics::sample) with gauges every second or two, and
//! [`status`](Analytics::status) with what becomes of replicas. It answers [`Series`], [`Timeline`],
//! [`EndpointWindow`] and [`Recent`]. What is older than memory comes through [`History`].
//!
//! **Exactly once.** [`take_rollups`](Analytics::take_rollups) drains what is new into rows of
//! `schema::ROLLUP_COLUMNS`; each row is a part, readers sum the parts of one key. A row also says up to
//! which position of the log its org's calls are in it or in earlier rows. So the writer appends all
//! rows of an org in one log entry, and appends them before it takes again. After a crash
//! [`restore`](Analytics::restore) learns that position from the rows that were stored, and the replay
//! of the log counts only the calls behind it.
//!
//! ```text
//! gateway rows ─ observe ─▶ fresh ─ take_rollups ─▶ rows ─▶ log ─▶ table ─ History ─▶ old windows
//! gauges ─────── sample ──▶   │          └▶ kept (3 h) ─────────────┐                    │
//! transitions ── status ──▶   └─────────────────────────────────────┴─▶ series, timeline ◀┘
//! ```
//!
//! Percentiles come from merged histograms only. What was not measured is `None`, never 0. A range is
//! widened to whole windows. This crate does no I/O, and does not know who calls or who stores.

mod analytics;
mod bucket;
mod call;
mod config;
mod endpoint;
mod error;
mod grid;
mod history;
mod labels;
mod latest;
mod overview;
mod replica;
mod rollup;
mod series;
mod startup;
mod state;
mod timeline;
mod totals;
mod window;

#[cfg(test)]
mod tests;

pub use analytics::{Analytics, Stats};
pub use config::AnalyticsConfig;
pub use error::Error;
pub use grid::TimeRange;
pub use history::{History, HistoryError, NoHistory};
pub use labels::OTHER;
pub use latest::{HardwareNow, Latest, PendingNow, ReplicasNow, Sample};
pub use overview::{EndpointWindow, Recent};
pub use replica::{ReplicaStatus, StatusChange};
pub use series::{Distribution, Percentiles, ReplicaSeries, Series, SeriesQuery};
pub use startup::{Phase, Startup};
pub use timeline::{ReplicaTimeline, Segment, Timeline};
pub use totals::{Total, totals_of};
