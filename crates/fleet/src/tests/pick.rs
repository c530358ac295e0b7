use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use url::Url;

use super::stage::{fleet, quick, spec, urls};
use crate::ReplicaStatus::{Failed, Initializing, Running, Terminated};
use crate::{Endpoint, EndpointState, Error, Fleet, Lease, NoReplica, Source};

fn addresses(count: u16) -> Vec<Url> {
    (1..=count).map(|port| format!("http://127.0.0.1:{port}").parse().unwrap()).collect()
}

/// An endpoint with `count` replicas, all running by our word.
fn running(count: u16) -> Arc<Endpoint> {
    let endpoint = Arc::clone(&fleet(urls(&addresses(count)), quick()).endpoints()[0]);
    endpoint.replicas().iter().for_each(|replica| replica.set(Running, "healthy"));
    endpoint
}

fn ids(endpoint: &Endpoint) -> Vec<String> {
    endpoint.replicas().iter().map(|replica| replica.id().to_owned()).collect()
}

fn picks(endpoint: &Endpoint, count: usize) -> Vec<Lease> {
    (0..count).map(|_| endpoint.pick(&[]).unwrap()).collect()
}

#[test]
fn the_replica_with_the_fewest_pending_calls_gets_the_next() {
    let endpoint = running(3);
    let leases = picks(&endpoint, 6);
    assert!(endpoint.snapshot().replicas.iter().all(|replica| replica.pending == 2));
    assert_eq!(endpoint.pending(), 6);
    let freed = leases[0].replica_id().to_owned();
    leases[0].answered();
    assert_eq!(endpoint.pick(&[]).unwrap().replica_id(), freed);
}

#[test]
fn equals_take_turns_by_chance() {
    let endpoint = running(3);
    let chosen: HashSet<String> =
        (0..200).map(|_| endpoint.pick(&[]).unwrap().replica_id().to_owned()).collect();
    assert_eq!(chosen.len(), 3);
}

#[test]
fn streams_that_go_on_count_among_equals() {
    let endpoint = running(2);
    let streams = picks(&endpoint, 1);
    streams[0].answered();
    assert_ne!(endpoint.pick(&[]).unwrap().replica_id(), streams[0].replica_id());
}

#[test]
fn a_lease_counts_once_until_it_is_answered_or_dropped() {
    let endpoint = running(1);
    let loads = || (endpoint.snapshot().replicas[0].pending, endpoint.snapshot().replicas[0].open);
    let lease = endpoint.pick(&[]).unwrap();
    let other = endpoint.pick(&[]).unwrap();
    assert_eq!(loads(), (2, 2));
    lease.answered();
    lease.answered();
    assert_eq!(loads(), (1, 2));
    drop(lease);
    drop(other);
    assert_eq!(loads(), (0, 0));
    let _health_check = endpoint.pick_uncounted(&[]).unwrap();
    assert_eq!(loads(), (0, 0));
}

#[test]
fn a_call_is_pending_once_from_its_arrival_to_its_answer() {
    let endpoint = running(1);
    let counts = || (endpoint.snapshot().pending, endpoint.snapshot().replicas[0].pending);
    let arrivals = [endpoint.arrive(), endpoint.arrive()];
    assert_eq!(counts(), (2, 0));
    let lease = endpoint.pick(&[]).unwrap();
    assert_eq!((counts(), endpoint.pending()), ((2, 1), 2));
    drop(lease);
    drop(arrivals);
    assert_eq!(counts(), (0, 0));
}

#[test]
fn tried_and_failed_replicas_are_left_out() {
    let endpoint = running(3);
    let ids = ids(&endpoint);
    let first = endpoint.pick(&ids[1..]).unwrap();
    assert_eq!(first.replica_id(), ids[0]);
    assert_eq!(endpoint.pick(&ids).unwrap_err(), NoReplica::AllTried);
    first.failed("reset");
    assert!((0..50).all(|_| endpoint.pick(&[]).unwrap().replica_id() != ids[0]));
    endpoint.replicas()[1..].iter().for_each(|replica| replica.set(Initializing, "loading"));
    let nothing = NoReplica::NoneRunning { state: EndpointState::Initializing };
    assert_eq!(endpoint.pick(&[]).unwrap_err(), nothing);
}

#[test]
fn a_probe_that_began_before_a_failed_call_proves_nothing() {
    let endpoint = running(1);
    let replica = Arc::clone(&endpoint.replicas()[0]);
    let blames = replica.blames();
    endpoint.pick(&[]).unwrap().failed("reset");
    replica.set_if_blames(blames, Running, "healthy".into());
    assert_eq!(replica.status(), Failed);
    replica.set_if_blames(replica.blames(), Running, "healthy".into());
    assert_eq!(replica.status(), Running);
}

#[test]
fn a_terminated_replica_stays_so() {
    let endpoint = running(1);
    let replica = Arc::clone(&endpoint.replicas()[0]);
    replica.set(Terminated, "stopped");
    replica.set(Running, "healthy");
    assert_eq!((replica.status(), replica.is_running()), (Terminated, false));
}

#[tokio::test]
async fn waiting_for_a_replica_ends_with_patience() {
    let endpoint = running(1);
    endpoint.replicas()[0].set(Failed, "gone");
    let nothing = NoReplica::NoneRunning { state: EndpointState::Failed };
    assert_eq!(endpoint.pick_within(&[], Duration::from_millis(10)).await.unwrap_err(), nothing);
    assert_eq!(endpoint.pending(), 0);
}

#[test]
fn ids_are_the_same_in_the_next_life() {
    assert_eq!(ids(&running(3)), ids(&running(3)));
    assert_eq!(ids(&running(2)), ids(&running(3))[..2]);
}

#[test]
fn endpoints_are_found_by_name_and_model() {
    let mut specs = vec![urls(&addresses(1)), urls(&addresses(2)), urls(&addresses(1))];
    specs[1].name = "second".into();
    specs[2].namespace = "other".into();
    let fleet = Fleet::new(specs, quick(), Arc::new(SystemClock)).unwrap();
    assert_eq!(fleet.by_name("default", "second").unwrap().name(), "second");
    assert!(fleet.by_name("other", "second").is_none());
    let by_model = |namespace| {
        fleet.by_model(namespace, "org/model").map(|endpoint| endpoint.name().to_owned())
    };
    assert_eq!(by_model(None).as_deref(), Some("urls"));
    fleet.endpoints()[1].replicas()[0].set(Running, "healthy");
    assert_eq!(by_model(None).as_deref(), Some("second"));
    assert_eq!(by_model(Some("other")).as_deref(), Some("urls"));
    assert_eq!(by_model(Some("nobody")), None);
    let models = fleet.models(Some("default"));
    assert_eq!((models.len(), models[0].endpoints.len()), (1, 2));
    assert!(fleet.models(Some("nobody")).is_empty());
}

#[test]
fn what_cannot_be_set_up_is_refused_whole() {
    let specs = vec![urls(&addresses(1)), urls(&[]), spec("ok", Source::Urls(addresses(1)))];
    let problems = Fleet::new(specs, quick(), Arc::new(SystemClock)).unwrap_err();
    assert!(
        matches!(problems[..], [Error::NoReplicas { .. }, Error::SameNameTwice { .. }]),
        "{problems:?}"
    );
}
