//! What the operator wrote, checked once: after this, no code asks whether a setting is set or sane.

mod ingest;
mod prices;
mod privacy;
mod storage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::ingest::IngestConfig;
use blobs::Limits as PartLimits;
use fleet::{EndpointSpec, Engine, ProcessSpec, Source};
use gateway::{GatewayConfig, RecordingConfig};
use jsonlogs::Limits as JsonLimits;
use lake::UpkeepConfig;
use otlp::Limits as OtlpLimits;
use query::Limits as QueryLimits;
use serde::Deserialize;
use tariffs::RepricerConfig;
use url::Url;

use self::ingest::RawIngest;
use self::prices::RawPrices;
use self::privacy::RawPrivacy;
use self::storage::RawStorage;

/// The settings of a server.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: Vec<String>,
    pub(crate) grace: Duration,
    pub(crate) idle_connection: Duration,
    pub(crate) body_bytes: usize,
    pub(crate) bodies_bytes: usize,
    pub(crate) otlp: OtlpLimits,
    pub(crate) json_logs: JsonLimits,
    pub(crate) ingest: IngestConfig,
    pub(crate) query: QueryLimits,
    pub(crate) gateway: GatewayConfig,
    pub(crate) recording: RecordingConfig,
    pub(crate) flush_after: Duration,
    pub(crate) flush_bytes: usize,
    pub(crate) most_columns: usize,
    pub(crate) most_streams: usize,
    pub(crate) most_hot_bytes: usize,
    pub(crate) upkeep: UpkeepConfig,
    pub(crate) upkeep_every: Duration,
    pub(crate) parts: PartLimits,
    pub(crate) privacy: ::privacy::Limits,
    pub(crate) endpoints: Vec<EndpointSpec>,
    pub(crate) most_overrides: usize,
    pub(crate) repricer: RepricerConfig,
}

/// What the command line says beside the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: Vec<String>,
}

/// The file, word for word.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    server: RawServer,
    ingest: RawIngest,
    query: RawQuery,
    gateway: RawGateway,
    storage: RawStorage,
    privacy: RawPrivacy,
    prices: RawPrices,
    endpoint: Vec<RawEndpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawServer {
    data_dir: PathBuf,
    listen: Vec<String>,
    grace_s: f64,
    idle_connection_s: f64,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            data_dir: "inferscope-data".into(),
            listen: vec!["127.0.0.1:5080".to_owned()],
            grace_s: 10.0,
            idle_connection_s: 75.0,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawQuery {
    timeout_s: f64,
    memory_bytes: usize,
    footer_bytes: usize,
    concurrent: usize,
    most_rows: usize,
    most_bytes: usize,
    most_streamed_rows: usize,
    most_trace_spans: usize,
    noted_bytes: usize,
    stream_timeout_s: f64,
    full_text_columns: Vec<String>,
}

impl Default for RawQuery {
    fn default() -> Self {
        let limits = QueryLimits::default();
        Self {
            timeout_s: limits.timeout.as_secs_f64(),
            memory_bytes: limits.memory,
            footer_bytes: limits.footers,
            concurrent: limits.concurrent,
            most_rows: limits.most_rows,
            most_bytes: limits.most_bytes,
            most_streamed_rows: limits.most_streamed_rows,
            most_trace_spans: limits.most_trace_spans,
            noted_bytes: limits.noted_bytes,
            stream_timeout_s: limits.stream_timeout.as_secs_f64(),
            full_text_columns: limits.full_text_columns,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawGateway {
    max_request_bytes: usize,
    capture_bytes: usize,
    max_attempts: u32,
    connect_timeout_s: f64,
    head_timeout_s: f64,
    max_hold_s: f64,
    idle_connection_s: f64,
    queue_items: usize,
    queue_bytes: usize,
}

impl Default for RawGateway {
    fn default() -> Self {
        let (gateway, queue) = (GatewayConfig::default(), RecordingConfig::default());
        Self {
            max_request_bytes: gateway.max_request_bytes,
            capture_bytes: gateway.capture_bytes,
            max_attempts: gateway.max_attempts,
            connect_timeout_s: gateway.connect_timeout.as_secs_f64(),
            head_timeout_s: gateway.head_timeout.as_secs_f64(),
            max_hold_s: gateway.max_hold.as_secs_f64(),
            idle_connection_s: gateway.idle_connection.as_secs_f64(),
            queue_items: queue.items,
            queue_bytes: queue.bytes,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEndpoint {
    #[serde(default = "default_namespace")]
    namespace: String,
    name: String,
    model: String,
    #[serde(default = "one")]
    min_replicas: u32,
    max_replicas: Option<u32>,
    replicas: Option<Vec<RawReplica>>,
    process: Option<RawProcess>,
}

fn default_namespace() -> String {
    schema::OrgName::first().as_str().to_owned()
}

const fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReplica {
    url: Url,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProcess {
    engine: RawEngine,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum RawEngine {
    Simulator,
    Custom,
}

/// Reads a configuration: the file's text, then environment variables over it, then flags over both.
///
/// `variables` are those that begin with `INFERSCOPE_`; `program` is this program's own path, with which simulated
/// replicas are started.
///
/// # Errors
/// Every problem that was found, each with its place.
pub(crate) fn load(
    file: Option<(&Path, &str)>,
    variables: &BTreeMap<String, String>,
    flags: &Flags,
    program: &Path,
) -> Result<Config, Vec<String>> {
    let mut table = match file {
        None => toml::Table::new(),
        Some((path, text)) => {
            // The first reading is for its messages, which show the line.
            let place = |error: toml::de::Error| vec![format!("{}: {error}", path.display())];
            toml::from_str::<Raw>(text).map_err(place)?;
            toml::from_str(text).map_err(place)?
        }
    };
    let mut problems: Vec<String> = variables
        .iter()
        .filter_map(|(name, value)| overlay(&mut table, name, value).err())
        .collect();
    let raw: Raw = match table.try_into() {
        Ok(raw) => raw,
        Err(error) => {
            problems.push(format!("environment: {error}"));
            return Err(problems);
        }
    };
    let config = Checker { problems: &mut problems, program }.config(raw, flags);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Puts `INFERSCOPE_SECTION_KEY` into the table. A value that is no TOML is a text.
fn overlay(table: &mut toml::Table, name: &str, value: &str) -> Result<(), String> {
    const SECTIONS: [&str; 7] =
        ["server", "ingest", "query", "gateway", "storage", "privacy", "prices"];
    let path = name.trim_start_matches("INFERSCOPE_").to_ascii_lowercase();
    let Some((section, key)) =
        path.split_once('_').filter(|(section, _)| SECTIONS.contains(section))
    else {
        return Err(format!(
            "{name}: no such setting; variables are INFERSCOPE_SECTION_KEY with a section of {SECTIONS:?}"
        ));
    };
    let value = toml::from_str::<toml::Table>(&format!("value = {value}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let section = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), value);
    }
    Ok(())
}

struct Checker<'a> {
    problems: &'a mut Vec<String>,
    program: &'a Path,
}

impl Checker<'_> {
    fn config(&mut self, raw: Raw, flags: &Flags) -> Config {
        let listen = if flags.listen.is_empty() { raw.server.listen } else { flags.listen.clone() };
        if listen.is_empty() {
            self.problems.push(
                "server.listen: give at least one address, e.g. \"127.0.0.1:5080\"".to_owned(),
            );
        }
        let prices = raw.prices.checked(self.problems);
        Config {
            data_dir: self.absolute(flags.data_dir.clone().unwrap_or(raw.server.data_dir)),
            listen,
            grace: self.seconds("server.grace_s", raw.server.grace_s),
            idle_connection: self.seconds("server.idle_connection_s", raw.server.idle_connection_s),
            body_bytes: self.at_least_one("ingest.body_bytes", raw.ingest.body_bytes),
            bodies_bytes: raw.ingest.bodies_bytes.max(raw.ingest.body_bytes),
            otlp: self.otlp(&raw.ingest),
            json_logs: self.json_logs(&raw.ingest),
            ingest: IngestConfig {
                privacy: raw.privacy.checked(self.problems),
                ..self.ingest(&raw.ingest, prices)
            },
            query: QueryLimits {
                timeout: self.seconds("query.timeout_s", raw.query.timeout_s),
                memory: self.at_least_one("query.memory_bytes", raw.query.memory_bytes),
                footers: raw.query.footer_bytes,
                concurrent: self.at_least_one("query.concurrent", raw.query.concurrent),
                most_rows: self.at_least_one("query.most_rows", raw.query.most_rows),
                most_bytes: self.at_least_one("query.most_bytes", raw.query.most_bytes),
                most_streamed_rows: self
                    .at_least_one("query.most_streamed_rows", raw.query.most_streamed_rows),
                most_trace_spans: self
                    .at_least_one("query.most_trace_spans", raw.query.most_trace_spans),
                noted_bytes: raw.query.noted_bytes,
                stream_timeout: self.seconds("query.stream_timeout_s", raw.query.stream_timeout_s),
                full_text_columns: raw.query.full_text_columns,
                spill_folder: None,
            },
            gateway: self.gateway(&raw.gateway),
            recording: RecordingConfig {
                items: raw.gateway.queue_items,
                bytes: raw.gateway.queue_bytes,
            },
            flush_after: self.seconds("storage.flush_after_s", raw.storage.flush_after_s),
            flush_bytes: self.at_least_one("storage.flush_bytes", raw.storage.flush_bytes),
            most_columns: raw.storage.most_columns,
            most_streams: self.at_least_one("storage.most_streams", raw.storage.most_streams),
            most_hot_bytes: self.at_least_one("storage.most_hot_bytes", raw.storage.most_hot_bytes),
            upkeep: self.upkeep(&raw.storage, raw.query.timeout_s.max(raw.query.stream_timeout_s)),
            upkeep_every: self.seconds("storage.upkeep_every_s", raw.storage.upkeep_every_s),
            parts: raw.storage.parts(),
            privacy: raw.privacy.limits(),
            endpoints: self.endpoints(raw.endpoint),
            repricer: self.repricer(&raw.prices),
            most_overrides: raw.prices.most_overrides,
        }
    }

    fn endpoints(&mut self, raw: Vec<RawEndpoint>) -> Vec<EndpointSpec> {
        let specs: Vec<EndpointSpec> =
            raw.into_iter().filter_map(|endpoint| self.endpoint(endpoint)).collect();
        for (at, spec) in specs.iter().enumerate() {
            let (namespace, name) = (&spec.namespace, &spec.name);
            if specs[..at].iter().any(|other| (&other.namespace, &other.name) == (namespace, name))
            {
                self.problems.push(format!("endpoint {namespace}/{name} is declared twice"));
            }
        }
        specs
    }

    fn gateway(&mut self, raw: &RawGateway) -> GatewayConfig {
        GatewayConfig {
            max_request_bytes: self
                .at_least_one("gateway.max_request_bytes", raw.max_request_bytes),
            capture_bytes: raw.capture_bytes,
            max_attempts: raw.max_attempts.max(1),
            connect_timeout: self.seconds("gateway.connect_timeout_s", raw.connect_timeout_s),
            head_timeout: self.seconds("gateway.head_timeout_s", raw.head_timeout_s),
            max_hold: self.seconds("gateway.max_hold_s", raw.max_hold_s),
            idle_connection: self.seconds("gateway.idle_connection_s", raw.idle_connection_s),
        }
    }

    fn endpoint(&mut self, raw: RawEndpoint) -> Option<EndpointSpec> {
        let source = match (raw.replicas, raw.process) {
            (Some(replicas), None) => {
                Source::Urls(replicas.into_iter().map(|replica| replica.url).collect())
            }
            (None, Some(process)) => Source::Process(self.process(&raw.name, process)),
            (Some(_), Some(_)) | (None, None) => {
                let name = &raw.name;
                self.problems
                    .push(format!("endpoint {name:?}: give either `replicas` or `process`"));
                return None;
            }
        };
        let spec = EndpointSpec {
            namespace: raw.namespace,
            name: raw.name,
            model: raw.model,
            min_replicas: raw.min_replicas,
            max_replicas: raw.max_replicas.unwrap_or(raw.min_replicas),
            source,
        };
        let name = &spec.name;
        self.problems
            .extend(spec.problems().iter().map(|problem| format!("endpoint {name:?}: {problem}")));
        if let Err(error) = spec.namespace.parse::<schema::OrgName>() {
            self.problems.push(format!("endpoint {name:?}: namespace: {error}"));
        }
        Some(spec)
    }

    /// A simulated replica is this program itself; what its command says comes behind.
    fn process(&mut self, endpoint: &str, raw: RawProcess) -> ProcessSpec {
        let env = raw.env.into_iter().collect();
        match raw.engine {
            RawEngine::Custom => {
                if raw.command.is_empty() {
                    self.problems.push(format!(
                        "endpoint {endpoint:?}: process.command is needed for engine = \"custom\""
                    ));
                }
                ProcessSpec { engine: Engine::Custom, command: raw.command, env }
            }
            RawEngine::Simulator => {
                let own = ["simulate", "--listen", "127.0.0.1:{port}", "--model", "{model}"]
                    .map(str::to_owned);
                let program = self.program.display().to_string();
                let command = std::iter::once(program).chain(own).chain(raw.command).collect();
                ProcessSpec { engine: Engine::Simulator, command, env }
            }
        }
    }

    /// Tables are found by address, and an address names a place from the root on.
    fn absolute(&mut self, path: PathBuf) -> PathBuf {
        std::path::absolute(&path).unwrap_or_else(|error| {
            self.problems.push(format!("server.data_dir: {}: {error}", path.display()));
            path
        })
    }

    fn seconds(&mut self, key: &str, value: f64) -> Duration {
        Duration::try_from_secs_f64(value).unwrap_or_else(|_| {
            self.problems
                .push(format!("{key}: {value} is no time span; give a number of 0 or more"));
            Duration::ZERO
        })
    }

    fn at_least_one<N: PartialOrd + From<u8> + std::fmt::Display>(
        &mut self,
        key: &str,
        value: N,
    ) -> N {
        if value < N::from(1) {
            self.problems.push(format!("{key}: {value} is too small; give 1 or more"));
        }
        value
    }
}

#[cfg(test)]
mod tests;
