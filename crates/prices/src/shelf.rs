//! The book of each organisation.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use schema::OrgName;

use crate::book::{Book, SHIPPED};
use crate::document::Document;
use crate::layer::{Layer, LayerError, LayerKind};
use crate::provider::Providers;
use crate::row::Row;

/// Books by organisation, swapped while calls are priced: a call is priced by the book that it found.
#[derive(Debug)]
pub struct Shelf {
    below: Vec<Arc<Layer>>,
    providers: Arc<Providers>,
    /// The book of every organisation without rows of its own.
    common: Arc<Book>,
    own: RwLock<HashMap<OrgName, Arc<Book>>>,
}

impl Shelf {
    /// A shelf with the shipped book, and the operator's rows above it.
    ///
    /// # Errors
    /// When two rows of the operator have one key.
    pub fn new(file: Option<Document>) -> Result<Self, LayerError> {
        let (shipped, names) = &*SHIPPED;
        let mut below = vec![Arc::clone(shipped)];
        let mut providers = names.clone();
        if let Some(file) = file {
            providers = providers.with(&file.provider_aliases);
            below.insert(0, Arc::new(Layer::new(LayerKind::File, file.rows, &providers)?));
        }
        let providers = Arc::new(providers);
        let common = Arc::new(Book::new(below.clone(), Arc::clone(&providers)));
        Ok(Self { below, providers, common, own: RwLock::default() })
    }

    /// A shelf with the shipped book alone.
    #[must_use]
    pub fn shipped() -> Self {
        Self::new(None).expect("no rows of an operator, no keys that clash")
    }

    /// The organisation's book as it is now.
    #[must_use]
    pub fn book(&self, org: &OrgName) -> Arc<Book> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(own.get(org).unwrap_or(&self.common))
    }

    /// Replaces the organisation's own rows; the next call is priced by them.
    ///
    /// # Errors
    /// When two rows have one key; then the old rows stay.
    pub fn set(&self, org: &OrgName, rows: Vec<Row>) -> Result<(), LayerError> {
        if rows.is_empty() {
            self.own.write().unwrap_or_else(PoisonError::into_inner).remove(org);
            return Ok(());
        }
        let mut layers = vec![Arc::new(Layer::new(LayerKind::Org, rows, &self.providers)?)];
        layers.extend(self.below.iter().cloned());
        let book = Arc::new(Book::new(layers, Arc::clone(&self.providers)));
        self.own.write().unwrap_or_else(PoisonError::into_inner).insert(org.clone(), book);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Call, Tokens};
    use crate::quote::{Outcome, Quote};

    fn row(json: &str) -> Row {
        Row::parse(json).expect(json)
    }

    /// What a call of a million input tokens costs in an organisation.
    fn usd(shelf: &Shelf, org: &str, model: &str) -> Option<f64> {
        let tokens = Tokens { input: Some(1_000_000), output: Some(0), ..Tokens::default() };
        let call = Call { request_model: Some(model), tokens, ..Call::default() };
        match Quote::of(&call, &shelf.book(&org.parse().expect("a name"))).outcome {
            Outcome::Priced(cost, _) => Some(cost.total().dollars()),
            Outcome::Reported(..) | Outcome::Estimated { .. } | Outcome::Unpriced(_) => None,
        }
    }

    #[test]
    fn an_organisation_s_rows_stand_before_the_operator_s_and_those_before_the_shipped() {
        let file = vec![
            row(r#"{"id":"house-model","input":3}"#),
            row(r#"{"id":"gpt-4o","input":4,"output":4}"#),
        ];
        let shelf = Shelf::new(Some(Document::of_rows(file))).expect("a shelf");
        assert_eq!(usd(&shelf, "a", "house-model"), Some(3.0));
        assert_eq!(usd(&shelf, "a", "gpt-4o"), Some(4.0), "not the shipped 2.50");
        let a = "a".parse().expect("a name");
        shelf.set(&a, vec![row(r#"{"id":"house-model","input":7}"#)]).expect("swapped");
        assert_eq!(usd(&shelf, "a", "house-model"), Some(7.0));
        assert_eq!(
            usd(&shelf, "b", "house-model"),
            Some(3.0),
            "another organisation's book is untouched"
        );
        assert_eq!(
            usd(&shelf, "a", "gpt-4o"),
            Some(4.0),
            "what the own rows do not know is asked below"
        );
        shelf.set(&a, Vec::new()).expect("taken away");
        assert_eq!(usd(&shelf, "a", "house-model"), Some(3.0));
    }

    #[test]
    fn a_book_s_version_tells_its_rows_and_nothing_else() {
        let org = OrgName::first();
        let version = |rows: &[&str]| {
            let shelf = Shelf::shipped();
            shelf.set(&org, rows.iter().map(|json| row(json)).collect()).expect("swapped");
            shelf.book(&org).version()
        };
        let (a, b) = (r#"{"id":"m","input":1}"#, r#"{"id":"m","input":2}"#);
        assert_eq!(version(&[a]), version(&[a]));
        assert_eq!(version(&[]), Book::shipped().version());
        let with_file = Shelf::new(Some(Document::of_rows(vec![row(a)]))).expect("a shelf");
        let aliases =
            r#"{"format":"prices/1","provider_aliases":{"acme":["*.acme.example"]},"rows":[]}"#;
        let aliases = Shelf::new(Some(Document::parse(aliases).expect("a book"))).expect("a shelf");
        let mut all = vec![version(&[]), version(&[a]), version(&[b])];
        all.extend([with_file.book(&org).version(), aliases.book(&org).version()]);
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
    }

    #[test]
    fn rows_that_clash_change_nothing() {
        let shelf = Shelf::shipped();
        let org = OrgName::first();
        shelf.set(&org, vec![row(r#"{"id":"m","input":1}"#)]).expect("swapped");
        let twice = vec![row(r#"{"id":"m","input":2}"#), row(r#"{"id":"m","input":3}"#)];
        assert!(shelf.set(&org, twice).is_err());
        assert_eq!(usd(&shelf, "default", "m"), Some(1.0));
    }

    #[test]
    fn an_operator_s_aliases_name_providers() {
        let json = r#"{"format":"prices/1","provider_aliases":{"acme":["acme-cloud","*.acme.example"]},
            "rows":[{"id":"m","provider":"acme-cloud","input":2}]}"#;
        let shelf = Shelf::new(Some(Document::parse(json).expect("a book"))).expect("a shelf");
        let tokens = Tokens { input: Some(1), output: Some(0), ..Tokens::default() };
        let call = Call {
            request_model: Some("m"),
            host: Some("eu.acme.example"),
            tokens,
            ..Call::default()
        };
        let quote = Quote::of(&call, &shelf.book(&OrgName::first()));
        assert_eq!(
            quote.serving.map(|serving| serving.provider.to_string()).as_deref(),
            Some("acme")
        );
        assert!(matches!(quote.outcome, Outcome::Priced(..)));
    }
}
