use std::collections::BTreeMap;

use histogram::Histogram;

use crate::call::{Call, End};
use crate::labels::Label;

/// The length of a window, µs.
pub(crate) const WINDOW_US: i64 = 10_000_000;

/// The start of the window that `us` lies in.
pub(crate) const fn window_of(us: i64) -> i64 {
    us.div_euclid(WINDOW_US) * WINDOW_US
}

/// What was counted and measured in 10 seconds at one endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Window {
    pub(crate) calls: BTreeMap<CallKey, Calls>,
    pub(crate) gauges: BTreeMap<GaugeKey, Gauge>,
}

impl Window {
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, calls) in &other.calls {
            self.calls.entry(key.clone()).or_default().merge(calls);
        }
        for (key, gauge) in &other.gauges {
            self.gauges.entry(key.clone()).or_default().merge(gauge);
        }
    }

    pub(crate) fn measure(&mut self, key: GaugeKey, value: f64) {
        self.gauges.entry(key).or_default().measure(value);
    }
}

/// What calls are counted apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) replica: Option<Label>,
    pub(crate) model: Option<Label>,
    pub(crate) status: Option<u16>,
    pub(crate) end: Option<End>,
}

/// Finished calls of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Calls {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) tokens_output: Option<u64>,
    pub(crate) latency: Histogram,
    pub(crate) ttft: Histogram,
}

impl Calls {
    pub(crate) fn count(&mut self, call: &Call<'_>) {
        self.requests += 1;
        self.failed += u64::from(call.failed);
        self.tokens_output = sum(self.tokens_output, call.tokens_output);
        call.latency_s.into_iter().for_each(|seconds| self.latency.observe(seconds));
        call.ttft_s.into_iter().for_each(|seconds| self.ttft.observe(seconds));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.failed = self.failed.saturating_add(other.failed);
        self.tokens_output = sum(self.tokens_output, other.tokens_output);
        self.latency.merge(&other.latency);
        self.ttft.merge(&other.ttft);
    }
}

/// Absent and absent stays absent.
pub(crate) fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (some, None) | (None, some) => some,
    }
}

/// What is sampled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GaugeKey {
    /// All pending requests of the endpoint.
    Pending,
    /// Pending requests at one replica.
    ReplicaPending(Label),
    /// A number of replicas.
    Replicas(ReplicaCount),
    /// What one replica uses.
    Hardware(Label, Resource),
}

/// Which replicas are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReplicaCount {
    Running,
    Min,
    Max,
}

/// What a replica uses or may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    CpuPercent,
    MemoryBytes,
    MemoryLimitBytes,
}

/// The samples of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gauge {
    pub(crate) sum: f64,
    pub(crate) max: f64,
    pub(crate) samples: u64,
}

impl Default for Gauge {
    fn default() -> Self {
        Self { sum: 0.0, max: f64::NEG_INFINITY, samples: 0 }
    }
}

impl Gauge {
    pub(crate) fn measure(&mut self, value: f64) {
        self.merge(&Self { sum: value, max: value, samples: 1 });
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.samples = self.samples.saturating_add(other.samples);
    }

    #[expect(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.sum / self.samples as f64)
    }

    pub(crate) fn largest(&self) -> Option<f64> {
        (self.samples > 0).then_some(self.max)
    }
}
