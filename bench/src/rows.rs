//! G9, G11, G12 and what large tables cost: the same rows in our tables, in ClickHouse's and in DuckDB's.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use http::{Method, StatusCode};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::caller::ask;
use crate::corpus::Corpus;
use crate::plan::Plan;
use crate::processor::resident_mib_of_tree;
use crate::progress;
use crate::report::{Goal, Measure};
use crate::senders::Senders;
use crate::server::Server;
use crate::spread::{median, quantile};
use crate::tables::{Engine, Size, Tables};

/// The time over which the spans are spread, and how wide a question about them is.
const DAY: Duration = Duration::from_secs(24 * 3600);
const ZOOM_US: i64 = 5 * 60 * 1_000_000;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What 10 million spans may take in memory; MiB.
const MOST_MEMORY: f64 = 1024.0;
/// Where the server keeps the rows of the stream, below its data.
const TABLE: &str = "lake/default/traces/default";

/// A table that is filled, and what filling it took.
struct Filled {
    /// The ids of some of its traces.
    traces: Vec<String>,
    spans: usize,
    took: Duration,
    /// Resident memory over time; MiB.
    memory: Vec<f64>,
    /// The first and the last moment of the spans; µs.
    from_us: i64,
    to_us: i64,
}

/// One question in the words of each engine.
struct Question {
    ours: String,
    chdb: String,
    duckdb: String,
    from_us: i64,
    to_us: i64,
}

/// What is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// Five minutes, a word in the answers and a duration, the newest hundred.
    Filter,
    /// One trace, all columns, in all of time.
    Trace,
}

/// How long each round took; ms.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    chdb: Vec<f64>,
    duckdb: Vec<f64>,
}

pub(crate) async fn measure(
    server: &Server,
    data: &Path,
    peers: &mut Tables,
    into: &Path,
    plan: &Plan,
) -> anyhow::Result<Vec<Measure>> {
    let filled = fill(server, plan.rows).await?;
    progress("waiting until all rows are in files and small files are merged");
    server.settle(plan.merged).await?;
    let table = data.join(TABLE);
    let ours = merged(peers, &table, plan.merged).await?;
    ensure!(
        ours.rows == filled.spans as u64,
        "{} spans were acknowledged, {} are in the table",
        filled.spans,
        ours.rows
    );
    let mut sizes = Vec::new();
    for engine in Engine::ALL {
        progress(&format!("the same rows in {}", engine.name()));
        let folder = into.join(engine.name());
        std::fs::create_dir(&folder)?;
        let size = peers.load(engine, &table, folder).await?;
        ensure!(
            size.rows == ours.rows,
            "{} has {} of {} rows",
            engine.name(),
            size.rows,
            ours.rows
        );
        sizes.push(size);
    }
    let mut measures = vec![memory(&filled)?, at_rest(&ours, &sizes)?];
    progress("G11: a filter over five minutes");
    let filter = filled.ask(server, peers, Ask::Filter, plan.questions).await?;
    progress("G12: a trace by id");
    let trace = filled.ask(server, peers, Ask::Trace, plan.questions).await?;
    measures.extend(filter.measures("G11", "filter over 5 minutes of raw rows")?);
    measures.extend(trace.measures("G12", "trace by id, all columns")?);
    progress("the same while spans come in at half the speed");
    let rate = filled.spans as f64 / filled.took.as_secs_f64() / 2.0;
    measures.extend(filled.busy(server, plan.questions, rate, &[&filter, &trace]).await?);
    Ok(measures)
}

/// Sends spans of the last day to the server at `address` as fast as they are taken; how many were acknowledged.
pub(crate) async fn send(
    address: SocketAddr,
    authorization: &str,
    spans: usize,
) -> anyhow::Result<usize> {
    let corpus = Corpus::before(SystemTime::now(), DAY, spans, 1);
    let senders = Senders::of(address, authorization, corpus);
    senders.send(None).await
}

/// What a server holds while a table is filled, and nothing else.
pub(crate) async fn measure_memory(server: &Server, plan: &Plan) -> anyhow::Result<Measure> {
    memory(&fill(server, plan.rows).await?)
}

/// Sends spans of the last day as fast as they are taken, and looks at the server's memory meanwhile.
async fn fill(server: &Server, spans: usize) -> anyhow::Result<Filled> {
    progress(&format!("filling a table with {spans} spans"));
    let until = SystemTime::now();
    let corpus = Corpus::before(until, DAY, spans, 1);
    let senders = Senders::of(server.address, &server.authorization, corpus);
    let began = Instant::now();
    let watched = async {
        let mut memory = Vec::new();
        while !senders.corpus().is_done() {
            memory.push(resident_mib_of_tree(server.pid())?);
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(memory)
    };
    let (spans, memory) = futures::future::try_join(senders.send(None), watched).await?;
    let took = began.elapsed();
    let to_us = i64::try_from(until.duration_since(SystemTime::UNIX_EPOCH)?.as_micros())?;
    let from_us = to_us - i64::try_from(DAY.as_micros())?;
    let traces = senders.corpus().remembered().to_vec();
    Ok(Filled { traces, spans, took, memory, from_us, to_us })
}

/// What the table takes, once small files are merged: when its files have been the same for a while.
async fn merged(peers: &mut Tables, table: &Path, most: Duration) -> anyhow::Result<Size> {
    const STILL: Duration = Duration::from_secs(35);
    let until = Instant::now() + most;
    let mut size = peers.files(table).await?;
    let mut since = Instant::now();
    while since.elapsed() < STILL.min(most) && Instant::now() < until {
        tokio::time::sleep(LOOK * 8).await;
        let now = peers.files(table).await?;
        if now.bytes != size.bytes {
            since = Instant::now();
        }
        size = now;
    }
    Ok(size)
}

impl Filled {
    /// Asks all in turn, each round with another window or trace.
    async fn ask(
        &self,
        server: &Server,
        peers: &mut Tables,
        what: Ask,
        rounds: usize,
    ) -> anyhow::Result<Times> {
        let mut times = Times::default();
        // The first round is nobody's: it reads footers and plans for the first time.
        for round in 0..=rounds {
            let question = self.question(what);
            let (found, ours) = ours(server, &question).await?;
            let chdb = peers.ask(Engine::ChDb, &question.chdb).await?;
            let duckdb = peers.ask(Engine::DuckDb, &question.duckdb).await?;
            ensure!(
                found == chdb.rows && found == duckdb.rows && found > 0,
                "we found {found} rows, chdb {}, duckdb {}: {}",
                chdb.rows,
                duckdb.rows,
                question.ours
            );
            if round > 0 {
                times.ours.push(ours);
                times.chdb.push(chdb.ms);
                times.duckdb.push(duckdb.ms);
            }
        }
        Ok(times)
    }

    fn question(&self, what: Ask) -> Question {
        match what {
            Ask::Filter => self.filter(),
            Ask::Trace => self.trace(),
        }
    }

    fn filter(&self) -> Question {
        // The corpus ends before its time does when it is short; its middle is always full.
        let quarter = (self.to_us - self.from_us) / 4;
        let from_us = self.from_us + quarter + rand::rng().random_range(0..2 * quarter - ZOOM_US);
        let to_us = from_us + ZOOM_US;
        let word = "tra";
        let columns = "_timestamp, trace_id, gen_ai_response_model, duration";
        let rest = "AND duration > 500000 ORDER BY _timestamp DESC, trace_id, duration LIMIT 100";
        let text = "gen_ai_output_messages";
        let range = format!("_timestamp >= {from_us} AND _timestamp < {to_us}");
        Question {
            ours: format!(
                r#"SELECT {columns} FROM "default" WHERE str_match({text}, '{word}') {rest}"#
            ),
            chdb: format!(
                "SELECT {columns} FROM b.spans WHERE {range} AND position({text}, '{word}') > 0 {rest}"
            ),
            duckdb: format!(
                "SELECT {columns} FROM b.spans WHERE {range} AND contains({text}, '{word}') {rest}"
            ),
            from_us,
            to_us,
        }
    }

    fn trace(&self) -> Question {
        let id = &self.traces[rand::rng().random_range(0..self.traces.len())];
        let peers = format!("SELECT * FROM b.spans WHERE trace_id = '{id}' ORDER BY _timestamp");
        Question {
            ours: format!(r#"SELECT * FROM "default" WHERE trace_id = '{id}' ORDER BY _timestamp"#),
            chdb: peers.clone(),
            duckdb: peers,
            from_us: self.from_us,
            to_us: self.to_us + 60_000_000,
        }
    }

    /// The same questions to us while spans come in, beside what they took at rest.
    async fn busy(
        &self,
        server: &Server,
        rounds: usize,
        per_s: f64,
        rest: &[&Times; 2],
    ) -> anyhow::Result<Vec<Measure>> {
        // More than can be sent while the questions are asked; what is left when they are answered is not sent.
        let spans = (per_s * 600.0) as usize;
        let corpus = Corpus::before(SystemTime::now(), Duration::from_secs(600), spans, 2);
        let senders = Senders::of(server.address, &server.authorization, corpus);
        let mut measures = Vec::new();
        let asked = async {
            // Until what it held at the start is behind it.
            tokio::time::sleep(Duration::from_secs(2)).await;
            for (what, name, rest) in [
                (Ask::Filter, "filter while spans come in", rest[0]),
                (Ask::Trace, "trace by id while spans come in", rest[1]),
            ] {
                let mut times = Vec::new();
                for _ in 0..rounds {
                    times.push(ours(server, &self.question(what)).await?.1);
                }
                measures.push(Measure {
                    id: "queries",
                    what: name,
                    unit: "ms",
                    ours: median(&times).context("no rounds")?,
                    beside_name: "the same at rest",
                    beside: median(&rest.ours).context("no rounds")?,
                    goal: Goal::RatioAtMost(2.0),
                    detail: json!({ "spans_per_s": per_s, "rounds": times }),
                });
            }
            anyhow::Ok(())
        };
        tokio::select! {
            asked = asked => asked?,
            sent = senders.send(Some(per_s)) => {
                sent?;
                bail!("all spans were sent before the questions were answered");
            }
        }
        Ok(measures)
    }
}

/// Asks the server, and answers how many rows came and how long that took from the first byte to the last; ms.
async fn ours(server: &Server, question: &Question) -> anyhow::Result<(usize, f64)> {
    let body =
        json!({ "sql": question.ours, "from_us": question.from_us, "to_us": question.to_us });
    let began = Instant::now();
    let (status, said) = ask(
        server.address,
        Method::POST,
        "/scope/v1/orgs/default/sql",
        &server.authorization,
        body.to_string(),
    )
    .await?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&said));
    let said: Value = serde_json::from_slice(&said)?;
    Ok((said["rows"].as_array().context("no rows")?.len(), took))
}

impl Times {
    fn measures(&self, id: &'static str, what: &'static str) -> anyhow::Result<Vec<Measure>> {
        let ours = median(&self.ours).context("no rounds")?;
        let row = |beside_name, beside: &Vec<f64>| {
            anyhow::Ok(Measure {
                id,
                what,
                unit: "ms",
                ours,
                beside_name,
                beside: median(beside).context("no rounds")?,
                goal: Goal::RatioAtMost(1.0),
                detail: json!({ "p95": quantile(&self.ours, 0.95), "beside_p95": quantile(beside, 0.95),
                    "rounds": { "inferscope": self.ours, "beside": beside } }),
            })
        };
        Ok(vec![row("chDB", &self.chdb)?, row("DuckDB", &self.duckdb)?])
    }
}

/// The most that the server held while the table grew, and whether it grew with it.
fn memory(filled: &Filled) -> anyhow::Result<Measure> {
    let fifth = filled.memory.len().div_ceil(5).max(1);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let parts: Vec<f64> = filled.memory.chunks(fifth).map(most).collect();
    Ok(Measure {
        id: "memory",
        what: "most resident memory while the table was filled",
        unit: "MiB",
        ours: most(&filled.memory),
        beside_name: "the bound",
        beside: MOST_MEMORY,
        goal: Goal::RatioAtMost(1.0),
        detail: json!({ "spans": filled.spans, "seconds": filled.took.as_secs_f64(),
            "spans_per_s": filled.spans as f64 / filled.took.as_secs_f64(),
            "most_in_each_fifth_mib": parts }),
    })
}

fn at_rest(ours: &Size, peers: &[Size]) -> anyhow::Result<Measure> {
    let a_span = |size: &Size| size.bytes as f64 / size.rows.max(1) as f64;
    let [chdb, duckdb] = peers else { bail!("two engines hold the rows") };
    Ok(Measure {
        id: "G9",
        what: "bytes a span at rest",
        unit: "B",
        ours: a_span(ours),
        beside_name: "chDB, zstd",
        beside: a_span(chdb),
        goal: Goal::RatioAtMost(0.8),
        detail: json!({ "rows": ours.rows, "files": ours.files, "duckdb_bytes_a_span": a_span(duckdb),
            "chdb": chdb.version, "duckdb": duckdb.version }),
    })
}
