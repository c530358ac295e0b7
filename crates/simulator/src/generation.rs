use std::sync::Arc;

use tokio::time::Instant;

use crate::metrics::{Lap, Metrics};
use crate::pace::Metronome;
use crate::queue::{LineFull, Queue, Slot};
use crate::words::Script;

/// A call that waits for its turn; leaves the line when dropped.
struct Waiting<'a> {
    metrics: &'a Metrics,
    label: &'a str,
}

impl<'a> Waiting<'a> {
    fn new(metrics: &'a Metrics, label: &'a str) -> Self {
        metrics.change(label, |counts| counts.waiting += 1);
        Self { metrics, label }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.metrics.change(self.label, |counts| counts.waiting -= 1);
    }
}

/// A call that is worked on. Dropped before it is [finished](Self::finish), as it is when the client leaves,
/// it counts as aborted.
#[derive(Debug)]
pub(crate) struct Running {
    metrics: Arc<Metrics>,
    label: String,
    arrived: Instant,
    last_token: Option<Instant>,
    end: &'static str,
    _slot: Slot,
}

impl Running {
    /// Waits for a slot.
    pub(crate) async fn begin(
        queue: &Queue,
        metrics: &Arc<Metrics>,
        label: &str,
    ) -> Result<Self, LineFull> {
        let arrived = Instant::now();
        let waiting = Waiting::new(metrics, label);
        let slot = queue.enter().await.inspect_err(|_| {
            metrics.change(label, |counts| counts.rejected += 1);
        })?;
        drop(waiting);
        metrics.change(label, |counts| {
            counts.running += 1;
            counts.observe(Lap::InLine, arrived.elapsed());
        });
        let (metrics, label) = (Arc::clone(metrics), label.to_owned());
        Ok(Self { metrics, label, arrived, last_token: None, end: "abort", _slot: slot })
    }

    pub(crate) fn read_prompt(&self, tokens: usize) {
        self.metrics.change(&self.label, |counts| counts.prompt_tokens += tokens as u64);
    }

    fn token(&mut self) {
        let now = Instant::now();
        self.metrics.change(&self.label, |counts| {
            counts.generation_tokens += 1;
            match self.last_token {
                Some(last) => counts.observe(Lap::BetweenTokens, now - last),
                None => counts.observe(Lap::FirstToken, now - self.arrived),
            }
        });
        self.last_token = Some(now);
    }

    /// The call comes to its end, for this reason.
    pub(crate) const fn finish(&mut self, reason: &'static str) {
        self.end = reason;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.change(&self.label, |counts| {
            counts.running -= 1;
            counts.finish(self.end);
            counts.observe(Lap::WholeCall, self.arrived.elapsed());
        });
    }
}

/// Speaks a script, a token at a time, in its pace.
#[derive(Debug)]
pub(crate) struct Generation {
    script: Script,
    spoken: usize,
    metronome: Metronome,
    running: Running,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The word, with a space before it unless it begins the text.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// Set on the last token.
    pub(crate) finish_reason: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reasoning,
    Answer,
}

impl Generation {
    pub(crate) const fn new(script: Script, metronome: Metronome, running: Running) -> Self {
        Self { script, spoken: 0, metronome, running }
    }

    pub(crate) const fn script(&self) -> &Script {
        &self.script
    }

    /// How many tokens have come.
    pub(crate) const fn spoken(&self) -> usize {
        self.spoken
    }

    /// Waits for the next token; none when all has been said.
    pub(crate) async fn next(&mut self) -> Option<Token> {
        let word = *self.script.words.get(self.spoken)?;
        if self.spoken == 0 {
            self.metronome.first().await;
        } else {
            self.metronome.next().await;
        }
        self.running.token();
        let kind = if self.spoken < self.script.reasoning { Kind::Reasoning } else { Kind::Answer };
        let begins = self.spoken == 0 || self.spoken == self.script.reasoning;
        self.spoken += 1;
        let last = self.spoken == self.script.words.len();
        let finish_reason = last.then_some(self.script.finish_reason);
        let text = if begins { word.to_owned() } else { format!(" {word}") };
        Some(Token { text, kind, finish_reason })
    }

    /// All has been said and sent.
    pub(crate) const fn finish(&mut self) {
        self.running.finish(self.script.finish_reason);
    }

    /// It ends in an error.
    pub(crate) const fn fail(&mut self) {
        self.running.finish("error");
    }
}
