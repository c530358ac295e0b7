use schema::OrgName;

use crate::analytics::SNAPSHOT_US;
use crate::grid::TimeRange;
use crate::replica::{Life, Lives};
use crate::rollup::Folded;
use crate::window::WINDOW_US;
use crate::{Analytics, Error, ReplicaStatus, Startup};

/// What became of an endpoint's replicas over a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Each replica with a segment in the range, by id.
    pub replicas: Vec<ReplicaTimeline>,
    /// How long those took that began to run in the range.
    pub startup: Startup,
}

/// The statuses of one replica, in time.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaTimeline {
    /// The replica.
    pub replica_id: String,
    /// Its segments, whole: the first and the last may reach beyond the range.
    pub segments: Vec<Segment>,
}

/// A time that a replica had one status. `terminated` has no length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The status.
    pub status: ReplicaStatus,
    /// Begin, µs since 1970-01-01 UTC.
    pub from_us: i64,
    /// End, µs since 1970-01-01 UTC; `None` while it lasts.
    pub to_us: Option<i64>,
    /// Why the replica took the status.
    pub message: Option<String>,
}

impl Analytics {
    /// What became of an endpoint's replicas over a range. Time in which Inferscope did not run is
    /// left out, as far as it is known.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub async fn timeline(
        &self,
        org: &OrgName,
        endpoint: &str,
        range: TimeRange,
    ) -> Result<Timeline, Error> {
        let now_us = self.now_us();
        let mut lives =
            self.read_endpoint(org, endpoint, |known| known.lives().clone()).unwrap_or_default();
        // Statuses are told again every SNAPSHOT_US, by a writer that may be some windows late.
        let with_statuses = TimeRange::new(
            range.from_us().saturating_sub(SNAPSHOT_US + 6 * WINDOW_US),
            range.to_us(),
        )?;
        if let Some(old) = self
            .before_floor(with_statuses.windows(), now_us)
            .filter(|old| range.from_us() < old.to_us())
        {
            let rows =
                self.history.rollups(org, Some(endpoint), old.from_us(), old.to_us()).await?;
            let folded = Folded::of(&rows).endpoints.remove(endpoint).unwrap_or_default();
            lives.merge(folded.lives);
        }
        Ok(timeline(&lives, range))
    }
}

fn timeline(lives: &Lives, range: TimeRange) -> Timeline {
    let replicas = lives.0.iter().map(|(replica, life)| ReplicaTimeline {
        replica_id: replica.to_string(),
        segments: segments(life).into_iter().filter(|segment| segment.touches(range)).collect(),
    });
    let replicas = replicas.filter(|replica| !replica.segments.is_empty()).collect();
    Timeline { replicas, startup: Startup::of(lives.0.values(), range) }
}

fn segments(life: &Life) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(life.transitions.len());
    for (at, transition) in life.transitions.iter().enumerate() {
        let next_us = life.transitions.get(at + 1).map(|next| next.at_us);
        let to_us = match transition.status {
            ReplicaStatus::Unseen => continue,
            ReplicaStatus::Terminated => Some(transition.at_us),
            ReplicaStatus::Pending
            | ReplicaStatus::Downloading
            | ReplicaStatus::Pulling
            | ReplicaStatus::Initializing
            | ReplicaStatus::Running
            | ReplicaStatus::Draining
            | ReplicaStatus::Failed => next_us.or((!life.watched).then_some(life.seen_us)),
        };
        let message = transition.message.clone();
        segments.push(Segment {
            status: transition.status,
            from_us: transition.at_us,
            to_us,
            message,
        });
    }
    segments
}

impl Segment {
    fn touches(&self, range: TimeRange) -> bool {
        let ends_before = self.to_us.is_some_and(|to_us| to_us < range.from_us());
        self.from_us < range.to_us() && !ends_before
    }
}
