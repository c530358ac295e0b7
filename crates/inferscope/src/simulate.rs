//! `inferscope simulate`: one simulated replica.

use std::time::Duration;

use clap::Args;
use simulator::{FailureRates, Pace, SimulatorConfig, SlowSpells};

use crate::listen;

#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// Address to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    listen: String,
    /// Hub id of a model that it serves; may be given several times.
    #[arg(long, value_name = "HUB_ID", required = true)]
    model: Vec<String>,
    /// Seconds until it is ready; it answers 503 before.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    start_up: f64,
    /// Calls that are worked on at once.
    #[arg(long, value_name = "N", default_value_t = 16)]
    max_concurrency: usize,
    /// Milliseconds from a call's turn to its first token.
    #[arg(long, value_name = "MS", default_value_t = 80.0)]
    first_token_ms: f64,
    /// Milliseconds from one token to the next.
    #[arg(long, value_name = "MS", default_value_t = 12.0)]
    token_ms: f64,
    /// How much each wait varies, as a share of it.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    jitter: f64,
    /// Where all randomness comes from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Share of calls that fail with 500.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    error_rate: f64,
    /// Share of calls that fail with 429.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    rate_limit_rate: f64,
    /// Share of calls whose answer breaks off.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    cut_rate: f64,
    /// Slow spells: a period in seconds, how many seconds at its end are slow, and how many times slower.
    #[arg(long, value_names = ["EVERY", "LASTING", "TIMES"], num_args = 3)]
    slow_spells: Vec<f64>,
}

impl SimulateArguments {
    fn config(&self) -> SimulatorConfig {
        let seconds = |value: f64| Duration::try_from_secs_f64(value).unwrap_or_default();
        let slow_spells = match self.slow_spells[..] {
            [every, lasting, factor] => {
                Some(SlowSpells { every: seconds(every), lasting: seconds(lasting), factor })
            }
            _ => None,
        };
        SimulatorConfig {
            start_up: seconds(self.start_up),
            max_concurrency: self.max_concurrency,
            pace: Pace {
                first_token: seconds(self.first_token_ms / 1e3),
                per_token: seconds(self.token_ms / 1e3),
                jitter: self.jitter,
            },
            seed: self.seed,
            failures: FailureRates {
                server_error: self.error_rate,
                rate_limit: self.rate_limit_rate,
                cut: self.cut_rate,
            },
            slow_spells,
            ..SimulatorConfig::new(self.model.clone())
        }
    }
}

pub(crate) async fn run(arguments: SimulateArguments) -> anyhow::Result<()> {
    let config = arguments.config();
    for listener in listen::bind(std::slice::from_ref(&arguments.listen)).await? {
        tracing::info!("listening on http://{}", listener.local_addr()?);
        simulator::serve(listener, config.clone(), crate::serve::stop_signal()).await?;
    }
    Ok(())
}
