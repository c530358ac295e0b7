//! The operator's own prices.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prices::{Document, Row, Shelf};
use serde::Deserialize;
use tariffs::RepricerConfig;

use super::Checker;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPrices {
    file: Option<PathBuf>,
    row: Vec<Row>,
    pub(super) most_overrides: usize,
    pub(super) undo_days: f64,
    pub(super) preview_timeout_s: f64,
}

impl Default for RawPrices {
    fn default() -> Self {
        Self {
            file: None,
            row: Vec::new(),
            most_overrides: 1_000,
            undo_days: 30.0,
            preview_timeout_s: 60.0,
        }
    }
}

impl RawPrices {
    /// The operator's own prices, from a file and from this one, before the shipped book.
    pub(super) fn checked(&self, problems: &mut Vec<String>) -> Arc<Shelf> {
        let document = match self.file.as_deref().map(read_book) {
            None => Document::of_rows(Vec::new()),
            Some(Ok(document)) => document,
            Some(Err(problem)) => {
                problems.push(format!("prices.file: {problem}"));
                return Arc::new(Shelf::shipped());
            }
        };
        let shelf =
            Shelf::new(Some(document.with_rows(self.row.clone()))).unwrap_or_else(|error| {
                problems.push(format!("prices: {error}"));
                Shelf::shipped()
            });
        Arc::new(shelf)
    }
}

impl Checker<'_> {
    pub(super) fn repricer(&mut self, raw: &RawPrices) -> RepricerConfig {
        let undo_for = self.seconds("prices.undo_days", raw.undo_days * 86_400.0);
        let preview_timeout = self.seconds("prices.preview_timeout_s", raw.preview_timeout_s);
        RepricerConfig { undo_for: (!undo_for.is_zero()).then_some(undo_for), preview_timeout }
    }
}

/// A price book from a file: TOML if it is called so, else JSON. What is wrong is said with its line.
fn read_book(path: &Path) -> Result<Document, String> {
    let place = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| place(&error))?;
    if path.extension().is_some_and(|ending| ending == "toml") {
        toml::from_str(&text).map_err(|error| place(&error))
    } else {
        Document::parse(&text).map_err(|error| place(&error))
    }
}
