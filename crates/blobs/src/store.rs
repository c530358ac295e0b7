use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::OrgName;

use crate::address::Address;
use crate::error::Error;
use crate::media;

/// Where parts are written before they have their name. No organisation's name begins with a dot.
const UNFINISHED: &str = ".unfinished";

/// Puts of one address wait for each other, and those of others seldom do.
const LANES: usize = 16;

/// How much may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one part.
    pub part_bytes: u64,
    /// Most bytes of all parts of all organisations together.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { part_bytes: 16 << 20, total_bytes: 16 << 30 }
    }
}

/// Binary parts, each kept once an organisation. Cheap to clone, every clone is the same store.
#[derive(Clone, Debug)]
pub struct Blobs(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    folder: PathBuf,
    limits: Limits,
    pub(crate) used: Mutex<Used>,
    lanes: [Mutex<()>; LANES],
    counters: Counters,
}

pub(crate) type Key = (OrgName, Address);

/// What no sweep may delete.
#[derive(Debug, Default)]
pub(crate) struct Used {
    held: HashMap<Key, usize>,
    /// What was put since the sweep began that is under way.
    pub(crate) since: Option<HashSet<Key>>,
}

impl Used {
    pub(crate) fn is_held(&self, key: &Key) -> bool {
        self.held.contains_key(key)
    }
}

#[derive(Debug, Default)]
struct Counters {
    parts: AtomicU64,
    bytes: AtomicU64,
    unfinished: AtomicU64,
    stored: AtomicU64,
    known: AtomicU64,
    too_large: AtomicU64,
    no_room: AtomicU64,
    removed: AtomicU64,
}

/// What is stored, and what became of parts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Parts that are stored.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Parts that were stored.
    pub stored: u64,
    /// Parts that were there already.
    pub known: u64,
    /// Parts that were longer than one may be.
    pub too_large: u64,
    /// Parts for which there was no room.
    pub no_room: u64,
    /// Parts that nobody named any more and that were deleted.
    pub removed: u64,
}

/// What became of a part.
#[derive(Debug)]
pub enum Put {
    /// It is stored, now or since before.
    Stored(Hold),
    /// It is longer than one may be.
    TooLarge,
    /// All parts together would be longer than they may be.
    NoRoom,
}

/// A part that is to stay: no sweep deletes it. Whoever drops a hold without releasing it, as in a panic, keeps the
/// part until the next start: there may be a row that names it and that nobody sees yet.
#[derive(Debug)]
#[must_use = "a hold that is not released keeps its part until the next start"]
pub struct Hold {
    inner: Arc<Inner>,
    key: Key,
}

impl Hold {
    /// The row that names the part can be seen, or there will be none.
    pub fn release(self) {
        let mut used = self.inner.used();
        if let Some(count) = used.held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                used.held.remove(&self.key);
            }
        }
    }
}

/// A part that is read.
#[derive(Debug)]
pub struct Blob {
    /// Its bytes, from the first on.
    pub file: File,
    /// How many there are.
    pub bytes: u64,
    /// What its first bytes say it is, if that is an image or sound that can be shown without harm.
    pub media_type: Option<&'static str>,
}

impl Blobs {
    /// Opens the store in `folder`, which is made if it is not there. What was not finished is deleted.
    ///
    /// # Errors
    /// When the folder cannot be made, read or synced.
    pub fn open(folder: PathBuf, limits: Limits) -> Result<Self, Error> {
        let unfinished = folder.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io(&unfinished)(error));
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&unfinished).map_err(Error::io(&unfinished))?;
        let inner = Inner {
            folder,
            limits,
            used: Mutex::default(),
            lanes: Default::default(),
            counters: Counters::default(),
        };
        for org in inner.orgs()? {
            for (_, bytes) in inner.stored(&org)? {
                inner.counters.parts.fetch_add(1, Ordering::Relaxed);
                inner.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            // A part may have its name only in memory: whoever finds it there counts on it.
            inner.sync(&inner.folder.join(org.as_str()))?;
        }
        inner.sync(&inner.folder)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Stores `bytes`, of which `address` is the address. When this answers, they are on disk.
    ///
    /// # Errors
    /// When the disk refuses; nothing was stored then.
    pub fn put(&self, org: &OrgName, address: Address, bytes: &[u8]) -> Result<Put, Error> {
        let (inner, counters) = (&*self.0, &self.0.counters);
        let len = bytes.len() as u64;
        if len > inner.limits.part_bytes {
            counters.too_large.fetch_add(1, Ordering::Relaxed);
            return Ok(Put::TooLarge);
        }
        // Before it is looked for: from here on no sweep deletes it.
        let hold = self.hold(org, address);
        let _lane =
            inner.lanes[address.modulo(LANES)].lock().unwrap_or_else(PoisonError::into_inner);
        let path = inner.path(org, address);
        match fs::metadata(&path).map(|found| found.len()) {
            Ok(found) if found == len => {
                counters.known.fetch_add(1, Ordering::Relaxed);
                return Ok(Put::Stored(hold));
            }
            // A damaged one is written anew.
            Ok(found) => inner.remove(&(org.clone(), address), found)?,
            Err(_) => {}
        }
        let room = |stored: u64| Some(stored + len).filter(|sum| *sum <= inner.limits.total_bytes);
        if counters.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            hold.release();
            counters.no_room.fetch_add(1, Ordering::Relaxed);
            return Ok(Put::NoRoom);
        }
        if let Err(error) = inner.write(org, &path, bytes) {
            counters.bytes.fetch_sub(len, Ordering::Relaxed);
            hold.release();
            return Err(error);
        }
        counters.parts.fetch_add(1, Ordering::Relaxed);
        counters.stored.fetch_add(1, Ordering::Relaxed);
        Ok(Put::Stored(hold))
    }

    fn hold(&self, org: &OrgName, address: Address) -> Hold {
        let key = (org.clone(), address);
        let mut used = self.0.used();
        *used.held.entry(key.clone()).or_default() += 1;
        if let Some(since) = &mut used.since {
            since.insert(key.clone());
        }
        Hold { inner: Arc::clone(&self.0), key }
    }

    /// A part of an organisation; `None` if it has none of that address.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn get(&self, org: &OrgName, address: Address) -> Result<Option<Blob>, Error> {
        let path = self.0.path(org, address);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        opened(file).map(Some).map_err(Error::io(&path))
    }

    /// The organisations that have parts.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn orgs(&self) -> Result<Vec<OrgName>, Error> {
        self.0.orgs()
    }

    /// What is stored, and what became of parts since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.0.counters;
        Counts {
            parts: read(&counters.parts),
            bytes: read(&counters.bytes),
            stored: read(&counters.stored),
            known: read(&counters.known),
            too_large: read(&counters.too_large),
            no_room: read(&counters.no_room),
            removed: read(&counters.removed),
        }
    }
}

fn opened(mut file: File) -> io::Result<Blob> {
    let mut head = Vec::new();
    (&file).take(16).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let bytes = file.metadata()?.len();
    Ok(Blob { file, bytes, media_type: media::sniff(&head) })
}

impl Inner {
    pub(crate) fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, org: &OrgName, address: Address) -> PathBuf {
        self.folder.join(org.as_str()).join(address.to_string())
    }

    fn orgs(&self) -> Result<Vec<OrgName>, Error> {
        let entries = fs::read_dir(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(entries
            .flatten()
            .filter_map(|entry| OrgName::from_str(entry.file_name().to_str()?).ok())
            .collect())
    }

    /// The parts of an organisation, and how long each is.
    pub(crate) fn stored(&self, org: &OrgName) -> Result<Vec<(Address, u64)>, Error> {
        let folder = self.folder.join(org.as_str());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(&folder)(error)),
        };
        let mut parts = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io(&folder))?;
            let Some(address) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let bytes = entry.metadata().map_err(Error::io(&folder))?.len();
            parts.push((address, bytes));
        }
        Ok(parts)
    }

    /// Writes a part under another name, has it on disk, and gives it its name.
    fn write(&self, org: &OrgName, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let number = self.counters.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(UNFINISHED).join(number.to_string());
        let written = self.write_as(org, &unfinished, path, bytes);
        if written.is_err() {
            // What is left of it goes at the next start at the latest.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn write_as(
        &self,
        org: &OrgName,
        unfinished: &Path,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let mut file = File::create_new(unfinished).map_err(Error::io(unfinished))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(unfinished))?;
        let folder = self.folder.join(org.as_str());
        if !folder.exists() {
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        fs::rename(unfinished, path).map_err(Error::io(path))?;
        let synced = self.sync(&folder).and_then(|()| self.sync(&self.folder));
        if synced.is_err() {
            // Else the next one would take it for stored.
            let _ = fs::remove_file(path);
        }
        synced
    }

    fn sync(&self, folder: &Path) -> Result<(), Error> {
        File::open(folder).and_then(|opened| opened.sync_all()).map_err(Error::io(folder))
    }

    /// Deletes a part. To be called while nobody can put it.
    pub(crate) fn remove(&self, (org, address): &Key, bytes: u64) -> Result<(), Error> {
        let path = self.path(org, *address);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io(&path)(error)),
        }
        self.counters.parts.fetch_sub(1, Ordering::Relaxed);
        self.counters.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.counters.removed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org() -> OrgName {
        OrgName::first()
    }

    fn put(blobs: &Blobs, bytes: &[u8]) -> Put {
        blobs.put(&org(), Address::of(bytes), bytes).expect("the disk takes it")
    }

    fn is_stored(put: Put) -> bool {
        match put {
            Put::Stored(hold) => {
                hold.release();
                true
            }
            Put::TooLarge | Put::NoRoom => false,
        }
    }

    fn read(blobs: &Blobs, org: &OrgName, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut blob = blobs.get(org, Address::of(bytes)).expect("the disk reads")?;
        let mut content = Vec::new();
        blob.file.read_to_end(&mut content).expect("it is there");
        assert_eq!(blob.bytes, content.len() as u64);
        Some(content)
    }

    #[test]
    fn a_part_is_stored_once_an_organisation_and_is_there_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = || Blobs::open(dir.path().join("blobs"), Limits::default()).expect("opens");
        let blobs = open();
        let png = b"\x89PNG\r\n\x1a\nrest";
        assert!(is_stored(put(&blobs, png)) && is_stored(put(&blobs, png)));
        assert_eq!(read(&blobs, &org(), png).as_deref(), Some(&png[..]));
        let other: OrgName = "other".parse().expect("a name");
        assert_eq!(read(&blobs, &other, png), None, "it is nobody else's");
        let counts = blobs.counts();
        assert_eq!((counts.parts, counts.bytes, counts.stored, counts.known), (1, 12, 1, 1));
        // What a crash has left unfinished is gone, and counts for nothing.
        fs::write(dir.path().join("blobs/.unfinished/7"), "half").expect("written");
        drop(blobs);
        let blobs = open();
        assert_eq!((blobs.counts().parts, blobs.counts().bytes), (1, 12));
        assert!(!dir.path().join("blobs/.unfinished/7").exists());
        assert_eq!(blobs.orgs().expect("read"), [org()]);
        let blob = blobs.get(&org(), Address::of(png)).expect("reads").expect("is there");
        assert_eq!(blob.media_type, Some("image/png"));
    }

    #[test]
    fn a_file_of_another_length_is_none_and_is_written_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(dir.path().to_owned(), Limits::default()).expect("opens");
        assert!(is_stored(put(&blobs, b"whole")));
        let path = dir.path().join("default").join(Address::of(b"whole").to_string());
        fs::write(&path, "who").expect("damaged");
        assert!(is_stored(put(&blobs, b"whole")));
        assert_eq!(fs::read(&path).expect("read"), b"whole");
    }

    #[test]
    fn parts_beyond_a_limit_are_not_stored() {
        let dir = tempfile::tempdir().expect("a folder");
        let limits = Limits { part_bytes: 10, total_bytes: 15 };
        let blobs = Blobs::open(dir.path().to_owned(), limits).expect("opens");
        assert!(matches!(put(&blobs, &[0; 11]), Put::TooLarge));
        assert!(is_stored(put(&blobs, &[1; 10])));
        assert!(matches!(put(&blobs, &[2; 6]), Put::NoRoom));
        assert!(is_stored(put(&blobs, &[3; 5])), "what fits is taken");
        assert!(is_stored(put(&blobs, &[1; 10])), "what is there needs no room");
        let counts = blobs.counts();
        assert_eq!((counts.bytes, counts.too_large, counts.no_room), (15, 1, 1));
        assert!(blobs.0.used().held.is_empty());
    }

    #[test]
    fn what_the_disk_refuses_takes_no_room() {
        let dir = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(dir.path().to_owned(), Limits::default()).expect("opens");
        // A file stands where the organisation's folder would be.
        fs::write(dir.path().join("default"), "").expect("written");
        assert!(blobs.put(&org(), Address::of(b"x"), b"x").is_err());
        assert_eq!(blobs.counts(), Counts::default());
        assert!(blobs.0.used().held.is_empty());
        assert_eq!(fs::read_dir(dir.path().join(UNFINISHED)).expect("read").count(), 0);
    }

    #[test]
    fn many_threads_store_one_part_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(dir.path().to_owned(), Limits::default()).expect("opens");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(is_stored(put(&blobs, &[7; 100_000]))));
            }
        });
        let counts = blobs.counts();
        assert_eq!((counts.parts, counts.stored, counts.known), (1, 1, 7));
        assert!(blobs.0.used().held.is_empty());
    }
}
