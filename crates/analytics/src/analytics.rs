use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::SharedClock;
use schema::{OrgName, Row};

use crate::AnalyticsConfig;
use crate::call::Call;
use crate::endpoint::{Endpoint, Snapshot, Taking};
use crate::history::History;
use crate::latest::{Latest, Sample};
use crate::replica::StatusChange;
use crate::rollup::Folded;
use crate::state::{Restoring, State};
use crate::totals::Total;
use crate::window::window_of;

/// How often the statuses of replicas are told again, so that a reader of any time finds them, µs.
pub(crate) const SNAPSHOT_US: i64 = 600_000_000;

/// The rollups of all orgs: what is recent in memory, what is older through the [`History`].
///
/// Every input is short and takes one lock; the lock is not held while an answer is made. Clones
/// share the same rollups.
#[derive(Clone)]
pub struct Analytics {
    pub(crate) clock: SharedClock,
    pub(crate) config: AnalyticsConfig,
    pub(crate) history: Arc<dyn History>,
    state: Arc<Mutex<State>>,
}

/// What did not go as it should, since this process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that a model or a replica was folded into [`OTHER`](crate::OTHER).
    pub folded: u64,
    /// Stored rows that could not be understood.
    pub damaged_rows: u64,
    /// Log entries that came after a later one: after a crash their calls could be missing.
    pub out_of_order: u64,
}

impl Analytics {
    /// Empty rollups over a history.
    #[must_use]
    pub fn new(clock: SharedClock, config: AnalyticsConfig, history: Arc<dyn History>) -> Self {
        Self { clock, config, history, state: Arc::default() }
    }

    /// Counts the gateway's calls among the rows of one entry of the log; all other rows are left out.
    ///
    /// `rows` are all rows of the org in that entry, and entries come in the order of the log: what a
    /// crash leaves to be counted again is told by position alone. An entry that was counted before a
    /// restart is left out, so that the whole log can be replayed. A late call lands in the window in
    /// which it ended.
    pub fn observe<'a>(
        &self,
        position: u64,
        org: &OrgName,
        rows: impl IntoIterator<Item = &'a Row>,
    ) {
        let now_us = self.now_us();
        let mut state = self.lock();
        let org = state.orgs.entry(org.clone()).or_default();
        if org.passes(position) {
            let calls = rows.into_iter().filter_map(Call::read);
            calls.for_each(|call| org.count(&call, self.config.label_budget, now_us));
        }
    }

    /// Records what a sampler read just now at an endpoint; one sample of each kind a second or two.
    pub fn sample(&self, org: &OrgName, endpoint: &str, sample: &Sample) {
        let now_us = self.now_us();
        self.with_endpoint(org, endpoint, |endpoint| endpoint.sample(sample, now_us));
    }

    /// Records that a replica took a status. Telling the status that it has changes nothing.
    pub fn status(&self, org: &OrgName, endpoint: &str, change: StatusChange) {
        self.with_endpoint(org, endpoint, |endpoint| endpoint.change(change));
    }

    /// Takes all that is new as rows of `schema::ROLLUP_COLUMNS`, for every org that has any.
    ///
    /// Meant for every 10 seconds, and soon after a change of status, which no log entry tells again.
    /// The caller appends all rows of an org in one log entry, and tries again with the same rows until
    /// that is done, before it takes the next.
    #[must_use = "the rows are not given again"]
    pub fn take_rollups(&self) -> Vec<(OrgName, Vec<Row>)> {
        let now_us = self.now_us();
        let mut state = self.lock();
        let snapshot =
            if now_us >= state.next_snapshot_us { Snapshot::Due } else { Snapshot::NotDue };
        if snapshot == Snapshot::Due {
            state.next_snapshot_us = now_us.saturating_add(SNAPSHOT_US);
        }
        let taking = Taking { now_us, floor_us: self.floor_us(now_us), position: None, snapshot };
        let taken = state.orgs.iter_mut().map(|(name, org)| (name.clone(), org.take(taking)));
        taken.filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// From when on [`restore`](Self::restore) needs rows, µs since 1970-01-01 UTC.
    #[must_use]
    pub fn restore_from_us(&self) -> i64 {
        self.floor_us(self.now_us()).saturating_sub(SNAPSHOT_US)
    }

    /// Takes in what was stored of an org before this process began: at least the rows since
    /// [`restore_from_us`](Self::restore_from_us), from the tables and from the log, and the totals of
    /// all rows there are ([`totals_of`](crate::totals_of), or the same by SQL).
    ///
    /// To be called once an org, before the log is replayed into [`observe`](Self::observe). Every
    /// replica counts as unseen until [`status`](Self::status) tells of it again.
    pub fn restore(&self, org: &OrgName, rows: &[Row], totals: Vec<Total>) {
        let now_us = self.now_us();
        let folded = Folded::of(rows);
        let restoring = Restoring {
            label_budget: self.config.label_budget,
            floor_us: self.floor_us(now_us),
            now_us,
        };
        self.lock().orgs.entry(org.clone()).or_default().restore(folded, totals, restoring);
    }

    /// The position up to which an org's calls were in the restored rows; calls behind it are to be
    /// replayed. `None` where the rows named none: then all are.
    #[must_use]
    pub fn checkpoint(&self, org: &OrgName) -> Option<u64> {
        self.lock().orgs.get(org).and_then(|org| org.checkpoint)
    }

    /// Calls by replica and status since the first start, over restarts. At most 2,000 series; past
    /// that the one unused for longest goes.
    #[must_use]
    pub fn request_totals(&self, org: &OrgName, endpoint: &str) -> Vec<Total> {
        self.read_endpoint(org, endpoint, |known| known.totals(endpoint)).unwrap_or_default()
    }

    /// What was sampled last at an endpoint.
    #[must_use]
    pub fn latest(&self, org: &OrgName, endpoint: &str) -> Latest {
        let now_us = self.now_us();
        self.read_endpoint(org, endpoint, |known| known.latest(now_us)).unwrap_or_default()
    }

    /// What did not go as it should.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        let mut stats = Stats::default();
        for org in state.orgs.values() {
            stats.damaged_rows += org.damaged;
            stats.out_of_order += org.out_of_order;
            stats.folded += org.endpoints.values().map(Endpoint::folded).sum::<u64>();
        }
        stats
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now().micros()
    }

    /// The first window that is in memory.
    pub(crate) fn floor_us(&self, now_us: i64) -> i64 {
        window_of(now_us.saturating_sub(micros(self.config.keep)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made of whole steps: what a panic left behind can be read on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_endpoint<T>(
        &self,
        org: &OrgName,
        name: &str,
        read: impl FnOnce(&Endpoint) -> T,
    ) -> Option<T> {
        self.lock().orgs.get(org)?.endpoints.get(name).map(read)
    }

    fn with_endpoint(&self, org: &OrgName, name: &str, change: impl FnOnce(&mut Endpoint)) {
        let mut state = self.lock();
        change(state.orgs.entry(org.clone()).or_default().endpoint(name, self.config.label_budget));
    }
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
