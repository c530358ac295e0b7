//! Re-pricings being done, one after the other, file by file.
//!
//! What a step changes is kept as pending before its commit, and taken in when the table's log has the commit: so a job
//! counts each call once, wherever the process dies.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use lake::{Direction, Revising, Stretch};
use tasks::CancellationToken;

use crate::by_book::ByBook;
use crate::error::Error;
use crate::job::{Entry, Files, Job, JobKind, JobState, Pending};
use crate::repricer::{Inner, Repricer, jobs};

/// How a job ends.
enum End {
    Done,
    Cancelled,
    Failed(String),
}

impl Repricer {
    /// Does what was asked for until it is told to stop, and tries what could not go on again after so long. What is
    /// cut short goes on with the next start.
    pub async fn run(self, retry_after: Duration, stop: CancellationToken) {
        let inner = &self.0;
        loop {
            tokio::select! {
                () = inner.pass() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(retry_after) => {}
                () = inner.wanted.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

impl Inner {
    /// Tries each job once that has not ended.
    async fn pass(&self) {
        match self.store.repricings_under_way().await {
            Ok(under_way) => {
                for job in jobs(under_way) {
                    self.work(job).await;
                }
            }
            Err(error) => tracing::warn!(%error, "re-pricings cannot be read now"),
        }
        if let Err(error) = self.forget_the_old().await {
            tracing::warn!(%error, "what calls cost before old re-pricings could not be let go");
        }
    }

    async fn work(&self, job: Job) {
        let (id, org, kind) = (job.id.clone(), job.org.clone(), job.entry.kind.clone());
        let end = CancellationToken::new();
        let running = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running() = Some((id.clone(), end.clone()));
        let result = self.go(job, &end).await;
        *running() = None;
        let kept = match result {
            Ok(end) => self.end(&id, &kind, end).await,
            Err(error) => {
                tracing::warn!(%org, id, %error, source = ?std::error::Error::source(&error), "a re-pricing could not go on; it is tried again");
                let waits = |entry: &mut Entry| {
                    entry.state = JobState::Waiting;
                    entry.error = Some(error.to_string());
                    Ok(())
                };
                self.change(&id, waits).await.map(drop)
            }
        };
        if let Err(error) = kept {
            tracing::warn!(%org, id, %error, "what became of a re-pricing could not be kept");
        }
    }

    async fn go(&self, job: Job, end: &CancellationToken) -> Result<End, Error> {
        let Job { id, org, entry } = job;
        let table = entry.ask.table(&org);
        let committed = self.lake.revised(&table, &id).await?.unwrap_or(0);
        let begins = |entry: &mut Entry| {
            entry.settle(committed);
            (entry.state, entry.error, entry.files) = (JobState::Running, None, Files::default());
            Ok(())
        };
        let entry = self.change(&id, begins).await?.entry;
        if entry.cancelled_by.is_some() {
            return Ok(End::Cancelled);
        }
        let book = self.tariffs.shelf().book(&org);
        let direction = match &entry.kind {
            JobKind::Undo { of } => Direction::Back(of.clone()),
            JobKind::Reprice if book.version() != entry.book => {
                return Ok(End::Failed(format!(
                    "the server was started with other prices: the book is now {}. Undo this, or look at a preview and start again",
                    book.version()
                )));
            }
            JobKind::Reprice => {
                self.lake.settle(&table).await?;
                Direction::Forth
            }
        };
        let (from_us, to_us) = (entry.ask.from_us, entry.ask.to_us);
        let stretch = Stretch { table, from_us, to_us };
        let by_book = Arc::new(ByBook { book, filter: entry.ask.filter });
        let lake = Arc::clone(&self.lake);
        let mut way = Revising::new(lake, &id, stretch, by_book, direction, entry.step);
        loop {
            let step = tokio::select! {
                biased;
                () = end.cancelled() => return Ok(End::Cancelled),
                step = way.next() => match step? {
                    Some(step) => step,
                    None => break,
                },
            };
            let (number, calls) = (step.number, step.tally.calls);
            if step.changed == 0 {
                drop(step);
            } else {
                let pending = Pending { step: number, changes: step.tally.changes.clone() };
                let keep = |entry: &mut Entry| {
                    entry.pending = Some(pending);
                    Ok(())
                };
                self.change(&id, keep).await?;
                step.commit().await?;
            }
            let distance = way.distance();
            let comes_past = |entry: &mut Entry| {
                entry.settle(number);
                let calls = entry.files.calls + calls;
                let (done, all) = (distance.done, distance.all);
                entry.files = Files { done, all, left_alone: distance.left_alone, calls };
                Ok(())
            };
            self.change(&id, comes_past).await?;
        }
        let distance = way.distance();
        let comes_to_the_end = |entry: &mut Entry| {
            (entry.files.done, entry.files.all) = (distance.done, distance.all);
            entry.files.left_alone = distance.left_alone;
            Ok(())
        };
        self.change(&id, comes_to_the_end).await?;
        Ok(End::Done)
    }

    async fn end(&self, id: &str, kind: &JobKind, end: End) -> Result<(), Error> {
        let ended_us = self.clock.now().micros();
        if let (JobKind::Undo { of }, End::Done) = (kind, &end) {
            let undone = |entry: &mut Entry| {
                entry.undone_by = Some(id.to_owned());
                Ok(())
            };
            self.change(of, undone).await?;
        }
        let (state, error) = match end {
            End::Done => (JobState::Done, None),
            End::Cancelled => (JobState::Cancelled, None),
            End::Failed(why) => (JobState::Failed, Some(why)),
        };
        let ends = |entry: &mut Entry| {
            (entry.state, entry.error, entry.ended_us) = (state, error, Some(ended_us));
            Ok(())
        };
        let Job { org, entry, .. } = self.change(id, ends).await?;
        self.tariffs.release(&org, id).await;
        let (calls, before, after) =
            (entry.changes.calls, entry.changes.before.cost(), entry.changes.after.cost());
        tracing::info!(target: "audit", %org, id, state = state.as_str(), calls, before_usd = before.usd(), after_usd = after.usd(), "audit: a re-pricing has ended");
        Ok(())
    }

    /// Lets go of what calls cost before re-pricings that were undone, or ended longer ago than that is kept.
    async fn forget_the_old(&self) -> Result<(), Error> {
        let now_us = self.clock.now().micros();
        let kept_us =
            self.config.undo_for.map(|kept| i64::try_from(kept.as_micros()).unwrap_or(i64::MAX));
        for org in self.store.orgs().await? {
            for job in jobs(self.store.repricings(&org.name, u32::MAX).await?) {
                let entry = &job.entry;
                let old = kept_us
                    .zip(entry.ended_us)
                    .is_some_and(|(kept, ended)| now_us.saturating_sub(ended) > kept);
                let due = entry.state.has_ended() && (old || entry.undone_by.is_some());
                if entry.kind != JobKind::Reprice || !due {
                    continue;
                }
                // First it cannot be undone any more, then there is nothing to undo it with.
                if !entry.forgotten {
                    let forgets = |entry: &mut Entry| {
                        entry.forgotten = true;
                        Ok(())
                    };
                    self.change(&job.id, forgets).await?;
                }
                self.lake.forget_revision(&job.org, &job.id).await?;
            }
        }
        Ok(())
    }
}
