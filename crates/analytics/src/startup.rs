use std::collections::BTreeMap;

use histogram::Histogram;

use crate::ReplicaStatus;
use crate::grid::TimeRange;
use crate::replica::{Life, Transition};

/// How long replicas took to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Startup {
    /// How many replicas began to run.
    pub n: u64,
    /// Each status on the way, in the order of a life; those that no replica had are left out.
    pub phases: Vec<Phase>,
}

/// How long replicas had one status on their way to run, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// The status.
    pub status: ReplicaStatus,
    /// Median.
    pub p50_s: f64,
    /// 95th percentile.
    pub p95_s: f64,
    /// The longest.
    pub max_s: f64,
}

impl Startup {
    /// The starts that were over within the range.
    pub(crate) fn of<'a>(lives: impl Iterator<Item = &'a Life>, range: TimeRange) -> Self {
        let mut n = 0;
        let mut durations: BTreeMap<ReplicaStatus, Histogram> = BTreeMap::new();
        for life in lives {
            for (at, transition) in life.transitions.iter().enumerate() {
                if transition.status != ReplicaStatus::Running || !range.contains(transition.at_us)
                {
                    continue;
                }
                let phases = phases(&life.transitions[..=at]);
                n += u64::from(!phases.is_empty());
                phases.into_iter().for_each(|(status, seconds)| {
                    durations.entry(status).or_default().observe(seconds)
                });
            }
        }
        Self { n, phases: durations.into_iter().filter_map(phase).collect() }
    }
}

/// How long each status lasted that led up to the last of the transitions.
#[expect(clippy::cast_precision_loss, reason = "a start is far shorter than 2^53 µs")]
fn phases(transitions: &[Transition]) -> BTreeMap<ReplicaStatus, f64> {
    let mut phases = BTreeMap::new();
    for pair in transitions.windows(2).rev() {
        let (begin, end) = (&pair[0], &pair[1]);
        if !begin.status.is_starting() {
            break;
        }
        *phases.entry(begin.status).or_default() +=
            end.at_us.saturating_sub(begin.at_us) as f64 / 1e6;
    }
    phases
}

fn phase((status, durations): (ReplicaStatus, Histogram)) -> Option<Phase> {
    let (p50_s, p95_s) = (durations.quantile(0.5)?, durations.quantile(0.95)?);
    Some(Phase { status, p50_s, p95_s, max_s: durations.max()? })
}
