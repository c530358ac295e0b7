//! A table's Delta log: made on the first flush, read once at start, then only appended to.
//!
//! Each commit carries Delta's own application transaction with the log position up to which its rows were
//! taken, so a crash between writing and committing neither loses nor doubles a row.
//! Source: Delta protocol, "Transaction Identifiers".

use std::collections::HashMap;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{
    Action, Add, DataType, MetadataExt, PrimitiveType, StructField, StructType, Transaction,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{
    DeltaResult, DeltaTable, DeltaTableBuilder, DeltaTableError, ObjectStore, ensure_table_uri,
};
use schema::Type;

use crate::columns::{Columns, DAY};
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

impl DeltaLog {
    /// Opens the table in `folder` if there is one.
    pub(crate) async fn open(folder: &FsPath) -> DeltaResult<Option<Self>> {
        if !folder.join("_delta_log").is_dir() || unborn(folder)? {
            return Ok(None);
        }
        let mut table =
            DeltaTableBuilder::from_url(ensure_table_uri(folder.to_string_lossy())?)?.build()?;
        if !table.verify_deltatable_existence().await? {
            return Ok(None);
        }
        table.load().await?;
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
            Arc::new(File { path, size, rows, times, written_ms: view.modification_time() })
        });
        Ok(files.collect())
    }

    /// The log position up to which `writer`'s rows are committed.
    pub(crate) async fn committed(&self, writer: &str) -> DeltaResult<Option<u64>> {
        let version = self
            .table
            .snapshot()?
            .transaction_version(self.table.log_store().as_ref(), writer)
            .await?;
        Ok(version.map(i64::unsigned_abs))
    }

    /// Adds files to the table, all or none, together with `writer`'s log position and any new columns, and brings
    /// the log to the disk.
    ///
    /// When the commit's answer is an error the log is read again: if it has the files after all, the commit stands.
    pub(crate) async fn commit(
        &mut self,
        writer: &str,
        position: u64,
        files: &[(File, String)],
        columns: &Columns,
    ) -> Result<(), NotCommitted> {
        let actions = self.actions(files, columns).map_err(NotCommitted::Refused)?;
        if let Err(error) = self.append(writer, position, actions).await
            && !self.has_any(files).await.map_err(NotCommitted::Unclear)?
        {
            return Err(NotCommitted::Refused(error));
        }
        self.sync().await.map_err(NotCommitted::Unclear)
    }

    fn actions(&self, files: &[(File, String)], columns: &Columns) -> DeltaResult<Vec<Action>> {
        let mut actions: Vec<Action> =
            files.iter().map(|(file, day)| Action::Add(add(file, day))).collect();
        let state = self.table.snapshot()?;
        if state.schema().fields().len() < columns.types().len() + 1 {
            let schema = StructType::try_new(fields(columns))?;
            actions.push(Action::Metadata(state.metadata().clone().with_schema(&schema)?));
        }
        Ok(actions)
    }

    async fn append(
        &mut self,
        writer: &str,
        position: u64,
        actions: Vec<Action>,
    ) -> DeltaResult<()> {
        let version = i64::try_from(position).unwrap_or(i64::MAX);
        let properties = CommitProperties::default()
            .with_application_transaction(Transaction::new(writer, version));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![DAY.to_owned()]),
            predicate: None,
        };
        let commit = CommitBuilder::from(properties).with_actions(actions);
        let state = self.table.snapshot()?;
        let done = commit.build(Some(state), self.table.log_store(), operation).await?;
        self.table.state = Some(done.snapshot());
        Ok(())
    }

    /// Reads the log again, and answers whether it has any of these files.
    async fn has_any(&mut self, files: &[(File, String)]) -> DeltaResult<bool> {
        self.table.load().await?;
        let stored = self.files()?;
        Ok(files.iter().any(|(file, _)| stored.iter().any(|other| other.path == file.path)))
    }

    /// Brings the log to the disk up to the loaded version: object_store's local store does not.
    async fn sync(&mut self) -> DeltaResult<()> {
        let Some(version) = self.table.version() else { return Ok(()) };
        disk::sync(unsynced(&self.folder, self.synced, version)).await?;
        self.synced = Some(version);
        Ok(())
    }
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

fn add(file: &File, day: &str) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: HashMap::from([(DAY.to_owned(), Some(day.to_owned()))]),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: file.written_ms,
        data_change: true,
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
        };
        log.commit("writer", 7, &[(file, "1970-01-01".to_owned())], &columns)
            .await
            .expect("commits");
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
