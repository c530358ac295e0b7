//! Probes one replica for as long as it is polled, and keeps its status true.

use std::convert::Infallible;

use tokio::time::{Instant, sleep, sleep_until};

use crate::health::{Health, Origin};
use crate::probe::Prober;
use crate::replica::Replica;
use crate::{FleetSettings, ReplicaStatus};

/// The probing of one replica.
pub(crate) struct Watch<'a> {
    replica: &'a Replica,
    prober: &'a Prober,
    settings: &'a FleetSettings,
    health: Health,
    /// When a probe may next come out of turn because a call failed.
    next_extra: Instant,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        replica: &'a Replica,
        origin: Origin,
        prober: &'a Prober,
        settings: &'a FleetSettings,
    ) -> Self {
        let health = Health::new(origin, settings);
        Self { replica, prober, settings, health, next_extra: Instant::now() }
    }

    /// Never returns: dropping it ends the probing.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            let was = self.replica.status();
            self.look().await;
            if was != ReplicaStatus::Running && self.replica.is_running() {
                self.learn_engine().await;
            }
            self.pause().await;
        }
    }

    async fn look(&mut self) {
        let blames = self.replica.blames();
        let sight = self.prober.look(self.replica.url()).await;
        let now = std::time::Instant::now();
        if let Some((status, message)) = self.health.weigh(self.replica.status(), sight, now) {
            self.replica.set_if_blames(blames, status, message);
        }
    }

    async fn learn_engine(&self) {
        if self.replica.engine().is_some() {
            return;
        }
        if let Some(engine) = self.prober.engine(self.replica.url()).await {
            self.replica.know_engine(engine);
        }
    }

    /// Until the next probe is due. A failed call asks for one at once, but only so often: a replica
    /// that is healthy by its word and fails every call must not flap at the speed of the calls.
    async fn pause(&mut self) {
        let unsure = self.health.is_unsure(self.replica.status());
        let interval =
            if unsure { self.settings.probe_interval_unsure } else { self.settings.probe_interval };
        tokio::select! {
            () = sleep(interval) => {}
            () = self.replica.blamed() => {
                sleep_until(self.next_extra).await;
                self.next_extra = Instant::now() + self.settings.probe_interval_unsure;
            }
        }
    }
}
