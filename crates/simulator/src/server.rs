use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::serve::ListenerExt;
use http::{HeaderMap, header};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::behaviour::Behaviour;
use crate::catalogue::{Catalogue, Model};
use crate::config::SimulatorConfig;
use crate::dice::Dice;
use crate::failure::Refused;
use crate::generation::Running;
use crate::metrics::Metrics;
use crate::pace::Metronome;
use crate::queue::Queue;
use crate::routes;

/// One engine.
pub(crate) struct Engine {
    pub(crate) config: SimulatorConfig,
    pub(crate) catalogue: Catalogue,
    pub(crate) metrics: Arc<Metrics>,
    queue: Queue,
    started: Instant,
    calls: AtomicU64,
}

/// A call that may be worked on.
pub(crate) struct Call {
    /// Counted from 1 since the start.
    pub(crate) number: u64,
    pub(crate) model: Model,
    pub(crate) behaviour: Behaviour,
    pub(crate) metronome: Metronome,
    pub(crate) running: Running,
}

/// Serves one simulated replica until `shutdown` resolves and the open calls have ended; whoever will not
/// wait for them drops the future.
///
/// # Errors
/// When the listener cannot be served.
pub async fn serve(
    listener: TcpListener,
    config: SimulatorConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = routes::router(Arc::new(Engine::new(config)));
    let listener = listener.tap_io(|stream| {
        // Without it a token can wait 40 ms for its packet; a socket that refuses still works.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

impl Engine {
    fn new(config: SimulatorConfig) -> Self {
        let catalogue = Catalogue::new(&config.models);
        Self {
            metrics: Arc::new(Metrics::new(&catalogue)),
            queue: Queue::new(config.max_concurrency, config.max_waiting),
            started: Instant::now(),
            calls: AtomicU64::new(0),
            catalogue,
            config,
        }
    }

    /// Whether the start is over, and the key is not the bad one.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if !self.is_ready() {
            return Err(Refused::Starting);
        }
        let key = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        if key == Some(b"Bearer hf_bad_key") { Err(Refused::BadKey) } else { Ok(()) }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.started.elapsed() >= self.config.start_up
    }

    /// Finds the model, draws what chance brings, and waits for a slot.
    pub(crate) async fn begin(&self, name: &str, headers: &HeaderMap) -> Result<Call, Refused> {
        let asked = Behaviour::asked(name, headers)?;
        let model = self.catalogue.find(name);
        let model = model.ok_or_else(|| Refused::ModelNotSupported(name.to_owned()))?;
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut dice = Dice::new(self.config.seed, number);
        let behaviour = asked.or_by_chance(self.config.failures, &mut dice);
        if let Some(refusal) = behaviour.refusal {
            return Err(Refused::Asked(refusal, model.id));
        }
        let spells = self.config.slow_spells;
        let spell = spells.map_or(1.0, |spells| spells.factor_at(self.started.elapsed()));
        let running = Running::begin(&self.queue, &self.metrics, &model.label).await?;
        let slow = spell * behaviour.slow.unwrap_or(1.0);
        let metronome = Metronome::new(behaviour.pace(self.config.pace), slow, dice);
        Ok(Call { number, model, behaviour, metronome, running })
    }
}
