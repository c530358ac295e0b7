//! How patient the fleet is.

use std::path::PathBuf;
use std::time::Duration;

use crate::BackoffSettings;

/// Times and bounds of a fleet; the default suits inference servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSettings {
    /// Time between two probes of a healthy replica. 2 s.
    pub probe_interval: Duration,
    /// Time between two probes of one that is not running or has just failed one. 1 s.
    pub probe_interval_unsure: Duration,
    /// How long a probe may take. 2 s.
    pub probe_timeout: Duration,
    /// Failed probes in a row that take a running replica out. 3, at least 1.
    pub probe_failures: u32,
    /// How long a url may stay without any answer before it counts as failed. 60 s.
    pub patience: Duration,
    /// Waits between restarts of a process. 0.5 s to 60 s.
    pub restart: BackoffSettings,
    /// How long a process may take to end after SIGTERM, before SIGKILL. 10 s.
    pub stop_grace: Duration,
    /// Where the pids of started processes are noted, so that the next start can end those that
    /// outlived a crash of this program. `None`: they are not noted.
    pub process_dir: Option<PathBuf>,
    /// Environment variables of this program that its processes must not see.
    pub hidden_env: Vec<String>,
    /// Status changes kept in memory; beyond it the oldest go and are counted. 10,000.
    pub history: usize,
    /// Lines of output kept per process; beyond it the oldest go and are counted. 200.
    pub output_lines: usize,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            probe_interval: Duration::from_secs(2),
            probe_interval_unsure: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(2),
            probe_failures: 3,
            patience: Duration::from_secs(60),
            restart: BackoffSettings {
                first: Duration::from_millis(500),
                longest: Duration::from_secs(60),
            },
            stop_grace: Duration::from_secs(10),
            process_dir: None,
            hidden_env: Vec::new(),
            history: 10_000,
            output_lines: 200,
        }
    }
}
