//! The owner of all tables: hands out views, takes rows, flushes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path as FsPath, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use clock::SharedClock;
use schema::{Kind, OrgName, Row, Table};

use crate::columns::Columns;
use crate::delta::DeltaLog;
use crate::error::Error;
use crate::flush;
use crate::provider::{Extent, NullAs, TableView};
use crate::table::{Memory, View};

/// How the lake stores and when it flushes.
#[derive(Clone, Debug)]
pub struct LakeConfig {
    /// The folder of the tables: `root/org/kind/stream`.
    pub root: PathBuf,
    /// This log's name in the tables' application transactions; another log needs another name.
    pub writer: String,
    /// A table's rows in memory are flushed when they weigh more than this, bytes.
    pub flush_bytes: usize,
    /// A table's rows in memory are flushed when the oldest is older than this.
    pub flush_after: Duration,
    /// Most columns of a table; attributes beyond go to the overflow column.
    pub most_columns: usize,
    /// Rows in memory over all tables beyond which [`Lake::has_room`] says no, bytes.
    pub most_hot_bytes: usize,
}

impl LakeConfig {
    /// Defaults, with the tables in `root`.
    #[must_use]
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            writer: "inferscope".to_owned(),
            flush_bytes: 32 << 20,
            flush_after: Duration::from_secs(10),
            most_columns: 1_000,
            most_hot_bytes: 512 << 20,
        }
    }
}

/// A table's memory and, once it was flushed, its log.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) memory: Memory,
    pub(crate) folder: PathBuf,
    pub(crate) log: tokio::sync::Mutex<Option<DeltaLog>>,
}

/// All tables of all organisations.
pub struct Lake {
    pub(crate) config: LakeConfig,
    pub(crate) clock: SharedClock,
    slots: RwLock<HashMap<Table, Arc<Slot>>>,
    hot_bytes: AtomicUsize,
    /// The highest log position that rows were appended of.
    seen: AtomicU64,
    /// For each append on its way: what `seen` was when it set out. Its own position will be higher.
    tickets: Mutex<BTreeMap<u64, usize>>,
}

/// An append on its way through the log: until it is dropped, no flush passes beyond it.
///
/// Take one before the rows are given to the log, and drop it after [`Lake::append`].
#[must_use]
pub struct Ticket<'a> {
    lake: &'a Lake,
    floor: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut tickets = self.lake.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = tickets.get_mut(&self.floor) {
            *count -= 1;
            if *count == 0 {
                tickets.remove(&self.floor);
            }
        }
    }
}

impl Lake {
    /// Opens the lake and all tables in its folder.
    ///
    /// # Errors
    /// When the folder cannot be read or made, or a table's log is damaged.
    pub async fn open(config: LakeConfig, clock: SharedClock) -> Result<Self, Error> {
        std::fs::create_dir_all(&config.root)
            .map_err(|source| folder_error(&config.root, source))?;
        let mut slots = HashMap::new();
        for (table, folder) in tables_in(&config.root)? {
            if let Some(slot) = open_slot(&config, &table, folder).await? {
                slots.insert(table, Arc::new(slot));
            }
        }
        let seen =
            slots.values().filter_map(|slot| slot.memory.committed_position()).max().unwrap_or(0);
        Ok(Self {
            config,
            clock,
            slots: RwLock::new(slots),
            hot_bytes: AtomicUsize::new(0),
            seen: AtomicU64::new(seen),
            tickets: Mutex::new(BTreeMap::new()),
        })
    }

    /// Announces rows that are about to be given to the log.
    pub fn ticket(&self) -> Ticket<'_> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let floor = self.seen.load(Ordering::SeqCst);
        *tickets.entry(floor).or_insert(0) += 1;
        Ticket { lake: self, floor }
    }

    /// Makes rows visible that are in the log at `position`. Rows that the table already holds are passed over.
    pub fn append(&self, table: &Table, position: u64, rows: Vec<Row>) {
        let weight = self.slot_for(table).memory.append(position, rows);
        self.hot_bytes.fetch_add(weight, Ordering::Relaxed);
        self.seen.fetch_max(position, Ordering::SeqCst);
    }

    /// Whether there is room for more rows in memory; if not, flushing cannot keep up.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.hot_bytes() < self.config.most_hot_bytes
    }

    /// Bytes of rows that are not committed yet.
    #[must_use]
    pub fn hot_bytes(&self) -> usize {
        self.hot_bytes.load(Ordering::Relaxed)
    }

    /// A consistent view of a table with also the columns `asked`, null where the table has none; `None` if nothing was ever sent to it.
    ///
    /// # Errors
    /// When rows cannot be turned into columns.
    pub fn view(
        &self,
        table: &Table,
        asked: &[String],
        null_as: NullAs,
    ) -> Result<Option<TableView>, Error> {
        let Some(slot) = self.slot(table) else {
            // The default stream is there from the start, and so are its promised columns.
            let promised = *table == Table::traces(table.org.clone());
            let nothing = || View {
                columns: Arc::new(Columns::promised(table)),
                hot: Vec::new(),
                files: Arc::default(),
            };
            return Ok(promised.then(|| {
                TableView::new(nothing(), folder_of(&self.config.root, table), asked, null_as)
            }));
        };
        let view = slot
            .memory
            .view()
            .map_err(|source| Error::Columns { table: table.to_string(), source })?;
        Ok(Some(TableView::new(view, slot.folder.clone(), asked, null_as)))
    }

    /// The tables of an organisation and what they hold, by name.
    ///
    /// # Errors
    /// When rows cannot be turned into columns.
    pub fn tables(&self, org: &OrgName) -> Result<Vec<(Table, Extent)>, Error> {
        let mut tables: Vec<Table> =
            self.all_slots().iter().map(|slot| slot.memory.table().clone()).collect();
        tables.retain(|table| table.org == *org);
        tables.sort();
        let extent = |table: Table| {
            let view = self.view(&table, &[], NullAs::Anything)?;
            Ok(view.map(|view| (table, view.extent((i64::MIN, i64::MAX)))))
        };
        tables.into_iter().filter_map(|table| extent(table).transpose()).collect()
    }

    /// The smallest log position that must be kept: all below it is committed.
    #[must_use]
    pub fn keep_from(&self) -> u64 {
        let uncommitted =
            self.all_slots().iter().filter_map(|slot| slot.memory.first_uncommitted()).min();
        let next = self.watermark().saturating_add(1);
        uncommitted.map_or(next, |first| first.min(next))
    }

    /// Flushes the tables that are due, or all of them. Answers how many were flushed.
    ///
    /// # Errors
    /// The first table's error; the other tables are flushed all the same, and the rows stay in memory.
    pub async fn flush(&self, which: Flush) -> Result<usize, Error> {
        let (mut flushed, mut first_error) = (0, None);
        for slot in self.all_slots() {
            if which == Flush::Due && !self.is_due(&slot.memory) {
                continue;
            }
            match flush::flush(self, &slot).await {
                Ok(Some(bytes)) => {
                    self.hot_bytes.fetch_sub(bytes, Ordering::Relaxed);
                    flushed += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(table = %slot.memory.table(), %error, "a flush failed; the rows wait for the next one");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(flushed), Err)
    }

    /// Every append with a position up to this has arrived.
    pub(crate) fn watermark(&self) -> u64 {
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.keys().next().copied().unwrap_or_else(|| self.seen.load(Ordering::SeqCst))
    }

    fn is_due(&self, memory: &Memory) -> bool {
        let (weight, oldest) = memory.uncommitted();
        weight >= self.config.flush_bytes
            || oldest.is_some_and(|oldest| oldest.elapsed() >= self.config.flush_after)
    }

    fn slot(&self, table: &Table) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned()
    }

    fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn slot_for(&self, table: &Table) -> Arc<Slot> {
        if let Some(slot) = self.slot(table) {
            return slot;
        }
        let fresh = || {
            let columns = Columns::promised(table);
            let memory =
                Memory::new(table.clone(), columns, Vec::new(), None, self.config.most_columns);
            Arc::new(Slot {
                memory,
                folder: folder_of(&self.config.root, table),
                log: tokio::sync::Mutex::new(None),
            })
        };
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(table.clone()).or_insert_with(fresh))
    }
}

/// Which tables a flush is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Those whose rows in memory are heavy or old enough.
    Due,
    /// All.
    All,
}

fn folder_of(root: &FsPath, table: &Table) -> PathBuf {
    root.join(table.org.as_str()).join(table.kind.as_str()).join(&table.stream)
}

fn folder_error(path: &FsPath, source: std::io::Error) -> Error {
    Error::Folder { path: path.display().to_string(), source }
}

async fn open_slot(
    config: &LakeConfig,
    table: &Table,
    folder: PathBuf,
) -> Result<Option<Slot>, Error> {
    let error = |source| Error::Log { table: table.to_string(), source: Box::new(source) };
    let Some(log) = DeltaLog::open(&folder).await.map_err(error)? else { return Ok(None) };
    let columns = Columns::stored(table, log.columns().map_err(error)?);
    let committed = log.committed(&config.writer).await.map_err(error)?;
    let files = log.files().map_err(error)?;
    let memory = Memory::new(table.clone(), columns, files, committed, config.most_columns);
    Ok(Some(Slot { memory, folder, log: tokio::sync::Mutex::new(Some(log)) }))
}

/// The tables that have a folder: `root/org/kind/stream`. Folders with other names are not ours.
fn tables_in(root: &FsPath) -> Result<Vec<(Table, PathBuf)>, Error> {
    let mut tables = Vec::new();
    for (org, path) in folders_in(root)? {
        let Ok(org) = OrgName::from_str(&org) else { continue };
        for (kind, path) in folders_in(&path)? {
            let Ok(kind) = Kind::from_str(&kind) else { continue };
            for (stream, path) in folders_in(&path)? {
                tables.push((Table::new(org.clone(), kind, &stream), path));
            }
        }
    }
    Ok(tables)
}

fn folders_in(path: &FsPath) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|source| folder_error(path, source))? {
        let entry = entry.map_err(|source| folder_error(path, source))?;
        if let (true, Ok(name)) = (entry.path().is_dir(), entry.file_name().into_string()) {
            folders.push((name, entry.path()));
        }
    }
    Ok(folders)
}
