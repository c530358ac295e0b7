//! The column stores beside ours: a Python program that holds them (`peers/tables.py`).

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Where the program is, in the tree that this was built from.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/tables.py");

/// An engine that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    ChDb,
    DuckDb,
}

impl Engine {
    pub(crate) const ALL: [Self; 2] = [Self::ChDb, Self::DuckDb];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ChDb => "chdb",
            Self::DuckDb => "duckdb",
        }
    }
}

/// A running program with its engines.
pub(crate) struct Tables {
    // Ends with this.
    _child: Child,
    asked: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// What a table takes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Of our table.
    #[serde(default)]
    pub(crate) files: Option<u64>,
    /// Of an engine.
    #[serde(default)]
    pub(crate) version: Option<String>,
}

/// An answered question.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Asked {
    pub(crate) rows: usize,
    pub(crate) ms: f64,
}

impl Tables {
    /// Starts it with this Python, which has the packages of `bench/requirements.txt`.
    pub(crate) fn start(python: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .arg(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let asked = child.stdin.take().context("no way in")?;
        let answers = child.stdout.take().context("no way out")?;
        Ok(Self { _child: child, asked, answers: BufReader::new(answers).lines() })
    }

    /// How much the Delta table in `table` takes, as other programs see it.
    pub(crate) async fn files(&mut self, table: &Path) -> anyhow::Result<Size> {
        self.obey(json!({ "do": "files", "table": table })).await
    }

    /// Brings the rows of the Delta table into a table of `engine`, in the folder `into`.
    pub(crate) async fn load(
        &mut self,
        engine: Engine,
        table: &Path,
        into: PathBuf,
    ) -> anyhow::Result<Size> {
        let command =
            json!({ "do": "load", "engine": engine.name(), "table": table, "into": into });
        self.obey(command).await
    }

    pub(crate) async fn ask(&mut self, engine: Engine, sql: &str) -> anyhow::Result<Asked> {
        self.obey(json!({ "do": "ask", "engine": engine.name(), "sql": sql })).await
    }

    async fn obey<T: DeserializeOwned>(&mut self, command: Value) -> anyhow::Result<T> {
        self.asked.write_all(format!("{command}\n").as_bytes()).await?;
        // What an engine prints of its own is no answer.
        loop {
            let line = self.answers.next_line().await?.context("the peers' program has ended")?;
            let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
            if let Some(error) = answer["error"].as_str() {
                bail!("{error}, asked: {command}");
            }
            return Ok(serde_json::from_value(answer)?);
        }
    }
}
