use schema::OrgName;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::orgs::org_name;
use crate::{Created, Error, Metadata};

/// A price of an organisation's own, in the words of whoever stored it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Whose price it is.
    pub org: OrgName,
    /// What it is called; one of each in an organisation.
    pub key: String,
    /// The price itself, as text that only its owner reads.
    pub row: String,
    /// When it was stored last, microseconds since 1970-01-01 UTC.
    pub changed_us: i64,
    /// Who stored it last.
    pub changed_by: String,
}

impl Metadata {
    /// Stores a price, in place of the one of that key.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the organisation does not exist.
    pub async fn put_price(&self, price: &Price) -> Result<Created, Error> {
        let mut transaction = self.pool.begin().await?;
        let before = sqlx::query("SELECT 1 FROM prices WHERE org = ? AND key = ?")
            .bind(price.org.as_str())
            .bind(&price.key)
            .fetch_optional(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO prices (org, key, row, changed_us, changed_by) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (org, key) DO UPDATE
             SET row = excluded.row, changed_us = excluded.changed_us, changed_by = excluded.changed_by",
        )
        .bind(price.org.as_str())
        .bind(&price.key)
        .bind(&price.row)
        .bind(price.changed_us)
        .bind(&price.changed_by)
        .execute(&mut *transaction)
        .await
        .map_err(Error::storing("price"))?;
        transaction.commit().await?;
        Ok(if before.is_some() { Created::Before } else { Created::Now })
    }

    /// Removes a price; whether there was one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_price(&self, org: &OrgName, key: &str) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM prices WHERE org = ? AND key = ?")
            .bind(org.as_str())
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The prices of all organisations, by organisation and key.
    ///
    /// # Errors
    /// When the database refuses or holds what is no organisation's name.
    pub async fn prices(&self) -> Result<Vec<Price>, Error> {
        let rows =
            sqlx::query("SELECT * FROM prices ORDER BY org, key").fetch_all(&self.pool).await?;
        rows.iter().map(price).collect()
    }
}

fn price(row: &SqliteRow) -> Result<Price, Error> {
    Ok(Price {
        org: org_name(row.try_get("org")?, "prices.org")?,
        key: row.try_get("key")?,
        row: row.try_get("row")?,
        changed_us: row.try_get("changed_us")?,
        changed_by: row.try_get("changed_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(org: &str, key: &str, row: &str) -> Price {
        Price {
            org: org.parse().expect("a name"),
            key: key.to_owned(),
            row: row.to_owned(),
            changed_us: 7,
            changed_by: "root".to_owned(),
        }
    }

    #[tokio::test]
    async fn prices_are_kept_by_organisation_and_key() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        let store = Metadata::open(&path).await.expect("opens");
        let (a, b) = (price("a", "k", "1"), price("b", "k", "2"));
        assert!(
            matches!(store.put_price(&a).await, Err(Error::Conflict { what: "price" })),
            "no such organisation"
        );
        for org in [&a.org, &b.org] {
            store.ensure_org(org, 0).await.expect("stored");
        }
        assert_eq!(store.put_price(&b).await.expect("stored"), Created::Now);
        assert_eq!(store.put_price(&a).await.expect("stored"), Created::Now);
        let newer = price("a", "k", "3");
        assert_eq!(store.put_price(&newer).await.expect("stored"), Created::Before);
        store.close().await;
        let store = Metadata::open(&path).await.expect("opens again");
        assert_eq!(store.prices().await.expect("read"), [newer.clone(), b.clone()]);
        assert!(store.remove_price(&a.org, "k").await.expect("removed"));
        assert!(!store.remove_price(&a.org, "k").await.expect("nothing to remove"));
        assert_eq!(store.prices().await.expect("read"), [b]);
    }
}
