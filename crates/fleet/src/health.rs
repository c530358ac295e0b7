//! What a replica's status becomes when a probe has seen it so: pure, no I/O.

use std::time::{Duration, Instant};

use crate::{FleetSettings, ReplicaStatus};

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It answers and is healthy.
    Ready,
    /// It can be reached but is not healthy; the reason.
    NotReady(String),
    /// It cannot be reached; the reason.
    Unreachable(String),
}

/// Who started the replica: one that we started is given all the time it needs to begin to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Theirs,
    Ours,
}

/// Weighs probe after probe of one replica.
#[derive(Debug)]
pub(crate) struct Health {
    origin: Origin,
    strikes_out: u32,
    patience: Duration,
    first_look: Option<Instant>,
    /// Bad probes in a row.
    strikes: u32,
    /// It was away since it failed, so what answers now is starting anew.
    away: bool,
}

impl Health {
    pub(crate) fn new(origin: Origin, settings: &FleetSettings) -> Self {
        let (strikes_out, patience) = (settings.probe_failures.max(1), settings.patience);
        Self { origin, strikes_out, patience, first_look: None, strikes: 0, away: false }
    }

    /// Whether the next probe should come sooner than for a healthy replica.
    pub(crate) fn is_unsure(&self, status: ReplicaStatus) -> bool {
        self.strikes > 0 || status != ReplicaStatus::Running
    }

    /// The status and message after `sight`, seen at `now` by a replica in `status`; `None`: as they are.
    pub(crate) fn weigh(
        &mut self,
        status: ReplicaStatus,
        sight: Sight,
        now: Instant,
    ) -> Option<(ReplicaStatus, String)> {
        let first_look = *self.first_look.get_or_insert(now);
        match sight {
            Sight::Ready => {
                (self.strikes, self.away) = (0, false);
                Some((ReplicaStatus::Running, "healthy".to_owned()))
            }
            Sight::NotReady(why) => self.not_ready(status, why),
            Sight::Unreachable(why) => self.unreachable(status, why, now - first_look),
        }
    }

    fn not_ready(&mut self, status: ReplicaStatus, why: String) -> Option<(ReplicaStatus, String)> {
        match status {
            ReplicaStatus::Running => self.strike(why),
            ReplicaStatus::Failed if !self.away => Some((status, why)),
            ReplicaStatus::Pending | ReplicaStatus::Initializing | ReplicaStatus::Failed => {
                (self.strikes, self.away) = (0, false);
                Some((ReplicaStatus::Initializing, why))
            }
            ReplicaStatus::Draining | ReplicaStatus::Terminated => None,
        }
    }

    fn unreachable(
        &mut self,
        status: ReplicaStatus,
        why: String,
        looked: Duration,
    ) -> Option<(ReplicaStatus, String)> {
        match (status, self.origin) {
            (ReplicaStatus::Running, _) | (ReplicaStatus::Initializing, Origin::Theirs) => {
                self.strike(why)
            }
            (ReplicaStatus::Pending, _) if looked > self.patience => {
                self.away = true;
                Some((ReplicaStatus::Failed, why))
            }
            (ReplicaStatus::Failed, _) => {
                self.away = true;
                Some((status, why))
            }
            (ReplicaStatus::Pending, _) | (ReplicaStatus::Initializing, Origin::Ours) => {
                Some((status, why))
            }
            (ReplicaStatus::Draining | ReplicaStatus::Terminated, _) => None,
        }
    }

    fn strike(&mut self, why: String) -> Option<(ReplicaStatus, String)> {
        self.strikes += 1;
        if self.strikes < self.strikes_out {
            return None;
        }
        self.away = false;
        Some((ReplicaStatus::Failed, format!("{} probes in a row failed: {why}", self.strikes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReplicaStatus::{Failed, Initializing, Pending, Running};

    const SECOND: Duration = Duration::from_secs(1);

    /// The statuses that a replica goes through as it is seen so, a second apart:
    /// `+` ready, `-` reachable but not ready, `x` not reachable.
    fn walk(origin: Origin, from: ReplicaStatus, seen: &str) -> Vec<ReplicaStatus> {
        let settings = FleetSettings { patience: 4 * SECOND, ..FleetSettings::default() };
        let mut health = Health::new(origin, &settings);
        let (mut status, mut now) = (from, Instant::now());
        let step = |sight: char| {
            let sight = match sight {
                '+' => Sight::Ready,
                '-' => Sight::NotReady("503".into()),
                _ => Sight::Unreachable("refused".into()),
            };
            now += SECOND;
            status = health.weigh(status, sight, now).map_or(status, |(status, _)| status);
            status
        };
        seen.chars().map(step).collect()
    }

    #[test]
    fn a_server_comes_up_step_by_step() {
        assert_eq!(
            walk(Origin::Theirs, Pending, "xx-+"),
            [Pending, Pending, Initializing, Running]
        );
    }

    #[test]
    fn it_takes_three_bad_probes_in_a_row() {
        let seen = walk(Origin::Theirs, Running, "x-+xxx");
        assert_eq!(seen, [Running, Running, Running, Running, Running, Failed]);
        assert_eq!(walk(Origin::Theirs, Initializing, "xxx")[2], Failed);
    }

    #[test]
    fn a_failed_one_is_initializing_only_after_it_was_away() {
        assert_eq!(walk(Origin::Theirs, Running, "-----")[2..], [Failed, Failed, Failed]);
        assert_eq!(walk(Origin::Theirs, Failed, "-x-+"), [Failed, Failed, Initializing, Running]);
        assert_eq!(walk(Origin::Theirs, Failed, "+"), [Running]);
    }

    #[test]
    fn a_url_that_never_answers_fails_after_a_while() {
        let seen = walk(Origin::Theirs, Pending, "xxxxxxx-");
        assert_eq!(seen[3..], [Pending, Pending, Failed, Failed, Initializing]);
    }

    #[test]
    fn our_own_process_may_take_its_time_to_listen() {
        assert_eq!(walk(Origin::Ours, Initializing, "xxxxxxxxx").last(), Some(&Initializing));
        assert_eq!(walk(Origin::Ours, Initializing, "x+xxx").last(), Some(&Failed));
    }

    #[test]
    fn one_that_ends_is_left_alone() {
        assert_eq!(walk(Origin::Ours, ReplicaStatus::Draining, "-x"), [ReplicaStatus::Draining; 2]);
    }
}
