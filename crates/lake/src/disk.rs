//! What was written, brought to the disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;

/// Syncs files and folders, one after the other.
pub(crate) async fn sync(paths: Vec<PathBuf>) -> io::Result<()> {
    let sync = move || paths.iter().try_for_each(|path| File::open(path)?.sync_all());
    tokio::task::spawn_blocking(sync).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
