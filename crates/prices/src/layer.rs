//! A book's rows from one origin, found by name.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use crate::provider::Providers;
use crate::row::Row;

/// Who wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// The organisation, through the API.
    Org,
    /// The operator, in a file.
    File,
    /// This program ships it.
    Shipped,
}

impl LayerKind {
    /// The kind's name in answers and in the column `llm_price_row`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::File => "file",
            Self::Shipped => "shipped",
        }
    }
}

/// Why rows cannot stand in one book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two rows have the key {key:?}; give each a `key` of its own")]
pub struct LayerError {
    key: String,
}

/// Rows of one origin.
pub(crate) struct Layer {
    pub(crate) kind: LayerKind,
    pub(crate) rows: Vec<Row>,
    /// The canonical name of each row's provider.
    providers: Vec<Option<Arc<str>>>,
    by_hub: Places,
    by_id: Places,
    by_short_id: Places,
    by_norm: Places,
    /// Rows with a pattern, those that say most first, then rows for all models of an endpoint.
    pub(crate) wide: Vec<usize>,
    /// Worked out when it is first asked for.
    digest: OnceLock<[u8; 32]>,
}

type Places = HashMap<String, Vec<usize>>;

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layer({}, {} rows)", self.kind.as_str(), self.rows.len())
    }
}

impl Layer {
    pub(crate) fn new(
        kind: LayerKind,
        rows: Vec<Row>,
        names: &Providers,
    ) -> Result<Self, LayerError> {
        let mut keys = HashSet::with_capacity(rows.len());
        for row in &rows {
            if !keys.insert(row.key()) {
                return Err(LayerError { key: row.key() });
            }
        }
        let places = |name: fn(&Row) -> Option<String>| {
            let mut places = Places::new();
            for (at, row) in rows.iter().enumerate() {
                if let Some(name) = name(row) {
                    places.entry(name).or_default().push(at);
                }
            }
            places
        };
        let mut wide: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].id().is_none()).collect();
        wide.sort_by_key(|at| {
            std::cmp::Reverse(rows[*at].pattern().map(crate::pattern::Pattern::literal))
        });
        Ok(Self {
            kind,
            providers: rows
                .iter()
                .map(|row| row.provider().map(|name| names.canonical(name)))
                .collect(),
            by_hub: places(|row| row.hub_id().map(str::to_lowercase)),
            by_id: places(|row| row.id().map(str::to_owned)),
            by_short_id: places(|row| row.short_id().map(str::to_owned)),
            by_norm: places(|row| row.norm().map(str::to_owned)),
            wide,
            rows,
            digest: OnceLock::new(),
        })
    }

    /// The same for the same rows in the same order, and for no others.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.digest.get_or_init(|| {
            let mut digest = Sha256::new_with_prefix(self.kind.as_str());
            for row in &self.rows {
                digest.update(row.to_json().to_string());
                digest.update(b"\n");
            }
            digest.finalize().into()
        })
    }

    /// The canonical name of a row's provider.
    pub(crate) fn provider(&self, at: usize) -> Option<&Arc<str>> {
        self.providers[at].as_ref()
    }

    /// Rows of a model on the Hugging Face Hub, whose id is in lower case.
    pub(crate) fn of_hub(&self, hub_id: &str) -> &[usize] {
        places(&self.by_hub, hub_id)
    }

    /// Rows of that very id.
    pub(crate) fn of_id(&self, id: &str) -> &[usize] {
        places(&self.by_id, id)
    }

    /// Rows of that id behind its provider segment.
    pub(crate) fn of_short_id(&self, id: &str) -> &[usize] {
        places(&self.by_short_id, id)
    }

    /// Rows of a normalised name.
    pub(crate) fn of_norm(&self, norm: &str) -> &[usize] {
        places(&self.by_norm, norm)
    }
}

fn places<'a>(places: &'a Places, name: &str) -> &'a [usize] {
    places.get(name).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_need_keys_of_their_own() {
        let row = |json: &str| Row::parse(json).expect(json);
        let rows = vec![row(r#"{"id":"a","input":1}"#), row(r#"{"key":"a","id":"b","input":1}"#)];
        let error = Layer::new(LayerKind::Org, rows, &Providers::default()).expect_err("one key");
        assert!(error.to_string().contains("\"a\""));
    }

    #[test]
    fn patterns_that_say_more_come_first() {
        let row = |json: &str| Row::parse(json).expect(json);
        let rows = vec![
            row(r#"{"endpoint":"e","input":1}"#),
            row(r#"{"pattern":"*","input":1}"#),
            row(r#"{"pattern":"my-org/*","input":1}"#),
            row(r#"{"id":"x","input":1}"#),
        ];
        let layer = Layer::new(LayerKind::Org, rows, &Providers::default()).expect("a layer");
        assert_eq!(layer.wide, [2, 1, 0]);
    }
}
