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
    /// Whether tokens that nobody counted are guessed, into columns of their own.
    pub estimate_tokens: bool,
    /// The books by which calls are priced.
    pub prices: Arc<Shelf>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            oldest: Duration::from_secs(400 * 86_400),
            furthest_ahead: Duration::from_secs(600),
            // Just under what a table of 2^20 places takes: a few more would double it.
            remembered_spans: 900_000,
            remembered_for: Duration::from_secs(600),
            remembered_bytes: 256 << 20,
            open_trace_spans: 100_000,
            open_trace_for: Duration::from_secs(600),
            privacy: Arc::default(),
            limits: Limits::default(),
            parts: None,
            estimate_tokens: false,
            prices: Arc::new(Shelf::shipped()),
        }
    }
}

impl IngestConfig {
    /// Why what happened at `time`, in nanoseconds, is not taken: it is too old, or too far ahead of `now`.
    fn bad_age(&self, now: UnixNanos, time: u64) -> Option<Reason> {
        let (now, time) = (u128::try_from(now.0).unwrap_or(0), u128::from(time));
        if time < now.saturating_sub(self.oldest.as_nanos()) {
            Some(Reason::TooOld)
        } else {
            let newest = now + self.furthest_ahead.as_nanos();
            (time > newest).then_some(Reason::TooFarAhead)
        }
    }

    /// As [`IngestConfig::of_good_age`], of one record.
    pub(crate) fn check_age(&self, now: UnixNanos, time: u64) -> Result<(), (Reason, String)> {
        let Some(reason) = self.bad_age(now, time) else { return Ok(()) };
        let words = match reason {
            Reason::TooOld => {
                format!("the record is more than {} days old", self.oldest.as_secs() / 86_400)
            }
            Reason::TooFarAhead | Reason::Malformed | Reason::TooManyStreams => format!(
                "the record is more than {} minutes ahead of the server's clock",
                self.furthest_ahead.as_secs() / 60
            ),
        };
        Err((reason, words))
    }

    /// Passes on what is neither too old nor too far ahead of `now`; `time` is in nanoseconds.
    pub(crate) fn of_good_age<T>(
        &self,
        now: UnixNanos,
        mut all: Vec<T>,
        what: &str,
        time: impl Fn(&T) -> u64,
        refusals: &mut Refusals,
    ) -> Vec<T> {
        let (mut old, mut ahead) = (0, 0);
        all.retain(|one| {
            let bad = self.bad_age(now, time(one));
            old += u64::from(bad == Some(Reason::TooOld));
            ahead += u64::from(bad == Some(Reason::TooFarAhead));
            bad.is_none()
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
