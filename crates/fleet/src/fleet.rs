//! All endpoints together: found by name or model, supervised, shown.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clock::SharedClock;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::health::Origin;
use crate::journal::Journal;
use crate::orphan;
use crate::output::ProcessOutput;
use crate::probe::{Prober, Schemes};
use crate::replica::Replica;
use crate::slot::Slot;
use crate::watch::Watch;
use crate::{
    Endpoint, EndpointSnapshot, EndpointSpec, Error, FleetSettings, History, Source, StatusChange,
};

/// The endpoints of this process and their replicas.
pub struct Fleet {
    endpoints: Vec<Arc<Endpoint>>,
    by_name: HashMap<String, HashMap<String, Arc<Endpoint>>>,
    by_model: HashMap<String, Vec<Arc<Endpoint>>>,
    settings: FleetSettings,
    prober: Prober,
    journal: Arc<Journal>,
    supervised: AtomicBool,
}

/// A model that can be called, and by whom it is served.
#[derive(Clone, Debug)]
pub struct Model {
    /// The Hub id.
    pub id: String,
    /// The endpoints that serve it, in the order of the configuration; never empty.
    pub endpoints: Vec<Arc<Endpoint>>,
}

impl Fleet {
    /// A fleet of `specs`, with every url pending; nothing is probed or started before [`Self::supervise`].
    ///
    /// # Errors
    /// Every problem found, not only the first.
    pub fn new(
        specs: Vec<EndpointSpec>,
        settings: FleetSettings,
        clock: SharedClock,
    ) -> Result<Arc<Self>, Vec<Error>> {
        let mut problems = problems(&specs);
        let prober = Prober::new(schemes(&specs), settings.probe_timeout)
            .map_err(|problem| problems.push(problem));
        let (Ok(prober), true) = (prober, problems.is_empty()) else { return Err(problems) };
        let journal = Arc::new(Journal::new(clock, settings.history));
        let endpoints: Vec<Arc<Endpoint>> =
            specs.into_iter().map(|spec| Endpoint::new(spec, Arc::clone(&journal))).collect();
        let mut by_name: HashMap<String, HashMap<String, Arc<Endpoint>>> = HashMap::new();
        let mut by_model: HashMap<String, Vec<Arc<Endpoint>>> = HashMap::new();
        for endpoint in &endpoints {
            let names = by_name.entry(endpoint.namespace().to_owned()).or_default();
            names.insert(endpoint.name().to_owned(), Arc::clone(endpoint));
            by_model.entry(endpoint.model().to_owned()).or_default().push(Arc::clone(endpoint));
        }
        let supervised = AtomicBool::new(false);
        Ok(Arc::new(Self { endpoints, by_name, by_model, settings, prober, journal, supervised }))
    }

    /// Probes, starts and restarts replicas until `stop`, then stops every process that it started.
    ///
    /// Dropping the future kills those processes without grace. Only the first call does anything.
    pub async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        if self.supervised.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(dir) = &self.settings.process_dir {
            orphan::end_all(dir);
        }
        let supervisors =
            self.endpoints.iter().flat_map(|endpoint| self.supervisors(endpoint, &stop));
        join_all(supervisors).await;
    }

    fn supervisors<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        stop: &'a CancellationToken,
    ) -> Vec<BoxFuture<'a, ()>> {
        let (prober, settings) = (&self.prober, &self.settings);
        match &endpoint.spec().source {
            Source::Urls(_) => {
                let replicas = endpoint.replicas();
                replicas
                    .iter()
                    .map(|replica| self.watch_url(Arc::clone(replica), stop).boxed())
                    .collect()
            }
            Source::Process(spec) => {
                let slot = |_| Slot::new(endpoint, spec, prober, settings, stop).run().boxed();
                (0..endpoint.spec().min_replicas).map(slot).collect()
            }
        }
    }

    async fn watch_url(&self, replica: Arc<Replica>, stop: &CancellationToken) {
        let watch = Watch::new(&replica, Origin::Theirs, &self.prober, &self.settings);
        tokio::select! {
            never = watch.run() => match never {},
            () = stop.cancelled() => {}
        }
    }

    /// All endpoints, in the order of the configuration.
    #[must_use]
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The endpoint of that name.
    #[must_use]
    pub fn by_name(&self, namespace: &str, name: &str) -> Option<Arc<Endpoint>> {
        self.by_name.get(namespace)?.get(name).cloned()
    }

    /// An endpoint that serves `model`, in `namespace` or in any: the first that runs, else the first.
    #[must_use]
    pub fn by_model(&self, namespace: Option<&str>, model: &str) -> Option<Arc<Endpoint>> {
        let serving = || self.by_model.get(model).into_iter().flatten();
        let candidates = || serving().filter(|endpoint| is_within(endpoint, namespace));
        let running = candidates()
            .find(|endpoint| endpoint.replicas().iter().any(|replica| replica.is_running()));
        running.or_else(|| candidates().next()).cloned()
    }

    /// The models that can be called in `namespace` or in any, each once, in the order of the configuration.
    #[must_use]
    pub fn models(&self, namespace: Option<&str>) -> Vec<Model> {
        let mut models: Vec<Model> = Vec::new();
        for endpoint in self.endpoints.iter().filter(|endpoint| is_within(endpoint, namespace)) {
            match models.iter_mut().find(|model| model.id == endpoint.model()) {
                Some(model) => model.endpoints.push(Arc::clone(endpoint)),
                None => models.push(Model {
                    id: endpoint.model().to_owned(),
                    endpoints: vec![Arc::clone(endpoint)],
                }),
            }
        }
        models
    }

    /// Takes the replica out until a later probe finds it healthy; `why` must hold nothing of a call's content.
    pub fn failed(&self, replica_id: &str, why: &str) {
        if let Some(replica) = self.replica(replica_id) {
            replica.blame(why);
        }
    }

    /// The last lines that the process of a listed replica wrote; `None` for a url and an unknown id.
    #[must_use]
    pub fn output(&self, replica_id: &str) -> Option<ProcessOutput> {
        self.replica(replica_id)?.output.as_ref().map(|output| output.read())
    }

    fn replica(&self, replica_id: &str) -> Option<Arc<Replica>> {
        let all = self.endpoints.iter().map(|endpoint| endpoint.replicas());
        all.into_iter().find_map(|replicas| {
            replicas.iter().find(|replica| replica.id() == replica_id).cloned()
        })
    }

    /// How all endpoints are now, in the order of the configuration.
    #[must_use]
    pub fn snapshot(&self) -> Vec<EndpointSnapshot> {
        self.endpoints.iter().map(|endpoint| endpoint.snapshot()).collect()
    }

    /// The status changes since this fleet was made.
    #[must_use]
    pub fn history(&self) -> History {
        self.journal.history()
    }

    /// The changes so far and a receiver of all later ones, with nothing missed or doubled in between.
    ///
    /// A receiver more than 1,024 changes behind misses the oldest and is told how many.
    #[must_use]
    pub fn subscribe(&self) -> (History, broadcast::Receiver<StatusChange>) {
        self.journal.subscribe()
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

fn is_within(endpoint: &Endpoint, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|wanted| endpoint.namespace() == wanted)
}

fn problems(specs: &[EndpointSpec]) -> Vec<Error> {
    let mut found: Vec<Error> = specs.iter().flat_map(EndpointSpec::problems).collect();
    let mut seen = HashSet::new();
    let twice = specs.iter().filter(|spec| !seen.insert((&spec.namespace, &spec.name)));
    found.extend(twice.map(|spec| Error::SameNameTwice {
        namespace: spec.namespace.clone(),
        name: spec.name.clone(),
    }));
    found
}

fn schemes(specs: &[EndpointSpec]) -> Schemes {
    let https = |spec: &EndpointSpec| match &spec.source {
        Source::Urls(urls) => urls.iter().any(|url| url.scheme() == "https"),
        Source::Process(_) => false,
    };
    if specs.iter().any(https) { Schemes::HttpAndHttps } else { Schemes::Http }
}
