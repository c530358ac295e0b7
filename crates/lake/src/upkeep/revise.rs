//! Changing some columns of stored rows, file by file, so that it can be undone.
//!
//! What is changed comes from above as a [`Revision`]. [`Revising`] goes over the files of a time range: each is looked at
//! first, and one that has a row to change is written anew as a [`Step`] that its owner commits. The commit carries
//! the step's number in Delta's application transactions ([`Lake::revised`]), so that after a crash its owner knows what
//! has become of it; and what the rows were before is on the disk by then ([`formers`]). All is idempotent: files that
//! are merged meanwhile, or looked at once more after a restart, have nothing left to change.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use schema::{OrgName, Row, Table};
use tokio::sync::MutexGuard;

use crate::columns::Columns;
use crate::day::Day;
use crate::delta::Why;
use crate::error::Error;
use crate::file::{File, share};
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::change::{Change, Rewrite, Way, differs};
use crate::upkeep::compact::written_anew;
use crate::upkeep::footer::{Opened, readable};
use crate::upkeep::formers::{self, FormerWriter, Formers};
use crate::upkeep::pace::{Pace, Stop, Stopped};
use crate::upkeep::{Step as UpkeepStep, commit};

/// Rows that are looked at together.
const BATCH: usize = 4 * 1024;

/// What is to become of rows. It is given rows of the columns that it reads or writes, their time and their ids.
pub trait Revision: Send + Sync + 'static {
    /// What is added up over the rows.
    type Tally: Default + Send + 'static;

    /// The columns that it looks at, beside those that it writes.
    fn reads(&self) -> &[&'static str];

    /// The columns that it may change.
    fn writes(&self) -> &[&'static str];

    /// Whether a row is concerned; the others stay as they are and are not counted.
    fn concerns(&self, row: &Row) -> bool;

    /// Changes a row. Twice is as once; what it does to a column that it does not write is passed over.
    fn revise(&self, row: &mut Row);

    /// Counts a row that is concerned, as it was and as it will be.
    fn count(&self, tally: &mut Self::Tally, before: &Row, after: &Row);
}

/// The rows of a table with `from_us <= _timestamp < to_us`, µs since 1970-01-01 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The table.
    pub table: Table,
    /// First moment inside.
    pub from_us: i64,
    /// First moment after.
    pub to_us: i64,
}

impl Stretch {
    fn holds(&self, file: &File) -> bool {
        self.from_us < self.to_us && file.may_hold((self.from_us, self.to_us - 1))
    }
}

/// Which values rows get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// New ones. What they were is kept.
    Forth,
    /// Those that they had before the revision of this name.
    Back(String),
}

/// What was found in the files of a stretch.
#[derive(Debug, Default)]
pub struct Looked<T> {
    /// What the revision has counted.
    pub tally: T,
    /// Files that could not be looked at: they are broken, or another program has written them.
    pub left_alone: u64,
}

/// A way over the files of a stretch.
pub struct Revising<R> {
    lake: Arc<Lake>,
    id: String,
    stretch: Stretch,
    revision: Arc<R>,
    direction: Direction,
    step: u64,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    done: HashSet<String>,
    left_alone: HashSet<String>,
}

impl Seen {
    fn has(&self, file: &File) -> bool {
        self.done.contains(&file.path) || self.left_alone.contains(&file.path)
    }
}

/// How many files a way has come past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distance {
    /// Files that are done.
    pub done: u64,
    /// All that there are now, also those.
    pub all: u64,
    /// Files that could not be read or written, of those that are done.
    pub left_alone: u64,
}

/// One file that was looked at, and written anew if a row changes.
#[must_use]
pub struct Step<'a, T> {
    /// What the revision has counted in the file.
    pub tally: T,
    /// Rows that change. If there are any, the step is to be committed.
    pub changed: u64,
    /// What [`Lake::revised`] answers once the step is committed.
    pub number: u64,
    written: Option<Written<'a>>,
}

struct Written<'a> {
    lake: &'a Lake,
    /// Nothing else may change the table until the commit.
    _one: MutexGuard<'a, ()>,
    slot: Arc<Slot>,
    columns: Arc<Columns>,
    name: String,
    old: Arc<File>,
    new: Vec<File>,
    seen: &'a mut Seen,
    step: &'a mut u64,
}

impl<R: Revision> Revising<R> {
    /// Begins a way, or goes on with it behind the last step that was committed.
    #[must_use]
    pub fn new(
        lake: Arc<Lake>,
        id: &str,
        stretch: Stretch,
        revision: Arc<R>,
        direction: Direction,
        last_step: u64,
    ) -> Self {
        let (id, seen) = (id.to_owned(), Seen::default());
        Self { lake, id, stretch, revision, direction, step: last_step, seen }
    }

    /// How far it has come.
    #[must_use]
    pub fn distance(&self) -> Distance {
        let ahead = self.lake.files_of(&self.stretch).1;
        let ahead = ahead.iter().filter(|file| !self.seen.has(file)).count() as u64;
        let left_alone = self.seen.left_alone.len() as u64;
        let done = self.seen.done.len() as u64 + left_alone;
        Distance { done, all: done + ahead, left_alone }
    }

    /// Looks at the next file; `None` when there is none left. May be dropped at any point.
    ///
    /// # Errors
    /// When the file cannot be read or written now. The file comes again then.
    pub async fn next(&mut self) -> Result<Option<Step<'_, R::Tally>>, Error> {
        let Self { lake, id, stretch, revision, direction, step, seen } = self;
        let lake: &Lake = lake;
        let one = lake.keeper.running.lock().await;
        loop {
            let (slot, files) = lake.files_of(stretch);
            lake.sound(&stretch.table)?;
            let (Some(slot), Some(file)) = (slot, files.into_iter().find(|file| !seen.has(file)))
            else {
                return Ok(None);
            };
            let job = Job { lake, id, stretch, revision, direction, slot: &slot };
            let result = job.rewritten(&file, *step + 1).await;
            if let Err(error) = &result {
                lake.keeper.counts.failed(UpkeepStep::Revise);
                slot.record.failed(lake.clock.now(), error);
            }
            let Some(rewritten) = result? else {
                seen.left_alone.insert(file.path.clone());
                continue;
            };
            let Rewritten { tally, changed, files: new, columns } = rewritten;
            let number = *step + 1;
            if changed == 0 {
                seen.done.insert(file.path.clone());
                return Ok(Some(Step { tally, changed, number, written: None }));
            }
            let name = transaction(id);
            let written =
                Written { lake, _one: one, slot, columns, name, old: file, new, seen, step };
            return Ok(Some(Step { tally, changed, number, written: Some(written) }));
        }
    }
}

impl<T> Step<'_, T> {
    /// Puts the file that was written in the place of the other.
    ///
    /// # Errors
    /// When the table's log cannot be written. [`Lake::revised`] says then whether it was all the same.
    pub async fn commit(self) -> Result<(), Error> {
        let Some(Written { lake, slot, columns, name, old, new, seen, step, .. }) = self.written
        else {
            return Ok(());
        };
        let done: Vec<String> = new.iter().map(|file| file.path.clone()).collect();
        let why = Why::Revise { name: &name, step: self.number, columns: &columns };
        let result = commit::replace(lake, &slot, &[old], new, why).await;
        if let Err(error) = &result {
            lake.keeper.counts.failed(UpkeepStep::Revise);
            slot.record.failed(lake.clock.now(), error);
        } else {
            lake.keeper.counts.revised(self.changed);
            seen.done.extend(done);
            *step = self.number;
        }
        result
    }
}

/// A file that was looked at, and what was written in its place.
struct Rewritten<T> {
    tally: T,
    changed: u64,
    files: Vec<File>,
    columns: Arc<Columns>,
}

/// What one look at a file finds.
struct Found<T> {
    tally: T,
    changed: u64,
    /// The columns that have a value afterwards, of those that may change.
    filled: Vec<&'static str>,
}

/// What is done to each file.
struct Job<'a, R> {
    lake: &'a Lake,
    id: &'a str,
    stretch: &'a Stretch,
    revision: &'a Arc<R>,
    direction: &'a Direction,
    slot: &'a Slot,
}

impl<R: Revision> Job<'_, R> {
    /// Writes the file anew if a row changes; `None` if it has to be left alone.
    async fn rewritten(
        &self,
        file: &Arc<File>,
        step: u64,
    ) -> Result<Option<Rewritten<R::Tally>>, Error> {
        let table = self.stretch.table.to_string();
        let opened = match Opened::ours(&table, &self.slot.folder, file) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "a file is left alone: its rows stay as they are");
                return Ok(None);
            }
        };
        let Some(day) = file.day else { return Ok(None) };
        let (columns, _) = self.slot.memory.stored();
        let pace = self.lake.config.upkeep.bytes_per_s;
        let change = self.change(file, day, &columns)?;
        let found = look(opened, Arc::clone(file), change, pace).await?;
        let Found { tally, changed, filled } = found;
        if changed == 0 {
            return Ok(Some(Rewritten { tally, changed, files: Vec::new(), columns }));
        }
        let formers = match self.direction {
            Direction::Forth => {
                let (writes, place) = (self.revision.writes(), (day, step));
                let kept = self.formers_of(self.id);
                Some(FormerWriter::begin(&table, &kept, place, &columns, writes, changed)?)
            }
            Direction::Back(_) => None,
        };
        let edit = Rewrite { change: self.change(file, day, &columns)?, filled, formers };
        let files = written_anew(self.lake, self.slot, (file, day), &columns, edit).await?;
        Ok(Some(Rewritten { tally, changed, files, columns }))
    }

    fn change(&self, file: &File, day: Day, columns: &Arc<Columns>) -> Result<Change<R>, Error> {
        let Stretch { table, from_us, to_us } = self.stretch;
        let table = table.to_string();
        let way = match self.direction {
            Direction::Forth => Way::Anew,
            Direction::Back(id) => {
                let times = file.times.unwrap_or((i64::MIN, i64::MAX));
                let (folder, writes) = (self.formers_of(id), self.revision.writes());
                Way::Back(Formers::open(&table, &folder, day, times, writes)?)
            }
        };
        let (columns, revision) = (Arc::clone(columns), Arc::clone(self.revision));
        Ok(Change { table, columns, revision, range: (*from_us, *to_us), way })
    }

    fn formers_of(&self, id: &str) -> PathBuf {
        formers::folder_of(&self.lake.config.root, &self.stretch.table.org, id)
    }
}

/// Looks at a file's rows, on a thread of its own. It stops when this is dropped.
async fn look<R: Revision>(
    opened: Opened,
    file: Arc<File>,
    change: Change<R>,
    bytes_per_s: u64,
) -> Result<Found<R::Tally>, Error> {
    let table = change.table.clone();
    let stop = Stop::default();
    let mut pace = Pace::new(bytes_per_s, stop.flag());
    let looking = tokio::task::spawn_blocking(move || look_at(opened, &file, change, &mut pace));
    let found = looking.await.map_err(|_| Error::Aborted { table })?;
    drop(stop);
    found
}

fn look_at<R: Revision>(
    opened: Opened,
    file: &File,
    mut change: Change<R>,
    pace: &mut Pace,
) -> Result<Found<R::Tally>, Error> {
    let table = change.table.clone();
    let names = Change::<R>::looks_at(&change.revision);
    let stored_bytes = opened.stored_bytes(&names);
    let groups = (0..opened.groups()).collect();
    let revision = Arc::clone(&change.revision);
    let writes = revision.writes();
    let (mut tally, mut changed, mut filled) = (R::Tally::default(), 0, vec![false; writes.len()]);
    for batch in opened.columns(&table, file, &names, groups, BATCH)? {
        let batch = readable(&table, file, batch)?;
        for row in change.of(&batch)? {
            if let Some(after) = &row.after {
                revision.count(&mut tally, &row.before, after);
                changed += u64::from(differs(&row.before, after, writes));
            }
            let last = row.after.as_ref().unwrap_or(&row.before);
            for (name, filled) in writes.iter().zip(&mut filled) {
                *filled |= last.get(name).is_some();
            }
        }
        let bytes = share(stored_bytes, batch.num_rows(), file);
        pace.spend(bytes).map_err(|Stopped| Error::Aborted { table: table.clone() })?;
    }
    let filled = writes.iter().zip(filled).filter(|(_, filled)| *filled);
    Ok(Found { tally, changed, filled: filled.map(|(name, _)| *name).collect() })
}

fn transaction(id: &str) -> String {
    format!("revision-{id}")
}

impl Lake {
    /// Has all rows of a table that have come in by now become files.
    ///
    /// # Errors
    /// When a row that was announced does not arrive, or the files cannot be written.
    pub async fn settle(&self, table: &Table) -> Result<(), Error> {
        match self.slot(table) {
            Some(slot) => self.settle_slot(&slot).await,
            None => Ok(()),
        }
    }

    /// What a revision would count in the files of a stretch, changing nothing. It stops when this is dropped.
    ///
    /// # Errors
    /// When a file cannot be read any more.
    pub async fn look<R: Revision>(
        &self,
        stretch: &Stretch,
        revision: &Arc<R>,
        add: impl Fn(&mut R::Tally, R::Tally),
    ) -> Result<Looked<R::Tally>, Error> {
        self.sound(&stretch.table)?;
        let mut looked = Looked { tally: R::Tally::default(), left_alone: 0 };
        let (Some(slot), files) = self.files_of(stretch) else { return Ok(looked) };
        let (columns, _) = slot.memory.stored();
        for file in files {
            let table = stretch.table.to_string();
            let Ok(opened) = Opened::ours(&table, &slot.folder, &file) else {
                looked.left_alone += 1;
                continue;
            };
            let (columns, revision) = (Arc::clone(&columns), Arc::clone(revision));
            let range = (stretch.from_us, stretch.to_us);
            let change = Change { table, columns, revision, range, way: Way::Anew };
            add(&mut looked.tally, look(opened, file, change, 0).await?.tally);
        }
        Ok(looked)
    }

    /// The number of a revision's last step that was committed to a table.
    ///
    /// # Errors
    /// When the table's log cannot be read.
    pub async fn revised(&self, table: &Table, id: &str) -> Result<Option<u64>, Error> {
        let Some(slot) = self.slot(table) else { return Ok(None) };
        commit::committed(self, &slot, &transaction(id)).await
    }

    /// Lets go of what rows were before a revision: it cannot be undone any more.
    ///
    /// # Errors
    /// When the files cannot be deleted.
    pub async fn forget_revision(&self, org: &OrgName, id: &str) -> Result<(), Error> {
        let (root, org, id) = (self.config.root.clone(), org.clone(), id.to_owned());
        if !formers::folder_of(&root, &org, &id).exists() {
            return Ok(());
        }
        let _one = self.keeper.running.lock().await;
        let forgetting = tokio::task::spawn_blocking(move || formers::forget(&root, &org, &id));
        forgetting.await.map_err(|_| Error::Aborted { table: "revisions".to_owned() })?
    }

    /// A table whose log is damaged seems to have no files.
    fn sound(&self, table: &Table) -> Result<(), Error> {
        match self.slot(table) {
            Some(slot) => slot.memory.sound(),
            None => Ok(()),
        }
    }

    /// The committed files with rows of a stretch, day by day, those that came first before the others.
    fn files_of(&self, stretch: &Stretch) -> (Option<Arc<Slot>>, Vec<Arc<File>>) {
        let Some(slot) = self.slot(&stretch.table) else { return (None, Vec::new()) };
        let (_, files) = slot.memory.stored();
        let mut files: Vec<_> = files.iter().filter(|file| stretch.holds(file)).cloned().collect();
        files.sort_by_key(|file| (file.day, file.position(), file.path.clone()));
        (Some(slot), files)
    }
}
