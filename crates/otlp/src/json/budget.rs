//! A bound on the memory that a JSON body's lists may take, kept while serde reads it.
//!
//! `{}` is a whole span: three bytes on the wire, some 300 in memory. Every list field of the request
//! goes through [`list`], which takes the element's size from the budget of the current [`within`].

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::DecodeError;

thread_local! {
    // serde gives a field's reader no way to carry state; a reader runs on one thread from start to end.
    static LEFT: Cell<usize> = const { Cell::new(0) };
    static SPENT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read` with a budget of `bytes` for its lists.
pub(super) fn within<T>(
    bytes: usize,
    read: impl FnOnce() -> serde_json::Result<T>,
) -> Result<T, DecodeError> {
    LEFT.set(bytes);
    SPENT.set(false);
    read().map_err(|error| {
        if SPENT.get() { DecodeError::TooMany { max_bytes: bytes } } else { error.into() }
    })
}

fn take<E: Error>(bytes: usize) -> Result<(), E> {
    let Some(left) = LEFT.get().checked_sub(bytes) else {
        SPENT.set(true);
        return Err(E::custom("too many elements"));
    };
    LEFT.set(left);
    Ok(())
}

/// Reads a list field; `null` is an empty list.
pub(super) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(element) = elements.next_element()? {
                // Twice: once as it is read, once as it is moved over.
                take(2 * size_of::<T>())?;
                all.push(element);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(List(PhantomData))
}
