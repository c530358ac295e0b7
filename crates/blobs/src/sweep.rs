use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schema::OrgName;

use crate::address::Address;
use crate::error::Error;
use crate::store::{Blobs, Inner};

/// What one organisation had when the sweep began, without what has been named since. Dropped before its end, it
/// deletes nothing.
#[derive(Debug)]
pub struct Sweep {
    inner: Arc<Inner>,
    org: OrgName,
    unnamed: HashMap<Address, u64>,
}

/// What a sweep has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Blobs {
    /// Begins a sweep of an organisation's parts, one at a time: the one before is to be over.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sweep(&self, org: &OrgName) -> Result<Sweep, Error> {
        // First what is put from here on, then what is there: nothing is in neither.
        self.0.used().since = Some(HashSet::new());
        let inner = Arc::clone(&self.0);
        let mut sweep = Sweep { inner, org: org.clone(), unnamed: HashMap::new() };
        let mut stored = self.0.stored(org)?;
        let used = self.0.used();
        stored.retain(|(address, _)| !used.is_held(&(org.clone(), *address)));
        drop(used);
        sweep.unnamed.extend(stored);
        Ok(sweep)
    }
}

impl Sweep {
    /// The parts that a text names stay.
    pub fn names(&mut self, text: &str) {
        for address in Address::named_in(text) {
            self.unnamed.remove(&address);
        }
    }

    /// Whether there is nothing to be deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unnamed.is_empty()
    }

    /// Deletes what nobody has named. To be called when everything was named that could be seen after the beginning.
    ///
    /// # Errors
    /// When the disk refuses; what was deleted before stays deleted.
    pub fn finish(mut self) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        for (address, bytes) in std::mem::take(&mut self.unnamed) {
            let key = (self.org.clone(), address);
            // Under the lock: whoever puts it now finds it gone, and writes it.
            let used = self.inner.used();
            let put_since = used.since.as_ref().is_some_and(|since| since.contains(&key));
            if put_since || used.is_held(&key) {
                continue;
            }
            self.inner.remove(&key, bytes)?;
            swept.parts += 1;
            swept.bytes += bytes;
        }
        Ok(swept)
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        self.inner.used().since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Hold, Limits, Put};

    fn put(blobs: &Blobs, bytes: &[u8]) -> Hold {
        match blobs.put(&OrgName::first(), Address::of(bytes), bytes).expect("is stored") {
            Put::Stored(hold) => hold,
            other @ (Put::TooLarge | Put::NoRoom) => panic!("{other:?}"),
        }
    }

    fn is_there(blobs: &Blobs, bytes: &[u8]) -> bool {
        blobs.get(&OrgName::first(), Address::of(bytes)).expect("reads").is_some()
    }

    #[test]
    fn what_nobody_names_goes_and_what_is_on_its_way_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(dir.path().to_owned(), Limits::default()).expect("opens");
        let held = put(&blobs, b"held");
        for bytes in [&b"named"[..], b"unnamed", b"put again", b"forgotten"] {
            put(&blobs, bytes).release();
        }
        let mut sweep = blobs.sweep(&OrgName::first()).expect("begins");
        sweep.names(&format!("[\"{}\"]", Address::of(b"named")));
        // The row that names it may be seen too late for this sweep.
        put(&blobs, b"put again").release();
        put(&blobs, b"new").release();
        assert!(!sweep.is_empty());
        let swept = sweep.finish().expect("deletes");
        assert_eq!((swept.parts, swept.bytes), (2, 16));
        for bytes in [&b"held"[..], b"named", b"put again", b"new"] {
            assert!(is_there(&blobs, bytes));
        }
        assert!(!is_there(&blobs, b"unnamed") && !is_there(&blobs, b"forgotten"));
        assert_eq!((blobs.counts().parts, blobs.counts().removed), (4, 2));
        held.release();
        drop(blobs.sweep(&OrgName::first()).expect("begins"));
        assert_eq!(blobs.counts().parts, 4, "a sweep that is given up deletes nothing");
        let swept = blobs.sweep(&OrgName::first()).expect("begins").finish().expect("deletes");
        assert_eq!((swept.parts, blobs.counts().bytes), (4, 0));
        put(&blobs, b"unnamed").release();
        assert!(is_there(&blobs, b"unnamed"), "it can come again");
    }
}
