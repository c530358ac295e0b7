//! Erasures that were asked for, kept in files so that a restart goes on with them.
//!
//! `root/_erasures/ID.json`, written beside and renamed. When an erasure is done, its file no longer says whose rows
//! went.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::UnixNanos;
use schema::OrgName;
use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::Error;
use crate::upkeep::erase::{Erasure, ErasureState, Subject};

const FOLDER: &str = "_erasures";
/// Most erasures that wait.
const MOST_WAITING: usize = 1_000;
/// Most that are remembered after they are done.
const MOST_DONE: usize = 1_000;

/// An erasure, and whose rows it is about while it is not done.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) erasure: Erasure,
    pub(crate) subject: Option<Subject>,
}

#[derive(Debug)]
pub(crate) struct Jobs {
    folder: PathBuf,
    /// By id; ids sort by the time they were asked for.
    all: Mutex<BTreeMap<String, Job>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Stored {
    org: String,
    of: String,
    /// Absent when it is done.
    value: Option<String>,
    state: ErasureState,
    rows: u64,
    files: u64,
    asked_us: i64,
    ended_us: Option<i64>,
    error: Option<String>,
}

impl Jobs {
    /// Reads what is in `root`. A file that cannot be read is named in the log and left alone.
    pub(crate) async fn open(root: &Path) -> Result<Self, Error> {
        let folder = root.join(FOLDER);
        let mut all = BTreeMap::new();
        let error = |source| Error::Folder { path: folder.display().to_string(), source };
        tokio::fs::create_dir_all(&folder).await.map_err(error)?;
        let mut entries = tokio::fs::read_dir(&folder).await.map_err(error)?;
        while let Some(entry) = entries.next_entry().await.map_err(error)? {
            let path = entry.path();
            let id = path.file_stem().map(|id| id.to_string_lossy().into_owned());
            let is_job = path.extension().is_some_and(|kind| kind == "json");
            let (Some(id), true) = (id, is_job) else { continue };
            let text = tokio::fs::read(&path).await.map_err(error)?;
            match serde_json::from_slice::<Stored>(&text).ok().and_then(|stored| stored.job(&id)) {
                Some(job) => {
                    all.insert(id, job);
                }
                None => {
                    tracing::error!(path = %path.display(), "an erasure cannot be read and is not done; ask for it again");
                }
            }
        }
        Ok(Self { folder, all: Mutex::new(all) })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first that waits.
    pub(crate) fn first_waiting(&self, passed_over: &[String]) -> Option<Job> {
        let all = self.all();
        let mut waiting = all.values().filter(|job| job.subject.is_some());
        waiting.find(|job| !passed_over.contains(&job.erasure.id)).cloned()
    }

    pub(crate) fn of(&self, org: &OrgName) -> Vec<Erasure> {
        let all = self.all();
        let theirs = all.values().filter(|job| job.erasure.org == *org);
        theirs.rev().map(|job| job.erasure.clone()).collect()
    }

    /// Takes a new one. When this answers, a restart knows of it.
    pub(crate) async fn add(&self, job: Job) -> Result<(), Error> {
        let waiting = self.all().values().filter(|job| job.subject.is_some()).count();
        if waiting >= MOST_WAITING {
            return Err(Error::TooManyErasures { most: MOST_WAITING });
        }
        self.put(job).await
    }

    /// Keeps what has become of one.
    pub(crate) async fn put(&self, job: Job) -> Result<(), Error> {
        let id = job.erasure.id.clone();
        let path = self.folder.join(format!("{id}.json"));
        let error = |source| Error::Folder { path: path.display().to_string(), source };
        let text = serde_json::to_vec(&Stored::of(&job)).map_err(|source| error(source.into()))?;
        let beside = self.folder.join(format!("{id}.new"));
        tokio::fs::write(&beside, text).await.map_err(error)?;
        disk::sync(vec![beside.clone()]).await.map_err(error)?;
        tokio::fs::rename(&beside, &path).await.map_err(error)?;
        disk::sync(vec![self.folder.clone()]).await.map_err(error)?;
        self.all().insert(id, job);
        self.forget_the_oldest().await;
        Ok(())
    }

    async fn forget_the_oldest(&self) {
        let done: Vec<String> = {
            let all = self.all();
            let done = all.values().filter(|job| job.subject.is_none());
            done.map(|job| job.erasure.id.clone()).collect()
        };
        for id in done.iter().take(done.len().saturating_sub(MOST_DONE)) {
            self.all().remove(id);
            // One that stays is forgotten after the next start.
            let _ = tokio::fs::remove_file(self.folder.join(format!("{id}.json"))).await;
        }
    }
}

impl Stored {
    fn of(job: &Job) -> Self {
        let erasure = &job.erasure;
        Self {
            org: erasure.org.to_string(),
            of: erasure.of.to_owned(),
            value: job.subject.as_ref().map(|subject| subject.value().to_owned()),
            state: erasure.state,
            rows: erasure.rows,
            files: erasure.files,
            asked_us: erasure.asked.micros(),
            ended_us: erasure.ended.map(UnixNanos::micros),
            error: erasure.error.clone(),
        }
    }

    fn job(self, id: &str) -> Option<Job> {
        let of = Subject::word(&self.of)?;
        let subject = match (self.state, self.value) {
            (ErasureState::Done, _) => None,
            (ErasureState::Waiting | ErasureState::Running, value) => {
                Some(Subject::named(of, value?)?)
            }
        };
        let erasure = Erasure {
            id: id.to_owned(),
            org: self.org.parse().ok()?,
            of,
            state: self.state,
            rows: self.rows,
            files: self.files,
            asked: UnixNanos::from_micros(self.asked_us),
            ended: self.ended_us.map(UnixNanos::from_micros),
            error: self.error,
        };
        Some(Job { erasure, subject })
    }
}
