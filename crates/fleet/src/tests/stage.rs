//! A supervised fleet, and waiting for what happens in it.

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    BackoffSettings, Endpoint, EndpointSpec, Engine, Fleet, FleetSettings, ProcessSpec,
    ReplicaStatus, Source, StatusChange,
};

const LONG: Duration = Duration::from_secs(30);

pub(super) fn spec(name: &str, source: Source) -> EndpointSpec {
    EndpointSpec {
        namespace: "default".into(),
        name: name.into(),
        model: "org/model".into(),
        min_replicas: 1,
        max_replicas: 4,
        source,
    }
}

pub(super) fn urls(urls: &[Url]) -> EndpointSpec {
    spec("urls", Source::Urls(urls.to_vec()))
}

pub(super) fn process(command: &[&str]) -> EndpointSpec {
    let command = command.iter().map(ToString::to_string).collect();
    spec(
        "process",
        Source::Process(ProcessSpec { engine: Engine::Custom, command, env: Vec::new() }),
    )
}

pub(super) fn quick() -> FleetSettings {
    FleetSettings {
        probe_interval: Duration::from_millis(20),
        probe_interval_unsure: Duration::from_millis(10),
        probe_timeout: LONG,
        probe_failures: 2,
        restart: BackoffSettings {
            first: Duration::from_millis(5),
            longest: Duration::from_millis(20),
        },
        stop_grace: LONG,
        ..FleetSettings::default()
    }
}

pub(super) fn fleet(spec: EndpointSpec, settings: FleetSettings) -> Arc<Fleet> {
    Fleet::new(vec![spec], settings, Arc::new(SystemClock)).unwrap()
}

/// A fleet of one endpoint under supervision.
pub(super) struct Stage {
    pub(super) fleet: Arc<Fleet>,
    changes: broadcast::Receiver<StatusChange>,
    stop: CancellationToken,
    supervision: JoinHandle<()>,
}

impl Stage {
    pub(super) fn set(spec: EndpointSpec, settings: FleetSettings) -> Self {
        let fleet = fleet(spec, settings);
        let (_, changes) = fleet.subscribe();
        let stop = CancellationToken::new();
        let supervision = tokio::spawn(Arc::clone(&fleet).supervise(stop.clone()));
        Self { fleet, changes, stop, supervision }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.fleet.endpoints()[0]
    }

    /// The next change to `status`.
    pub(super) async fn until(&mut self, status: ReplicaStatus) -> StatusChange {
        let found = async {
            loop {
                let change = self.changes.recv().await.unwrap();
                if change.to == status {
                    return change;
                }
            }
        };
        timeout(LONG, found)
            .await
            .unwrap_or_else(|_| panic!("never {status}: {:?}", self.fleet.snapshot()))
    }

    pub(super) async fn stop(self) -> Arc<Fleet> {
        self.stop.cancel();
        timeout(LONG, self.supervision).await.expect("supervision ends when told to").unwrap();
        self.fleet
    }

    /// Drops the supervision where it stands.
    pub(super) async fn abort(self) {
        self.supervision.abort();
        assert!(self.supervision.await.unwrap_err().is_cancelled());
    }
}

/// Returns when `condition` holds.
pub(super) async fn wait_until(mut condition: impl FnMut() -> bool) {
    let look = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, look).await.expect("the condition holds in time");
}
