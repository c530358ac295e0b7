//! One place for a process replica: kept filled until told to stop.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::backoff::Backoff;
use crate::health::Origin;
use crate::output::Output;
use crate::probe::Prober;
use crate::process::{Launch, Process};
use crate::replica::Replica;
use crate::watch::Watch;
use crate::{Endpoint, FleetSettings, ProcessSpec, ReplicaStatus};

/// A place for one process replica of an endpoint.
pub(crate) struct Slot<'a> {
    endpoint: &'a Endpoint,
    spec: &'a ProcessSpec,
    prober: &'a Prober,
    settings: &'a FleetSettings,
    stop: &'a CancellationToken,
    backoff: Backoff,
}

/// Told to stop: the slot is to stay empty.
struct Stopped;

impl<'a> Slot<'a> {
    pub(crate) fn new(
        endpoint: &'a Endpoint,
        spec: &'a ProcessSpec,
        prober: &'a Prober,
        settings: &'a FleetSettings,
        stop: &'a CancellationToken,
    ) -> Self {
        Self { endpoint, spec, prober, settings, stop, backoff: Backoff::new(settings.restart) }
    }

    /// One process after the other until told to stop; then none is left.
    pub(crate) async fn run(mut self) {
        let mut last = None;
        while let Ok(ended) = self.live(last.as_ref()).await {
            last = ended.or(last);
            if self.wait().await.is_err() {
                break;
            }
        }
        if let Some(replica) = last {
            replica.set(ReplicaStatus::Terminated, "stopped");
        }
    }

    /// The whole life of one replica, which takes the place of `last`. `Ok(None)`: there was no free port.
    async fn live(&mut self, last: Option<&Arc<Replica>>) -> Result<Option<Arc<Replica>>, Stopped> {
        let Ok(port) =
            free_port().inspect_err(|error| tracing::warn!(%error, "no free port for a replica"))
        else {
            return Ok(None);
        };
        let output = Arc::new(Output::new(self.settings.output_lines));
        let replica =
            self.endpoint.process_replica(address(port), self.spec.engine, Arc::clone(&output));
        self.endpoint.list(Arc::clone(&replica), last);
        if let Some(last) = last {
            last.set(ReplicaStatus::Terminated, format!("replaced by {}", replica.id()));
        }
        let process = self.start(&replica, port, &output).await?;
        self.attend(&replica, process, &output).await?;
        Ok(Some(replica))
    }

    /// Tries until the process starts: what never was a process keeps its replica id.
    async fn start(
        &mut self,
        replica: &Replica,
        port: u16,
        output: &Arc<Output>,
    ) -> Result<Process, Stopped> {
        loop {
            let (model, output) = (self.endpoint.model(), Arc::clone(output));
            let launch = Launch { spec: self.spec, model, port, replica_id: replica.id(), output };
            match launch.start(self.settings) {
                Ok(process) => return Ok(process),
                Err(error) => replica.set(ReplicaStatus::Failed, self.cannot_start(&error)),
            }
            if self.wait().await.is_err() {
                replica.set(ReplicaStatus::Terminated, "stopped before it started");
                return Err(Stopped);
            }
        }
    }

    /// From start to end of a process; `Ok` when it ended by itself.
    async fn attend(
        &mut self,
        replica: &Replica,
        mut process: Process,
        output: &Output,
    ) -> Result<(), Stopped> {
        let began = Instant::now();
        replica.set_pid(process.pid());
        replica.set(ReplicaStatus::Initializing, "started, not healthy yet");
        let watch = Watch::new(replica, Origin::Ours, self.prober, self.settings);
        let ended = tokio::select! {
            status = process.ended() => Some(status),
            never = watch.run() => match never {},
            () = self.stop.cancelled() => None,
        };
        let Some(status) = ended else {
            replica.set(ReplicaStatus::Draining, "stopping");
            process.stop(self.settings.stop_grace).await;
            replica.set_pid(None);
            replica.set(ReplicaStatus::Terminated, "stopped");
            return Err(Stopped);
        };
        self.backoff.lived(began.elapsed());
        replica.set_pid(None);
        replica.set(ReplicaStatus::Failed, obituary(&status, output));
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), Stopped> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Stopped),
            () = sleep(self.backoff.next_wait()) => Ok(()),
        }
    }

    fn cannot_start(&self, error: &io::Error) -> String {
        let program = self.spec.command.first().map_or("", String::as_str);
        format!("cannot start {program}: {error}")
    }
}

fn obituary(status: &io::Result<ExitStatus>, output: &Output) -> String {
    let how = match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("its end was not seen: {error}"),
    };
    match output.last_words() {
        Some(words) => format!("the process ended ({how}): {words}"),
        None => format!("the process ended ({how})"),
    }
}

/// A port that was free a moment ago. Should another take it first, the process ends and the next gets another.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn address(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address and a port make a url")
}
