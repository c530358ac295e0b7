//! The only place that reads the environment.
#![expect(clippy::disallowed_methods, reason = "this is the place")]

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use accounts::{RootLogin, Secret};
use crash::Crash;
use tracing_subscriber::EnvFilter;

const ROOT_EMAIL: &str = "INFERSCOPE_ROOT_EMAIL";
const ROOT_PASSWORD: &str = "INFERSCOPE_ROOT_PASSWORD";
const LOG: &str = "INFERSCOPE_LOG";
const LOG_FORMAT: &str = "INFERSCOPE_LOG_FORMAT";
/// Where a test has the process die: see `crash`.
const CRASH_AT: &str = "INFERSCOPE_CRASH_AT";

/// What is not a setting of the configuration file, though it begins like one. Tests name the binary so.
const NO_SETTINGS: [&str; 6] =
    [ROOT_EMAIL, ROOT_PASSWORD, LOG, LOG_FORMAT, CRASH_AT, "INFERSCOPE_BIN"];

/// Variables that no replica may see.
pub(crate) const HIDDEN: [&str; 2] = [ROOT_EMAIL, ROOT_PASSWORD];

/// Variables that overlay the configuration file.
pub(crate) fn settings() -> BTreeMap<String, String> {
    let ours = |(name, _): &(String, String)| {
        name.starts_with("INFERSCOPE_") && !NO_SETTINGS.contains(&name.as_str())
    };
    // A variable whose name or value is no UTF-8 is none of ours.
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    all.filter(ours).collect()
}

/// The root login as the environment wants it.
pub(crate) fn root_login() -> RootLogin {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    RootLogin { email: read(ROOT_EMAIL), password: read(ROOT_PASSWORD).map(Secret::new) }
}

/// Where this process is to die, if a test says so.
pub(crate) fn crash() -> Result<Option<Crash>, String> {
    let Ok(text) = std::env::var(CRASH_AT) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| format!("{CRASH_AT}: {text:?}: {error}"))
}

/// This program's own path, to start simulated replicas with.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

/// Logs to standard error: for people, or as JSON lines with `INFERSCOPE_LOG_FORMAT=json`. `INFERSCOPE_LOG` filters.
pub(crate) fn start_logging() {
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| {
        EnvFilter::new("info,deltalake_core=warn,delta_kernel=warn,buoyant_kernel=warn")
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var(LOG_FORMAT).is_ok_and(|format| format == "json") {
        subscriber.json().init();
    } else {
        subscriber.with_target(false).init();
    }
}
