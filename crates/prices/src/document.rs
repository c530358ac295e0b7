//! A book as text, and the one that this program ships.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::row::Row;

/// The day on which the shipped prices were read.
pub const SHIPPED_AS_OF: &str = "2026-11-23";

/// Where the shipped prices come from.
pub const SHIPPED_SOURCE: &str =
    "litellm 1.109.1 (PyPI wheel) model_prices_and_context_window_backup.json";

const SHIPPED: &str = include_str!("../data/prices.json");

/// A book in the format `prices/1`, described in docs/prices.md.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    #[serde(rename = "format")]
    _format: Format,
    #[serde(default, rename = "unit")]
    _unit: Unit,
    as_of: Option<String>,
    source: Option<String>,
    #[serde(default, rename = "notes")]
    _notes: Vec<String>,
    #[serde(default)]
    pub(crate) provider_aliases: BTreeMap<String, Vec<String>>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Format {
    #[serde(rename = "prices/1")]
    One,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum Unit {
    #[default]
    #[serde(rename = "USD per 1,000,000 tokens")]
    DollarsPerMillion,
}

/// Why a text is no book.
#[derive(Debug, thiserror::Error)]
#[error("not a price book: {0}")]
pub struct DocumentError(#[from] serde_json::Error);

impl Document {
    /// Reads a book from JSON.
    ///
    /// # Errors
    /// With line and column, when the text is no book of this format.
    pub fn parse(json: &str) -> Result<Self, DocumentError> {
        Ok(serde_json::from_str(json)?)
    }

    /// A book of these rows.
    #[must_use]
    pub fn of_rows(rows: Vec<Row>) -> Self {
        Self {
            _format: Format::One,
            _unit: Unit::default(),
            as_of: None,
            source: None,
            _notes: Vec::new(),
            provider_aliases: BTreeMap::new(),
            rows,
        }
    }

    /// The same book with more rows at its end.
    #[must_use]
    pub fn with_rows(mut self, rows: Vec<Row>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The day on which the prices were read, as the book says it.
    #[must_use]
    pub fn as_of(&self) -> Option<&str> {
        self.as_of.as_deref()
    }

    /// Where the prices come from, as the book says it.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    pub(crate) fn shipped() -> Self {
        Self::parse(SHIPPED).expect("a test reads the shipped book")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_shipped_book_says_what_we_say_of_it() {
        let book = Document::shipped();
        assert_eq!(book.as_of(), Some(SHIPPED_AS_OF));
        assert_eq!(book.source(), Some(SHIPPED_SOURCE));
        assert_eq!(book.rows().len(), 2097);
        assert_eq!(book.provider_aliases.len(), 48);
    }

    #[test]
    fn every_row_has_the_normalised_name_of_its_id() {
        // Reading it checks that: a row with another name is refused.
        let given: serde_json::Value = serde_json::from_str(SHIPPED).expect("JSON");
        let rows = given["rows"].as_array().expect("rows");
        for row in rows {
            let id = row["id"].as_str().expect("an id");
            assert_eq!(row["norm"].as_str(), Some(crate::norm(id).as_str()), "{id}");
        }
    }

    #[test]
    fn what_is_no_book_is_refused_with_its_line() {
        let error = |json: &str| Document::parse(json).expect_err(json).to_string();
        assert!(error("{}").contains("missing field `format`"), "{}", error("{}"));
        assert!(error(r#"{"format":"prices/2","rows":[]}"#).contains("unknown variant `prices/2`"));
        assert!(
            error(r#"{"format":"prices/1","unit":"EUR","rows":[]}"#)
                .contains("unknown variant `EUR`")
        );
        let bad = "{\"format\":\"prices/1\",\n\"rows\":[\n{\"id\":\"a\",\"input\":1},\n{\"id\":\"b\",\"input\":-1}]}";
        assert!(
            error(bad).contains("-1 is no price") && error(bad).contains("line 4"),
            "{}",
            error(bad)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_book_or_an_error(text in ".{0,200}") {
            let _ = Document::parse(&text);
        }

        #[test]
        fn a_book_that_is_cut_anywhere_is_an_error(cut: proptest::sample::Index) {
            let whole = r#"{"format":"prices/1","provider_aliases":{"a":["b"]},"rows":[{"id":"x","input":0.5,"output":1}]}"#;
            prop_assert!(Document::parse(whole).is_ok());
            prop_assert!(Document::parse(&whole[..cut.index(whole.len())]).is_err());
        }
    }
}
