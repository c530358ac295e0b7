//! The server that is measured: the real binary with its defaults, on a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::ask;
use crate::chat;
use crate::child::Running;
use crate::processor;

const EMAIL: &str = "root@bench.example";
const PASSWORD: &str = "only-on-loopback";

/// How long it may take to serve.
const START: Duration = Duration::from_secs(30);
/// How often we look whether something has come about.
const LOOK: Duration = Duration::from_millis(250);
/// Less use of one core than this over one look is rest.
const REST: f64 = 0.08;
/// Less than this is settled: rollups come every ten seconds, whatever is called.
const SETTLED_BYTES: f64 = 65_536.0;

/// A running `inferscope serve`.
pub(crate) struct Server {
    running: Running,
    pub(crate) address: SocketAddr,
    /// `Bearer …` with every scope.
    pub(crate) authorization: String,
}

/// What the server counts of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counts {
    /// Spans that it says are stored.
    pub(crate) stored: f64,
    /// Calls that it did not record.
    pub(crate) dropped: f64,
    /// Rows that are in no table file yet, and calls that wait to become rows, in bytes.
    pub(crate) unsettled_bytes: f64,
}

/// Where a server in `folder` keeps what it stores.
pub(crate) fn data_in(folder: &Path) -> PathBuf {
    folder.join("data")
}

impl Server {
    /// Starts `program` with its data in `folder`; with an upstream, one endpoint that has it as its replica.
    pub(crate) async fn start(
        program: &Path,
        folder: &Path,
        upstream: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let file = folder.join("inferscope.toml");
        // The connections of one measure rest while others are taken, longer than a server waits by itself.
        let settings = "[server]\nidle_connection_s = 3600.0\n";
        let endpoint = upstream.map(configuration).unwrap_or_default();
        std::fs::write(&file, format!("{settings}{endpoint}"))?;
        let data = data_in(folder);
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
        command.arg("--data-dir").arg(&data);
        // No setting of whoever runs this gets in.
        command.env_clear();
        command.env("INFERSCOPE_ROOT_EMAIL", EMAIL).env("INFERSCOPE_ROOT_PASSWORD", PASSWORD);
        let mut running = Running::start(&mut command, &folder.join("output.log"))?;
        let until = Instant::now() + START;
        let address = loop {
            if let Some(address) = ready(&data.join("listen.json")).await {
                break address;
            }
            running.check()?;
            ensure!(Instant::now() < until, "the server is not ready after {START:?}");
            tokio::time::sleep(LOOK).await;
        };
        let server = Self { running, address, authorization: token(address).await? };
        if upstream.is_some() {
            server.wait_for_replica(until).await?;
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Seconds of processor time that it has used.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        processor::seconds_of_tree(self.running.pid())
    }

    pub(crate) async fn counts(&self) -> anyhow::Result<Counts> {
        let (status, page) =
            ask(self.address, Method::GET, "/metrics", &self.authorization, String::new()).await?;
        ensure!(status == StatusCode::OK, "/metrics answers {status}");
        let page = String::from_utf8_lossy(&page);
        let value = |series: &str| {
            value_of(&page, series).with_context(|| format!("/metrics has no {series}"))
        };
        Ok(Counts {
            stored: value(r#"inferscope_ingest_records{outcome="stored",signal="traces"}"#)
                .or_else(|_| {
                    value(r#"inferscope_ingest_records_total{outcome="stored",signal="traces"}"#)
                })?,
            dropped: value("inferscope_gateway_records_dropped")
                .or_else(|_| value("inferscope_gateway_records_dropped_total"))?,
            unsettled_bytes: value("inferscope_hot_rows_bytes")?
                + value("inferscope_gateway_records_queued_bytes")?,
        })
    }

    /// Waits until all that it took is in table files and it has come to rest, or until `most` has passed.
    pub(crate) async fn settle(&self, most: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + most;
        while Instant::now() < until && self.counts().await?.unsettled_bytes > SETTLED_BYTES {
            tokio::time::sleep(LOOK).await;
        }
        self.rest(until.saturating_duration_since(Instant::now())).await
    }

    /// Waits until it does hardly anything, or until `most` has passed.
    pub(crate) async fn rest(&self, most: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + most;
        let mut before = self.processor_seconds()?;
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            let now = self.processor_seconds()?;
            if now - before < REST * LOOK.as_secs_f64() {
                break;
            }
            before = now;
        }
        Ok(())
    }

    async fn wait_for_replica(&self, until: Instant) -> anyhow::Result<()> {
        let call = String::from_utf8(chat::request(chat::Delivery::Whole).to_vec())?;
        loop {
            let path = "/v1/chat/completions";
            let (status, body) =
                ask(self.address, Method::POST, path, &self.authorization, call.clone()).await?;
            if status == StatusCode::OK {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("a call through the gateway answers {status}: {}", text(&body));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn configuration(upstream: SocketAddr) -> String {
    let model = chat::MODEL;
    format!(
        "[[endpoint]]\nname = \"bench\"\nmodel = \"{model}\"\nmin_replicas = 1\nmax_replicas = 1\n\
         replicas = [{{ url = \"http://{upstream}\" }}]\n"
    )
}

/// Where the server says that it listens, once it answers there.
async fn ready(announcement: &Path) -> Option<SocketAddr> {
    let said: Value = serde_json::from_slice(&std::fs::read(announcement).ok()?).ok()?;
    let address = said["http"][0].as_str()?.parse().ok()?;
    let answer = ask(address, Method::GET, "/readyz", "", String::new()).await;
    matches!(answer, Ok((StatusCode::OK, _))).then_some(address)
}

async fn token(address: SocketAddr) -> anyhow::Result<String> {
    let login = format!("Basic {}", STANDARD.encode(format!("{EMAIL}:{PASSWORD}")));
    let wanted = json!({ "name": "bench", "scopes": ["ingest", "read", "call", "admin"] });
    let path = "/scope/v1/orgs/default/tokens";
    let (status, body) = ask(address, Method::POST, path, &login, wanted.to_string()).await?;
    ensure!(status.is_success(), "no token: {status}: {}", text(&body));
    let body: Value = serde_json::from_slice(&body)?;
    let token = body["token"].as_str().context("the answer has no token")?;
    Ok(format!("Bearer {token}"))
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// The value of a series on a page of metrics.
fn value_of(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_found_by_its_whole_name() {
        let page = "# TYPE a counter\na_b 1\na{x=\"y\"} 2\na 3.5\n";
        assert_eq!(value_of(page, "a"), Some(3.5));
        assert_eq!(value_of(page, "a{x=\"y\"}"), Some(2.0));
        assert_eq!(value_of(page, "c"), None);
    }
}
