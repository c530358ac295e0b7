//! One endpoint: its replicas, and which of them gets the next call.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use clock::UnixNanos;
use rand::Rng;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::journal::{Journal, Subject};
use crate::lease::Counting;
use crate::output::Output;
use crate::replica::{Birth, Replica};
use crate::{
    Arrival, EndpointSnapshot, EndpointSpec, EndpointState, Engine, Lease, NoReplica,
    ReplicaSnapshot, ReplicaStatus, Source, id,
};

/// A named model deployment and its replicas.
pub struct Endpoint {
    spec: EndpointSpec,
    deployment: String,
    replicas: RwLock<Arc<[Arc<Replica>]>>,
    arrived: Arc<AtomicU64>,
    began: Arc<Notify>,
    journal: Arc<Journal>,
    created: UnixNanos,
}

impl Endpoint {
    /// An endpoint with its urls as pending replicas; processes come with supervision.
    pub(crate) fn new(spec: EndpointSpec, journal: Arc<Journal>) -> Arc<Self> {
        let endpoint = Self {
            deployment: id::deployment(&spec),
            replicas: RwLock::new(Arc::new([])),
            arrived: Arc::default(),
            began: Arc::default(),
            created: journal.now(),
            journal,
            spec,
        };
        if let Source::Urls(urls) = &endpoint.spec.source {
            let ids = id::of_urls(&endpoint.deployment, urls);
            let replicas =
                ids.into_iter().zip(urls).map(|(id, url)| endpoint.url_replica(id, url.clone()));
            let replicas: Arc<[Arc<Replica>]> = replicas.collect();
            *endpoint.replicas.write().unwrap_or_else(PoisonError::into_inner) = replicas;
        }
        Arc::new(endpoint)
    }

    fn url_replica(&self, id: String, url: Url) -> Arc<Replica> {
        let (engine, output, message) = (None, None, "not asked yet");
        let birth = Birth { subject: self.subject(id), url, engine, output, message };
        Replica::new(birth, Arc::clone(&self.journal), Arc::clone(&self.began))
    }

    /// A new replica for a process that is to listen at `url`; it is not listed yet.
    pub(crate) fn process_replica(
        &self,
        url: Url,
        engine: Engine,
        output: Arc<Output>,
    ) -> Arc<Replica> {
        let subject = self.subject(id::random(&self.deployment));
        let (engine, output, message) = (Some(engine), Some(output), "waiting to be started");
        let birth = Birth { subject, url, engine, output, message };
        Replica::new(birth, Arc::clone(&self.journal), Arc::clone(&self.began))
    }

    fn subject(&self, replica_id: String) -> Subject {
        Subject {
            namespace: self.spec.namespace.clone(),
            endpoint: self.spec.name.clone(),
            replica_id,
        }
    }

    /// Lists `new`, in the place of `old` when there is one.
    pub(crate) fn list(&self, new: Arc<Replica>, old: Option<&Arc<Replica>>) {
        let mut listed = self.replicas.write().unwrap_or_else(PoisonError::into_inner);
        let mut replicas = listed.to_vec();
        match replicas.iter_mut().find(|replica| old.is_some_and(|old| Arc::ptr_eq(replica, old))) {
            Some(place) => *place = new,
            None => replicas.push(new),
        }
        *listed = replicas.into();
    }

    pub(crate) fn replicas(&self) -> Arc<[Arc<Replica>]> {
        Arc::clone(&self.replicas.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn arrived_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.arrived)
    }

    /// What was asked for.
    #[must_use]
    pub const fn spec(&self) -> &EndpointSpec {
        &self.spec
    }

    /// The organization that owns it.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.spec.namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The Hub id of the model that it serves.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.spec.model
    }

    /// When the fleet was made.
    #[must_use]
    pub const fn created(&self) -> UnixNanos {
        self.created
    }

    /// What it can do now.
    #[must_use]
    pub fn state(&self) -> EndpointState {
        let statuses: Vec<ReplicaStatus> =
            self.replicas().iter().map(|replica| replica.status()).collect();
        EndpointState::of(&statuses, self.spec.min_replicas)
    }

    /// Calls received whose HTTP status is not known yet, with or without a replica.
    #[must_use]
    pub fn pending(&self) -> u64 {
        let leased: u64 = self
            .replicas()
            .iter()
            .map(|replica| replica.load.pending.load(Ordering::Relaxed))
            .sum();
        self.pending_beside(leased)
    }

    /// Pending calls, of which `leased` are at replicas. A call that arrived and has a lease is in both
    /// counts, and one that only took a lease in one of them: the larger count holds them all.
    fn pending_beside(&self, leased: u64) -> u64 {
        leased.max(self.arrived.load(Ordering::Relaxed))
    }

    /// Counts one call as pending until the guard is dropped, once, whether or not it has a lease.
    ///
    /// Take it when the call arrives and drop it when the HTTP status is known. Callers of one endpoint
    /// either all do so or all rely on their leases alone.
    #[must_use]
    pub fn arrive(&self) -> Arrival {
        Arrival::at(self)
    }

    /// A lease on the running replica with the fewest pending calls that is not in `tried`.
    ///
    /// Among equals the one with the fewest open calls, then a random one.
    ///
    /// # Errors
    /// When nothing is running, or all that is running was tried.
    pub fn pick(&self, tried: &[String]) -> Result<Lease, NoReplica> {
        self.choose(tried, Counting::Counted)
    }

    /// As [`Self::pick`], for a health check from outside: the lease counts as no call.
    ///
    /// # Errors
    /// As [`Self::pick`].
    pub fn pick_uncounted(&self, tried: &[String]) -> Result<Lease, NoReplica> {
        self.choose(tried, Counting::Uncounted)
    }

    fn choose(&self, tried: &[String], counting: Counting) -> Result<Lease, NoReplica> {
        let replicas = self.replicas();
        let running = || replicas.iter().filter(|replica| replica.is_running());
        let fresh = running().filter(|replica| !tried.iter().any(|id| id == replica.id()));
        match least(fresh, |replica| load(replica), &mut rand::rng()) {
            Some(replica) => Ok(Lease::new(Arc::clone(replica), counting)),
            None if running().next().is_some() => Err(NoReplica::AllTried),
            None => Err(NoReplica::NoneRunning { state: self.state() }),
        }
    }

    /// As [`Self::pick`], but waits up to `patience` for a replica to run, counted as pending meanwhile.
    ///
    /// # Errors
    /// As [`Self::pick`], after `patience`.
    pub async fn pick_within(
        &self,
        tried: &[String],
        patience: Duration,
    ) -> Result<Lease, NoReplica> {
        let deadline = Instant::now() + patience;
        let _arrival = self.arrive();
        loop {
            let waited = timeout_at(deadline, self.available()).await;
            match self.pick(tried) {
                Err(NoReplica::NoneRunning { .. }) if waited.is_ok() => {}
                picked @ (Ok(_) | Err(_)) => return picked,
            }
        }
    }

    /// Returns as soon as a replica is running, at once when one is.
    pub async fn available(&self) {
        loop {
            let mut began = std::pin::pin!(self.began.notified());
            began.as_mut().enable();
            if self.replicas().iter().any(|replica| replica.is_running()) {
                return;
            }
            began.await;
        }
    }

    /// How it is now.
    #[must_use]
    pub fn snapshot(&self) -> EndpointSnapshot {
        let replicas: Vec<ReplicaSnapshot> =
            self.replicas().iter().map(|replica| replica.snapshot()).collect();
        let statuses: Vec<ReplicaStatus> = replicas.iter().map(|replica| replica.status).collect();
        let state = EndpointState::of(&statuses, self.spec.min_replicas);
        let running = statuses.iter().filter(|status| **status == ReplicaStatus::Running).count();
        let leased: u64 = replicas.iter().map(|replica| replica.pending).sum();
        EndpointSnapshot {
            namespace: self.spec.namespace.clone(),
            name: self.spec.name.clone(),
            model: self.spec.model.clone(),
            deployment: self.deployment.clone(),
            engine: EndpointSnapshot::shared_engine(&replicas),
            state,
            message: EndpointSnapshot::sentence(state, &replicas),
            running: u32::try_from(running).unwrap_or(u32::MAX),
            min_replicas: self.spec.min_replicas,
            max_replicas: self.spec.max_replicas,
            pending: self.pending_beside(leased),
            created: self.created,
            updated: replicas.iter().map(|replica| replica.since).max().unwrap_or(self.created),
            replicas,
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("spec", &self.spec).finish_non_exhaustive()
    }
}

fn load(replica: &Replica) -> (u64, u64) {
    (replica.load.pending.load(Ordering::Relaxed), replica.load.open.load(Ordering::Relaxed))
}

/// The item with the least key, each of several with the same chance; one pass, no allocation.
fn least<T, K: Ord>(
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
    random: &mut impl Rng,
) -> Option<T> {
    let mut best: Option<(T, K)> = None;
    let mut ties = 1u32;
    for item in items {
        let key = key(&item);
        let order = best.as_ref().map_or(std::cmp::Ordering::Less, |(_, least)| key.cmp(least));
        let better = match order {
            std::cmp::Ordering::Less => {
                ties = 1;
                true
            }
            std::cmp::Ordering::Equal => {
                ties += 1;
                random.random_range(0..ties) == 0
            }
            std::cmp::Ordering::Greater => false,
        };
        if better {
            best = Some((item, key));
        }
    }
    best.map(|(item, _)| item)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_least_wins_and_equals_share() {
        let mut random = StdRng::seed_from_u64(7);
        let items = [('a', 2), ('b', 1), ('c', 1), ('d', 3), ('e', 1)];
        let mut wins = std::collections::BTreeMap::new();
        for _ in 0..3_000 {
            let (name, _) = least(items.iter(), |item| item.1, &mut random).unwrap();
            *wins.entry(*name).or_insert(0) += 1;
        }
        assert_eq!(wins.keys().collect::<String>(), "bce");
        assert!(wins.values().all(|won| (850..1_150).contains(won)), "{wins:?}");
    }

    #[test]
    fn there_is_no_least_of_nothing() {
        assert_eq!(least(std::iter::empty::<u8>(), |item| *item, &mut rand::rng()), None);
    }
}
