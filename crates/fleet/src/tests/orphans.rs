use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use super::stage::{Stage, process, quick};
use crate::ReplicaStatus::Initializing;
use crate::orphan::{REPLICA_VARIABLE, end_all};
use crate::{FleetSettings, ReplicaStatus};

const ID: &str = "abcd1234-abcde";

/// A process that carries a replica id and does nothing; killed at the latest when dropped.
struct Sleeper(Child);

impl Sleeper {
    fn carrying(id: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo; read forever"]).process_group(0).env(REPLICA_VARIABLE, id);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Its environment can only be seen some time after it was spawned: when it speaks, it is there.
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        Self(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_process_that_outlived_us_is_ended_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut sleeper = Sleeper::carrying(ID);
    fs::write(dir.path().join(format!("{ID}.pid")), sleeper.0.id().to_string()).unwrap();
    assert_eq!(end_all(dir.path()), 1);
    assert_eq!(sleeper.0.wait().unwrap().signal(), Some(9));
    assert_eq!(end_all(dir.path()), 0);
}

#[test]
fn a_pid_that_is_anothers_by_now_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut sleeper = Sleeper::carrying("another1-other");
    fs::write(dir.path().join(format!("{ID}.pid")), sleeper.0.id().to_string()).unwrap();
    fs::write(dir.path().join("torn0000-pid00.pid"), "12x").unwrap();
    fs::write(dir.path().join("init0000-pid00.pid"), "1").unwrap();
    assert_eq!(end_all(dir.path()), 0);
    assert_eq!(sleeper.0.try_wait().unwrap(), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn nothing_noted_is_nothing_to_end() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(end_all(&dir.path().join("missing")), 0);
}

#[tokio::test]
async fn a_process_is_noted_while_it_lives() {
    let dir = tempfile::tempdir().unwrap();
    let settings = FleetSettings { process_dir: Some(dir.path().join("processes")), ..quick() };
    let mut stage = Stage::set(process(&["sleep", "1000.{port}"]), settings);
    let id = stage.until(Initializing).await.replica_id;
    let note = dir.path().join("processes").join(format!("{id}.pid"));
    let replica = &stage.endpoint().snapshot().replicas[0];
    assert_eq!(replica.pid.map(|pid| pid.to_string()), fs::read_to_string(&note).ok());
    let fleet = stage.stop().await;
    assert!(!note.exists());
    assert_eq!(fleet.snapshot()[0].replicas[0].status, ReplicaStatus::Terminated);
}
