//! What the lake keeps of each table.

use std::path::{Path as FsPath, PathBuf};

use schema::Table;

use crate::backoff::Backoff;
use crate::broken;
use crate::columns::Columns;
use crate::delta::DeltaLog;
use crate::error::Error;
use crate::lake::LakeConfig;
use crate::table::{Memory, Stored, Total};
use crate::upkeep::Record;

/// A table's memory and, once it was flushed, its log.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) memory: Memory,
    pub(crate) folder: PathBuf,
    /// `None` when there is none, or when what it holds must be read anew.
    pub(crate) log: tokio::sync::Mutex<Option<DeltaLog>>,
    pub(crate) backoff: Backoff,
    /// What upkeep remembers of the table.
    pub(crate) record: Record,
}

impl Slot {
    /// A table that was never flushed.
    pub(crate) fn fresh(config: &LakeConfig, table: &Table, total: Total) -> Self {
        let stored = Ok(Stored::nothing(table));
        let memory = Memory::new(table.clone(), stored, config.most_columns, total);
        Self::new(memory, folder_of(&config.root, table), None)
    }

    /// The stored table in `folder`, if there is one. One whose log cannot be read is damaged, and says so in the
    /// program's log.
    pub(crate) async fn open(
        config: &LakeConfig,
        table: &Table,
        folder: PathBuf,
        total: Total,
    ) -> Option<Self> {
        let (log, stored) = match read(table, &folder, &config.writer).await {
            Ok(None) => return None,
            Ok(Some((log, stored))) => (Some(log), Ok(stored)),
            Err(error) => {
                let why = broken::why(&folder, &error);
                tracing::error!(%table, %why, "a table's log is damaged; its rows cannot be read, and new ones wait in memory and in the write-ahead log until it is mended");
                (None, Err(why))
            }
        };
        let memory = Memory::new(table.clone(), stored, config.most_columns, total);
        Some(Self::new(memory, folder, log))
    }

    fn new(memory: Memory, folder: PathBuf, log: Option<DeltaLog>) -> Self {
        let log = tokio::sync::Mutex::new(log);
        Self { memory, folder, log, backoff: Backoff::default(), record: Record::default() }
    }

    /// Reads the table's log again, if there is one, and has memory keep only what is not in it.
    pub(crate) async fn reread(&self, writer: &str) -> Result<Option<DeltaLog>, Error> {
        let table = self.memory.table();
        let (log, stored) = match read(table, &self.folder, writer).await? {
            Some((log, stored)) => (Some(log), stored),
            None => (None, Stored::nothing(table)),
        };
        self.memory.adopt(stored)?;
        Ok(log)
    }
}

async fn read(
    table: &Table,
    folder: &FsPath,
    writer: &str,
) -> Result<Option<(DeltaLog, Stored)>, Error> {
    let error = |source| Error::Log { table: table.to_string(), source: Box::new(source) };
    let Some(log) = DeltaLog::open(folder).await.map_err(error)? else { return Ok(None) };
    let stored = Stored {
        columns: Columns::stored(table, log.columns().map_err(error)?),
        files: log.files().map_err(error)?,
        committed: log.committed(writer).await.map_err(error)?,
    };
    Ok(Some((log, stored)))
}

/// Where a table is stored.
pub(crate) fn folder_of(root: &FsPath, table: &Table) -> PathBuf {
    root.join(table.org.as_str()).join(table.kind.as_str()).join(&table.stream)
}
