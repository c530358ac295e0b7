//! A disk in memory that keeps what was synced and may forget the rest.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Error, ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use wal::{Disk, DiskFile};

#[derive(Clone, Default)]
pub(crate) struct ForgetfulDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Bytes that all files together may have.
    room: Option<usize>,
    /// Changes until the power goes.
    power: Option<u64>,
    failing_syncs: u32,
    hold: bool,
    held: bool,
}

#[derive(Clone, Default)]
struct Content {
    live: Vec<u8>,
    synced: Vec<u8>,
    /// A sync failed: later ones succeed without keeping anything, as real kernels do.
    spoilt: bool,
}

/// Small and seeded: what a crash keeps is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Syncs stand still until this goes.
pub(crate) struct Held(ForgetfulDisk);

impl Held {
    pub(crate) fn wait_until_a_sync_is_held(&self) {
        let state = self.0.state();
        drop(self.0.0.changed.wait_while(state, |state| !state.held).unwrap());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().hold = false;
        self.0.0.changed.notify_all();
    }
}

impl ForgetfulDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Lets all files together grow to `room` bytes.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    /// Lets `changes` more changes pass; then everything fails, the last change half done.
    pub(crate) fn lose_power_after(&self, changes: u64) {
        self.state().power = Some(changes);
    }

    pub(crate) fn fail_next_sync(&self) {
        self.state().failing_syncs += 1;
    }

    pub(crate) fn hold(&self) -> Held {
        self.state().hold = true;
        Held(self.clone())
    }

    /// What a machine finds that was switched off now: names and bytes that were synced, and of
    /// the rest whatever `seed` says.
    pub(crate) fn crash(&self, seed: u64) -> Self {
        let state = self.state();
        let mut dice = Dice(seed);
        let mut names = state.durable_names.clone();
        for (name, id) in &state.names {
            if dice.below(2) == 0 {
                names.insert(name.clone(), *id);
            }
        }
        names.retain(|name, _| state.names.contains_key(name) || dice.below(2) == 0);
        let files = state.files.iter().map(|file| file.after_crash(&mut dice)).collect();
        let state = State { files, durable_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// The same files once more, every byte of them synced.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let settled = |file: &Content| Content { synced: file.live.clone(), ..file.clone() };
        let names = state.names.clone();
        let files = state.files.iter().map(settled).collect();
        let state = State { files, durable_names: names.clone(), names, ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Names and lengths, sorted.
    pub(crate) fn files(&self) -> Vec<(String, usize)> {
        let state = self.state();
        state.names.iter().map(|(name, id)| (name.clone(), state.files[*id].live.len())).collect()
    }

    /// Changes a file's bytes behind the log's back.
    pub(crate) fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let id = state.names[name];
        let file = &mut state.files[id];
        change(&mut file.live);
        file.synced = file.live.clone();
    }
}

impl Content {
    fn after_crash(&self, dice: &mut Dice) -> Self {
        let same = self.live.iter().zip(&self.synced).take_while(|(a, b)| a == b).count();
        let mut kept = self.synced.clone();
        if dice.below(3) > 0 {
            kept = self.live.clone();
            kept.truncate(same + dice.below(self.live.len() - same + 1));
            let torn = kept.len() - same;
            if torn > 0 && dice.below(2) == 0 {
                // The length reached the disk before a part of the bytes did.
                let from = same + dice.below(torn);
                let to = from + dice.below(kept.len() - from) + 1;
                kept[from..to].fill(0);
            }
            let lost = self.synced.len() > kept.len() && self.live.starts_with(&self.synced);
            assert!(!lost, "the double forgot synced bytes");
        }
        Self { live: kept.clone(), synced: kept, spoilt: false }
    }
}

impl State {
    /// Counts a change; the one at which the power goes fails, and all after it.
    fn change(&mut self) -> io::Result<()> {
        match &mut self.power {
            None => Ok(()),
            Some(0) => Err(Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn id(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Disk for ForgetfulDisk {
    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        Ok(self.files().into_iter().map(|(name, length)| (name, length as u64)).collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.change()?;
        let id = state.id(name).unwrap_or(state.files.len());
        if id == state.files.len() {
            state.files.push(Content::default());
            state.names.insert(name.to_owned(), id);
        }
        // Emptied and written anew, every page is dirty again: a failed sync before says nothing.
        state.files[id].live.clear();
        state.files[id].spoilt = false;
        Ok(Box::new(ForgetfulFile { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let id = self.state().id(name)?;
        Ok(Box::new(ForgetfulFile { disk: self.clone(), id }))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let state = self.state();
        let id = state.id(name)?;
        Ok(Box::new(Cursor::new(state.files[id].live.clone())))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.names.remove(name).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.durable_names = state.names.clone();
        Ok(())
    }
}

struct ForgetfulFile {
    disk: ForgetfulDisk,
    id: usize,
}

impl DiskFile for ForgetfulFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let used: usize = state.names.values().map(|id| state.files[*id].live.len()).sum();
        let room = state.room.map_or(usize::MAX, |room| room.saturating_sub(used));
        let power = state.change();
        let fits = match &power {
            Ok(()) => bytes.len().min(room),
            Err(_) => bytes.len() / 2,
        };
        state.files[self.id].live.extend_from_slice(&bytes[..fits]);
        power?;
        if fits < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.held = state.hold;
        self.disk.0.changed.notify_all();
        let mut state = self.disk.0.changed.wait_while(state, |state| state.hold).unwrap();
        state.held = false;
        state.change()?;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            state.files[self.id].spoilt = true;
            return Err(Error::other("the sync failed"));
        }
        let file = &mut state.files[self.id];
        if !file.spoilt {
            file.synced.clone_from(&file.live);
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let length = usize::try_from(length).unwrap();
        state.files[self.id].live.truncate(length);
        Ok(())
    }
}
