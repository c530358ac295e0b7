//! Processes that outlived a crash of this program: noted when they start, ended at the next start.
//!
//! Each process gets its replica id in an environment variable and a file of that name with its pid.
//! A pid alone proves nothing, it may long be another's: only a group with a member that carries the
//! id is ended.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::group::Group;

/// Tells a process, and us, which replica it is.
pub(crate) const REPLICA_VARIABLE: &str = "INFERSCOPE_REPLICA_ID";
const SUFFIX: &str = "pid";

/// The note of one process; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Note(Option<PathBuf>);

impl Note {
    /// Notes that `pid` is replica `id`. Failing to costs only the cleaning up after a crash.
    pub(crate) fn write(dir: Option<&Path>, id: &str, pid: u32) -> Self {
        let Some(dir) = dir else { return Self(None) };
        let path = dir.join(id).with_extension(SUFFIX);
        let written = fs::create_dir_all(dir).and_then(|()| fs::write(&path, pid.to_string()));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the pid of a replica could not be noted");
        }
        Self(Some(path))
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Ends every process noted in `dir` that still runs, and forgets them; answers how many groups it ended.
pub(crate) fn end_all(dir: &Path) -> usize {
    let Ok(files) = fs::read_dir(dir) else { return 0 };
    let notes = files.filter_map(Result::ok).map(|file| file.path());
    notes
        .filter(|path| path.extension() == Some(OsStr::new(SUFFIX)))
        .filter(|path| end(path))
        .count()
}

fn end(note: &Path) -> bool {
    let group = read(note).ok().flatten();
    let ours = group.filter(|group| note.file_stem().is_some_and(|id| carries(*group, id)));
    if let Some(group) = ours {
        tracing::warn!(note = %note.display(), "ended a replica that had outlived this program");
        group.kill();
    }
    let _ = fs::remove_file(note);
    ours.is_some()
}

fn read(note: &Path) -> io::Result<Option<Group>> {
    Ok(fs::read_to_string(note)?.trim().parse().ok().and_then(Group::led_by))
}

fn carries(group: Group, id: &OsStr) -> bool {
    let mark = |process: procfs::process::Process| {
        process.environ().ok()?.remove(OsStr::new(REPLICA_VARIABLE))
    };
    group.members().filter_map(mark).any(|found| found == id)
}
