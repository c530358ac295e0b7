//! Erasing what belongs to a trace, a session or a user, also from old files.
//!
//! First all rows that have come in become files, so that no replay of the log brings one back: a replay passes over
//! what a commit holds, also when a later commit has removed it. Then the files that may hold such a row, by
//! statistics and bloom filters, are read, and those that do are written anew without it. What a session or user did
//! is whole traces: spans that do not name the session themselves go too.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use clock::UnixNanos;
use crash::Place;
use schema::{Kind, OrgName};
use serde::{Deserialize, Serialize};

use crate::columns::{DAY, TIME};
use crate::day::Day;
use crate::delta::Why;
use crate::error::Error;
use crate::file::File;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::compact::written_anew;
use crate::upkeep::footer::{Opened, readable};
use crate::upkeep::jobs::Job;
use crate::upkeep::victims::{LeaveOut, TRACE, Victims, texts, value};
use crate::upkeep::{Removed, Step, commit, formers};

/// Up to so many traces each is asked of the bloom filters; with more, all rows are looked at.
pub(crate) const MOST_ASKED: usize = 1_000;
/// Rows that are looked at together.
const BATCH: usize = 8 * 1024;
/// How long rows that are on their way are waited for, in steps.
const STEP: Duration = Duration::from_millis(50);
const STEPS: u32 = 200;

/// Whose rows are to go.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// A trace, by `trace_id`.
    Trace(String),
    /// A session, by `session_id`: all traces with a row of it.
    Session(String),
    /// A user, by `user_id`: all traces with a row of theirs.
    User(String),
}

/// Without the value: it may be a name.
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subject({}, …)", self.kind())
    }
}

impl Subject {
    /// What it is: `trace`, `session` or `user`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Trace(_) => "trace",
            Self::Session(_) => "session",
            Self::User(_) => "user",
        }
    }

    pub(crate) fn value(&self) -> &str {
        match self {
            Self::Trace(value) | Self::Session(value) | Self::User(value) => value,
        }
    }

    pub(crate) const fn column(&self) -> &'static str {
        match self {
            Self::Trace(_) => TRACE,
            Self::Session(_) => "session_id",
            Self::User(_) => "user_id",
        }
    }

    pub(crate) fn word(kind: &str) -> Option<&'static str> {
        ["trace", "session", "user"].into_iter().find(|word| *word == kind)
    }

    pub(crate) fn named(kind: &str, value: String) -> Option<Self> {
        match kind {
            "trace" => Some(Self::Trace(value)),
            "session" => Some(Self::Session(value)),
            "user" => Some(Self::User(value)),
            _ => None,
        }
    }
}

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErasureState {
    /// It has not begun, or failed and will be tried again.
    Waiting,
    /// It is being done.
    Running,
    /// No answer has such a row any more. Files leave the disk, and records the log, when their time is over.
    Done,
}

/// An erasure, without whose rows it is about.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Its name.
    pub id: String,
    /// Whose tables it is about.
    pub org: OrgName,
    /// `trace`, `session` or `user`.
    pub of: &'static str,
    /// How far it is.
    pub state: ErasureState,
    /// Rows that went.
    pub rows: u64,
    /// Files that had such rows.
    pub files: u64,
    /// When it was asked for.
    pub asked: UnixNanos,
    /// When it was done.
    pub ended: Option<UnixNanos>,
    /// Why the last try failed.
    pub error: Option<String>,
}

impl Lake {
    /// Has upkeep erase what belongs to a subject in the traces and logs of an organisation, as far as it has come in
    /// by then. When this answers, a restart goes on with it.
    ///
    /// # Errors
    /// When too many are waiting, or the folder cannot be written.
    pub async fn erase(&self, org: &OrgName, subject: Subject) -> Result<Erasure, Error> {
        let asked = self.clock.now();
        let erasure = Erasure {
            id: format!("{:016}-{:08x}", asked.micros().max(0), rand::random::<u32>()),
            org: org.clone(),
            of: subject.kind(),
            state: ErasureState::Waiting,
            rows: 0,
            files: 0,
            asked,
            ended: None,
            error: None,
        };
        let job = Job { erasure: erasure.clone(), subject: Some(subject) };
        self.keeper.jobs.add(job).await?;
        self.keeper.wanted.notify_one();
        Ok(erasure)
    }

    /// The erasures of an organisation, the newest first; those that are long done are forgotten.
    #[must_use]
    pub fn erasures(&self, org: &OrgName) -> Vec<Erasure> {
        self.keeper.jobs.of(org)
    }

    /// Tries each erasure that waits once.
    pub(crate) async fn erase_what_waits(&self) {
        let mut tried: Vec<String> = Vec::new();
        while let Some(mut job) = self.keeper.jobs.first_waiting(&tried) {
            tried.push(job.erasure.id.clone());
            let result = self.run_erasure(&mut job).await;
            let id = job.erasure.id.clone();
            match result {
                Ok(()) => {
                    job.erasure.state = ErasureState::Done;
                    (job.erasure.ended, job.erasure.error) = (Some(self.clock.now()), None);
                    job.subject = None;
                    let (org, of, rows) =
                        (job.erasure.org.clone(), job.erasure.of, job.erasure.rows);
                    tracing::info!(target: "audit", %id, %org, of, rows, "audit: an erasure is done");
                }
                Err(error) => {
                    tracing::warn!(%id, %error, "an erasure failed; it is tried again");
                    self.keeper.counts.failed(Step::Erase);
                    job.erasure.state = ErasureState::Waiting;
                    job.erasure.error = Some(error.to_string());
                }
            }
            if let Err(error) = self.keeper.jobs.put(job).await {
                tracing::warn!(%id, %error, "what became of an erasure could not be kept");
            }
        }
    }

    async fn run_erasure(&self, job: &mut Job) -> Result<(), Error> {
        let Some(subject) = job.subject.clone() else { return Ok(()) };
        job.erasure.state = ErasureState::Running;
        self.keeper.jobs.put(job.clone()).await?;
        let mut slots = self.all_slots();
        slots.retain(|slot| {
            let table = slot.memory.table();
            table.org == job.erasure.org && matches!(table.kind, Kind::Traces | Kind::Logs)
        });
        for slot in &slots {
            self.settle_slot(slot).await?;
        }
        loop {
            let traces = self.traces_of(&slots, &subject).await?;
            let last = traces.len() < self.config.upkeep.erase_at_once;
            let victims = Arc::new(Victims { traces, subject: subject.clone() });
            for slot in &slots {
                self.erase_in(slot, &victims, job).await?;
            }
            self.erase_formers(&job.erasure.org, victims).await?;
            if last {
                return Ok(());
            }
        }
    }

    /// Has all rows of a table that have come in by now become files.
    pub(crate) async fn settle_slot(&self, slot: &Slot) -> Result<(), Error> {
        let seen = self.seen();
        for _ in 0..STEPS {
            self.flush_slot(slot).await?;
            if slot.memory.first_uncommitted().is_none_or(|first| first > seen) {
                return Ok(());
            }
            // A row that is still on its way holds back those behind it.
            tokio::time::sleep(STEP).await;
        }
        Err(Error::StillComing { table: slot.memory.table().to_string() })
    }

    /// Traces that have a row of the subject: all, or as many as are erased in one round.
    async fn traces_of(
        &self,
        slots: &[Arc<Slot>],
        subject: &Subject,
    ) -> Result<HashSet<String>, Error> {
        if let Subject::Trace(trace) = subject {
            return Ok(HashSet::from([trace.clone()]));
        }
        let mut traces = Traces { found: HashSet::new(), most: self.config.upkeep.erase_at_once };
        for slot in slots {
            let subject = subject.clone();
            let (_, files) = slot.memory.stored();
            let (table, folder) = (slot.memory.table().to_string(), slot.folder.clone());
            let looking = tokio::task::spawn_blocking(move || {
                for file in files.iter() {
                    traces.add(&table, &folder, file, &subject)?;
                }
                Ok::<_, Error>(traces)
            });
            let table = || slot.memory.table().to_string();
            traces = looking.await.map_err(|_| Error::Aborted { table: table() })??;
        }
        Ok(traces.found)
    }

    /// Erases in one table, with one commit a day.
    async fn erase_in(
        &self,
        slot: &Slot,
        victims: &Arc<Victims>,
        job: &mut Job,
    ) -> Result<(), Error> {
        let asked = Arc::clone(victims);
        let look = move |name: &str, folder: &std::path::Path, file: &File| {
            victims_in(name, folder, file, &asked)
        };
        let mut days: BTreeMap<Option<Day>, Vec<(Arc<File>, u64)>> = BTreeMap::new();
        for (file, rows) in each_file(slot, look).await? {
            if rows > 0 {
                days.entry(file.day).or_default().push((file, rows));
            }
        }
        for (day, files) in days {
            let (count, rows) = (files.len() as u64, files.iter().map(|(_, rows)| rows).sum());
            self.rewrite(slot, day, files, victims).await?;
            self.keeper.counts.removed(Removed::Erased, count, rows);
            job.erasure.rows += rows;
            job.erasure.files += count;
            self.keeper.jobs.put(job.clone()).await?;
        }
        Ok(())
    }

    /// Erases from what rows were before a revision.
    async fn erase_formers(&self, org: &OrgName, victims: Arc<Victims>) -> Result<(), Error> {
        let (root, org) = (self.config.root.clone(), org.clone());
        let erase = move || formers::erase(&root, &org, &victims.traces);
        let erasing = tokio::task::spawn_blocking(erase);
        erasing.await.map_err(|_| Error::Aborted { table: "revisions".to_owned() })?
    }

    async fn rewrite(
        &self,
        slot: &Slot,
        day: Option<Day>,
        files: Vec<(Arc<File>, u64)>,
        victims: &Arc<Victims>,
    ) -> Result<(), Error> {
        let (columns, _) = slot.memory.stored();
        let table = slot.memory.table().to_string();
        let mut written = Vec::new();
        // What another program wrote may not say how many rows it has.
        for (file, rows) in files.iter().filter(|(file, rows)| *rows < file.rows || file.rows == 0)
        {
            let Some(day) = day else {
                let (path, why) = (file.path.clone(), "it is in no day's folder".to_owned());
                return Err(Error::Unreadable { table, path, why });
            };
            let leave_out = LeaveOut { table: table.clone(), victims: Arc::clone(victims) };
            let files = written_anew(self, slot, (file, day), &columns, leave_out).await?;
            let left: u64 = files.iter().map(|file| file.rows).sum();
            debug_assert_eq!(left + rows, file.rows);
            written.extend(files);
            crash::point(Place::EraseRewriting);
        }
        let old: Vec<Arc<File>> = files.into_iter().map(|(file, _)| file).collect();
        // The log does not tell whose rows went.
        let predicate = day.map_or_else(|| "erased".to_owned(), |day| format!("{DAY} = '{day}'"));
        let why = Why::Delete { predicate: &predicate };
        commit::replace(self, slot, &old, written, why).await
    }
}

/// Looks at each file of a table, on a thread of its own.
pub(super) async fn each_file<T: Send + 'static>(
    slot: &Slot,
    look: impl Fn(&str, &std::path::Path, &File) -> Result<T, Error> + Send + 'static,
) -> Result<Vec<(Arc<File>, T)>, Error> {
    let (_, files) = slot.memory.stored();
    let (table, folder) = (slot.memory.table().to_string(), slot.folder.clone());
    let name = table.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let one = |file: &Arc<File>| Ok((Arc::clone(file), look(&name, &folder, file)?));
        files.iter().map(one).collect()
    });
    looking.await.map_err(|_| Error::Aborted { table })?
}

/// Traces of a subject, up to so many.
struct Traces {
    found: HashSet<String>,
    most: usize,
}

impl Traces {
    /// Adds those of a file's rows that name the subject.
    fn add(
        &mut self,
        table: &str,
        folder: &std::path::Path,
        file: &File,
        subject: &Subject,
    ) -> Result<(), Error> {
        if self.found.len() >= self.most {
            return Ok(());
        }
        let opened = Opened::any(table, folder, file)?;
        let groups = opened.groups_with(subject.column(), &[subject.value()]);
        if groups.is_empty() {
            return Ok(());
        }
        let names = [subject.column(), TRACE];
        for batch in opened.columns(table, file, &names, groups, BATCH)? {
            let batch = readable(table, file, batch)?;
            let (subjects, of) = (texts(&batch, subject.column()), texts(&batch, TRACE));
            let named =
                (0..batch.num_rows()).filter(|row| value(subjects, *row) == Some(subject.value()));
            for trace in named.filter_map(|row| value(of, row)) {
                if self.found.len() >= self.most {
                    return Ok(());
                }
                if !self.found.contains(trace) {
                    self.found.insert(trace.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// How many of a file's rows are to go.
fn victims_in(
    table: &str,
    folder: &std::path::Path,
    file: &File,
    victims: &Victims,
) -> Result<u64, Error> {
    let opened = Opened::any(table, folder, file)?;
    let subject = &victims.subject;
    let mut groups: HashSet<usize> =
        opened.groups_with(subject.column(), &[subject.value()]).into_iter().collect();
    if victims.traces.len() <= MOST_ASKED {
        let traces: Vec<&str> = victims.traces.iter().map(String::as_str).collect();
        groups.extend(opened.groups_with(TRACE, &traces));
    } else {
        groups.extend(0..opened.groups());
    }
    if groups.is_empty() {
        return Ok(0);
    }
    let mut groups: Vec<usize> = groups.into_iter().collect();
    groups.sort_unstable();
    let mut found = 0;
    // The time is asked for too, so that a file without the other columns has rows.
    for batch in opened.columns(table, file, &[TIME, TRACE, subject.column()], groups, BATCH)? {
        let batch = readable(table, file, batch)?;
        let spared = victims.spared(&batch).true_count();
        found += (batch.num_rows() - spared) as u64;
    }
    Ok(found)
}
