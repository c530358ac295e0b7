use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::{Error, migrations};

/// How long a statement waits for another writer or a free connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections, each with a thread of its own: one writer and one reader are enough for few rows.
const CONNECTIONS: u32 = 2;
/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// The metadata store: cheap to clone, every clone is the same store.
#[derive(Clone, Debug)]
pub struct Metadata {
    pub(crate) pool: SqlitePool,
}

impl Metadata {
    /// Opens the store in the file `path`, making it and its tables where they are missing.
    ///
    /// # Errors
    /// When the file cannot be made or opened, or was written by a later version of this program.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        keep_private(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode the default would lose the last rows to a power cut; a token that was shown must be kept.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        migrations::run(&pool).await?;
        Ok(Self { pool })
    }

    /// Closes the store after the statements under way; every clone is closed with it.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes the file before SQLite does, because SQLite would make it readable by everybody. The files
/// that SQLite puts beside it take over its access rights.
fn keep_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).mode(OWNER_ONLY).open(path)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn only_the_owner_reads_the_file_and_those_beside_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        fs::write(&path, "").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("set");
        let store = Metadata::open(&path).await.expect("opens");
        store.orgs().await.expect("reads");
        for entry in fs::read_dir(dir.path()).expect("listed") {
            let path = entry.expect("an entry").path();
            assert_eq!(mode(&path), OWNER_ONLY, "{path:?}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_file_of_a_later_version_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        let store = Metadata::open(&path).await.expect("opens");
        sqlx::query("UPDATE _sqlx_migrations SET version = 99 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
            .execute(&store.pool)
            .await
            .expect("set");
        store.close().await;
        let error = Metadata::open(&path).await.expect_err("a later version");
        assert!(matches!(error, Error::Newer { version: 99 }), "{error:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_an_error() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        fs::write(&path, "certainly no database file, but longer than its header would be")
            .expect("written");
        assert!(Metadata::open(&path).await.is_err());
        assert!(Metadata::open(&dir.path().join("no/such/folder.db")).await.is_err());
    }
}
