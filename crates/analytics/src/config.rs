use std::time::Duration;

/// How much is kept in memory.
#[derive(Clone, Copy, Debug)]
pub struct AnalyticsConfig {
    /// How long a window stays in memory; older ones are asked of the history.
    pub keep: Duration,
    /// How far back the summary of [`recent`](crate::Analytics::recent) looks; at most `keep`.
    pub recent: Duration,
    /// How many models, and how many replicas, an endpoint may have within `keep`. The rest is folded
    /// into [`OTHER`](crate::OTHER) and counted.
    pub label_budget: usize,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self { keep: Duration::from_hours(3), recent: Duration::from_mins(5), label_budget: 100 }
    }
}
