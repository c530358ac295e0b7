use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::stage::{Stage, process, quick, wait_until};
use crate::ReplicaStatus::{Draining, Failed, Initializing, Running, Terminated};
use crate::group::Group;
use crate::{EndpointSpec, EndpointState, FleetSettings, ReplicaStatus, Source};

/// A server that is healthy; `{port}` is its first argument.
const SERVER: &str = "
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

fn server() -> EndpointSpec {
    process(&["python3", "-c", SERVER, "{port}"])
}

/// The server, started by a shell script that runs `before` and leaves a child behind.
fn family(before: &str) -> EndpointSpec {
    let script = format!("{before} sleep 1000 & exec python3 -c \"$1\" \"$2\"");
    process(&["/bin/sh", "-c", &script, "sh", SERVER, "{port}"])
}

fn shell(script: &str) -> EndpointSpec {
    process(&["/bin/sh", "-c", script, "sh", "{port}"])
}

fn pid(stage: &Stage) -> u32 {
    stage.endpoint().snapshot().replicas[0].pid.unwrap()
}

fn group(stage: &Stage) -> Group {
    Group::led_by(pid(stage)).unwrap()
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_killed_process_is_replaced_by_a_new_replica() {
    // Probes have no say here, so that it is the process's end that is told.
    let mut stage = Stage::set(server(), FleetSettings { probe_failures: u32::MAX, ..quick() });
    let first = stage.until(Running).await.replica_id;
    let before = pid(&stage);
    kill(before);

    let failed = stage.until(Failed).await;
    assert!(failed.replica_id == first && failed.message.contains("signal: 9"), "{failed:?}");
    let gone = stage.until(Terminated).await;
    let second = stage.until(Running).await.replica_id;
    assert_eq!((gone.replica_id, gone.message), (first.clone(), format!("replaced by {second}")));
    assert!(second != first && second[..9] == first[..9], "{first} {second}");
    assert_ne!(pid(&stage), before);
    assert_eq!(stage.endpoint().snapshot().replicas.len(), 1);
    stage.stop().await;
}

#[tokio::test]
async fn stopping_ends_the_whole_group_and_says_so() {
    let mut stage = Stage::set(family(""), quick());
    stage.until(Running).await;
    let group = group(&stage);
    assert_eq!(group.members().count(), 2);
    let fleet = stage.stop().await;
    assert!(!group.is_alive());
    let told: Vec<ReplicaStatus> = fleet.history().changes.iter().map(|change| change.to).collect();
    assert_eq!(told, [ReplicaStatus::Pending, Initializing, Running, Draining, Terminated]);
    assert_eq!(fleet.snapshot()[0].replicas[0].pid, None);
}

#[tokio::test]
async fn a_group_that_does_not_listen_is_killed() {
    let settings = FleetSettings { stop_grace: Duration::from_millis(50), ..quick() };
    let mut stage = Stage::set(family("trap '' TERM;"), settings);
    stage.until(Running).await;
    let group = group(&stage);
    stage.stop().await;
    wait_until(|| !group.is_alive()).await;
}

#[tokio::test]
async fn dropping_the_supervision_kills_the_group() {
    let mut stage = Stage::set(family("trap '' TERM;"), quick());
    stage.until(Running).await;
    let group = group(&stage);
    stage.abort().await;
    wait_until(|| !group.is_alive()).await;
}

#[tokio::test]
async fn children_of_a_process_that_ended_do_not_stay() {
    let mut stage = Stage::set(family(""), quick());
    stage.until(Running).await;
    let (pid, group) = (pid(&stage), group(&stage));
    kill(pid);
    stage.until(Failed).await;
    wait_until(|| !group.is_alive()).await;
    stage.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_is_started_again_and_again_with_its_last_words_kept() {
    let mut stage = Stage::set(shell("echo boom >&2; exit 3"), quick());
    let first = stage.until(Failed).await;
    assert_eq!(first.message, "the process ended (exit status: 3): boom");
    let second = stage.until(Failed).await;
    assert_ne!(first.replica_id, second.replica_id);
    assert_ne!(stage.endpoint().state(), EndpointState::Running);
    let fleet = stage.stop().await;
    assert!(fleet.snapshot()[0].replicas.iter().all(|replica| replica.status == Terminated));
}

#[tokio::test]
async fn a_program_that_is_not_there_keeps_one_replica_id() {
    let mut stage = Stage::set(process(&["/nonexistent/engine", "{port}"]), quick());
    let failed = stage.until(Failed).await;
    assert!(failed.message.starts_with("cannot start /nonexistent/engine: "), "{}", failed.message);
    let message = stage.endpoint().snapshot().message;
    assert!(message.starts_with("Endpoint failed to deploy: cannot start"), "{message}");
    let fleet = stage.stop().await;
    let seen: Vec<String> =
        fleet.history().changes.into_iter().map(|change| change.replica_id).collect();
    assert!(seen.iter().all(|id| *id == failed.replica_id), "{seen:?}");
}

#[tokio::test]
async fn a_process_gets_its_variables_but_not_the_hidden_ones() {
    let mut spec = shell("echo \"$ASKED home=[$HOME] $INFERSCOPE_REPLICA_ID $1\"; exec sleep 1000");
    let Source::Process(process) = &mut spec.source else { unreachable!() };
    process.env = vec![("ASKED".into(), "{model}@{port}".into())];
    let mut stage = Stage::set(spec, FleetSettings { hidden_env: vec!["HOME".into()], ..quick() });
    let id = stage.until(Initializing).await.replica_id;
    let port = stage.endpoint().snapshot().replicas[0].url.port().unwrap();
    wait_until(|| !stage.fleet.output(&id).unwrap().lines.is_empty()).await;
    let lines = stage.fleet.output(&id).unwrap().lines;
    assert_eq!(lines, [format!("org/model@{port} home=[] {id} {port}")]);
    stage.stop().await;
}

#[tokio::test]
async fn as_many_processes_are_kept_as_are_asked_for() {
    let mut spec = server();
    spec.min_replicas = 2;
    let mut stage = Stage::set(spec, quick());
    stage.until(Running).await;
    stage.until(Running).await;
    let snapshot = stage.endpoint().snapshot();
    assert_eq!((snapshot.running, snapshot.min_replicas, snapshot.max_replicas), (2, 2, 4));
    stage.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_wants_no_processes_is_scaled_to_zero() {
    let mut spec = server();
    spec.min_replicas = 0;
    let stage = Stage::set(spec, quick());
    assert_eq!(stage.endpoint().state(), EndpointState::ScaledToZero);
    stage.stop().await;
}
