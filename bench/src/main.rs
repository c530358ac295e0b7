//! Measures this build beside its peers, in one run, and prints ratios: what `make bench` runs.
//!
//! Nothing here fails because a number is bad: numbers are read by people, on a machine that they know.
//! `bench/README.md` says what each measure shows and what it does not.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the numbers are what this program is for"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of one short run are far from where floats get coarse"
)]

mod caller;
mod chat;
mod child;
mod corpus;
mod floor;
mod freshness;
mod grpc;
mod ingest;
mod latency;
mod machine;
mod nginx;
mod openinference;
mod per_call;
mod phoenix;
mod plan;
mod processor;
mod report;
mod rows;
mod scratch;
mod senders;
mod server;
mod spans;
mod spread;
mod stages;
mod streams;
mod tables;
mod upstream;
mod ways;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;

use crate::machine::Facts;
use crate::nginx::Nginx;
use crate::phoenix::Phoenix;
use crate::plan::Plan;
use crate::report::Measure;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::tables::Tables;
use crate::ways::Scene;

/// Measure Inferscope beside its peers, as ratios.
#[derive(Debug, Parser)]
#[command(
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    all: Option<All>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what the stages of a span's way into the log take, each alone; needs no server.
    Stages,
    /// Send made-up spans of the last day to a server: the generator of the large table, for trying things out.
    Send {
        /// Where the server listens.
        #[arg(long, value_name = "HOST:PORT")]
        to: SocketAddr,
        /// A token with the scope `ingest`.
        #[arg(long, value_name = "TOKEN")]
        token: String,
        /// How many.
        #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
        spans: usize,
    },
}

/// Everything, beside its peers.
#[derive(Debug, clap::Args)]
struct All {
    /// The program that is measured.
    #[arg(long, value_name = "FILE")]
    inferscope: PathBuf,
    /// The nginx beside it.
    #[arg(long, value_name = "FILE")]
    nginx: PathBuf,
    /// Where data is written; G6 and G7 measure this disk.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    dir: PathBuf,
    /// A Python with the packages of bench/requirements.txt; without one there are no G8, G9, G11 and G12.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Only show that everything works: numbers that are not to be quoted.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Spans of the large table, in place of the million of a full run.
    #[arg(long, value_name = "COUNT")]
    spans: Option<usize>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// G1 to G4.
    Calls,
    /// G6 and G7.
    Ingest,
    /// G8, and Phoenix beside us.
    Fresh,
    /// G9, G11, G12, memory, and questions while spans come in.
    Rows,
    /// Only memory while a large table is filled; not in a run of all, where `rows` has it.
    Fill,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match (cli.command, cli.all) {
        (Some(Command::Stages), _) => say_stages(),
        (Some(Command::Send { to, token, spans }), _) => runtime()?.block_on(async {
            let sent = rows::send(to, &format!("Bearer {token}"), spans).await?;
            println!("{sent} spans were acknowledged");
            Ok(())
        }),
        (None, Some(all)) => runtime()?.block_on(run(&all)),
        (None, None) => anyhow::bail!("nothing to measure: --inferscope and --nginx are needed"),
    }
}

/// One thread calls, another (`upstream`) answers.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn say_stages() -> anyhow::Result<()> {
    let measured = stages::measure()?;
    for stage in &measured.stages {
        println!("{:18} {:6.2} us a span", stage.name, stage.us);
    }
    println!("a body takes {} bytes, its record in the log {}", measured.body, measured.record);
    Ok(())
}

async fn run(cli: &All) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut plan = if cli.quick { Plan::QUICK } else { Plan::FULL };
    plan.rows = cli.spans.unwrap_or(plan.rows);
    let scratch = Scratch::below(&cli.dir)?;
    let facts = Facts::read(scratch.path(), &cli.inferscope, Nginx::version(&cli.nginx)?);
    let wanted = |part| cli.only.is_empty() || cli.only.contains(&part);
    let mut found = Found::default();
    if wanted(Part::Calls) {
        found.note("calls", calls(cli, &scratch, &plan).await);
    }
    if wanted(Part::Ingest) {
        found.note("ingest", spans(cli, &scratch, &plan).await);
    }
    if cli.only.contains(&Part::Fill) {
        found.note("fill", fill(cli, &scratch, &plan).await);
    }
    if let Some(python) = &cli.python {
        if wanted(Part::Fresh) {
            found.note("fresh", fresh(cli, python, &scratch, &plan).await);
        }
        if wanted(Part::Rows) {
            found.note("rows", rows(cli, python, &scratch, &plan).await);
        }
    }

    println!();
    for (name, value) in facts.iter() {
        println!("{name:13}  {value}");
    }
    println!("{:13}  {:.0} s\n", "took", began.elapsed().as_secs_f64());
    println!("{}", report::table(&found.measures));
    println!("{}", facts.json());
    for measure in &found.measures {
        println!("{}", measure.json());
    }
    ensure!(found.broken.is_empty(), "could not be measured: {}", found.broken.join(", "));
    Ok(())
}

/// What was measured, and the parts that broke down: they take nothing from the others.
#[derive(Default)]
struct Found {
    measures: Vec<Measure>,
    broken: Vec<&'static str>,
}

impl Found {
    fn note(&mut self, part: &'static str, measured: anyhow::Result<Vec<Measure>>) {
        match measured {
            Ok(measures) => self.measures.extend(measures),
            Err(error) => {
                progress(&format!("{part} broke down: {error:#}"));
                self.broken.push(part);
            }
        }
    }
}

/// Memory while a large table is filled, on a server of its own.
async fn fill(cli: &All, scratch: &Scratch, plan: &Plan) -> anyhow::Result<Vec<Measure>> {
    let server = Server::start(&cli.inferscope, &scratch.folder("fill")?, None).await?;
    Ok(vec![rows::measure_memory(&server, plan).await?])
}

/// G1 to G4.
async fn calls(cli: &All, scratch: &Scratch, plan: &Plan) -> anyhow::Result<Vec<Measure>> {
    let upstream = upstream::start()?;
    let nginx = Nginx::start(&cli.nginx, upstream, &scratch.folder("nginx")?)?;
    let folder = scratch.folder("calls")?;
    let server = Server::start(&cli.inferscope, &folder, Some(upstream)).await?;
    let scene = Scene { upstream, nginx, server };
    progress("G1: latency of calls");
    let mut measures = vec![latency::measure(&scene, plan).await?];
    progress("G2: processor time of calls");
    measures.push(per_call::measure(&scene, plan).await?);
    progress("G3: pace of streams");
    measures.extend(streams::pace(&scene, plan).await?);
    progress("G4: processor time of streams");
    measures.push(streams::per_frame(&scene, plan).await?);
    Ok(measures)
}

/// G6 and G7, on a server of their own.
async fn spans(cli: &All, scratch: &Scratch, plan: &Plan) -> anyhow::Result<Vec<Measure>> {
    let folder = scratch.folder("ingest")?;
    let server = Server::start(&cli.inferscope, &folder, None).await?;
    progress("G6, G7: ingest, and the bare log");
    ingest::measure(&server, scratch, plan).await
}

/// G8, on a server of its own.
async fn fresh(
    cli: &All,
    python: &Path,
    scratch: &Scratch,
    plan: &Plan,
) -> anyhow::Result<Vec<Measure>> {
    let server = Server::start(&cli.inferscope, &scratch.folder("fresh")?, None).await?;
    progress("starting Phoenix");
    let phoenix = Phoenix::start(python, &scratch.folder("phoenix")?).await?;
    progress("G8: from the acknowledgement to the answer");
    freshness::measure(&server, &phoenix, plan).await
}

/// G9, G11 and G12, on a server of their own.
async fn rows(
    cli: &All,
    python: &Path,
    scratch: &Scratch,
    plan: &Plan,
) -> anyhow::Result<Vec<Measure>> {
    let folder = scratch.folder("rows")?;
    let server = Server::start(&cli.inferscope, &folder, None).await?;
    let mut tables = Tables::start(python)?;
    let data = server::data_in(&folder);
    rows::measure(&server, &data, &mut tables, &scratch.folder("peers")?, plan).await
}

fn progress(what: &str) {
    eprintln!("--> {what}");
}
