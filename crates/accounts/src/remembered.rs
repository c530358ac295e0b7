use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

use crate::{Credentials, Error, Identity};

/// Credentials remembered at most; the one unused for longest makes room.
const CAPACITY: usize = 4_096;
/// How long credentials that proved right need not prove it again.
const MEMORY: Duration = Duration::from_secs(300);

/// Credentials under which an identity is remembered: a salted SHA-256, from which they cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

/// The credentials that proved right lately, and whose they are.
pub(crate) struct Remembered {
    salt: [u8; 32],
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Key, Entry>,
    era: Era,
}

struct Entry {
    identity: Arc<Identity>,
    until: Instant,
    used: Instant,
}

/// Counts how often everything was forgotten: what was looked up before is not remembered after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Era(u64);

impl Remembered {
    /// An empty memory with a salt of its own, so that how long a look-up takes says nothing about credentials.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut salt = [0; 32];
        OsRng.try_fill_bytes(&mut salt).map_err(Error::Randomness)?;
        Ok(Self { salt, inner: Mutex::default() })
    }

    pub(crate) fn key(&self, credentials: &Credentials) -> Key {
        let mut hash = Sha256::new_with_prefix(self.salt);
        match credentials {
            Credentials::Basic { user, password } => {
                hash.update([0]);
                hash.update(user.len().to_le_bytes());
                hash.update(user);
                hash.update(password.expose());
            }
            Credentials::Bearer(token) => {
                hash.update([1]);
                hash.update(token.expose());
            }
        }
        Key(hash.finalize().into())
    }

    pub(crate) fn get(&self, key: &Key, now: Instant) -> Option<Arc<Identity>> {
        let mut inner = self.lock();
        let entry = inner.entries.get_mut(key)?;
        if entry.until <= now {
            inner.entries.remove(key);
            return None;
        }
        entry.used = now;
        Some(Arc::clone(&entry.identity))
    }

    pub(crate) fn era(&self) -> Era {
        self.lock().era
    }

    /// Remembers the identity no longer than `at_most`, unless everything was forgotten since `era`.
    pub(crate) fn insert(
        &self,
        key: Key,
        identity: Arc<Identity>,
        now: Instant,
        at_most: Duration,
        era: Era,
    ) {
        let mut inner = self.lock();
        if inner.era != era {
            return;
        }
        if inner.entries.len() >= CAPACITY && !inner.entries.contains_key(&key) {
            inner.make_room(now);
        }
        inner.entries.insert(key, Entry { identity, until: now + at_most.min(MEMORY), used: now });
    }

    /// Forgets everything: after this call, nothing that was looked up before it opens anything.
    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.entries.clear();
        inner.era.0 += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under the lock can leave it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A pass over all entries: it comes with a look-up in the store that costs far more.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| entry.until > now);
        if self.entries.len() >= CAPACITY
            && let Some(oldest) =
                self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key)
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Orgs, Scopes, Secret};

    fn bearer(token: &str) -> Credentials {
        Credentials::Bearer(Secret::new(token.to_owned()))
    }

    fn identity() -> Arc<Identity> {
        Arc::new(Identity { subject: "a".to_owned(), orgs: Orgs::All, scopes: Scopes::ALL })
    }

    #[test]
    fn credentials_are_forgotten_when_their_time_is_over() {
        let memory = Remembered::new().expect("randomness");
        let (key, start) = (memory.key(&bearer("t")), Instant::now());
        memory.insert(key, identity(), start, Duration::from_secs(9), memory.era());
        assert!(memory.get(&key, start + Duration::from_secs(8)).is_some());
        assert!(memory.get(&key, start + Duration::from_secs(9)).is_none());
        memory.insert(key, identity(), start, Duration::MAX, memory.era());
        assert!(memory.get(&key, start + MEMORY).is_none());
        assert_eq!(memory.len(), 0);
    }

    #[test]
    fn what_was_looked_up_before_a_revocation_is_not_remembered_after_it() {
        let memory = Remembered::new().expect("randomness");
        let (key, start) = (memory.key(&bearer("t")), Instant::now());
        let era = memory.era();
        memory.clear();
        memory.insert(key, identity(), start, MEMORY, era);
        assert!(memory.get(&key, start).is_none());
    }

    #[test]
    fn the_one_unused_for_longest_makes_room() {
        let memory = Remembered::new().expect("randomness");
        let start = Instant::now();
        let keys: Vec<_> = (0..=CAPACITY).map(|n| memory.key(&bearer(&n.to_string()))).collect();
        for (n, key) in keys[..CAPACITY].iter().enumerate() {
            let now = start + Duration::from_micros(n as u64);
            memory.insert(*key, identity(), now, MEMORY, memory.era());
        }
        let later = start + Duration::from_secs(1);
        assert!(memory.get(&keys[0], later).is_some());
        memory.insert(keys[CAPACITY], identity(), later, MEMORY, memory.era());
        assert_eq!(memory.len(), CAPACITY);
        assert!(memory.get(&keys[0], later).is_some(), "used lately");
        assert!(memory.get(&keys[1], later).is_none(), "unused for longest");
    }

    #[test]
    fn the_key_tells_a_name_from_a_password() {
        let memory = Remembered::new().expect("randomness");
        let basic = |user: &str, password: &str| {
            memory.key(&Credentials::Basic {
                user: user.to_owned(),
                password: Secret::new(password.to_owned()),
            })
        };
        assert!(basic("ab", "c") != basic("a", "bc"));
        assert!(basic("", "c") != memory.key(&bearer("c")));
    }
}
