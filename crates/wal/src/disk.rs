//! Where segments live: the file system, or a double that forgets what was not synced.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A flat folder of files. The seam where tests inject faults; everything else uses [`LocalDisk`].
///
/// What was written and then synced must survive a crash; so must names once
/// [`sync_names`](Disk::sync_names) returned. Anything else may or may not.
pub trait Disk: Send + Sync {
    /// Every file's name and length in bytes, in no order.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// A new, empty file for appending; an existing one of that name loses its content.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// An existing file, for cutting and syncing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// An existing file, for reading from its start.
    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;
    /// Removes a file; one that is not there is [`ErrorKind::NotFound`].
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations and removals so far survive a crash.
    fn sync_names(&self) -> io::Result<()>;
}

/// A file that only grows at its end or is cut.
pub trait DiskFile: Send {
    /// Writes all of `bytes` at the end. After an error some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes the content and length so far survive a crash.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to its first `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

const LOCK: &str = "lock";

/// A folder of the file system, locked against a second opener for as long as this lives.
#[derive(Debug)]
pub struct LocalDisk {
    dir: PathBuf,
    _lock: File,
}

impl LocalDisk {
    /// Opens `dir`, and creates it where it is missing.
    ///
    /// # Errors
    /// [`Error::InUse`] while another process has it open, [`Error::Io`] or [`Error::Full`] when
    /// the file system refuses.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let lock = Self::make(dir).map_err(|error| Error::io("open", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { dir: dir.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", error)),
        }
    }

    fn make(dir: &Path) -> io::Result<File> {
        if !dir.is_dir() {
            std::fs::create_dir_all(dir)?;
            if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_folder(parent)?;
            }
        }
        private().create(true).append(true).open(dir.join(LOCK))
    }
}

/// Records hold what people said to models: only the server's own user may read them.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Disk for LocalDisk {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            if let (Ok(name), true) =
                (entry.file_name().into_string(), entry.file_type()?.is_file())
            {
                files.push((name, entry.metadata()?.len()));
            }
        }
        Ok(files)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = private().create(true).append(true).open(self.dir.join(name))?;
        file.set_len(0)?;
        Ok(Box::new(LocalFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(LocalFile(private().append(true).open(self.dir.join(name))?)))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.dir.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.dir)
    }
}

struct LocalFile(File);

impl DiskFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}

/// Removes `name`; that it is gone already is as good.
pub(crate) fn remove_if_there(disk: &dyn Disk, name: &str) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}
