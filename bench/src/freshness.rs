//! G8: how long after a span was acknowledged a question finds it, and how fast many become findable.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::{Caller, Target, ask};
use crate::ingest::OTLP;
use crate::phoenix::{self, Phoenix};
use crate::plan::Plan;
use crate::report::{Goal, Measure};
use crate::server::Server;
use crate::spans::Bodies;
use crate::spread::{median, quantile};

/// Spans of a body when many are sent.
const MANY: usize = 500;
/// How long a span may take to be found.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same of all that were sent together.
const PATIENCE_FOR_ALL: Duration = Duration::from_secs(240);
/// How long it is waited before a question is asked again.
const AGAIN: Duration = Duration::from_millis(2);
/// The same where many are counted: whoever asks all the time is in the way of those who write.
const AGAIN_FOR_ALL: Duration = Duration::from_millis(100);

/// A trace store, as this asks it.
enum Store<'a> {
    Inferscope(&'a Server),
    Phoenix(&'a Phoenix),
}

impl Store<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Inferscope(_) => "Inferscope",
            Self::Phoenix(_) => "Phoenix",
        }
    }

    fn target(&self) -> Target {
        let (address, path, authorization) = match self {
            Self::Inferscope(server) => (server.address, OTLP, server.authorization.clone()),
            Self::Phoenix(phoenix) => (phoenix.address, phoenix::OTLP, String::new()),
        };
        Target { address, path, content_type: "application/x-protobuf", authorization }
    }

    /// Whether a trace can be read.
    async fn has(&self, trace_id: &str) -> anyhow::Result<bool> {
        match self {
            Self::Phoenix(phoenix) => phoenix.has(trace_id).await,
            Self::Inferscope(server) => {
                let path = format!("/scope/v1/orgs/default/traces/{trace_id}");
                let login = &server.authorization;
                let (status, _) =
                    ask(server.address, Method::GET, &path, login, String::new()).await?;
                Ok(status == StatusCode::OK)
            }
        }
    }

    /// How many spans can be asked for.
    async fn spans(&self) -> anyhow::Result<u64> {
        match self {
            Self::Phoenix(phoenix) => phoenix.spans().await,
            Self::Inferscope(server) => {
                let wanted = json!({ "sql": r#"SELECT count(*) AS n FROM "default""# });
                let path = "/scope/v1/orgs/default/sql";
                let login = &server.authorization;
                let (status, body) =
                    ask(server.address, Method::POST, path, login, wanted.to_string()).await?;
                if status != StatusCode::OK {
                    // No stream yet.
                    return Ok(0);
                }
                let said: Value = serde_json::from_slice(&body)?;
                said["rows"][0]["n"].as_u64().context("no count")
            }
        }
    }
}

pub(crate) async fn measure(
    server: &Server,
    phoenix: &Phoenix,
    plan: &Plan,
) -> anyhow::Result<Vec<Measure>> {
    let stores = [Store::Inferscope(server), Store::Phoenix(phoenix)];
    let mut one = [Vec::new(), Vec::new()];
    let mut many = [Vec::new(), Vec::new()];
    for (store, times) in stores.iter().zip(&mut one) {
        // The first span makes the table; it is nobody's.
        for round in 0..=plan.fresh.0 {
            let took = until_found(store).await?;
            if round > 0 {
                times.push(took);
            }
        }
    }
    for _ in 0..plan.fresh.1 {
        for (store, rates) in stores.iter().zip(&mut many) {
            rates.push(until_all_found(store, plan.fresh.2).await?);
        }
    }
    let [ours, theirs] = &one;
    let p99 = |times: &[f64]| quantile(times, 0.99).context("no rounds");
    let found = Measure {
        id: "G8",
        what: "from the acknowledgement to the trace's page, p99",
        unit: "ms",
        ours: p99(ours)?,
        beside_name: "Phoenix",
        beside: p99(theirs)?,
        goal: Goal::AtMost(1000.0),
        detail: json!({ "p50": median(ours), "beside_p50": median(theirs), "rounds": { "inferscope": ours, "beside": theirs } }),
    };
    let [ours, theirs] = &many;
    let rate = Measure {
        id: "Phoenix",
        what: "from the first byte until all spans are found",
        unit: "spans/s",
        ours: median(ours).context("no rounds")?,
        beside_name: "Phoenix",
        beside: median(theirs).context("no rounds")?,
        goal: Goal::RatioAtLeast(1.0),
        detail: json!({ "spans": plan.fresh.2, "spans_a_body": MANY, "connections": 1,
            "rounds": { "inferscope": ours, "beside": theirs } }),
    };
    Ok(vec![found, rate])
}

/// Sends one span; how long after the acknowledgement it was found, ms.
async fn until_found(store: &Store<'_>) -> anyhow::Result<f64> {
    let mut bodies = Bodies::of(1)?;
    let mut caller = Caller::connect(&store.target()).await?;
    let body = bodies.next();
    let trace_id = bodies.last_trace_id();
    send(&mut caller, body).await?;
    let acknowledged = Instant::now();
    while !store.has(&trace_id).await? {
        ensure!(
            acknowledged.elapsed() < PATIENCE,
            "{} acknowledged trace {trace_id} and does not find it",
            store.name()
        );
        tokio::time::sleep(AGAIN).await;
    }
    Ok(acknowledged.elapsed().as_secs_f64() * 1000.0)
}

/// Sends so many spans one body after another and waits until all are counted; spans a second.
async fn until_all_found(store: &Store<'_>, spans: usize) -> anyhow::Result<f64> {
    let mut bodies = Bodies::of(MANY)?;
    let mut caller = Caller::connect(&store.target()).await?;
    let before = store.spans().await?;
    let began = Instant::now();
    let count = spans.div_ceil(MANY);
    for _ in 0..count {
        send(&mut caller, bodies.next()).await?;
    }
    let all = before + (count * MANY) as u64;
    while store.spans().await? < all {
        ensure!(
            began.elapsed() < PATIENCE_FOR_ALL,
            "{} acknowledged {all} spans and finds {}",
            store.name(),
            store.spans().await?
        );
        tokio::time::sleep(AGAIN_FOR_ALL).await;
    }
    Ok((count * MANY) as f64 / began.elapsed().as_secs_f64())
}

/// A body that has to be taken; who is asked to come again does.
async fn send(caller: &mut Caller, body: Bytes) -> anyhow::Result<()> {
    let began = Instant::now();
    while caller.offer(body.clone()).await?.is_none() {
        ensure!(began.elapsed() < PATIENCE, "a body was refused for {PATIENCE:?}");
        tokio::time::sleep(AGAIN * 10).await;
    }
    Ok(())
}
