use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use clock::SharedClock;
use metadata::{Created, Metadata, Price};
use prices::{Row, Shelf};
use schema::OrgName;
use tasks::{Stage, Tasks};
use tokio::sync::Mutex;

use crate::error::Error;

/// Keeps the organisations' own prices and puts them in force. Cheap to clone.
#[derive(Clone)]
pub struct Tariffs(Arc<Inner>);

struct Inner {
    store: Metadata,
    shelf: Arc<Shelf>,
    clock: SharedClock,
    tasks: Tasks,
    most: usize,
    /// What is stored, and on the shelf. Held while a change is made: one after the other.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    rows: BTreeMap<OrgName, BTreeMap<String, Override>>,
    /// Organisations whose prices stay as they are, and the job that they stay for.
    held: BTreeMap<OrgName, String>,
}

impl Kept {
    fn check_free(&self, org: &OrgName) -> Result<(), Error> {
        self.held.get(org).map_or(Ok(()), |id| Err(Error::UnderWay { id: id.clone() }))
    }
}

/// An organisation's own price.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The row; its key is the name under which it is stored.
    pub row: Row,
    /// When it was stored last, µs since 1970-01-01 UTC.
    pub changed_us: i64,
    /// Who stored it last.
    pub changed_by: String,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There is one price more.
    New,
    /// It stands in place of another.
    Replaced,
}

impl Tariffs {
    /// Puts what is stored on the shelf. A stored row that cannot be read any more is passed over with a warning.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn open(
        store: Metadata,
        shelf: Arc<Shelf>,
        clock: SharedClock,
        tasks: Tasks,
        most: usize,
    ) -> Result<Self, Error> {
        let mut kept = Kept::default();
        for Price { org, key, row, changed_us, changed_by } in store.prices().await? {
            match Row::parse(&row) {
                Ok(row) => {
                    let own = Override { row: row.with_key(&key), changed_us, changed_by };
                    kept.rows.entry(org).or_default().insert(key, own);
                }
                Err(error) => {
                    tracing::warn!(%org, key, %error, "a stored price cannot be read and counts for nothing")
                }
            }
        }
        for (org, rows) in &kept.rows {
            shelf.set(org, rows.values().map(|own| own.row.clone()).collect())?;
        }
        Ok(Self(Arc::new(Inner { store, shelf, clock, tasks, most, kept: Mutex::new(kept) })))
    }

    /// The books by which calls are priced.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// The organisation's own prices, by key.
    pub async fn list(&self, org: &OrgName) -> Vec<Override> {
        self.0
            .kept
            .lock()
            .await
            .rows
            .get(org)
            .map(|rows| rows.values().cloned().collect())
            .unwrap_or_default()
    }

    /// One of them.
    pub async fn get(&self, org: &OrgName, key: &str) -> Option<Override> {
        self.0.kept.lock().await.rows.get(org)?.get(key).cloned()
    }

    /// Stores a price from its JSON; when this answers, the next call is priced by it.
    ///
    /// # Errors
    /// When the key or the row is none, there are too many, a re-pricing is under way, or the store refuses.
    pub async fn put(
        &self,
        org: &OrgName,
        key: &str,
        json: &str,
        who: &str,
    ) -> Result<(Override, Written), Error> {
        if !is_key(key) {
            return Err(Error::BadKey);
        }
        let row = Row::parse(json).map_err(Error::BadRow)?;
        if let Some(inside) = row.own_key().filter(|inside| *inside != key) {
            return Err(Error::OtherKey { inside: inside.to_owned(), outside: key.to_owned() });
        }
        let own = Override {
            row: row.with_key(key),
            changed_us: self.0.clock.now().micros(),
            changed_by: who.to_owned(),
        };
        let (inner, org, key) = (Arc::clone(&self.0), org.clone(), key.to_owned());
        self.to_the_end(async move { inner.put(&org, &key, own).await }).await
    }

    /// Removes a price; whether there was one.
    ///
    /// # Errors
    /// When a re-pricing is under way, or the store refuses.
    pub async fn remove(&self, org: &OrgName, key: &str, who: &str) -> Result<bool, Error> {
        let (inner, org) = (Arc::clone(&self.0), org.clone());
        let (key, who) = (key.to_owned(), who.to_owned());
        self.to_the_end(async move { inner.remove(&org, &key, &who).await }).await
    }

    /// Keeps an organisation's prices as they are for a job, until they are [released](Self::release).
    pub(crate) async fn hold(&self, org: &OrgName, id: &str) -> Result<(), Error> {
        let mut kept = self.0.kept.lock().await;
        kept.check_free(org)?;
        kept.held.insert(org.clone(), id.to_owned());
        Ok(())
    }

    /// The job needs the prices no longer.
    pub(crate) async fn release(&self, org: &OrgName, id: &str) {
        let mut kept = self.0.kept.lock().await;
        if kept.held.get(org).is_some_and(|holder| holder == id) {
            kept.held.remove(org);
        }
    }

    /// Makes a change also when the caller goes away: what is stored has to be what is on the shelf.
    async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let changed = self.0.tasks.to_the_end(Stage::Ingest, "price-change", change);
        changed.await.unwrap_or(Err(Error::Stopping))
    }
}

impl Inner {
    async fn put(
        &self,
        org: &OrgName,
        key: &str,
        own: Override,
    ) -> Result<(Override, Written), Error> {
        let mut kept = self.kept.lock().await;
        kept.check_free(org)?;
        let rows = kept.rows.entry(org.clone()).or_default();
        if !rows.contains_key(key) && rows.len() >= self.most {
            return Err(Error::TooMany { limit: self.most });
        }
        let price = Price {
            org: org.clone(),
            key: key.to_owned(),
            row: own.row.to_json().to_string(),
            changed_us: own.changed_us,
            changed_by: own.changed_by.clone(),
        };
        let created = self.store.put_price(&price).await?;
        rows.insert(key.to_owned(), own.clone());
        self.shelf.set(org, rows.values().map(|own| own.row.clone()).collect())?;
        tracing::info!(%org, key, who = price.changed_by, row = price.row, "a price was put");
        let written = match created {
            Created::Now => Written::New,
            Created::Before => Written::Replaced,
        };
        Ok((own, written))
    }

    async fn remove(&self, org: &OrgName, key: &str, who: &str) -> Result<bool, Error> {
        let mut kept = self.kept.lock().await;
        kept.check_free(org)?;
        let removed = self.store.remove_price(org, key).await?;
        if let Some(rows) = kept.rows.get_mut(org) {
            rows.remove(key);
            self.shelf.set(org, rows.values().map(|own| own.row.clone()).collect())?;
        }
        if removed {
            tracing::info!(%org, key, who, "a price was removed");
        }
        Ok(removed)
    }
}

fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=100).contains(&key.len()) && key.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clock::{ManualClock, UnixNanos};
    use prices::{Call, Outcome, Quote, Tokens};

    use super::*;

    async fn open(folder: &Path) -> (Tariffs, Metadata) {
        let store = Metadata::open(&folder.join("metadata.db")).await.expect("opens");
        store.ensure_org(&OrgName::first(), 0).await.expect("stored");
        let clock = Arc::new(ManualClock::at(UnixNanos(7_000)));
        let shelf = Arc::new(Shelf::shipped());
        (Tariffs::open(store.clone(), shelf, clock, Tasks::new(), 2).await.expect("opens"), store)
    }

    /// What a call of a million input tokens of `m` costs.
    fn usd(tariffs: &Tariffs) -> Option<f64> {
        let tokens = Tokens { input: Some(1_000_000), output: Some(0), ..Tokens::default() };
        let call = Call { request_model: Some("m"), tokens, ..Call::default() };
        match Quote::of(&call, &tariffs.shelf().book(&OrgName::first())).outcome {
            Outcome::Priced(cost, _) => Some(cost.total().dollars()),
            Outcome::Reported(..) | Outcome::Estimated { .. } | Outcome::Unpriced(_) => None,
        }
    }

    const M: &str = r#"{"id":"m","input":2,"output":2}"#;

    #[tokio::test]
    async fn a_price_is_in_force_at_once_and_after_a_restart_until_it_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let org = OrgName::first();
        let (tariffs, store) = open(dir.path()).await;
        assert_eq!(usd(&tariffs), None);
        let (own, written) = tariffs.put(&org, "mine", M, "root").await.expect("put");
        assert_eq!((own.row.key().as_str(), own.changed_us, written), ("mine", 7, Written::New));
        assert_eq!(usd(&tariffs), Some(2.0));
        let dearer = r#"{"key":"mine","id":"m","input":3,"output":3}"#;
        assert_eq!(
            tariffs.put(&org, "mine", dearer, "root").await.expect("put").1,
            Written::Replaced
        );
        assert_eq!(usd(&tariffs), Some(3.0));
        store.close().await;

        let (tariffs, _store) = open(dir.path()).await;
        assert_eq!(usd(&tariffs), Some(3.0), "kept");
        assert_eq!(
            tariffs.get(&org, "mine").await.map(|own| own.changed_by).as_deref(),
            Some("root")
        );
        assert!(tariffs.remove(&org, "mine", "root").await.expect("removed"));
        assert_eq!(usd(&tariffs), None);
        assert!(!tariffs.remove(&org, "mine", "root").await.expect("nothing to remove"));
    }

    #[tokio::test]
    async fn what_is_no_price_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let org = OrgName::first();
        let (tariffs, _store) = open(dir.path()).await;
        tariffs.put(&org, "a", M, "root").await.expect("put");
        let put = |key: &'static str, json: &'static str| tariffs.put(&org, key, json, "root");
        assert!(matches!(put("a b", M).await, Err(Error::BadKey)));
        assert!(matches!(put("", M).await, Err(Error::BadKey)));
        assert!(matches!(put("a", "{}").await, Err(Error::BadRow(_))));
        assert!(matches!(
            put("b", r#"{"key":"c","id":"m","input":1}"#).await,
            Err(Error::OtherKey { .. })
        ));
        put("b", r#"{"id":"n","input":1}"#).await.expect("the second of two");
        assert!(matches!(put("c", M).await, Err(Error::TooMany { limit: 2 })));
        put("b", r#"{"id":"o","input":1}"#).await.expect("one in place of another is none more");
        assert_eq!(tariffs.list(&org).await.len(), 2);
        assert_eq!(usd(&tariffs), Some(2.0));
    }

    #[tokio::test]
    async fn a_stored_row_that_cannot_be_read_does_not_stop_the_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let (_, store) = open(dir.path()).await;
        let price = Price {
            org: OrgName::first(),
            key: "old".to_owned(),
            row: r#"{"format":"of old"}"#.to_owned(),
            changed_us: 0,
            changed_by: "root".to_owned(),
        };
        store.put_price(&price).await.expect("stored");
        let (tariffs, _store) = open(dir.path()).await;
        assert_eq!(tariffs.list(&OrgName::first()).await, []);
    }
}
