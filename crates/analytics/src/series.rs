use std::collections::{BTreeMap, BTreeSet};

use histogram::Histogram;
use schema::OrgName;

use crate::bucket::Bucket;
use crate::endpoint::SharedWindow;
use crate::grid::{Grid, TimeRange};
use crate::labels::Label;
use crate::rollup::Folded;
use crate::{Analytics, Error};

/// Which series are asked for.
#[derive(Clone, Debug)]
pub struct SeriesQuery {
    /// The org.
    pub org: OrgName,
    /// The endpoint.
    pub endpoint: String,
    /// The time.
    pub range: TimeRange,
    /// The length of a bucket, seconds; a multiple of 10.
    pub step_s: u32,
    /// Only calls and samples of these replicas; all when empty.
    pub replicas: Vec<String>,
}

/// What happened at an endpoint over time. Every vector has one item a bucket; `None` is a gap: nothing
/// was measured there.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Start of each bucket, µs since 1970-01-01 UTC; aligned to the step.
    pub starts_us: Vec<i64>,
    /// Length of a bucket, seconds.
    pub step_s: u32,
    /// Whether the last bucket is not over yet.
    pub partial_last: bool,
    /// Finished calls by HTTP status; the key `None` is calls that got none.
    pub requests: BTreeMap<Option<u16>, Vec<u64>>,
    /// Finished calls by HTTP status, over all buckets.
    pub request_totals: BTreeMap<Option<u16>, u64>,
    /// Calls that failed, in-band errors included.
    pub failed: Vec<u64>,
    /// Pending requests, mean of the samples. Of chosen replicas: theirs added up.
    pub pending_mean: Vec<Option<f64>>,
    /// Pending requests, the most in a sample; a gap where several replicas are chosen, since their
    /// most need not have come at once.
    pub pending_max: Vec<Option<f64>>,
    /// Durations of finished calls, seconds.
    pub latency_s: Distribution,
    /// Times to the first streamed content, seconds.
    pub ttft_s: Distribution,
    /// Output tokens a second of the calls that ended in a bucket, over the part of it that is over. A
    /// gap where no call reported any, 0 where the endpoint was watched and had no call.
    pub output_tokens_per_s: Vec<Option<f64>>,
    /// Replicas that answer, mean of the samples; of the endpoint, whichever replicas are chosen.
    pub replicas_running: Vec<Option<f64>>,
    /// Replicas that there may be at most.
    pub replicas_max: Vec<Option<f64>>,
    /// Replicas that there are to be at least.
    pub replicas_min: Vec<Option<f64>>,
    /// Each replica that has a call or a sample.
    pub by_replica: BTreeMap<String, ReplicaSeries>,
    /// Processor time of a replica, mean over samples and replicas, percent of one whole processor.
    pub cpu_percent_mean: Vec<Option<f64>>,
    /// Memory of a replica, mean over samples and replicas.
    pub memory_bytes_mean: Vec<Option<f64>>,
    /// What a replica may use at most, the largest seen.
    pub memory_limit_bytes: Option<f64>,
}

/// Percentiles of what was measured in a bucket, with the count; `None` where it is 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Median.
    pub p50: Vec<Option<f64>>,
    /// 90th percentile.
    pub p90: Vec<Option<f64>>,
    /// 95th percentile.
    pub p95: Vec<Option<f64>>,
    /// 99th percentile.
    pub p99: Vec<Option<f64>>,
    /// How many were measured.
    pub count: Vec<u64>,
    /// The same over all buckets.
    pub window: Percentiles,
}

/// Percentiles of what was measured; `None` where nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// How many were measured.
    pub count: u64,
}

/// What happened at one replica over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaSeries {
    /// Finished calls.
    pub requests: Vec<u64>,
    /// 95th percentile of the call durations, seconds.
    pub latency_p95_s: Vec<Option<f64>>,
    /// Pending requests, mean of the samples.
    pub pending: Vec<Option<f64>>,
    /// Processor time, mean of the samples, percent of one whole processor.
    pub cpu_percent: Vec<Option<f64>>,
    /// Resident memory, mean of the samples.
    pub memory_bytes: Vec<Option<f64>>,
}

impl Analytics {
    /// What happened at an endpoint over time. An endpoint without a record has empty buckets.
    ///
    /// # Errors
    /// When the step is no multiple of 10 s, the buckets are too many, or the history cannot be read.
    pub async fn series(&self, query: &SeriesQuery) -> Result<Series, Error> {
        let grid = Grid::new(query.range, query.step_s)?;
        let now_us = self.now_us();
        let chosen: BTreeSet<&str> = query.replicas.iter().map(String::as_str).collect();
        let mut buckets: Vec<Bucket> = grid.starts_us().iter().map(|_| Bucket::default()).collect();
        for (start, window) in self.windows(&query.org, &query.endpoint, grid.range()).await? {
            if let Some(at) = grid.bucket_of(start) {
                buckets[at].add(&window, &chosen);
            }
        }
        Ok(series(&grid, query.step_s, &buckets, now_us))
    }

    /// The windows of a range, from memory and from the history; one may come in several parts.
    pub(crate) async fn windows(
        &self,
        org: &OrgName,
        endpoint: &str,
        range: TimeRange,
    ) -> Result<Vec<SharedWindow>, Error> {
        let now_us = self.now_us();
        let mut windows = self.memory_windows(org, endpoint, self.after_floor(range, now_us));
        if let Some(old) = self.before_floor(range, now_us) {
            let rows =
                self.history.rollups(org, Some(endpoint), old.from_us(), old.to_us()).await?;
            let folded = Folded::of(&rows).endpoints.remove(endpoint).unwrap_or_default();
            windows
                .extend(folded.windows.into_iter().map(|(start, window)| (start, window.into())));
        }
        Ok(windows)
    }

    pub(crate) fn memory_windows(
        &self,
        org: &OrgName,
        endpoint: &str,
        range: Option<TimeRange>,
    ) -> Vec<SharedWindow> {
        let read = |range| self.read_endpoint(org, endpoint, |known| known.windows(range));
        range.and_then(read).unwrap_or_default()
    }

    /// The part of a range that memory answers.
    pub(crate) fn after_floor(&self, range: TimeRange, now_us: i64) -> Option<TimeRange> {
        TimeRange::new(range.from_us().max(self.floor_us(now_us)), range.to_us()).ok()
    }

    /// The part of a range that the history answers.
    pub(crate) fn before_floor(&self, range: TimeRange, now_us: i64) -> Option<TimeRange> {
        TimeRange::new(range.from_us(), range.to_us().min(self.floor_us(now_us))).ok()
    }
}

fn series(grid: &Grid, step_s: u32, buckets: &[Bucket], now_us: i64) -> Series {
    let requests = by_status(buckets);
    let rates = buckets
        .iter()
        .zip(grid.starts_us())
        .map(|(bucket, start)| bucket.token_rate(grid.elapsed_s(start, now_us)?));
    let limits = buckets.iter().filter_map(|bucket| bucket.memory_limit.largest());
    Series {
        starts_us: grid.starts_us(),
        step_s,
        partial_last: grid.range().to_us() > now_us,
        request_totals: requests
            .iter()
            .map(|(status, counts)| (*status, counts.iter().sum()))
            .collect(),
        requests,
        failed: each(buckets, |bucket| bucket.failed),
        pending_mean: each(buckets, |bucket| bucket.pending.mean()),
        pending_max: each(buckets, |bucket| bucket.pending.largest().filter(|max| max.is_finite())),
        latency_s: distribution(buckets, |bucket| &bucket.latency),
        ttft_s: distribution(buckets, |bucket| &bucket.ttft),
        output_tokens_per_s: rates.collect(),
        replicas_running: each(buckets, |bucket| bucket.running.mean()),
        replicas_max: each(buckets, |bucket| bucket.most.largest()),
        replicas_min: each(buckets, |bucket| bucket.least.mean()),
        by_replica: by_replica(buckets),
        cpu_percent_mean: each(buckets, |bucket| bucket.cpu.mean()),
        memory_bytes_mean: each(buckets, |bucket| bucket.memory.mean()),
        memory_limit_bytes: limits.reduce(f64::max),
    }
}

fn each<T>(buckets: &[Bucket], value: impl Fn(&Bucket) -> T) -> Vec<T> {
    buckets.iter().map(value).collect()
}

fn by_status(buckets: &[Bucket]) -> BTreeMap<Option<u16>, Vec<u64>> {
    let statuses: BTreeSet<Option<u16>> =
        buckets.iter().flat_map(|bucket| bucket.by_status.keys().copied()).collect();
    let counts =
        |status| each(buckets, |bucket| bucket.by_status.get(&status).copied().unwrap_or(0));
    statuses.into_iter().map(|status| (status, counts(status))).collect()
}

fn distribution(buckets: &[Bucket], of: impl Fn(&Bucket) -> &Histogram) -> Distribution {
    let mut all = Histogram::new();
    let mut distribution = Distribution::default();
    for histogram in buckets.iter().map(of) {
        let Percentiles { p50, p90, p95, p99, count } = percentiles(histogram);
        distribution.p50.push(p50);
        distribution.p90.push(p90);
        distribution.p95.push(p95);
        distribution.p99.push(p99);
        distribution.count.push(count);
        all.merge(histogram);
    }
    distribution.window = percentiles(&all);
    distribution
}

fn percentiles(histogram: &Histogram) -> Percentiles {
    Percentiles {
        p50: histogram.quantile(0.5),
        p90: histogram.quantile(0.9),
        p95: histogram.quantile(0.95),
        p99: histogram.quantile(0.99),
        count: histogram.count(),
    }
}

fn by_replica(buckets: &[Bucket]) -> BTreeMap<String, ReplicaSeries> {
    let replicas: BTreeSet<&Label> =
        buckets.iter().flat_map(|bucket| bucket.replicas.keys()).collect();
    replicas
        .into_iter()
        .map(|replica| (replica.to_string(), replica_series(buckets, replica)))
        .collect()
}

fn replica_series(buckets: &[Bucket], replica: &Label) -> ReplicaSeries {
    let mut series = ReplicaSeries::default();
    for bucket in buckets {
        let part = bucket.replicas.get(replica);
        series.requests.push(part.map_or(0, |part| part.requests));
        series.latency_p95_s.push(part.and_then(|part| part.latency.quantile(0.95)));
        series.pending.push(part.and_then(|part| part.pending.mean()));
        series.cpu_percent.push(part.and_then(|part| part.cpu.mean()));
        series.memory_bytes.push(part.and_then(|part| part.memory.mean()));
    }
    series
}
