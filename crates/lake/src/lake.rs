//! The owner of all tables: hands out views, takes rows, flushes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path as FsPath, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use clock::SharedClock;
use schema::{DEFAULT_STREAM, Kind, OrgName, Row, Table};

use crate::columns::Columns;
use crate::error::Error;
use crate::flush::{self, Flushed};
use crate::hot::Hot;
use crate::provider::{NullAs, TableView};
use crate::slot::{Slot, folder_of};
use crate::table::{Share, Total, View};
use crate::upkeep::{Keeper, UpkeepConfig};

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
    /// Streams of one organisation and kind beyond which [`Lake::may_take`] says no to new ones.
    pub most_streams: usize,
    /// How the tables are kept well.
    pub upkeep: UpkeepConfig,
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
            most_hot_bytes: 192 << 20,
            most_streams: 1_000,
            upkeep: UpkeepConfig::default(),
        }
    }
}

/// All tables of all organisations.
pub struct Lake {
    pub(crate) config: LakeConfig,
    pub(crate) clock: SharedClock,
    /// What upkeep knows of all tables.
    pub(crate) keeper: Keeper,
    slots: RwLock<HashMap<Table, Arc<Slot>>>,
    hot: Total,
    /// The highest log position that rows were appended of.
    seen: AtomicU64,
    /// For each append on its way: what `seen` was when it set out. Its own position will be higher.
    tickets: Mutex<BTreeMap<u64, usize>>,
}

/// Rows as columns that are not visible yet.
#[must_use]
pub struct Prepared {
    slot: Arc<Slot>,
    batches: Vec<Hot>,
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
    /// Opens the lake and all tables in its folder. A table whose log is damaged does not keep the others from being
    /// opened: the program's log names it, [`Lake::view`] answers [`Error::Damaged`], and rows that are appended to it
    /// stay in memory.
    ///
    /// # Errors
    /// When the folder cannot be read or made.
    pub async fn open(config: LakeConfig, clock: SharedClock) -> Result<Self, Error> {
        std::fs::create_dir_all(&config.root)
            .map_err(|source| folder_error(&config.root, source))?;
        let (mut slots, hot) = (HashMap::new(), Total::default());
        for (table, folder) in tables_in(&config.root)? {
            if let Some(slot) = Slot::open(&config, &table, folder, hot.clone()).await {
                slots.insert(table, Arc::new(slot));
            }
        }
        let seen =
            slots.values().filter_map(|slot| slot.memory.committed_position()).max().unwrap_or(0);
        let keeper = Keeper::open(&config.root, clock.now()).await?;
        Ok(Self {
            config,
            clock,
            keeper,
            slots: RwLock::new(slots),
            hot,
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
        self.slot_for(table).memory.append(position, rows);
        self.seen.fetch_max(position, Ordering::SeqCst);
    }

    /// Turns rows into columns, ahead of their log position and without keeping others waiting: to be done while the
    /// log writes them. `None` if that has to wait until they are looked at, as for a table that has no rows yet;
    /// [`Lake::append`] takes them then.
    #[must_use]
    pub fn prepare(&self, table: &Table, rows: &[Row]) -> Option<Prepared> {
        let slot = self.slot(table)?;
        let columns = slot.memory.columns_of(rows)?;
        // What cannot become columns is kept as rows, and said where it is looked at.
        Hot::unlogged(&columns, rows).ok().map(|batches| Prepared { slot, batches })
    }

    /// As [`Lake::append`], of rows that were prepared.
    pub fn append_prepared(&self, position: u64, prepared: Prepared) {
        prepared.slot.memory.append_hot(position, prepared.batches);
        self.seen.fetch_max(position, Ordering::SeqCst);
    }

    /// Whether rows of this weight could ever be held in memory, bytes.
    #[must_use]
    pub const fn could_hold(&self, weight: usize) -> bool {
        weight <= self.config.most_hot_bytes
    }

    /// Whether there is room for more rows in memory; if not, flushing cannot keep up.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.hot_bytes() < self.config.most_hot_bytes
    }

    /// Whether the data folder has reached its ceiling ([`UpkeepConfig::most_bytes`]), so that nothing more may come in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.keeper.is_full()
    }

    /// Bytes of rows that are not committed yet.
    #[must_use]
    pub fn hot_bytes(&self) -> usize {
        self.hot.bytes()
    }

    /// Whether the table exists, or its organisation may have one more stream of its kind. The default traces and the
    /// rollups are always taken: what the server itself records must not depend on what others have sent.
    ///
    /// Nothing is reserved: streams that come at the same moment may go beyond the cap by their number.
    #[must_use]
    pub fn may_take(&self, table: &Table) -> bool {
        self.has(table) || is_own(table) || self.room_for_streams(&table.org, table.kind) > 0
    }

    /// Whether rows were ever sent to the table.
    #[must_use]
    pub fn has(&self, table: &Table) -> bool {
        self.slot(table).is_some()
    }

    /// How many more streams of a kind an organisation may have.
    #[must_use]
    pub fn room_for_streams(&self, org: &OrgName, kind: Kind) -> usize {
        let has = self.tables(org).iter().filter(|table| table.kind == kind).count();
        self.config.most_streams.saturating_sub(has)
    }

    /// A consistent view of a table with also the columns `asked`, null where the table has none; `None` if nothing was ever sent to it.
    ///
    /// # Errors
    /// When rows cannot be turned into columns, or the table is damaged.
    pub fn view(
        &self,
        table: &Table,
        asked: &[String],
        null_as: NullAs,
    ) -> Result<Option<TableView>, Error> {
        let Some(slot) = self.slot(table) else {
            // The default streams are there from the start, and so are their promised columns.
            let promised = table.kind != Kind::Metrics && table.stream == DEFAULT_STREAM;
            let nothing = || View {
                columns: Arc::new(Columns::promised(table)),
                hot: Vec::new(),
                files: Arc::default(),
            };
            return Ok(promised.then(|| {
                TableView::new(nothing(), folder_of(&self.config.root, table), asked, null_as)
            }));
        };
        let view = slot.memory.view()?;
        Ok(Some(TableView::new(view, slot.folder.clone(), asked, null_as)))
    }

    /// The tables of an organisation, in no order.
    #[must_use]
    pub fn tables(&self, org: &OrgName) -> Vec<Table> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.keys().filter(|table| table.org == *org).cloned().collect()
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
            if which == Flush::Due && !self.is_due(&slot) {
                continue;
            }
            match self.flush_slot(&slot).await {
                Ok(Flushed::Rows(_)) => flushed += 1,
                Ok(Flushed::Nothing) => {}
                Err(error) => {
                    tracing::warn!(table = %slot.memory.table(), %error, "a flush failed; the rows wait for the next one");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(flushed), Err)
    }

    pub(crate) async fn flush_slot(&self, slot: &Slot) -> Result<Flushed, Error> {
        let mut result = flush::flush(self, slot).await;
        while let Ok(Flushed::Rows(Share::Part)) = result {
            result = flush::flush(self, slot).await;
        }
        match result {
            Ok(_) => slot.backoff.succeeded(),
            Err(_) => slot.backoff.failed(),
        }
        result
    }

    /// Every append with a position up to this has arrived.
    pub(crate) fn watermark(&self) -> u64 {
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.keys().next().copied().unwrap_or_else(|| self.seen.load(Ordering::SeqCst))
    }

    /// The highest log position that rows were appended of.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// A damaged table is always due: it may have been mended.
    fn is_due(&self, slot: &Slot) -> bool {
        if !slot.backoff.is_over() {
            return false;
        }
        let (weight, oldest) = slot.memory.uncommitted();
        slot.memory.is_damaged()
            || weight >= self.config.flush_bytes
            || oldest.is_some_and(|oldest| oldest.elapsed() >= self.config.flush_after)
    }

    pub(crate) fn slot(&self, table: &Table) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned()
    }

    pub(crate) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn slot_for(&self, table: &Table) -> Arc<Slot> {
        if let Some(slot) = self.slot(table) {
            return slot;
        }
        let fresh = || Arc::new(Slot::fresh(&self.config, table, self.hot.clone()));
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(table.clone()).or_insert_with(fresh))
    }
}

/// Which tables a flush is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Those whose rows in memory are heavy or old enough, but for those that failed a short while ago.
    Due,
    /// All.
    All,
}

/// Whether the server itself writes to this table.
fn is_own(table: &Table) -> bool {
    *table == Table::traces(table.org.clone()) || *table == Table::rollups(table.org.clone())
}

pub(crate) fn folder_error(path: &FsPath, source: std::io::Error) -> Error {
    Error::Folder { path: path.display().to_string(), source }
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
