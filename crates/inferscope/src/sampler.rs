//! Reads the fleet and its processes every second, and tells analytics.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use analytics::{Analytics, ReplicaStatus, Sample, StatusChange};
use fleet::{EndpointSnapshot, Fleet, ReplicaSnapshot};
use hardware::{ProcessMeter, Processes, memory_limit};
use schema::OrgName;
use tasks::CancellationToken;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

/// How often gauges are read.
const EVERY: Duration = Duration::from_secs(1);

/// Reads gauges until told to stop.
pub(crate) async fn sample(fleet: Arc<Fleet>, analytics: Arc<Analytics>, stop: CancellationToken) {
    let mut meters = HashMap::new();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        let endpoints = fleet.snapshot();
        meters = measure(meters, &endpoints, &analytics).await;
        for endpoint in &endpoints {
            let Ok(org) = OrgName::from_str(&endpoint.namespace) else { continue };
            for sample in gauges(endpoint) {
                analytics.sample(&org, &endpoint.name, &sample);
            }
        }
    }
}

fn gauges(endpoint: &EndpointSnapshot) -> [Sample; 2] {
    let by_replica: Vec<(String, u64)> = endpoint
        .replicas
        .iter()
        .map(|replica| (replica.replica_id.clone(), replica.pending))
        .collect();
    let at_replicas: u64 = by_replica.iter().map(|(_, pending)| pending).sum();
    [
        Sample::Pending { waiting: endpoint.pending.saturating_sub(at_replicas), by_replica },
        Sample::Replicas {
            running: endpoint.running.into(),
            min: endpoint.min_replicas.into(),
            max: endpoint.max_replicas.into(),
        },
    ]
}

type Meters = HashMap<String, ProcessMeter>;

/// Measures the replicas that are processes of ours; the reads block, so they are done elsewhere.
async fn measure(
    mut meters: Meters,
    endpoints: &[EndpointSnapshot],
    analytics: &Arc<Analytics>,
) -> Meters {
    let with_process =
        |replica: &ReplicaSnapshot| replica.pid.map(|pid| (replica.replica_id.clone(), pid));
    let wanted: Vec<(OrgName, String, String, u32)> = endpoints
        .iter()
        .filter_map(|endpoint| Some((OrgName::from_str(&endpoint.namespace).ok()?, endpoint)))
        .flat_map(|(org, endpoint)| {
            let of_endpoint = move |(id, pid)| (org.clone(), endpoint.name.clone(), id, pid);
            endpoint.replicas.iter().filter_map(with_process).map(of_endpoint)
        })
        .collect();
    if wanted.is_empty() {
        return Meters::new();
    }
    let analytics = Arc::clone(analytics);
    let measured = tokio::task::spawn_blocking(move || {
        meters.retain(|id, _| wanted.iter().any(|(_, _, wanted, _)| wanted == id));
        let Ok(processes) = Processes::read() else { return meters };
        for (org, endpoint, replica_id, pid) in wanted {
            let meter = meters.entry(replica_id.clone()).or_insert_with(|| ProcessMeter::new(pid));
            let Some(used) = meter.sample_in(&processes) else { continue };
            let sample = Sample::Hardware {
                replica_id,
                cpu_percent: used.cpu_percent,
                memory_bytes: Some(used.memory_bytes),
                memory_limit_bytes: memory_limit(pid).ok(),
            };
            analytics.sample(&org, &endpoint, &sample);
        }
        meters
    });
    measured.await.unwrap_or_default()
}

/// Tells analytics what becomes of replicas, from the fleet's beginning until told to stop.
pub(crate) async fn follow(fleet: Arc<Fleet>, analytics: Arc<Analytics>, stop: CancellationToken) {
    let (history, mut changes) = fleet.subscribe();
    for change in history.changes {
        tell(&analytics, change);
    }
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = stop.cancelled() => return,
        };
        match change {
            Ok(change) => tell(&analytics, change),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "changes of replicas were missed")
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell(analytics: &Analytics, change: fleet::StatusChange) {
    let Ok(org) = OrgName::from_str(&change.namespace) else { return };
    let status = StatusChange {
        replica_id: change.replica_id,
        status: status(change.to),
        message: change.message,
        at_us: change.at.micros(),
    };
    analytics.status(&org, &change.endpoint, status);
}

const fn status(status: fleet::ReplicaStatus) -> ReplicaStatus {
    match status {
        fleet::ReplicaStatus::Pending => ReplicaStatus::Pending,
        fleet::ReplicaStatus::Initializing => ReplicaStatus::Initializing,
        fleet::ReplicaStatus::Running => ReplicaStatus::Running,
        fleet::ReplicaStatus::Draining => ReplicaStatus::Draining,
        fleet::ReplicaStatus::Failed => ReplicaStatus::Failed,
        fleet::ReplicaStatus::Terminated => ReplicaStatus::Terminated,
    }
}
