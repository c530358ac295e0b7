//! The wiring: every room built by hand, from the ground up, and taken down in the order in which data flows.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::{Accounts, FirstLogin, Identity, Orgs, Scope, Scopes, Secret};
use analytics::{Analytics, AnalyticsConfig};
use anyhow::Context as _;
use api::Services;
use blobs::Blobs;
use clock::{SharedClock, SystemClock};
use fleet::{Fleet, FleetSettings};
use gateway::{Gateway, recording};
use ingest::{Ingest, IngestConfig};
use lake::{Flush, Lake, LakeConfig, UpkeepConfig};
use metadata::Metadata;
use privacy::Privacy;
use query::Query;
use schema::OrgName;
use tariffs::{Repricer, Tariffs};
use tasks::{CancellationToken, Grace, Stage, Tasks};
use tokio::runtime::Handle;
use wal::{Wal, WalConfig};

use crate::assets;
use crate::config::Config;
use crate::environment;
use crate::history::LakeHistory;
use crate::listen;
use crate::picker::FleetPicker;
use crate::recorder::Recorder;
use crate::restore::Stored;
use crate::sampler;
use crate::sweeper::Sweeper;
use crate::threads::Threads;

/// How often tables are looked at for a flush.
const FLUSH_CHECK: Duration = Duration::from_secs(1);

/// The folder of what queries put on the disk while they run.
const SPILL: &str = "spill";

/// The folder of binary parts of contents.
const PARTS: &str = "parts";

/// A server that runs.
pub(crate) struct Running {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) accounts: Accounts,
    pub(crate) first_login: Option<FirstLogin>,
    tasks: Tasks,
    lake: Arc<Lake>,
    metadata: Metadata,
    /// The threads for queries, and those for records and tables.
    _threads: [Threads; 2],
    grace: Duration,
}

/// Runs a server until it is told to stop.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let running = start(config).await?;
    if let Some(login) = &running.first_login {
        let scopes = Scopes::default().with(Scope::Call);
        let (_, token) =
            running.accounts.create_token(&OrgName::first(), "first", scopes, None).await?;
        print_first_login(login, &token, running.addresses[0]);
    }
    stop_signal().await;
    running.stop().await
}

/// Resolves on SIGTERM or SIGINT.
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Builds and starts everything; when this returns, the server answers.
pub(crate) async fn start(config: Config) -> anyhow::Result<Running> {
    let began = Instant::now();
    let clock: SharedClock = Arc::new(SystemClock);
    let tasks = Tasks::new();
    let fleet = Fleet::new(config.endpoints.clone(), fleet_settings(&config), clock.clone())
        .map_err(|problems| {
            anyhow::anyhow!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?;
    let listeners = listen::bind(&config.listen).await?;
    let addresses = listen::addresses(&listeners)?;
    make_private(&config.data_dir)?;

    let metadata = Metadata::open(&config.data_dir.join("metadata.sqlite")).await?;
    let (accounts, first_login) =
        Accounts::open(metadata.clone(), clock.clone(), environment::root_login()).await?;
    ensure_namespaces(&accounts, &config).await?;

    let (wal, replay) = Wal::open(&config.data_dir.join("wal"), WalConfig::default())?;
    let lake = Arc::new(Lake::open(lake_config(&config)?, clock.clone()).await?);
    let blobs = Blobs::open(config.data_dir.join(PARTS), config.parts)?;
    let (tariffs, privacy) = own_settings(&config, &metadata, &clock, &tasks).await?;
    // Questions compute for long and records can wait: neither keeps a call waiting.
    let (workers, background) =
        (Threads::standing_back("query")?, Threads::standing_back("background")?);
    let hands = (clock.clone(), tasks.clone(), background.handle().clone());
    let (store, tables, past) = (metadata.clone(), Arc::clone(&lake), config.repricer);
    let repricer = Repricer::open(tariffs.clone(), store, tables, hands, past).await?;
    let query = query(&config, &lake, workers.handle())?;
    let settings = IngestConfig { parts: Some(blobs.clone()), ..config.ingest.clone() };
    let ingest = Ingest::new(wal, Arc::clone(&lake), clock.clone(), tasks.clone(), settings);
    let history = Arc::new(LakeHistory(Arc::clone(&lake)));
    let analytics = Arc::new(Analytics::new(clock.clone(), AnalyticsConfig::default(), history));
    let stored = Stored { ingest: &ingest, lake: &lake, query: &query, analytics: &analytics };
    stored.restore(replay, &accounts.orgs()).await;

    let (recording, recordings) = recording(config.recording);
    let picker = Arc::new(FleetPicker::new(Arc::clone(&fleet)));
    let gateway = Arc::new(Gateway::new(picker, recording, clock.clone(), config.gateway.clone()));
    let recorder = Recorder {
        recordings,
        ingest: ingest.clone(),
        analytics: Arc::clone(&analytics),
        waiting: Vec::new(),
        observed: Arc::default(),
        covers: 0,
    };
    spawn(&tasks, &fleet, &analytics);
    let sweeper = Sweeper { blobs: blobs.clone(), lake: Arc::clone(&lake), swept_at: None };
    spawn_in_background(&tasks, background.handle(), sweeper, recorder, config.upkeep_every);
    spawn_repricer(&tasks, background.handle(), repricer.clone(), config.upkeep_every);

    let app = api::router(Services {
        accounts: accounts.clone(),
        ingest,
        query,
        analytics,
        gateway,
        fleet,
        lake: Arc::clone(&lake),
        tasks: tasks.clone(),
        blobs,
        privacy,
        tariffs,
        repricer,
        clock,
        assets: assets::assets(),
        otlp_limits: config.otlp,
        json_log_limits: config.json_logs,
        otlp_body_bytes: config.body_bytes,
        otlp_budget_bytes: config.bodies_bytes,
        version: env!("CARGO_PKG_VERSION"),
    });
    listen::serve(&tasks, listeners, &app, config.idle_connection);
    announce(&config.data_dir, &addresses)?;
    tracing::info!(after = ?began.elapsed(), data_dir = %config.data_dir.display(), "serving");
    Ok(Running {
        addresses,
        accounts,
        first_login,
        tasks,
        lake,
        metadata,
        _threads: [workers, background],
        grace: config.grace,
    })
}

impl Running {
    /// Ends everything in order: no new calls, calls in flight, records, tables; then what is in memory is flushed.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        tracing::info!(grace = ?self.grace, "stopping");
        let report = self.tasks.stop(Grace::each(self.grace)).await;
        if !report.is_clean() {
            tracing::warn!(?report, "some tasks had to be ended");
        }
        // A failed flush loses nothing: the rows are in the log.
        if let Err(error) = self.lake.flush(Flush::All).await {
            tracing::warn!(%error, "the last flush failed; the rows are read from the log at the next start");
        }
        self.metadata.close().await;
        tracing::info!("stopped");
        Ok(())
    }

    /// A fresh token of the first organisation that may do everything in it.
    pub(crate) async fn token(&self, name: &str) -> anyhow::Result<Secret> {
        let (_, secret) =
            self.accounts.create_token(&OrgName::first(), name, Scopes::ALL, None).await?;
        Ok(secret)
    }
}

/// What organisations have set for themselves, above what the configuration says.
async fn own_settings(
    config: &Config,
    metadata: &Metadata,
    clock: &SharedClock,
    tasks: &Tasks,
) -> anyhow::Result<(Tariffs, Privacy)> {
    let (shelf, policies) = (&config.ingest.prices, &config.ingest.privacy);
    let tariffs = Tariffs::open(
        metadata.clone(),
        Arc::clone(shelf),
        clock.clone(),
        tasks.clone(),
        config.most_overrides,
    )
    .await?;
    let privacy = Privacy::open(
        metadata.clone(),
        Arc::clone(policies),
        clock.clone(),
        tasks.clone(),
        config.privacy,
    )
    .await?;
    Ok((tariffs, privacy))
}

/// Prompts and answers are in there: nobody else's business.
fn make_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let made = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)));
    made.with_context(|| format!("cannot make the data folder {} private", folder.display()))
}

fn query(config: &Config, lake: &Arc<Lake>, workers: &Handle) -> anyhow::Result<Query> {
    let folder = config.data_dir.join(SPILL);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let limits = query::Limits { spill_folder: Some(folder), ..config.query.clone() };
    Ok(Query::new(Arc::clone(lake), limits, workers.clone())?)
}

/// Endpoints of the configuration may be in organisations that nobody has written to yet.
async fn ensure_namespaces(accounts: &Accounts, config: &Config) -> anyhow::Result<()> {
    let operator =
        Identity { subject: "configuration".to_owned(), orgs: Orgs::All, scopes: Scopes::ALL };
    for endpoint in &config.endpoints {
        accounts.ensure_org(&operator, &OrgName::from_str(&endpoint.namespace)?).await?;
    }
    Ok(())
}

/// A log has a name of its own, so that tables know whose positions they hold. It is kept with the log: whoever takes
/// the log away takes the name along, and a new log is not taken for the old one.
fn lake_config(config: &Config) -> anyhow::Result<LakeConfig> {
    let folder = config.data_dir.join("wal");
    let path = folder.join("name");
    let writer = match std::fs::read_to_string(&path) {
        Ok(name) => name.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let name = format!("inferscope-{:016x}", rand::random::<u64>());
            let mut file = std::fs::File::create(&path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            file.write_all(name.as_bytes())?;
            file.sync_all()?;
            std::fs::File::open(&folder)?.sync_all()?;
            name
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Ok(LakeConfig {
        writer,
        flush_after: config.flush_after,
        flush_bytes: config.flush_bytes,
        most_columns: config.most_columns,
        most_streams: config.most_streams,
        most_hot_bytes: config.most_hot_bytes,
        upkeep: UpkeepConfig {
            data_folder: Some(config.data_dir.clone()),
            passing_folder: Some(config.data_dir.join(SPILL)),
            named_folder: Some(config.data_dir.join(PARTS)),
            // A query that began with files must find them until its end.
            history_when_full: config
                .query
                .timeout
                .max(config.query.stream_timeout)
                .saturating_mul(2),
            ..config.upkeep.clone()
        },
        ..LakeConfig::in_folder(config.data_dir.join("lake"))
    })
}

fn fleet_settings(config: &Config) -> FleetSettings {
    FleetSettings {
        process_dir: Some(config.data_dir.join("processes")),
        hidden_env: environment::HIDDEN.map(str::to_owned).to_vec(),
        ..FleetSettings::default()
    }
}

fn spawn(tasks: &Tasks, fleet: &Arc<Fleet>, analytics: &Arc<Analytics>) {
    let supervise = Arc::clone(fleet).supervise(tasks.token(Stage::Streams));
    tasks.spawn_vital(Stage::Streams, "fleet", supervise);
    let sample =
        sampler::sample(Arc::clone(fleet), Arc::clone(analytics), tasks.token(Stage::Ingest));
    tasks.spawn_vital(Stage::Ingest, "sampler", sample);
    let follow =
        sampler::follow(Arc::clone(fleet), Arc::clone(analytics), tasks.token(Stage::Ingest));
    tasks.spawn_vital(Stage::Ingest, "replica-changes", follow);
}

fn spawn_in_background(
    tasks: &Tasks,
    threads: &Handle,
    sweeper: Sweeper,
    recorder: Recorder,
    upkeep_every: Duration,
) {
    let _on_these_threads = threads.enter();
    let lake = Arc::clone(&sweeper.lake);
    let upkeep = upkeep(sweeper, upkeep_every, tasks.token(Stage::Maintenance));
    tasks.spawn(Stage::Maintenance, "upkeep", upkeep);
    tasks.spawn_vital(Stage::Ingest, "recorder", recorder.run(tasks.token(Stage::Ingest)));
    tasks.spawn_every(Stage::Maintenance, "flush", FLUSH_CHECK, move || {
        let lake = Arc::clone(&lake);
        // What fails is logged there, and tried again.
        async move { drop(lake.flush(Flush::Due).await) }
    });
}

fn spawn_repricer(tasks: &Tasks, threads: &Handle, repricer: Repricer, retry_after: Duration) {
    let _on_these_threads = threads.enter();
    let reprice = repricer.run(retry_after, tasks.token(Stage::Maintenance));
    tasks.spawn(Stage::Maintenance, "re-pricings", reprice);
}

/// Passes of upkeep, so much time apart or when one is wanted. One that is under way when the server stops is cut
/// short: the next start goes on.
async fn upkeep(mut sweeper: Sweeper, every: Duration, stop: CancellationToken) {
    let lake = Arc::clone(&sweeper.lake);
    loop {
        let pass = async {
            lake.upkeep().await;
            sweeper.pass().await
        };
        let more = tokio::select! {
            more = pass => more && lake.is_full(),
            () = stop.cancelled() => return,
        };
        if more {
            // There may be room now.
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = lake.upkeep_wanted() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Says where the server is, to people and to programs that let the system choose a port.
fn announce(data_dir: &Path, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    for address in addresses {
        tracing::info!("listening on http://{address}");
    }
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let path = data_dir.join("listen.json");
    std::fs::write(&path, serde_json::json!({ "http": addresses }).to_string())
        .with_context(|| format!("cannot write {}", path.display()))
}

#[expect(clippy::print_stdout, reason = "a password must not end up in a log")]
fn print_first_login(login: &FirstLogin, token: &Secret, address: SocketAddr) {
    let address = reachable(address);
    println!("This is the first start. The login, shown only this once:");
    println!("  e-mail    {}", login.email);
    println!("  password  {}", login.password.expose());
    println!("  web       http://{address}/login");
    println!("For a program's .env:");
    println!("  OPENOBSERVE_URL=http://{address}/");
    println!("  OPENOBSERVE_ORG=default");
    println!("  OPENOBSERVE_AUTH_TOKEN=\"{}\"", login.authorization().expose());
    println!("  HF_TOKEN={}", token.expose());
}

/// An address that a program of this host can call: "all addresses" is none.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
