//! Re-pricings asked for: looked at first, begun, listed, cancelled, undone.

use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use clock::SharedClock;
use lake::{Lake, Stretch};
use metadata::{Metadata, Repricing};
use schema::{DEFAULT_STREAM, OrgName};
use tasks::{CancellationToken, Stage, Tasks};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::by_book::ByBook;
use crate::error::Error;
use crate::job::{Ask, Entry, Job, JobKind};
use crate::tally::Tally;
use crate::tariffs::Tariffs;

/// How re-pricings are done.
#[derive(Clone, Copy, Debug)]
pub struct RepricerConfig {
    /// How long what calls cost before is kept after a re-pricing has ended; `None` for ever.
    pub undo_for: Option<Duration>,
    /// How long a look at what a re-pricing would do may take.
    pub preview_timeout: Duration,
}

/// Prices stored calls again. Cheap to clone.
#[derive(Clone)]
pub struct Repricer(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tariffs: Tariffs,
    pub(crate) store: Metadata,
    pub(crate) lake: Arc<Lake>,
    pub(crate) clock: SharedClock,
    pub(crate) config: RepricerConfig,
    tasks: Tasks,
    /// Where all of the work is done.
    threads: Handle,
    previews: Semaphore,
    /// A job's entry is read, changed and written by one at a time.
    entries: Mutex<()>,
    /// The job that is being done, and what ends it.
    pub(crate) running: Lock<Option<(String, CancellationToken)>>,
    pub(crate) wanted: Notify,
}

/// What a re-pricing would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The version of the book that it was worked out with.
    pub book: String,
    /// The calls, now and then.
    pub tally: Tally,
    /// Files that could not be read.
    pub files_left_alone: u64,
}

impl Repricer {
    /// Goes on with what has not ended.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn open(
        tariffs: Tariffs,
        store: Metadata,
        lake: Arc<Lake>,
        (clock, tasks, threads): (SharedClock, Tasks, Handle),
        config: RepricerConfig,
    ) -> Result<Self, Error> {
        for job in jobs(store.repricings_under_way().await?) {
            tariffs.hold(&job.org, &job.id).await?;
        }
        let (previews, entries) = (Semaphore::new(1), Mutex::default());
        let (running, wanted) = (Lock::default(), Notify::new());
        Ok(Self(Arc::new(Inner {
            tariffs,
            store,
            lake,
            clock,
            config,
            tasks,
            threads,
            previews,
            entries,
            running,
            wanted,
        })))
    }

    /// What a re-pricing would do, changing nothing.
    ///
    /// # Errors
    /// When the calls are not well described, or cannot be looked at in the time that this may take.
    pub async fn preview(&self, org: &OrgName, ask: Ask) -> Result<Preview, Error> {
        self.0.check(org, &ask)?;
        let (inner, org) = (Arc::clone(&self.0), org.clone());
        self.0.to_the_end(async move { inner.preview(&org, ask).await }).await
    }

    /// Begins a re-pricing by the book of this version; the organisation's prices stay as they are until it has ended.
    ///
    /// # Errors
    /// When the calls are not well described, another job of the organisation is under way, or the book has changed.
    pub async fn start(
        &self,
        org: &OrgName,
        ask: Ask,
        book: String,
        who: &str,
    ) -> Result<Job, Error> {
        self.0.check(org, &ask)?;
        let (inner, org, who) = (Arc::clone(&self.0), org.clone(), who.to_owned());
        let start = async move {
            inner
                .begin(&org, &who, async |inner| {
                    let now = inner.tariffs.shelf().book(&org).version();
                    if now != book {
                        return Err(Error::OtherBook { asked: book, now });
                    }
                    Ok((JobKind::Reprice, ask, book))
                })
                .await
        };
        self.0.to_the_end(start).await
    }

    /// Begins to give calls back the costs that they had before a re-pricing.
    ///
    /// # Errors
    /// When there is none of that name, another job of the organisation is under way, it was undone before, changed
    /// nothing or is too long ago, or a later one has priced the same calls.
    pub async fn undo(&self, org: &OrgName, id: &str, who: &str) -> Result<Job, Error> {
        let (inner, org) = (Arc::clone(&self.0), org.clone());
        let (id, who) = (id.to_owned(), who.to_owned());
        let undo = async move {
            inner
                .begin(&org, &who, async |inner| {
                    let entry = inner.job(&org, &id).await?.entry;
                    entry.undoable()?;
                    inner.check_no_later(&org, &id, &entry.ask).await?;
                    Ok((JobKind::Undo { of: id }, entry.ask, entry.book))
                })
                .await
        };
        self.0.to_the_end(undo).await
    }

    /// Ends a job that has not ended by itself; what it has changed stays.
    ///
    /// # Errors
    /// When there is none of that name, or it has ended.
    pub async fn cancel(&self, org: &OrgName, id: &str, who: &str) -> Result<Job, Error> {
        let (inner, org) = (Arc::clone(&self.0), org.clone());
        let (id, who) = (id.to_owned(), who.to_owned());
        self.0.to_the_end(async move { inner.cancel(&org, &id, &who).await }).await
    }

    /// A job.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn get(&self, org: &OrgName, id: &str) -> Result<Job, Error> {
        self.0.job(org, id).await
    }

    /// An organisation's jobs, the newest first, `most` at most.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn list(&self, org: &OrgName, most: u32) -> Result<Vec<Job>, Error> {
        Ok(jobs(self.0.store.repricings(org, most).await?))
    }
}

impl Inner {
    fn check(&self, org: &OrgName, ask: &Ask) -> Result<(), Error> {
        if ask.from_us >= ask.to_us {
            return Err(Error::BadRange { from_us: ask.from_us, to_us: ask.to_us });
        }
        if ask.stream != DEFAULT_STREAM && !self.lake.has(&ask.table(org)) {
            return Err(Error::NoStream { stream: ask.stream.clone() });
        }
        Ok(())
    }

    async fn preview(&self, org: &OrgName, ask: Ask) -> Result<Preview, Error> {
        let limit = self.config.preview_timeout;
        let look = async {
            let Ok(_one) = self.previews.acquire().await else { return Err(Error::Stopping) };
            let book = self.tariffs.shelf().book(org);
            let version = book.version();
            let (table, from_us, to_us) = (ask.table(org), ask.from_us, ask.to_us);
            self.lake.settle(&table).await?;
            let by_book = Arc::new(ByBook { book, filter: ask.filter });
            let stretch = Stretch { table, from_us, to_us };
            let looked = self.lake.look(&stretch, &by_book, Tally::add).await?;
            let (tally, files_left_alone) = (looked.tally, looked.left_alone);
            Ok(Preview { book: version, tally, files_left_alone })
        };
        tokio::time::timeout(limit, look).await.unwrap_or(Err(Error::PreviewTimeout { limit }))
    }

    /// Keeps a new job, of which `what` says what it does once nothing else of the organisation is under way.
    async fn begin(
        &self,
        org: &OrgName,
        who: &str,
        what: impl AsyncFnOnce(&Self) -> Result<(JobKind, Ask, String), Error>,
    ) -> Result<Job, Error> {
        let asked_us = self.clock.now().micros();
        let id = format!("{:016}-{:08x}", asked_us.max(0), rand::random::<u32>());
        self.tariffs.hold(org, &id).await?;
        let kept = async {
            let (kind, ask, book) = what(self).await?;
            let entry = Entry::new(kind, ask, book, asked_us, who);
            let job = Job { id: id.clone(), org: org.clone(), entry };
            self.keep(&job).await?;
            Ok(job)
        };
        let kept = kept.await;
        match &kept {
            Ok(job) => {
                let (kind, ask, book) = (&job.entry.kind, &job.entry.ask, &job.entry.book);
                tracing::info!(target: "audit", by = who, %org, id, ?kind, ?ask, book, "audit: a re-pricing was asked for");
                self.wanted.notify_one();
            }
            Err(_) => self.tariffs.release(org, &id).await,
        }
        kept
    }

    /// Refuses to undo what a later re-pricing has gone over.
    async fn check_no_later(&self, org: &OrgName, id: &str, ask: &Ask) -> Result<(), Error> {
        let all = jobs(self.store.repricings(org, u32::MAX).await?);
        let later = all.into_iter().find(|job| {
            let Entry { kind, ask: other, undone_by, changes, .. } = &job.entry;
            let stands = undone_by.is_none() && changes.calls > 0;
            job.id.as_str() > id && *kind == JobKind::Reprice && stands && other.meets(ask)
        });
        later.map_or(Ok(()), |job| Err(Error::LaterOverlaps { id: job.id }))
    }

    async fn cancel(&self, org: &OrgName, id: &str, who: &str) -> Result<Job, Error> {
        self.job(org, id).await?;
        let cancel = |entry: &mut Entry| {
            if entry.state.has_ended() {
                return Err(Error::HasEnded { state: entry.state.as_str() });
            }
            entry.cancelled_by.get_or_insert_with(|| who.to_owned());
            Ok(())
        };
        let job = self.change(id, cancel).await?;
        tracing::info!(target: "audit", by = who, %org, id, "audit: a re-pricing was cancelled");
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.as_ref().filter(|(other, _)| other == id) {
            Some((_, end)) => end.cancel(),
            None => self.wanted.notify_one(),
        }
        Ok(job)
    }

    pub(crate) async fn job(&self, org: &OrgName, id: &str) -> Result<Job, Error> {
        let found = self.store.repricing(id).await?.filter(|found| found.org == *org);
        found.and_then(read).ok_or(Error::NoJob)
    }

    /// Changes what is kept of a job.
    pub(crate) async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Entry) -> Result<(), Error>,
    ) -> Result<Job, Error> {
        let _one = self.entries.lock().await;
        let mut job = self.store.repricing(id).await?.and_then(read).ok_or(Error::NoJob)?;
        change(&mut job.entry)?;
        self.keep(&job).await?;
        Ok(job)
    }

    async fn keep(&self, Job { id, org, entry }: &Job) -> Result<(), Error> {
        let job = serde_json::to_string(entry).map_err(Error::Unwritable)?;
        let (id, org, ended) = (id.clone(), org.clone(), entry.state.has_ended());
        Ok(self.store.put_repricing(&Repricing { id, org, ended, job }).await?)
    }

    /// Does the work where it keeps no call waiting. When the caller goes away a job is kept all the same or not at all,
    /// and a preview runs out of time.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = {
            let _on_these_threads = self.threads.enter();
            self.tasks.to_the_end(Stage::Ingest, "re-pricing", work)
        };
        done.await.unwrap_or(Err(Error::Stopping))
    }
}

/// One that cannot be read was written by a later version, and is left alone.
pub(crate) fn jobs(stored: Vec<Repricing>) -> Vec<Job> {
    stored.into_iter().filter_map(read).collect()
}

fn read(Repricing { id, org, job, .. }: Repricing) -> Option<Job> {
    match serde_json::from_str(&job) {
        Ok(entry) => Some(Job { id, org, entry }),
        Err(error) => {
            tracing::error!(%org, id, %error, "what is kept of a re-pricing cannot be read");
            None
        }
    }
}
