//! The binary: command line, configuration, wiring, signals. How anything works is written elsewhere.

mod assets;
mod config;
mod demo;
mod environment;
mod history;
mod listen;
mod picker;
mod recorder;
mod restore;
mod sampler;
mod serve;
mod simulate;
mod sweeper;
mod threads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// See every call to your models: from the line of code that made it to the replica that answered it.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: gateway, ingest, storage, queries and web pages on one port.
    Serve(ServeArguments),
    /// Run a server with simulated replicas and live traffic, to look around.
    Demo(demo::DemoArguments),
    /// Run one simulated replica that speaks the OpenAI dialect. It says in every answer that it is a simulator.
    Simulate(simulate::SimulateArguments),
    /// Read a configuration file and say what is wrong with it.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct ServeArguments {
    /// Configuration file (TOML); without one, defaults and no endpoints.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: inferscope-data].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on, HOST:PORT; may be given several times, and port 0 lets the system choose
    /// [default: 127.0.0.1:5080].
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
}

/// The exit code of a bad command line or configuration, as `sysexits.h` has it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = Cli::parse();
    environment::start_logging();
    match environment::crash() {
        Ok(None) => {}
        Ok(Some(crash)) => {
            tracing::warn!(
                place = crash.place.as_str(),
                times = crash.times,
                "this process was told to die"
            );
            crash::arm(crash);
        }
        Err(problem) => return refused(&[problem]),
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.thread_stack_size(threads::STACK).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error)),
    };
    let outcome = match cli.command {
        Command::Serve(arguments) => match load(&arguments) {
            Ok(config) => runtime.block_on(serve::run(config)),
            Err(problems) => return refused(&problems),
        },
        Command::Demo(arguments) => runtime.block_on(demo::run(arguments)),
        Command::Simulate(arguments) => runtime.block_on(simulate::run(arguments)),
        Command::CheckConfig { file } => {
            let arguments =
                ServeArguments { config: Some(file), data_dir: None, listen: Vec::new() };
            match load(&arguments) {
                Ok(config) => {
                    tracing::info!(endpoints = config.endpoints.len(), "the configuration is good");
                    Ok(())
                }
                Err(problems) => return refused(&problems),
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn load(arguments: &ServeArguments) -> Result<config::Config, Vec<String>> {
    let text = match &arguments.config {
        None => None,
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => Some((path.clone(), text)),
            Err(error) => return Err(vec![format!("{}: {error}", path.display())]),
        },
    };
    let file = text.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
    let flags =
        config::Flags { data_dir: arguments.data_dir.clone(), listen: arguments.listen.clone() };
    let program = environment::this_program().map_err(|error| vec![error.to_string()])?;
    config::load(file, &environment::settings(), &flags, &program)
}

fn refused(problems: &[String]) -> ExitCode {
    for problem in problems {
        tracing::error!("{problem}");
    }
    ExitCode::from(USAGE)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tracing::error!("{error:#}");
    ExitCode::FAILURE
}
