use std::collections::{BTreeMap, BTreeSet};

use histogram::Histogram;

use crate::labels::Label;
use crate::window::{CallKey, Calls, Gauge, GaugeKey, ReplicaCount, Resource, Window, sum};

/// What the windows of one bucket add up to.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) by_status: BTreeMap<Option<u16>, u64>,
    pub(crate) failed: u64,
    tokens: Option<u64>,
    pub(crate) latency: Histogram,
    pub(crate) ttft: Histogram,
    pub(crate) pending: Gauge,
    pub(crate) running: Gauge,
    pub(crate) most: Gauge,
    pub(crate) least: Gauge,
    pub(crate) cpu: Gauge,
    pub(crate) memory: Gauge,
    pub(crate) memory_limit: Gauge,
    pub(crate) replicas: BTreeMap<Label, ReplicaBucket>,
}

/// What one replica has in a bucket.
#[derive(Debug, Default)]
pub(crate) struct ReplicaBucket {
    pub(crate) requests: u64,
    pub(crate) latency: Histogram,
    pub(crate) pending: Gauge,
    pub(crate) cpu: Gauge,
    pub(crate) memory: Gauge,
}

impl Bucket {
    /// Adds a window; only what the chosen replicas did, if any are chosen.
    pub(crate) fn add(&mut self, window: &Window, chosen: &BTreeSet<&str>) {
        for (key, calls) in &window.calls {
            if chosen.is_empty()
                || key.replica.as_deref().is_some_and(|replica| chosen.contains(replica))
            {
                self.add_calls(key, calls);
            }
        }
        let mut chosen_pending = Vec::new();
        for (key, gauge) in &window.gauges {
            match key {
                GaugeKey::Pending if chosen.is_empty() => self.pending.merge(gauge),
                GaugeKey::Pending => {}
                GaugeKey::Replicas(ReplicaCount::Running) => self.running.merge(gauge),
                GaugeKey::Replicas(ReplicaCount::Min) => self.least.merge(gauge),
                GaugeKey::Replicas(ReplicaCount::Max) => self.most.merge(gauge),
                GaugeKey::ReplicaPending(replica) | GaugeKey::Hardware(replica, _)
                    if !chosen.is_empty() && !chosen.contains(&**replica) => {}
                GaugeKey::ReplicaPending(replica) => {
                    self.replica(replica).pending.merge(gauge);
                    chosen_pending.push(*gauge);
                }
                GaugeKey::Hardware(replica, resource) => {
                    self.add_hardware(replica, *resource, gauge)
                }
            }
        }
        if !chosen.is_empty() {
            self.pending.merge(&added_up(&chosen_pending, chosen.len()));
        }
    }

    fn add_calls(&mut self, key: &CallKey, calls: &Calls) {
        *self.by_status.entry(key.status).or_default() += calls.requests;
        self.failed += calls.failed;
        self.tokens = sum(self.tokens, calls.tokens_output);
        self.latency.merge(&calls.latency);
        self.ttft.merge(&calls.ttft);
        if let Some(replica) = &key.replica {
            let part = self.replica(replica);
            part.requests += calls.requests;
            part.latency.merge(&calls.latency);
        }
    }

    fn add_hardware(&mut self, replica: &Label, resource: Resource, gauge: &Gauge) {
        match resource {
            Resource::CpuPercent => {
                self.cpu.merge(gauge);
                self.replica(replica).cpu.merge(gauge);
            }
            Resource::MemoryBytes => {
                self.memory.merge(gauge);
                self.replica(replica).memory.merge(gauge);
            }
            Resource::MemoryLimitBytes => self.memory_limit.merge(gauge),
        }
    }

    fn replica(&mut self, replica: &Label) -> &mut ReplicaBucket {
        self.replicas.entry(replica.clone()).or_default()
    }

    /// Output tokens a second over `elapsed_s`.
    #[expect(clippy::cast_precision_loss, reason = "tokens of a bucket are far below 2^53")]
    pub(crate) fn token_rate(&self, elapsed_s: f64) -> Option<f64> {
        let watched = self.pending.samples > 0 || self.running.samples > 0;
        let idle = self.by_status.is_empty() && watched;
        self.tokens.or(idle.then_some(0)).map(|tokens| tokens as f64 / elapsed_s)
    }
}

/// The sum of several gauges that were sampled together. The largest of the sum is known only where
/// one gauge was asked for; else it is infinite, which is told as a gap.
#[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
fn added_up(gauges: &[Gauge], asked: usize) -> Gauge {
    let samples = gauges.iter().map(|gauge| gauge.samples).max().unwrap_or(0);
    let mean: f64 = gauges.iter().filter_map(Gauge::mean).sum();
    let max = match gauges {
        [] => f64::NEG_INFINITY,
        [one] if asked == 1 => one.max,
        _several => f64::INFINITY,
    };
    Gauge { sum: mean * samples as f64, max, samples }
}
