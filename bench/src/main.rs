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
mod floor;
mod grpc;
mod ingest;
mod latency;
mod machine;
mod nginx;
mod per_call;
mod plan;
mod processor;
mod report;
mod scratch;
mod server;
mod spans;
mod spread;
mod stages;
mod streams;
mod upstream;
mod ways;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;

use crate::machine::Facts;
use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::report::Measure;
use crate::scratch::Scratch;
use crate::server::Server;
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
    /// Only show that everything works: under a minute, and numbers that are not to be quoted.
    #[arg(long)]
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match (cli.command, cli.all) {
        (Some(Command::Stages), _) => say_stages(),
        (None, Some(all)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(&all))
        }
        (None, None) => anyhow::bail!("nothing to measure: --inferscope and --nginx are needed"),
    }
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
    let plan = if cli.quick { Plan::QUICK } else { Plan::FULL };
    let scratch = Scratch::below(&cli.dir)?;
    let facts = Facts::read(scratch.path(), &cli.inferscope, Nginx::version(&cli.nginx)?);
    let mut measures = calls(cli, &scratch, &plan).await.context("while calls were measured")?;
    let ingested = spans(cli, &scratch, &plan).await.context("while ingest was measured")?;
    measures.extend(ingested);

    println!();
    for (name, value) in facts.iter() {
        println!("{name:13}  {value}");
    }
    println!("{:13}  {:.0} s\n", "took", began.elapsed().as_secs_f64());
    println!("{}", report::table(&measures));
    println!("{}", facts.json());
    for measure in &measures {
        println!("{}", measure.json());
    }
    Ok(())
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

fn progress(what: &str) {
    eprintln!("--> {what}");
}
