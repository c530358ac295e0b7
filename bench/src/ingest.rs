//! G6 and G7: spans that are on disk before they are acknowledged.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use serde_json::json;
use tonic::Code;

use crate::caller::{Caller, Target};
use crate::floor;
use crate::grpc::Exporter;
use crate::plan::Plan;
use crate::report::{Goal, Measure};
use crate::scratch::Scratch;
use crate::server::Server;
use crate::spans::Bodies;
use crate::spread::median;

/// Where spans go.
pub(crate) const OTLP: &str = "/api/default/v1/traces";

/// Senders that each have one body under way.
const CONNECTIONS: usize = 8;
/// How many senders large bodies come from besides.
const OTHER_CONNECTIONS: [usize; 2] = [1, 64];
/// Spans of a large body, and of a small one.
const LARGE: usize = 500;
const SMALL: usize = 50;
/// How long a sender waits when the server asks it to come again.
const AGAIN: Duration = Duration::from_millis(100);
/// How long each kind is sent before anything counts: the first rows make the table.
const WARM_UP: Duration = Duration::from_millis(300);

/// How a body gets to the server.
enum Sender {
    Http(Caller),
    Grpc(Exporter),
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Acknowledged,
    /// The server has no room at the moment.
    Refused,
}

/// Senders of one kind with their bodies, and what was seen of them.
struct Traffic {
    senders: Vec<(Sender, Bodies)>,
    spans_per_s: Vec<f64>,
    /// Microseconds of the server's processor time for each span, until it came to rest.
    server_us: Vec<f64>,
    acknowledged: usize,
    refused: usize,
}

/// The log alone, with records as the server writes them for bodies of one size.
struct Floor {
    record: Bytes,
    spans: usize,
    /// Appends under way at once.
    waiting: usize,
    spans_per_s: Vec<f64>,
}

/// All that takes turns.
struct Turns {
    large_floor: Floor,
    large: Traffic,
    small_floor: Floor,
    small: Traffic,
    grpc: Traffic,
    /// Large bodies from fewer and from more senders, each beside the log with as many appends under way.
    others: Vec<(Floor, Traffic)>,
}

pub(crate) async fn measure(
    server: &Server,
    scratch: &Scratch,
    plan: &Plan,
) -> anyhow::Result<Vec<Measure>> {
    let mut turns = Turns {
        large_floor: Floor::of(LARGE, CONNECTIONS)?,
        large: Traffic::http(server, LARGE, CONNECTIONS).await?,
        small_floor: Floor::of(SMALL, CONNECTIONS)?,
        small: Traffic::http(server, SMALL, CONNECTIONS).await?,
        grpc: Traffic::grpc(server, SMALL).await?,
        others: Vec::new(),
    };
    for connections in OTHER_CONNECTIONS {
        let floor = Floor::of(LARGE, connections)?;
        turns.others.push((floor, Traffic::http(server, LARGE, connections).await?));
    }
    for traffic in turns.traffic() {
        traffic.send(WARM_UP).await?;
        traffic.spans_per_s.clear();
    }
    for round in 0..plan.ingest.0 {
        turns.round(round, server, scratch, plan).await?;
    }
    let acknowledged: usize = turns.traffic().map(|traffic| traffic.acknowledged).sum();
    let stored = server.counts().await?.stored;
    let sent = acknowledged as f64;
    ensure!(stored >= sent, "{sent} spans were acknowledged, and only {stored} are stored");
    turns.measures()
}

impl Turns {
    fn traffic(&mut self) -> impl Iterator<Item = &mut Traffic> {
        let others = self.others.iter_mut().map(|(_, traffic)| traffic);
        [&mut self.large, &mut self.small, &mut self.grpc].into_iter().chain(others)
    }

    /// Each once, the server at rest before each. What is written first changes from round to round.
    async fn round(
        &mut self,
        round: usize,
        server: &Server,
        scratch: &Scratch,
        plan: &Plan,
    ) -> anyhow::Result<()> {
        let lasting = plan.ingest.1;
        server.rest(plan.rest).await?;
        self.large_floor.write(scratch, lasting).await?;
        self.large.send_and_settle(server, plan).await?;
        self.small_floor.write(scratch, lasting).await?;
        let mut small = [&mut self.small, &mut self.grpc];
        small.rotate_left(round % 2);
        for traffic in small {
            traffic.send_and_settle(server, plan).await?;
        }
        for (floor, traffic) in &mut self.others {
            server.rest(plan.rest).await?;
            floor.write(scratch, lasting).await?;
            traffic.send_and_settle(server, plan).await?;
        }
        Ok(())
    }

    fn measures(&self) -> anyhow::Result<Vec<Measure>> {
        let row =
            |id, what, traffic: &Traffic, beside_name, beside: &[f64], least, record: usize| {
                anyhow::Ok(Measure {
                    id,
                    what,
                    unit: "spans/s",
                    ours: median(&traffic.spans_per_s).context("no rounds")?,
                    beside_name,
                    beside: median(beside).context("no rounds")?,
                    goal: Goal::RatioAtLeast(least),
                    detail: traffic.detail(beside, record),
                })
            };
        let (large, small) = (&self.large_floor, &self.small_floor);
        let (large_record, small_record) = (large.record.len(), small.record.len());
        let (large, small) = (&large.spans_per_s, &small.spans_per_s);
        let mut measures = vec![
            row("G6", "OTLP, 500 spans a body", &self.large, "bare log", large, 0.6, large_record)?,
            row("G7", "OTLP, 50 spans a body", &self.small, "bare log", small, 0.5, small_record)?,
            row("G7", "the same", &self.small, "bare log of G6", large, 0.5, large_record)?,
            row(
                "G7",
                "gRPC, 50 spans a body",
                &self.grpc,
                "HTTP",
                &self.small.spans_per_s,
                0.9,
                small_record,
            )?,
        ];
        for (floor, traffic) in &self.others {
            let what = if floor.waiting == 1 { "from one sender" } else { "from 64 senders" };
            let beside = &floor.spans_per_s;
            measures.push(row("G6", what, traffic, "bare log", beside, 0.6, floor.record.len())?);
        }
        Ok(measures)
    }
}

impl Floor {
    fn of(spans: usize, waiting: usize) -> anyhow::Result<Self> {
        let record = Bodies::of(spans)?.next_logged()?;
        Ok(Self { record, spans, waiting, spans_per_s: Vec::new() })
    }

    async fn write(&mut self, scratch: &Scratch, lasting: Duration) -> anyhow::Result<()> {
        let name = format!("floor-{}-{}-{}", self.spans, self.waiting, self.spans_per_s.len());
        let folder = scratch.folder(&name)?;
        let records =
            floor::records_per_second(&folder, &self.record, self.waiting, lasting).await?;
        self.spans_per_s.push(records * self.spans as f64);
        Ok(())
    }
}

impl Traffic {
    async fn http(server: &Server, spans: usize, connections: usize) -> anyhow::Result<Self> {
        let target = Target {
            address: server.address,
            path: OTLP,
            content_type: "application/x-protobuf",
            authorization: server.authorization.clone(),
        };
        let callers = Caller::connect_all(&target, connections).await?;
        Self::of(callers.into_iter().map(Sender::Http), spans)
    }

    async fn grpc(server: &Server, spans: usize) -> anyhow::Result<Self> {
        let mut exporters = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            exporters.push(Exporter::connect(server.address, &server.authorization).await?);
        }
        Self::of(exporters.into_iter().map(Sender::Grpc), spans)
    }

    fn of(senders: impl Iterator<Item = Sender>, spans: usize) -> anyhow::Result<Self> {
        let senders = senders.map(|sender| Ok((sender, Bodies::of(spans)?)));
        Ok(Self {
            senders: senders.collect::<anyhow::Result<_>>()?,
            spans_per_s: Vec::new(),
            server_us: Vec::new(),
            acknowledged: 0,
            refused: 0,
        })
    }

    /// As [`Traffic::send`], and notes what it cost the server, what it did afterwards included.
    async fn send_and_settle(&mut self, server: &Server, plan: &Plan) -> anyhow::Result<()> {
        let (seconds, spans) = (server.processor_seconds()?, self.acknowledged);
        self.send(plan.ingest.1).await?;
        server.rest(plan.rest).await?;
        let (seconds, spans) = (server.processor_seconds()? - seconds, self.acknowledged - spans);
        self.server_us.push(seconds * 1e6 / spans.max(1) as f64);
        Ok(())
    }

    /// Sends on all connections at once for so long. Only what was acknowledged counts.
    async fn send(&mut self, lasting: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        let all = self.senders.iter_mut().map(async |(sender, bodies)| {
            let (mut acknowledged, mut refused) = (0, 0);
            while began.elapsed() < lasting {
                match sender.send(bodies.next()).await? {
                    Fate::Acknowledged => acknowledged += bodies.spans(),
                    Fate::Refused => {
                        refused += 1;
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
            anyhow::Ok((acknowledged, refused))
        });
        let counts = try_join_all(all).await?;
        let took = began.elapsed();
        let acknowledged: usize = counts.iter().map(|(acknowledged, _)| acknowledged).sum();
        self.spans_per_s.push(acknowledged as f64 / took.as_secs_f64());
        self.acknowledged += acknowledged;
        self.refused += counts.iter().map(|(_, refused)| refused).sum::<usize>();
        Ok(())
    }

    fn detail(&self, beside: &[f64], record_bytes: usize) -> serde_json::Value {
        let body = self.senders.first().map(|(_, bodies)| bodies);
        json!({ "connections": self.senders.len(), "spans_a_body": body.map(Bodies::spans),
            "body_bytes": body.map(Bodies::bytes), "log_record_bytes": record_bytes,
            "acknowledged": self.acknowledged, "bodies_refused": self.refused,
            "server_us_a_span": self.server_us,
            "rounds": { "inferscope": self.spans_per_s, "beside": beside } })
    }
}

impl Sender {
    async fn send(&mut self, body: Bytes) -> anyhow::Result<Fate> {
        match self {
            Self::Http(caller) => match caller.offer(body).await? {
                Some(said) => acknowledged(&said),
                None => Ok(Fate::Refused),
            },
            Self::Grpc(exporter) => match exporter.export(body).await {
                Ok(said) => acknowledged(&said),
                Err(status)
                    if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) =>
                {
                    Ok(Fate::Refused)
                }
                Err(status) => Err(status.into()),
            },
        }
    }
}

/// Of an answer whose status is good: an empty one means that all spans were taken.
pub(crate) fn acknowledged(said: &Bytes) -> anyhow::Result<Fate> {
    ensure!(said.is_empty(), "a body was taken in part: {}", String::from_utf8_lossy(said));
    Ok(Fate::Acknowledged)
}
