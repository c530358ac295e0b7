use std::sync::Arc;
use std::time::Duration;

use blobs::Blobs;
use clock::UnixNanos;
use conventions::Limits;
use prices::Shelf;
use redaction::Policies;

use crate::books::Reason;
use crate::refusals::Refusals;

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
    /// How much is kept, and what is taken out.
    pub privacy: Arc<Policies>,
    /// How long contents and attributes may be.
    pub limits: Limits,
    /// Where binary parts of contents are stored; nowhere if `None`.
    pub parts: Option<Blobs>,
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
            privacy: Arc::default(),
            limits: Limits::default(),
            parts: None,
            prices: Arc::new(Shelf::shipped()),
        }
    }
}

impl IngestConfig {
    /// Passes on what is neither too old nor too far ahead of `now`; `time` is in nanoseconds.
    pub(crate) fn of_good_age<T>(
        &self,
        now: UnixNanos,
        mut all: Vec<T>,
        what: &str,
        time: impl Fn(&T) -> u64,
        refusals: &mut Refusals,
    ) -> Vec<T> {
        let now = u128::try_from(now.0).unwrap_or(0);
        let oldest = now.saturating_sub(self.oldest.as_nanos());
        let newest = now + self.furthest_ahead.as_nanos();
        let (mut old, mut ahead) = (0, 0);
        all.retain(|one| {
            let time = u128::from(time(one));
            old += u64::from(time < oldest);
            ahead += u64::from(time > newest);
            (oldest..=newest).contains(&time)
        });
        if old > 0 {
            let days = self.oldest.as_secs() / 86_400;
            let words = format!("{old} {what} are more than {days} days old");
            refusals.add(Reason::TooOld, old, &words);
        }
        if ahead > 0 {
            let minutes = self.furthest_ahead.as_secs() / 60;
            let words = format!(
                "{ahead} {what} are more than {minutes} minutes ahead of the server's clock"
            );
            refusals.add(Reason::TooFarAhead, ahead, &words);
        }
        all
    }
}
