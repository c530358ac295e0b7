use std::collections::BTreeMap;
use std::sync::Arc;

use schema::Row;

use crate::call::Call;
use crate::grid::TimeRange;
use crate::labels::{Label, Labels, OTHER};
use crate::latest::{Latest, Sample};
use crate::replica::{Lives, StatusChange, Transition};
use crate::rollup::{FoldedEndpoint, Telling, Writer};
use crate::totals::{Total, Totals};
use crate::window::{CallKey, GaugeKey, ReplicaCount, Resource, Window, window_of};

/// A window that a reader may hold while it is added to.
pub(crate) type SharedWindow = (i64, Arc<Window>);

/// All that is in memory about one endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// What no row was taken of yet.
    fresh: BTreeMap<i64, Arc<Window>>,
    fresh_transitions: Vec<(Label, Transition)>,
    /// What rows were taken of, within the time that is kept.
    kept: BTreeMap<i64, Arc<Window>>,
    models: Labels,
    replicas: Labels,
    totals: Totals,
    lives: Lives,
    latest: Latest,
}

/// Whether the replicas' present statuses are told again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Snapshot {
    Due,
    NotDue,
}

/// What is needed to take an endpoint's rows.
#[derive(Clone, Copy)]
pub(crate) struct Taking {
    pub(crate) now_us: i64,
    pub(crate) floor_us: i64,
    pub(crate) position: Option<u64>,
    pub(crate) snapshot: Snapshot,
}

impl Endpoint {
    pub(crate) fn new(label_budget: usize) -> Self {
        Self {
            fresh: BTreeMap::new(),
            fresh_transitions: Vec::new(),
            kept: BTreeMap::new(),
            models: Labels::new(label_budget),
            replicas: Labels::new(label_budget),
            totals: Totals::default(),
            lives: Lives::default(),
            latest: Latest::default(),
        }
    }

    pub(crate) fn count(&mut self, call: &Call<'_>, now_us: i64) {
        let key = CallKey {
            replica: call.replica.map(|replica| self.replicas.get(replica, now_us)),
            model: call.model.map(|model| self.models.get(model, now_us)),
            status: call.status,
            end: call.end,
        };
        self.totals.add(key.replica.clone(), key.status, 1, call.window());
        self.fresh(call.window()).calls.entry(key).or_default().count(call);
    }

    pub(crate) fn sample(&mut self, sample: &Sample, now_us: i64) {
        self.latest.record(sample, now_us);
        match sample {
            Sample::Pending { waiting, by_replica } => {
                self.sample_pending(*waiting, by_replica, now_us)
            }
            Sample::Replicas { running, min, max } => {
                let window = self.fresh(window_of(now_us));
                let counts = [
                    (ReplicaCount::Running, running),
                    (ReplicaCount::Min, min),
                    (ReplicaCount::Max, max),
                ];
                counts.into_iter().for_each(|(count, value)| {
                    window.measure(GaugeKey::Replicas(count), float(*value))
                });
            }
            Sample::Hardware { replica_id, cpu_percent, memory_bytes, memory_limit_bytes } => {
                let values = [
                    (Resource::CpuPercent, *cpu_percent),
                    (Resource::MemoryBytes, memory_bytes.map(float)),
                    (Resource::MemoryLimitBytes, memory_limit_bytes.map(float)),
                ];
                self.sample_hardware(replica_id, &values, now_us);
            }
        }
    }

    /// Replicas beyond the label budget are added up before they are measured as one.
    fn sample_pending(&mut self, waiting: u64, by_replica: &[(String, u64)], now_us: i64) {
        let mut by_label: BTreeMap<Label, u64> = BTreeMap::new();
        for (replica, pending) in by_replica {
            let label = self.replicas.get(replica, now_us);
            self.see(&label, now_us);
            *by_label.entry(label).or_default() += pending;
        }
        let total = by_label.values().fold(waiting, |sum, pending| sum.saturating_add(*pending));
        let window = self.fresh(window_of(now_us));
        window.measure(GaugeKey::Pending, float(total));
        for (label, pending) in by_label {
            window.measure(GaugeKey::ReplicaPending(label), float(pending));
        }
    }

    /// Means of different replicas cannot be one: beyond the label budget hardware is left out.
    fn sample_hardware(&mut self, replica: &str, values: &[(Resource, Option<f64>)], now_us: i64) {
        let label = self.replicas.get(replica, now_us);
        if &*label == OTHER {
            return;
        }
        self.see(&label, now_us);
        let window = self.fresh(window_of(now_us));
        for (resource, value) in values {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                window.measure(GaugeKey::Hardware(label.clone(), *resource), value);
            }
        }
    }

    pub(crate) fn change(&mut self, change: StatusChange) {
        let replica = self.replicas.get(&change.replica_id, change.at_us);
        if &*replica == OTHER {
            return;
        }
        let message = Some(change.message).filter(|message| !message.is_empty());
        let transition = Transition { at_us: change.at_us, status: change.status, message };
        if self.lives.change(replica.clone(), transition.clone()) {
            self.fresh_transitions.push((replica, transition));
        }
    }

    /// Drains what is fresh into rows, and forgets what is older than the floor.
    pub(crate) fn take(&mut self, name: &str, taking: Taking, rows: &mut Vec<Row>) {
        let mut writer = Writer { endpoint: name, position: taking.position, rows };
        for (start, window) in std::mem::take(&mut self.fresh) {
            writer.window(start, &window);
            if start >= taking.floor_us {
                Arc::make_mut(self.kept.entry(start).or_default()).merge(&window);
            }
        }
        for (replica, transition) in std::mem::take(&mut self.fresh_transitions) {
            writer.transition(&replica, &transition, Telling::New);
        }
        if taking.snapshot == Snapshot::Due {
            let window = window_of(taking.now_us);
            for (replica, transition) in self.lives.present() {
                writer.transition(replica, transition, Telling::Again { window });
            }
        }
        self.forget_before(taking.floor_us, taking.now_us);
    }

    fn forget_before(&mut self, floor_us: i64, now_us: i64) {
        self.kept = self.kept.split_off(&floor_us);
        self.models.forget_before(floor_us);
        self.replicas.forget_before(floor_us);
        self.lives.forget_before(floor_us);
        self.latest.expire(now_us);
    }

    /// Takes in what was stored before this process began.
    pub(crate) fn restore(&mut self, folded: FoldedEndpoint, floor_us: i64, now_us: i64) {
        for (start, window) in folded.windows.into_iter().filter(|(start, _)| *start >= floor_us) {
            for key in window.calls.keys() {
                key.replica.iter().for_each(|label| self.replicas.restore(label, start));
                key.model.iter().for_each(|label| self.models.restore(label, start));
            }
            Arc::make_mut(self.kept.entry(start).or_default()).merge(&window);
        }
        self.lives.merge(folded.lives);
        self.fresh_transitions.extend(self.lives.lose_sight(now_us));
    }

    pub(crate) fn restore_total(&mut self, total: Total) {
        self.totals.add(
            total.replica_id.map(Label::from),
            total.status,
            total.requests,
            total.last_us,
        );
    }

    /// The windows of a range that are in memory; a window may come in two parts.
    pub(crate) fn windows(&self, range: TimeRange) -> Vec<SharedWindow> {
        let part = |windows: &BTreeMap<i64, Arc<Window>>| {
            let inside = windows.range(range.from_us()..range.to_us());
            inside.map(|(start, window)| (*start, Arc::clone(window))).collect::<Vec<_>>()
        };
        [part(&self.kept), part(&self.fresh)].concat()
    }

    pub(crate) fn totals(&self, name: &str) -> Vec<Total> {
        self.totals.list(name)
    }

    pub(crate) fn latest(&self, now_us: i64) -> Latest {
        let mut latest = self.latest.clone();
        latest.expire(now_us);
        latest
    }

    pub(crate) const fn lives(&self) -> &Lives {
        &self.lives
    }

    pub(crate) fn folded(&self) -> u64 {
        self.models.folded() + self.replicas.folded()
    }

    fn fresh(&mut self, window: i64) -> &mut Window {
        Arc::make_mut(self.fresh.entry(window).or_default())
    }

    fn see(&mut self, replica: &Label, now_us: i64) {
        if &**replica != OTHER {
            self.lives.see(replica.clone(), now_us);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes are far below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}
