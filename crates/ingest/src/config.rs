use std::sync::Arc;
use std::time::Duration;

use conventions::Limits;
use prices::Shelf;

use crate::privacy::Privacy;

/// What is admitted, and for how long repeats are recognised.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// A span that began longer ago is refused, and so is an older log record or data point.
    pub oldest: Duration,
    /// A span that begins further ahead of now is refused, and so is such a log record or data point.
    pub furthest_ahead: Duration,
    /// Recent spans that are remembered at least, to recognise repeats.
    pub remembered_spans: usize,
    /// How long the log is kept so that repeats are recognised after a restart too.
    pub remembered_for: Duration,
    /// Bytes of log beyond which it is trimmed sooner.
    pub remembered_bytes: u64,
    /// Spans of traces with calls that are remembered at least, so that a call that several spans describe counts once.
    pub open_trace_spans: usize,
    /// How long they are remembered at least.
    pub open_trace_for: Duration,
    /// What is taken out of spans.
    pub privacy: Privacy,
    /// How long contents and attributes may be.
    pub limits: Limits,
    /// The books by which calls are priced.
    pub prices: Arc<Shelf>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            oldest: Duration::from_secs(400 * 86_400),
            furthest_ahead: Duration::from_secs(600),
            remembered_spans: 1_000_000,
            remembered_for: Duration::from_secs(600),
            remembered_bytes: 256 << 20,
            open_trace_spans: 100_000,
            open_trace_for: Duration::from_secs(600),
            privacy: Privacy::default(),
            limits: Limits::default(),
            prices: Arc::new(Shelf::shipped()),
        }
    }
}
