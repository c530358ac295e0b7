//! Files that cannot be read are found and named, and the others are served.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use crate::error::Error;
use crate::file::File;
use crate::slot::Slot;
use crate::upkeep::footer::Opened;

/// Reads the footer of each file that was not looked at yet, of those that could not be read, and of those that are not
/// as large any more as they were, or gone.
pub(crate) async fn check(slot: &Slot) -> Result<(), Error> {
    let (_, files) = slot.memory.stored();
    let checked = checked(slot, &files);
    let table = slot.memory.table().to_string();
    let (name, folder) = (table.clone(), slot.folder.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let is_there = |file: &File| {
            let found = fs::metadata(folder.join(&file.path));
            found.is_ok_and(|found| found.len() == file.size)
        };
        let well = |file: &&Arc<File>| checked.contains(&file.path) && is_there(file);
        let open = |file: &Arc<File>| {
            let opened = Opened::any(&name, &folder, file).map(|_| ());
            (Arc::clone(file), opened)
        };
        files.iter().filter(|file| !well(file)).map(open).collect::<Vec<_>>()
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

/// The files that were found well before.
fn checked(slot: &Slot, files: &[Arc<File>]) -> HashSet<String> {
    let mut record = slot.record.lock();
    let now: HashSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    record.checked.retain(|path| now.contains(path.as_str()));
    record.checked.clone()
}

fn tell(slot: &Slot, file: &File, error: &Error) {
    let mut record = slot.record.lock();
    record.checked.remove(&file.path);
    record.left_alone.insert(file.path.clone());
    drop(record);
    if slot.memory.unreadable(&file.path, error.to_string()) {
        let (table, rows) = (slot.memory.table(), file.rows);
        tracing::error!(%table, path = file.path, rows, %error, "a data file cannot be read; its rows are left out until it is mended");
    }
}
