//! The ids of recent spans, so that one that is sent twice is stored once.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use schema::Table;

/// What a span of a table is known by: 128 bits that two spans share as good as never, made with secrets of this run so
/// that nobody can send two that do. Two thirds of what the ids themselves would take, and there are millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanKey(u128);

impl Hash for SpanKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        #[expect(clippy::cast_possible_truncation, reason = "each half is as good as the other")]
        state.write_u64(self.0 as u64);
    }
}

/// Takes a key's own bits: they are a keyed hash already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }
}

type Keys = HashSet<SpanKey, BuildHasherDefault<AsIs>>;

/// Makes the keys of one table's spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanKeys(u64);

impl SpanKeys {
    pub(crate) fn of(table: &Table) -> Self {
        Self(secrets().0.hash_one(table))
    }

    pub(crate) fn key(self, trace_id: [u8; 16], span_id: [u8; 8]) -> SpanKey {
        let (one, other) = secrets();
        let half = |secret: &RandomState, number: u8| {
            u128::from(secret.hash_one((number, self.0, trace_id, span_id)))
        };
        SpanKey(half(one, 1) << 64 | half(other, 2))
    }

    /// The key of a stored row, whose ids are hex text.
    pub(crate) fn of_row(self, row: &schema::Row) -> Option<SpanKey> {
        let trace_id = from_hex(row.text("trace_id")?)?;
        Some(self.key(trace_id, from_hex(row.text("span_id")?)?))
    }
}

fn secrets() -> &'static (RandomState, RandomState) {
    static SECRETS: LazyLock<(RandomState, RandomState)> =
        LazyLock::new(|| (RandomState::new(), RandomState::new()));
    &SECRETS
}

fn from_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A span of the batch is being stored at this moment, and may yet fail: nothing was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InFlight;

/// Remembers between `most` and twice `most` keys: when the young generation is full, the old one is forgotten.
#[derive(Debug)]
pub(crate) struct Recent {
    most: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    in_flight: Keys,
    young: Keys,
    old: Keys,
}

impl Recent {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    /// Takes the keys in; answers for each whether it is new. The new ones are in flight until they are
    /// [settled](Recent::settle) or [forgotten](Recent::forget).
    pub(crate) fn admit(&self, keys: &[SpanKey]) -> Result<Vec<bool>, InFlight> {
        let mut generations = self.lock();
        if keys.iter().any(|key| generations.in_flight.contains(key)) {
            return Err(InFlight);
        }
        let is_new = |key: &SpanKey| {
            let known = generations.young.contains(key) || generations.old.contains(key);
            !known && generations.in_flight.insert(*key)
        };
        Ok(keys.iter().map(is_new).collect())
    }

    /// The keys' spans are stored: from now on they are repeats.
    pub(crate) fn settle(&self, keys: &[SpanKey]) {
        let mut generations = self.lock();
        for key in keys {
            generations.in_flight.remove(key);
            generations.young.insert(*key);
        }
        if generations.young.len() >= self.most {
            generations.old = std::mem::take(&mut generations.young);
        }
    }

    /// The keys' spans were not stored after all.
    pub(crate) fn forget(&self, keys: &[SpanKey]) {
        let mut generations = self.lock();
        for key in keys {
            generations.in_flight.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use schema::OrgName;

    use super::*;

    fn key(n: u8) -> SpanKey {
        SpanKeys::of(&Table::traces(OrgName::first())).key([n; 16], [n; 8])
    }

    #[test]
    fn a_key_is_new_once_also_within_one_batch() {
        let recent = Recent::new(100);
        assert_eq!(recent.admit(&[key(1), key(2), key(1)]), Ok(vec![true, true, false]));
        recent.settle(&[key(1), key(2)]);
        assert_eq!(recent.admit(&[key(2), key(3)]), Ok(vec![false, true]));
    }

    #[test]
    fn a_repeat_of_what_is_in_flight_has_to_come_again() {
        let recent = Recent::new(100);
        recent.admit(&[key(1)]).expect("is new");
        assert_eq!(recent.admit(&[key(2), key(1)]), Err(InFlight));
        recent.forget(&[key(1)]);
        assert_eq!(
            recent.admit(&[key(2), key(1)]),
            Ok(vec![true, true]),
            "nothing of the refused batch stayed"
        );
    }

    #[test]
    fn the_oldest_keys_are_forgotten_at_the_bound() {
        let recent = Recent::new(2);
        for n in 0..4 {
            recent.settle(&[key(n)]);
        }
        assert_eq!(recent.admit(&[key(2), key(3), key(0)]), Ok(vec![false, false, true]));
    }

    #[test]
    fn the_same_span_in_two_streams_is_two_spans() {
        let other = Table::new(OrgName::first(), schema::Kind::Traces, "other");
        let recent = Recent::new(10);
        recent.settle(&[key(1)]);
        assert_eq!(recent.admit(&[SpanKeys::of(&other).key([1; 16], [1; 8])]), Ok(vec![true]));
    }

    #[test]
    fn a_stored_row_has_the_key_of_its_span() {
        let table = Table::traces(OrgName::first());
        let mut row = schema::Row::default();
        row.push(schema::Name::fixed("trace_id"), "01".repeat(16));
        row.push(schema::Name::fixed("span_id"), "ff".repeat(8));
        let keys = SpanKeys::of(&table);
        assert_eq!(keys.of_row(&row), Some(keys.key([1; 16], [0xff; 8])));
        row.set(schema::Name::fixed("span_id"), "xyz");
        assert_eq!(keys.of_row(&row), None);
    }
}
