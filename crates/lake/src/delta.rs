//! A table's Delta log: made on the first flush, read once at start, then only appended to.
//!
//! Each commit carries Delta's own application transaction with the log position up to which its rows were
//! taken, so a crash between writing and committing neither loses nor doubles a row.
//! Source: Delta protocol, "Transaction Identifiers".

use std::collections::{HashMap, HashSet};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use crash::Place;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{
    Action, Add, DataType, MetadataExt, PrimitiveType, StructField, StructType, Transaction,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{
    DeltaResult, DeltaTable, DeltaTableBuilder, DeltaTableError, ObjectStore, checkpoints,
    ensure_table_uri,
};
use schema::Type;

use crate::columns::{Columns, DAY};
use crate::day::Day;
use crate::disk;
use crate::file::{File, read_statistics, statistics};

/// One table's log and data folder.
#[derive(Debug)]
pub(crate) struct DeltaLog {
    table: DeltaTable,
    folder: PathBuf,
    /// The version up to which the log is known to be on the disk.
    synced: Option<u64>,
}

/// Why files did not become part of the table, or may not have.
#[derive(Debug)]
pub(crate) enum NotCommitted {
    /// The log does not have them.
    Refused(DeltaTableError),
    /// Nobody can say, or the log has them and may lose them with the power.
    Unclear(DeltaTableError),
}

/// What one commit makes of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// Files that become part of it.
    pub(crate) add: &'a [File],
    /// Files that are no longer part of it; they stay on the disk.
    pub(crate) remove: &'a [Arc<File>],
    pub(crate) why: Why<'a>,
}

/// What a commit is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why<'a> {
    /// New rows: those of `writer`'s log up to a position, with any new columns.
    Rows { writer: &'a str, position: u64, columns: &'a Columns },
    /// The same rows in fewer files of about so many bytes.
    Merge { target: u64 },
    /// As a merge, and rows that were there twice are there once.
    Dedup { target: u64 },
    /// Rows are gone; the text says which.
    Delete { predicate: &'a str },
    /// Some columns of some rows have other values: the step of that number, of a revision that has `name` among the
    /// application transactions.
    Revise { name: &'a str, step: u64, columns: &'a Columns },
}

impl<'a> Why<'a> {
    /// Whether a reader of the table's changes would miss something if it passed this commit over.
    const fn changes_data(self) -> bool {
        match self {
            Self::Rows { .. } | Self::Dedup { .. } | Self::Delete { .. } | Self::Revise { .. } => {
                true
            }
            Self::Merge { .. } => false,
        }
    }

    fn operation(self) -> DeltaOperation {
        match self {
            Self::Rows { .. } => DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: Some(vec![DAY.to_owned()]),
                predicate: None,
            },
            Self::Merge { target } | Self::Dedup { target } => DeltaOperation::Optimize {
                predicate: None,
                target_size: i64::try_from(target).unwrap_or(i64::MAX),
            },
            Self::Delete { predicate } => {
                DeltaOperation::Delete { predicate: Some(predicate.to_owned()) }
            }
            Self::Revise { .. } => DeltaOperation::Update { predicate: None },
        }
    }

    /// What a reader of the log finds there later: who has come how far.
    fn transaction(self) -> Option<Transaction> {
        let (name, version) = match self {
            Self::Rows { writer, position, .. } => (writer, position),
            Self::Revise { name, step, .. } => (name, step),
            Self::Merge { .. } | Self::Dedup { .. } | Self::Delete { .. } => return None,
        };
        Some(Transaction::new(name, i64::try_from(version).unwrap_or(i64::MAX)))
    }

    /// The columns that the files may have.
    const fn columns(self) -> Option<&'a Columns> {
        match self {
            Self::Rows { columns, .. } | Self::Revise { columns, .. } => Some(columns),
            Self::Merge { .. } | Self::Dedup { .. } | Self::Delete { .. } => None,
        }
    }
}

/// Where a commit stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Right behind what was known.
    Next,
    /// Others have committed in between: the list of files must be taken from the log.
    PastOthers,
}

impl DeltaLog {
    /// Opens the table in `folder` if there is one.
    pub(crate) async fn open(folder: &FsPath) -> DeltaResult<Option<Self>> {
        if !folder.join("_delta_log").is_dir() || unborn(folder)? {
            return Ok(None);
        }
        let loaded = match load(folder).await {
            Ok(loaded) => loaded,
            Err(error) => load_without_checkpoint(folder, error).await?,
        };
        let Some(table) = loaded else { return Ok(None) };
        let mut log = Self { table, folder: folder.to_owned(), synced: None };
        // Who wrote the last version may have died before it was on the disk.
        log.sync().await?;
        Ok(Some(log))
    }

    /// Makes an empty table in `folder`.
    pub(crate) async fn create(
        folder: &FsPath,
        name: &str,
        columns: &Columns,
    ) -> DeltaResult<Self> {
        let properties = CommitProperties::default().with_create_checkpoint(false);
        let table = CreateBuilder::new()
            .with_location(folder.to_string_lossy())
            .with_table_name(name)
            .with_save_mode(SaveMode::Ignore)
            .with_columns(fields(columns))
            .with_partition_columns([DAY])
            .with_commit_properties(properties)
            .await?;
        let mut log = Self { table, folder: folder.to_owned(), synced: None };
        log.sync().await?;
        Ok(log)
    }

    /// The store that the data files live in, rooted at the table's folder.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        self.table.object_store()
    }

    /// The table's folder.
    pub(crate) fn folder(&self) -> &FsPath {
        &self.folder
    }

    /// The stored columns, without the partition column.
    pub(crate) fn columns(&self) -> DeltaResult<Vec<(String, Type)>> {
        let schema = self.table.snapshot()?.schema();
        let stored = schema.fields().filter(|field| field.name() != DAY);
        Ok(stored.map(|field| (field.name().clone(), type_of(field.data_type()))).collect())
    }

    /// The committed data files.
    pub(crate) fn files(&self) -> DeltaResult<Vec<Arc<File>>> {
        let data = self.table.snapshot()?.log_data();
        let files = data.iter().map(|view| {
            let (rows, times) = view.stats().map_or((0, None), |stats| read_statistics(&stats));
            let path = view.object_store_path().to_string();
            let size = view.size().unsigned_abs();
            let day = view.partition_values_map().remove(DAY).flatten();
            let day = day.and_then(|day| day.parse::<Day>().ok());
            Arc::new(File { path, size, rows, times, written_ms: view.modification_time(), day })
        });
        Ok(files.collect())
    }

    /// The log position up to which `writer`'s rows are committed, or a revision's last step.
    pub(crate) async fn committed(&self, writer: &str) -> DeltaResult<Option<u64>> {
        let version = self
            .table
            .snapshot()?
            .transaction_version(self.table.log_store().as_ref(), writer)
            .await?;
        Ok(version.map(i64::unsigned_abs))
    }

    /// Changes the table, all or nothing, and brings the log to the disk.
    ///
    /// When the commit's answer is an error the log is read again: if it has the change after all, the commit stands.
    pub(crate) async fn commit(&mut self, change: Change<'_>) -> Result<Reach, NotCommitted> {
        let actions = self.actions(change).map_err(NotCommitted::Refused)?;
        let reach = match self.append(change.why, actions).await {
            Ok(reach) => reach,
            Err(error) => {
                if !self.has(change).await.map_err(NotCommitted::Unclear)? {
                    return Err(NotCommitted::Refused(error));
                }
                Reach::PastOthers
            }
        };
        self.sync().await.map_err(NotCommitted::Unclear)?;
        Ok(reach)
    }

    fn actions(&self, change: Change<'_>) -> DeltaResult<Vec<Action>> {
        let state = self.table.snapshot()?;
        let changes_data = change.why.changes_data();
        let mut actions = Vec::with_capacity(change.add.len() + change.remove.len() + 1);
        if !change.remove.is_empty() {
            let gone: HashSet<&str> = change.remove.iter().map(|file| file.path.as_str()).collect();
            let found = state.log_data();
            let found =
                found.iter().filter(|view| gone.contains(view.object_store_path().as_ref()));
            actions.extend(found.map(|view| Action::Remove(view.remove_action(changes_data))));
            if actions.len() != gone.len() {
                return Err(DeltaTableError::generic("a file to remove is not in the table"));
            }
        }
        actions.extend(change.add.iter().map(|file| Action::Add(add(file, changes_data))));
        if let Some(columns) = change.why.columns()
            && state.schema().fields().len() < columns.types().len() + 1
        {
            let schema = StructType::try_new(fields(columns))?;
            actions.push(Action::Metadata(state.metadata().clone().with_schema(&schema)?));
        }
        Ok(actions)
    }

    async fn append(&mut self, why: Why<'_>, actions: Vec<Action>) -> DeltaResult<Reach> {
        // Checkpoints and the cleaning of the log are upkeep's: a flush need not wait for them.
        let mut properties = CommitProperties::default()
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        if let Some(transaction) = why.transaction() {
            properties = properties.with_application_transaction(transaction);
        }
        let commit = CommitBuilder::from(properties).with_actions(actions);
        let state = self.table.snapshot()?;
        let before = state.version();
        let done = commit.build(Some(state), self.table.log_store(), why.operation()).await?;
        let reach = if done.version() == before + 1 { Reach::Next } else { Reach::PastOthers };
        self.table.state = Some(done.snapshot());
        Ok(reach)
    }

    /// Reads the log again, and answers whether it has any of the change's files, or none of those it removes.
    async fn has(&mut self, change: Change<'_>) -> DeltaResult<bool> {
        self.table.load().await?;
        let stored = self.table.snapshot()?.log_data();
        let stored: HashSet<String> =
            stored.iter().map(|view| view.object_store_path().to_string()).collect();
        if change.add.is_empty() {
            return Ok(!change.remove.iter().any(|file| stored.contains(&file.path)));
        }
        Ok(change.add.iter().any(|file| stored.contains(&file.path)))
    }

    /// What can be checkpointed and cleaned without holding this log.
    pub(crate) fn reading(&self) -> Reading {
        Reading { table: self.table.clone(), folder: self.folder.clone() }
    }

    /// Brings the log to the disk up to the loaded version: object_store's local store does not.
    async fn sync(&mut self) -> DeltaResult<()> {
        let Some(version) = self.table.version() else { return Ok(()) };
        disk::sync(unsynced(&self.folder, self.synced, version)).await?;
        self.synced = Some(version);
        Ok(())
    }
}

/// A table's log as it was at one moment.
pub(crate) struct Reading {
    table: DeltaTable,
    folder: PathBuf,
}

impl Reading {
    /// The version of that moment.
    pub(crate) fn version(&self) -> u64 {
        self.table.version().unwrap_or(0)
    }

    /// The version of the newest checkpoint, or 0 if there is none.
    pub(crate) async fn checkpointed(&self) -> u64 {
        let path = self.folder.join("_delta_log/_last_checkpoint");
        let text = tokio::fs::read(path).await.unwrap_or_default();
        let hint: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        hint["version"].as_u64().unwrap_or(0)
    }

    /// Writes a checkpoint of the version and brings it to the disk.
    pub(crate) async fn checkpoint(&self) -> DeltaResult<()> {
        let table = self.table.clone();
        let handle = tokio::runtime::Handle::current();
        // The library encodes the checkpoint on the thread that asks for it.
        tokio::task::spawn_blocking(move || {
            handle.block_on(checkpoints::create_checkpoint(&table, None))
        })
        .await
        .map_err(|error| DeltaTableError::generic(error.to_string()))??;
        crash::point(Place::CheckpointWritten);
        let log = self.folder.join("_delta_log");
        let file = log.join(format!("{:020}.checkpoint.parquet", self.version()));
        let hint = log.join("_last_checkpoint");
        let written = [file, hint].into_iter().filter(|path| path.exists());
        Ok(disk::sync(written.chain([log]).collect()).await?)
    }

    /// Deletes log entries and checkpoints that are older than `before_ms` (since 1970-01-01 UTC) and that no newer
    /// checkpoint needs. Answers how many.
    pub(crate) async fn clean(&self, before_ms: i64) -> DeltaResult<u64> {
        let store = self.table.log_store();
        let store = store.as_ref();
        let version = self.version();
        let deleted =
            checkpoints::cleanup_expired_logs_for(version, store, before_ms, None).await?;
        Ok(deleted as u64)
    }
}

async fn load(folder: &FsPath) -> DeltaResult<Option<DeltaTable>> {
    let mut table =
        DeltaTableBuilder::from_url(ensure_table_uri(folder.to_string_lossy())?)?.build()?;
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    table.load().await?;
    Ok(Some(table))
}

/// Loads the table without its newest checkpoint, if the log holds all that the checkpoint does; that is set aside
/// then. Else answers why the table could not be loaded with it.
async fn load_without_checkpoint(
    folder: &FsPath,
    why: DeltaTableError,
) -> DeltaResult<Option<DeltaTable>> {
    let log = folder.join("_delta_log");
    let Some(checkpoint) = spare_checkpoint(&log)? else { return Err(why) };
    let names = [format!("{checkpoint:020}.checkpoint.parquet"), "_last_checkpoint".to_owned()];
    let aside = |name: &String| (log.join(name), log.join(format!("{name}.unreadable")));
    let moved: Vec<_> = names.iter().map(aside).filter(|(from, _)| from.exists()).collect();
    for (from, to) in &moved {
        std::fs::rename(from, to)?;
    }
    match load(folder).await {
        Ok(loaded) => {
            tracing::warn!(folder = %folder.display(), checkpoint, error = %why, "a checkpoint could not be read and was set aside; the log has all that it held");
            Ok(loaded)
        }
        Err(_) => {
            for (from, to) in &moved {
                std::fs::rename(to, from)?;
            }
            Err(why)
        }
    }
}

/// The version of the newest checkpoint, if the log has all versions from the checkpoint before it, or from the
/// first, to its end.
fn spare_checkpoint(log: &FsPath) -> std::io::Result<Option<u64>> {
    let (mut versions, mut checkpoints) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(log)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let Some((version, kind)) = name.split_once('.') else { continue };
        let Ok(version) = version.parse::<u64>() else { continue };
        match kind {
            "json" => versions.push(version),
            "checkpoint.parquet" => checkpoints.push(version),
            _ => {}
        }
    }
    versions.sort_unstable();
    checkpoints.sort_unstable();
    let (Some(newest), Some(end)) = (checkpoints.pop(), versions.last()) else { return Ok(None) };
    let first = checkpoints.last().map_or(0, |before| before + 1);
    let whole = (first..=*end).all(|version| versions.binary_search(&version).is_ok());
    Ok(whole.then_some(newest))
}

/// Whether the log has only a first version, and that is empty: the power went before it was on the disk. Such a
/// version is removed, so that the table can be made again.
fn unborn(folder: &FsPath) -> std::io::Result<bool> {
    let version = |version: u64| folder.join(format!("_delta_log/{version:020}.json"));
    let is_empty = version(0).metadata().is_ok_and(|first| first.len() == 0);
    if !is_empty || version(1).exists() {
        return Ok(false);
    }
    std::fs::remove_file(version(0))?;
    Ok(true)
}

/// Files and folders of a log that must be on the disk before a version counts: each version since `synced`; without
/// one the last version, and the folders in which the table's folder, or one of its parents, may be new.
fn unsynced(folder: &FsPath, synced: Option<u64>, version: u64) -> Vec<PathBuf> {
    let log = folder.join("_delta_log");
    let from = synced.map_or(version, |synced| synced.saturating_add(1));
    let mut paths: Vec<PathBuf> = (from..=version)
        .flat_map(|version| {
            ["json", "checkpoint.parquet"].map(|kind| log.join(format!("{version:020}.{kind}")))
        })
        .chain([log.join("_last_checkpoint")])
        // Few versions have a checkpoint, and old versions are cleaned up.
        .filter(|path| path.exists())
        .collect();
    paths.push(log);
    if synced.is_none() {
        let table_kind_org_root_data = folder.ancestors().take(5);
        paths.extend(table_kind_org_root_data.filter(|path| path.is_dir()).map(FsPath::to_owned));
    }
    paths
}

fn add(file: &File, data_change: bool) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: HashMap::from([(DAY.to_owned(), file.day.map(|day| day.to_string()))]),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: file.written_ms,
        data_change,
        stats: Some(statistics(usize::try_from(file.rows).unwrap_or(usize::MAX), file.times)),
        ..Add::default()
    }
}

fn fields(columns: &Columns) -> Vec<StructField> {
    let names = columns.arrow().fields().iter().map(|field| field.name());
    let mut fields: Vec<StructField> = names
        .zip(columns.types())
        .map(|(name, ty)| StructField::nullable(name, delta_type(*ty)))
        .collect();
    fields.push(StructField::nullable(DAY, DataType::Primitive(PrimitiveType::Date)));
    fields
}

const fn delta_type(ty: Type) -> DataType {
    DataType::Primitive(match ty {
        Type::Text => PrimitiveType::String,
        Type::Int => PrimitiveType::Long,
        Type::Float => PrimitiveType::Double,
        Type::Bool => PrimitiveType::Boolean,
        Type::Bytes => PrimitiveType::Binary,
    })
}

/// A column that somebody else added with a type that we do not write is read as text.
fn type_of(ty: &DataType) -> Type {
    match ty {
        DataType::Primitive(PrimitiveType::Long) => Type::Int,
        DataType::Primitive(PrimitiveType::Double) => Type::Float,
        DataType::Primitive(PrimitiveType::Boolean) => Type::Bool,
        DataType::Primitive(PrimitiveType::Binary) => Type::Bytes,
        _ => Type::Text,
    }
}

#[cfg(test)]
mod tests {
    use schema::{OrgName, Table};

    use super::*;

    /// What stands for the version in a new table of `root/org/kind/stream`.
    fn expected(root: &FsPath, version: &str) -> Vec<PathBuf> {
        let table = root.join("org/kind/stream");
        vec![
            table.join("_delta_log").join(version),
            table.join("_delta_log"),
            table,
            root.join("org/kind"),
            root.join("org"),
            root.to_owned(),
        ]
    }

    #[test]
    fn a_checkpoint_is_spare_when_the_log_holds_all_that_it_does() {
        let spare = |names: &[&str]| {
            let log = tempfile::tempdir().expect("a folder");
            for name in names {
                std::fs::write(log.path().join(name), "").expect("writes");
            }
            spare_checkpoint(log.path()).expect("is read")
        };
        let version = |version: u64| format!("{version:020}.json");
        let checkpoint = |version: u64| format!("{version:020}.checkpoint.parquet");
        let (v0, v1, v2, v3) = (version(0), version(1), version(2), version(3));
        let (c1, c2) = (checkpoint(1), checkpoint(2));
        assert_eq!(spare(&[&v0, &v1, &v2, &c1, "_last_checkpoint"]), Some(1));
        assert_eq!(spare(&[&v1, &v2, &c1]), None, "the first is gone");
        assert_eq!(spare(&[&c1, &v2, &c2, &v3]), Some(2), "with the one before");
        assert_eq!(spare(&[&c1, &v3, &c2]), None, "a gap");
        assert_eq!(spare(&[&v0, &v1]), None);
    }

    #[tokio::test]
    async fn a_version_is_synced_with_its_folder_and_a_new_table_with_its_parents() {
        let data = tempfile::tempdir().expect("a folder");
        let root = data.path().join("lake");
        let folder = root.join("org/kind/stream");
        std::fs::create_dir_all(&folder).expect("a folder");
        let columns = Columns::promised(&Table::traces(OrgName::first()));
        let mut log = DeltaLog::create(&folder, "stream", &columns).await.expect("creates");
        assert_eq!(log.synced, Some(0));
        let mut new = expected(&root, "00000000000000000000.json");
        new.push(data.path().to_owned());
        assert_eq!(unsynced(&folder, None, 0), new);

        let file = File {
            path: format!("{DAY}=1970-01-01/a"),
            size: 1,
            rows: 1,
            times: None,
            written_ms: 0,
            day: Some(Day::of_micros(0)),
        };
        let why = Why::Rows { writer: "writer", position: 7, columns: &columns };
        let reach = log.commit(Change { add: &[file], remove: &[], why }).await.expect("commits");
        assert_eq!(reach, Reach::Next);
        assert_eq!(log.synced, Some(1));
        assert_eq!(
            unsynced(&folder, Some(0), 1),
            expected(&root, "00000000000000000001.json")[..2]
        );
        assert_eq!(unsynced(&folder, Some(1), 1), expected(&root, "")[1..2]);
        let opened = DeltaLog::open(&folder).await.expect("opens").expect("is there");
        assert_eq!(opened.synced, Some(1));
    }
}
