//! A corpus on its way to a server.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;

use crate::caller::{Caller, Target};
use crate::corpus::Corpus;
use crate::ingest::{OTLP, acknowledged};

/// Senders while the table is filled.
const SENDERS: usize = 4;
/// How long a sender waits when the server asks it to come again.
const AGAIN: Duration = Duration::from_millis(100);
/// Some connections that send one corpus together.
pub(crate) struct Senders {
    target: Target,
    corpus: Mutex<Corpus>,
}

impl Senders {
    pub(crate) fn of(address: SocketAddr, authorization: &str, corpus: Corpus) -> Self {
        let target = Target {
            address,
            path: OTLP,
            content_type: "application/x-protobuf",
            authorization: authorization.to_owned(),
        };
        Self { target, corpus: Mutex::new(corpus) }
    }

    pub(crate) fn corpus(&self) -> MutexGuard<'_, Corpus> {
        self.corpus.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all that is left; with `per_s`, no faster than so many spans a second. How many were acknowledged.
    pub(crate) async fn send(&self, per_s: Option<f64>) -> anyhow::Result<usize> {
        let per_sender = per_s.map(|per_s| per_s / SENDERS as f64);
        let sent = try_join_all((0..SENDERS).map(|_| self.send_on_one(per_sender))).await?;
        Ok(sent.iter().sum())
    }

    async fn send_on_one(&self, per_s: Option<f64>) -> anyhow::Result<usize> {
        let mut caller = Caller::connect(&self.target).await?;
        let (mut sent, began) = (0, Instant::now());
        loop {
            let Some(body) = self.corpus().next() else { return Ok(sent) };
            while !taken(&mut caller, body.bytes.clone()).await? {
                tokio::time::sleep(AGAIN).await;
            }
            sent += body.spans;
            if let Some(per_s) = per_s {
                let due = Duration::from_secs_f64(sent as f64 / per_s);
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            }
        }
    }
}

/// Whether the server took a body whole; otherwise it asks to come again.
async fn taken(caller: &mut Caller, body: Bytes) -> anyhow::Result<bool> {
    let said = caller.offer(body).await?;
    said.as_ref().map(acknowledged).transpose().map(|fate| fate.is_some())
}
