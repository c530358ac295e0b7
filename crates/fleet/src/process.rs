//! One started process with its group: fed, listened to, and ended with all that it started itself.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse, FusedFuture, join};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::group::Group;
use crate::orphan::{Note, REPLICA_VARIABLE};
use crate::output::Output;
use crate::{FleetSettings, ProcessSpec};

/// How often a group that was asked to end is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long the pipes of a process that ended are still read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a process is started from.
pub(crate) struct Launch<'a> {
    pub(crate) spec: &'a ProcessSpec,
    pub(crate) model: &'a str,
    pub(crate) port: u16,
    pub(crate) replica_id: &'a str,
    pub(crate) output: Arc<Output>,
}

/// A process that leads a group of its own. Dropping it kills the group.
pub(crate) struct Process {
    child: Child,
    group: Group,
    drain: Fuse<BoxFuture<'static, ()>>,
    _note: Note,
}

impl Launch<'_> {
    /// Starts the process.
    pub(crate) fn start(self, settings: &FleetSettings) -> io::Result<Process> {
        let mut command = self.command()?;
        settings.hidden_env.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env(REPLICA_VARIABLE, self.replica_id);
        command.envs(self.spec.env.iter().map(|(name, value)| (name, self.filled(value))));
        let mut child = command.spawn()?;
        let gone = || io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(gone)?;
        let group = Group::led_by(pid).ok_or_else(gone)?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let output = self.output;
        let drain = async move {
            if let Some((out, err)) = pipes {
                join(output.fill(out), output.fill(err)).await;
            }
        };
        let note = Note::write(settings.process_dir.as_deref(), self.replica_id, pid);
        Ok(Process { child, group, drain: drain.boxed().fuse(), _note: note })
    }

    fn command(&self) -> io::Result<Command> {
        let mut words = self.spec.command.iter().map(|word| self.filled(word));
        let program = words.next().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(words).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    fn filled(&self, word: &str) -> String {
        word.replace("{port}", &self.port.to_string()).replace("{model}", self.model)
    }
}

impl Process {
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the leader's end, then kills what is left of its group. Cancel it at any time.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.leader_ended().await;
        self.group.kill();
        // A drain that is done would never answer again.
        if !self.drain.is_terminated() {
            let _ = timeout(LAST_WORDS, &mut self.drain).await;
        }
        status
    }

    /// Asks the group to end, and kills what is left of it after `grace`.
    pub(crate) async fn stop(mut self, grace: Duration) {
        self.group.terminate();
        if timeout(grace, self.group_ended()).await.is_err() {
            self.group.kill();
        }
        let _ = self.ended().await;
    }

    async fn group_ended(&mut self) {
        let _ = self.leader_ended().await;
        while self.group.is_alive() {
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn leader_ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            let listening = !self.drain.is_terminated();
            tokio::select! {
                status = self.child.wait() => return status,
                () = &mut self.drain, if listening => {}
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}
