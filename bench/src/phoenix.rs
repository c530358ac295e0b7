//! Arize Phoenix, a trace store for model calls from PyPI, with its default database, on a port of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::ask;
use crate::child::Running;

/// How long it may take to serve; it is a large Python program.
const START: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(250);
/// Where spans go.
pub(crate) const OTLP: &str = "/v1/traces";

/// A running `phoenix serve`.
pub(crate) struct Phoenix {
    // Ends with this.
    _running: Running,
    pub(crate) address: SocketAddr,
}

impl Phoenix {
    /// Starts the program beside the Python of the bench's environment; its data go into `folder`.
    pub(crate) async fn start(python: &Path, folder: &Path) -> anyhow::Result<Self> {
        let program = python.parent().context("where Python is")?.join("phoenix");
        let (port, grpc) = (free_port()?, free_port()?);
        let mut command = Command::new(program);
        command.arg("serve").env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", folder);
        command.env("PHOENIX_WORKING_DIR", folder).env("PHOENIX_HOST", "127.0.0.1");
        command.env("PHOENIX_PORT", port.to_string()).env("PHOENIX_GRPC_PORT", grpc.to_string());
        command.env("PHOENIX_TELEMETRY_ENABLED", "false");
        let mut running = Running::start(&mut command, &folder.join("output.log"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let until = Instant::now() + START;
        while !matches!(spans(address).await, Ok(Some(_))) {
            running.check()?;
            ensure!(Instant::now() < until, "Phoenix is not ready after {START:?}");
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { _running: running, address })
    }

    /// How many spans can be asked for.
    pub(crate) async fn spans(&self) -> anyhow::Result<u64> {
        spans(self.address).await?.context("no project")
    }

    /// Whether a trace can be read.
    pub(crate) async fn has(&self, trace_id: &str) -> anyhow::Result<bool> {
        let path = format!("/v1/projects/default/spans?trace_id={trace_id}");
        let (status, body) = ask(self.address, Method::GET, &path, "", String::new()).await?;
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        let said: Value = serde_json::from_slice(&body)?;
        Ok(said["data"].as_array().is_some_and(|spans| !spans.is_empty()))
    }
}

/// `None` where it answers something else than a project's count.
async fn spans(address: SocketAddr) -> anyhow::Result<Option<u64>> {
    let wanted = json!({ "query": "{projects{edges{node{name recordCount}}}}" });
    let (_, body) = ask(address, Method::POST, "/graphql", "", wanted.to_string()).await?;
    let said: Value = serde_json::from_slice(&body)?;
    Ok(said["data"]["projects"]["edges"][0]["node"]["recordCount"].as_u64())
}

/// A port that nobody listens on at this moment.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
