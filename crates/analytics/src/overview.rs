use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use histogram::Histogram;
use schema::OrgName;

use crate::analytics::micros;
use crate::endpoint::SharedWindow;
use crate::grid::TimeRange;
use crate::rollup::Folded;
use crate::window::{WINDOW_US, Window, window_of};
use crate::{Analytics, Error};

/// How an endpoint did over a range, in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointWindow {
    /// Finished calls.
    pub requests: u64,
    /// Calls that failed, in-band errors included.
    pub failed: u64,
    /// Finished calls a minute, over the part of the range that is over.
    pub requests_per_minute: f64,
    /// Share of the calls that failed, 0 to 1; `None` without calls.
    pub error_share: Option<f64>,
    /// 95th percentile of the call durations, seconds.
    pub latency_p95_s: Option<f64>,
    /// 95th percentile of the times to the first streamed content, seconds.
    pub ttft_p95_s: Option<f64>,
    /// Finished calls in each of equal parts of the range. A part shorter than 10 s may be uneven.
    pub sparkline: Vec<u64>,
}

/// The latencies of the last minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// How far back they go, up to the window that is open.
    pub window: Duration,
    /// Call durations, seconds.
    pub latency: Histogram,
}

impl Analytics {
    /// How every endpoint of an org did over a range; those without a word in it are left out.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn endpoint_windows(
        &self,
        org: &OrgName,
        range: TimeRange,
        parts: usize,
    ) -> Result<BTreeMap<String, EndpointWindow>, Error> {
        let now_us = self.now_us();
        let whole = range.windows();
        let in_memory = self.all_windows(org, self.after_floor(whole, now_us));
        let older = self.history_windows(org, whole, now_us).await?;
        let names: HashSet<&String> = in_memory.keys().chain(older.endpoints.keys()).collect();
        let mut answer = BTreeMap::new();
        for name in names {
            let mut tally = Tally::new(range, parts);
            let memory = in_memory
                .get(name)
                .into_iter()
                .flatten()
                .map(|(start, window)| (*start, &**window));
            let stored =
                older.endpoints.get(name).into_iter().flat_map(|endpoint| &endpoint.windows);
            memory
                .chain(stored.map(|(start, window)| (*start, window)))
                .for_each(|(start, window)| tally.add(start, window));
            answer.insert(name.clone(), tally.finish(now_us));
        }
        Ok(answer)
    }

    /// How one endpoint did over a range.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn endpoint_window(
        &self,
        org: &OrgName,
        endpoint: &str,
        range: TimeRange,
        parts: usize,
    ) -> Result<EndpointWindow, Error> {
        let now_us = self.now_us();
        let mut tally = Tally::new(range, parts);
        for (start, window) in self.windows(org, endpoint, range.windows()).await? {
            tally.add(start, &window);
        }
        Ok(tally.finish(now_us))
    }

    /// The latencies of an endpoint over the last [`AnalyticsConfig::recent`](crate::AnalyticsConfig::recent).
    #[must_use]
    pub fn recent(&self, org: &OrgName, endpoint: &str) -> Recent {
        let window = self.config.recent.min(self.config.keep);
        let to_us = window_of(self.now_us()).saturating_add(WINDOW_US);
        let mut recent = Recent { window, latency: Histogram::new() };
        let Ok(range) = TimeRange::new(window_of(to_us.saturating_sub(micros(window))), to_us)
        else {
            return recent;
        };
        for (_, window) in self.memory_windows(org, endpoint, Some(range)) {
            window.calls.values().for_each(|calls| recent.latency.merge(&calls.latency));
        }
        recent
    }

    fn all_windows(
        &self,
        org: &OrgName,
        range: Option<TimeRange>,
    ) -> BTreeMap<String, Vec<SharedWindow>> {
        let Some(range) = range else { return BTreeMap::new() };
        let state = self.lock();
        let endpoints = state.orgs.get(org).into_iter().flat_map(|org| &org.endpoints);
        let windows = endpoints.map(|(name, endpoint)| (name.clone(), endpoint.windows(range)));
        windows.filter(|(_, windows)| !windows.is_empty()).collect()
    }

    async fn history_windows(
        &self,
        org: &OrgName,
        range: TimeRange,
        now_us: i64,
    ) -> Result<Folded, Error> {
        match self.before_floor(range, now_us) {
            Some(old) => {
                Ok(Folded::of(&self.history.rollups(org, None, old.from_us(), old.to_us()).await?))
            }
            None => Ok(Folded::default()),
        }
    }
}

/// An [`EndpointWindow`] in the making.
struct Tally {
    range: TimeRange,
    requests: u64,
    failed: u64,
    latency: Histogram,
    ttft: Histogram,
    sparkline: Vec<u64>,
}

impl Tally {
    fn new(range: TimeRange, parts: usize) -> Self {
        let (latency, ttft) = (Histogram::new(), Histogram::new());
        Self { range, requests: 0, failed: 0, latency, ttft, sparkline: vec![0; parts.min(1_000)] }
    }

    fn add(&mut self, start: i64, window: &Window) {
        let mut requests = 0;
        for calls in window.calls.values() {
            requests += calls.requests;
            self.failed += calls.failed;
            self.latency.merge(&calls.latency);
            self.ttft.merge(&calls.ttft);
        }
        self.requests += requests;
        let part = self.part(start);
        self.sparkline.get_mut(part).into_iter().for_each(|part| *part += requests);
    }

    /// The part that a window begins in; one that begins before the range is in the first.
    fn part(&self, start: i64) -> usize {
        let into_range = i128::from(start.saturating_sub(self.range.from_us()).max(0));
        let parts = i128::try_from(self.sparkline.len()).unwrap_or(0);
        usize::try_from(into_range * parts / i128::from(self.range.length_us()))
            .unwrap_or(usize::MAX)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and lengths are far below 2^53")]
    fn finish(self, now_us: i64) -> EndpointWindow {
        let over_us = self.range.to_us().min(now_us).saturating_sub(self.range.from_us()).max(1);
        let requests = self.requests as f64;
        EndpointWindow {
            requests: self.requests,
            failed: self.failed,
            requests_per_minute: requests / (over_us as f64 / 60e6),
            error_share: (self.requests > 0).then(|| self.failed as f64 / requests),
            latency_p95_s: self.latency.quantile(0.95),
            ttft_p95_s: self.ttft.quantile(0.95),
            sparkline: self.sparkline,
        }
    }
}
