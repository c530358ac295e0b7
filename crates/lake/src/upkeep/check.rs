//! Files that cannot be read are found and named, and the others are served.

use std::sync::Arc;

use crate::error::Error;
use crate::file::File;
use crate::slot::Slot;
use crate::upkeep::footer::Opened;

/// Reads the footer of each file that was not looked at yet, and of those that could not be read.
pub(crate) async fn check(slot: &Slot) -> Result<(), Error> {
    let (_, files) = slot.memory.stored();
    let wanted = unchecked(slot, &files);
    if wanted.is_empty() {
        return Ok(());
    }
    let table = slot.memory.table().to_string();
    let (name, folder) = (table.clone(), slot.folder.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let open = |file: Arc<File>| {
            let opened = Opened::any(&name, &folder, &file).map(|_| ());
            (file, opened)
        };
        wanted.into_iter().map(open).collect::<Vec<_>>()
    });
    for (file, opened) in looking.await.map_err(|_| Error::Aborted { table })? {
        match opened {
            Ok(()) => {
                slot.record.lock().checked.insert(file.path.clone());
                if slot.memory.readable(&file.path) {
                    slot.record.lock().left_alone.remove(&file.path);
                    tracing::info!(table = %slot.memory.table(), path = file.path, "a data file can be read again");
                }
            }
            Err(error) => tell(slot, &file, &error),
        }
    }
    Ok(())
}

fn unchecked(slot: &Slot, files: &[Arc<File>]) -> Vec<Arc<File>> {
    let mut record = slot.record.lock();
    record.checked.retain(|path| files.iter().any(|file| file.path == *path));
    files.iter().filter(|file| !record.checked.contains(&file.path)).cloned().collect()
}

fn tell(slot: &Slot, file: &File, error: &Error) {
    slot.record.lock().left_alone.insert(file.path.clone());
    if slot.memory.unreadable(&file.path, error.to_string()) {
        let (table, rows) = (slot.memory.table(), file.rows);
        tracing::error!(%table, path = file.path, rows, %error, "a data file cannot be read; its rows are left out until it is mended");
    }
}
