//! From finished calls to stored spans and rollups, in one task, so that rollups and log stay in step.
//!
//! A call is logged first and observed by analytics with its log position; rollups are logged with the last position
//! that is in them. After a crash, what the log holds beyond that position is observed again: exactly once.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use analytics::Analytics;
use futures::FutureExt as _;
use gateway::{CallRecord, Recordings, into_span};
use ingest::Ingest;
use otlp::Span;
use schema::{OrgName, Row, Table};
use tasks::CancellationToken;
use tokio::time::MissedTickBehavior;

/// How often rollups are logged, and the log trimmed.
const EVERY: Duration = Duration::from_secs(10);
/// Most calls that are stored with one log record.
const BATCH: usize = 4_096;
/// How long calls gather before the next are stored: a sync for each would cost more than the call.
const GATHER: Duration = Duration::from_millis(50);

pub(crate) struct Recorder {
    pub(crate) recordings: Recordings,
    pub(crate) ingest: Ingest,
    pub(crate) analytics: Arc<Analytics>,
    /// Rollups that the log has not taken yet.
    pub(crate) waiting: Vec<(OrgName, Vec<Row>)>,
    /// The position of the last call that analytics has observed.
    pub(crate) observed: Arc<AtomicU64>,
    /// The position of the last call that is in `waiting` or in a logged rollup.
    pub(crate) covers: u64,
}

impl Recorder {
    /// Stores calls until told to stop, then those that are still queued.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                calls = self.recordings.recv_many(BATCH) => {
                    if calls.is_empty() {
                        break; // The gateway is gone.
                    }
                    self.store(calls).await;
                    tokio::select! {
                        () = tokio::time::sleep(GATHER) => {}
                        () = stop.cancelled() => break,
                    }
                }
                _ = tick.tick() => self.roll_up().await,
                () = stop.cancelled() => break,
            }
        }
        loop {
            // What is queued already, and no more: nothing is waited for.
            let calls = self.recordings.recv_many(BATCH).now_or_never().unwrap_or_default();
            if calls.is_empty() {
                break;
            }
            self.store(calls).await;
        }
        self.roll_up().await;
    }

    /// A panic costs the calls that it met, never those that come after them.
    async fn store(&self, calls: Vec<CallRecord>) {
        let count = calls.len();
        if AssertUnwindSafe(self.try_to_store(calls)).catch_unwind().await.is_err() {
            tracing::error!(calls = count, "a panic kept calls from being recorded");
        }
    }

    async fn try_to_store(&self, calls: Vec<CallRecord>) {
        let mut by_org: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for call in calls {
            // A call belongs to whom its endpoint belongs to; one that found none, to its caller.
            let owner = call
                .route
                .as_ref()
                .map_or_else(|| call.org.clone(), |route| route.namespace.clone());
            by_org.entry(owner).or_default().push(into_span(call));
        }
        for (org, spans) in by_org {
            let Ok(org) = OrgName::from_str(&org) else { continue };
            let (analytics, observed) = (Arc::clone(&self.analytics), Arc::clone(&self.observed));
            let (name, count) = (org.clone(), spans.len());
            let observe = move |position, rows: &[Row]| {
                analytics.observe(position, &name, rows);
                observed.store(position, Ordering::SeqCst);
            };
            if let Err(error) = self.ingest.calls(Table::traces(org), spans, observe).await {
                tracing::warn!(%error, calls = count, "calls were not recorded");
            }
        }
    }

    async fn roll_up(&mut self) {
        // What was taken before comes first: analytics counts on it.
        if self.waiting.is_empty() {
            self.waiting = self.analytics.take_rollups();
            self.covers = self.observed.load(Ordering::SeqCst);
        }
        while let Some((org, rows)) = self.waiting.last() {
            if let Err(error) = self.ingest.rows(Table::rollups(org.clone()), rows.clone()).await {
                tracing::warn!(%error, "rollups were not logged; they are kept for the next try");
                return;
            }
            self.waiting.pop();
        }
        // Calls that are in no logged rollup stay in the log; when there are none, none is needed.
        let all_covered = self.observed.load(Ordering::SeqCst) == self.covers;
        let needed_from = if all_covered { u64::MAX } else { self.covers.saturating_add(1) };
        self.ingest.trim(needed_from);
    }
}
