use super::fake::Place;
use super::stage::{Stage, quick, urls, wait_until};
use crate::ReplicaStatus::{Failed, Initializing, Running};
use crate::health::Sight;
use crate::probe::{Prober, Schemes};
use crate::{EndpointState, Engine, Error};

#[tokio::test]
async fn a_server_comes_up_late_dies_and_comes_back() {
    let place = Place::reserve();
    let mut stage = Stage::set(urls(&[place.url()]), quick());
    wait_until(|| stage.endpoint().snapshot().replicas[0].message.contains("refused")).await;
    assert_eq!(stage.endpoint().state(), EndpointState::Pending);

    let server = place.open(503);
    let starting = stage.until(Initializing).await;
    assert_eq!(starting.message, "GET /health answered 503");
    server.set_health(200);
    stage.until(Running).await;
    assert_eq!(stage.endpoint().state(), EndpointState::Running);

    server.close().await;
    let failed = stage.until(Failed).await;
    assert!(failed.message.contains("2 probes in a row failed"), "{}", failed.message);
    assert_eq!(stage.endpoint().state(), EndpointState::Failed);

    let _server = place.open(200);
    let back = stage.until(Running).await;
    assert_eq!((back.from, back.replica_id), (Some(Failed), starting.replica_id));
    stage.stop().await;
}

#[tokio::test]
async fn a_sick_server_is_taken_out_until_it_is_well() {
    let place = Place::reserve();
    let server = place.open(200);
    let mut stage = Stage::set(urls(&[place.url()]), quick());
    stage.until(Running).await;
    server.set_health(500);
    assert!(stage.until(Failed).await.message.contains("500"));
    server.set_health(204);
    stage.until(Running).await;
}

#[tokio::test]
async fn a_failed_call_takes_a_replica_out_at_once_and_a_good_probe_brings_it_back() {
    let place = Place::reserve();
    let server = place.open(200);
    let mut stage = Stage::set(urls(&[place.url()]), quick());
    let running = stage.until(Running).await;
    server.set_health(500);
    stage.fleet.failed(&running.replica_id, "connection reset");
    assert!(stage.endpoint().pick(&[]).is_err());
    assert_eq!(stage.until(Failed).await.message, "a call failed: connection reset");
    server.set_health(200);
    stage.until(Running).await;
    assert!(stage.endpoint().pick(&[]).is_ok());
}

#[tokio::test]
async fn a_server_without_a_health_route_is_asked_for_its_models() {
    let place = Place::reserve();
    let _server = place.open(404);
    let mut stage = Stage::set(urls(&[place.url()]), quick());
    stage.until(Running).await;
    wait_until(|| stage.endpoint().snapshot().engine == Some(Engine::Vllm)).await;
}

#[tokio::test]
async fn a_server_with_neither_route_is_well_when_it_answers() {
    let place = Place::reserve();
    let _server = place.open(404);
    let prober = Prober::new(Schemes::Http, quick().probe_timeout).unwrap();
    assert_eq!(prober.look(&place.url().join("/base/").unwrap()).await, Sight::Ready);
}

#[tokio::test]
async fn a_call_may_wait_for_a_replica_and_counts_as_pending_meanwhile() {
    let place = Place::reserve();
    let stage = Stage::set(urls(&[place.url()]), quick());
    let endpoint = std::sync::Arc::clone(&stage.fleet.endpoints()[0]);
    let call = tokio::spawn(async move { endpoint.pick_within(&[], quick().probe_timeout).await });
    wait_until(|| stage.endpoint().pending() == 1).await;
    let _server = place.open(200);
    let lease = call.await.unwrap().unwrap();
    assert_eq!((lease.url(), stage.endpoint().pending()), (&place.url(), 1));
    lease.answered();
    assert_eq!(stage.endpoint().pending(), 0);
}

#[test]
fn an_https_client_is_built_or_says_what_it_lacks() {
    let built = Prober::new(Schemes::HttpAndHttps, quick().probe_timeout);
    assert!(matches!(built.err(), None | Some(Error::RootCertificates { .. })));
}
