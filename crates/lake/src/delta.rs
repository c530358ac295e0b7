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
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableBuilder, ObjectStore, ensure_table_uri};
use schema::Type;

use crate::columns::Columns;
use crate::file::{File, read_statistics, statistics};

/// The partition column: the UTC day of `_timestamp`, kept in the path and not in the file.
pub(crate) const DAY: &str = "_date";

/// One table's log and data folder.
#[derive(Debug)]
pub(crate) struct DeltaLog {
    table: DeltaTable,
    folder: PathBuf,
}

impl DeltaLog {
    /// Opens the table in `folder` if there is one.
    pub(crate) async fn open(folder: &FsPath) -> DeltaResult<Option<Self>> {
        if !folder.join("_delta_log").is_dir() {
            return Ok(None);
        }
        let mut table =
            DeltaTableBuilder::from_url(ensure_table_uri(folder.to_string_lossy())?)?.build()?;
        if !table.verify_deltatable_existence().await? {
            return Ok(None);
        }
        table.load().await?;
        Ok(Some(Self { table, folder: folder.to_owned() }))
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
        Ok(Self { table, folder: folder.to_owned() })
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

    /// Adds files to the table, all or none, together with `writer`'s log position and any new columns.
    ///
    /// When the commit's answer is an error the log is read again: if the position is there after all, the
    /// commit stands.
    pub(crate) async fn commit(
        &mut self,
        writer: &str,
        position: u64,
        files: &[(File, String)],
        columns: &Columns,
    ) -> DeltaResult<()> {
        let mut actions: Vec<Action> =
            files.iter().map(|(file, day)| Action::Add(add(file, day))).collect();
        let state = self.table.snapshot()?;
        if state.schema().fields().len() < columns.types().len() + 1 {
            let schema = StructType::try_new(fields(columns))?;
            actions.push(Action::Metadata(state.metadata().clone().with_schema(&schema)?));
        }
        let version = i64::try_from(position).unwrap_or(i64::MAX);
        let properties = CommitProperties::default()
            .with_application_transaction(Transaction::new(writer, version));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![DAY.to_owned()]),
            predicate: None,
        };
        let commit = CommitBuilder::from(properties).with_actions(actions);
        match commit.build(Some(state), self.table.log_store(), operation).await {
            Ok(done) => {
                self.table.state = Some(done.snapshot());
                Ok(())
            }
            Err(error) => {
                self.table.load().await?;
                if self.committed(writer).await? == Some(position) { Ok(()) } else { Err(error) }
            }
        }
    }
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
