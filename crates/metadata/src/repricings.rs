use schema::OrgName;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::orgs::org_name;
use crate::{Error, Metadata};

/// A re-pricing that was asked for, in the words of whoever does it. It stays when it has ended: it is its own audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repricing {
    /// Its name; names sort by the time they were given.
    pub id: String,
    /// Whose calls it is about.
    pub org: OrgName,
    /// Whether nothing more will be done.
    pub ended: bool,
    /// All about it, as text that only its owner reads.
    pub job: String,
}

impl Metadata {
    /// Stores a re-pricing, in place of what was stored of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the organisation does not exist.
    pub async fn put_repricing(&self, repricing: &Repricing) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO repricings (id, org, ended, job) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, job = excluded.job",
        )
        .bind(&repricing.id)
        .bind(repricing.org.as_str())
        .bind(repricing.ended)
        .bind(&repricing.job)
        .execute(&self.pool)
        .await
        .map_err(Error::storing("repricing"))?;
        Ok(())
    }

    /// The re-pricing of a name.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn repricing(&self, id: &str) -> Result<Option<Repricing>, Error> {
        let row = sqlx::query("SELECT * FROM repricings WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(repricing).transpose()
    }

    /// An organisation's re-pricings, the newest first, `most` at most.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn repricings(&self, org: &OrgName, most: u32) -> Result<Vec<Repricing>, Error> {
        let rows = sqlx::query("SELECT * FROM repricings WHERE org = ? ORDER BY id DESC LIMIT ?")
            .bind(org.as_str())
            .bind(most)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(repricing).collect()
    }

    /// The re-pricings of all organisations that have not ended, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn repricings_under_way(&self) -> Result<Vec<Repricing>, Error> {
        let rows = sqlx::query("SELECT * FROM repricings WHERE ended = 0 ORDER BY id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(repricing).collect()
    }
}

fn repricing(row: &SqliteRow) -> Result<Repricing, Error> {
    Ok(Repricing {
        id: row.try_get("id")?,
        org: org_name(row.try_get("org")?, "repricings.org")?,
        ended: row.try_get("ended")?,
        job: row.try_get("job")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn repricings_stay_when_they_have_ended_and_over_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        let store = Metadata::open(&path).await.expect("opens");
        let org = OrgName::first();
        let job = |id: &str, ended| Repricing {
            id: id.to_owned(),
            org: org.clone(),
            ended,
            job: format!("about {id}"),
        };
        let refused = store.put_repricing(&job("1", false)).await;
        assert!(matches!(refused, Err(Error::Conflict { what: "repricing" })), "no organisation");
        store.ensure_org(&org, 0).await.expect("stored");
        for (id, ended) in [("2", false), ("1", false), ("3", false), ("1", true)] {
            store.put_repricing(&job(id, ended)).await.expect("stored");
        }
        store.close().await;
        let store = Metadata::open(&path).await.expect("opens again");
        let (one, two, three) = (job("1", true), job("2", false), job("3", false));
        let under_way = store.repricings_under_way().await.expect("read");
        assert_eq!(under_way, [two.clone(), three.clone()]);
        assert_eq!(store.repricings(&org, 2).await.expect("read"), [three, two]);
        assert_eq!(store.repricings(&"b".parse().expect("a name"), 9).await.expect("read"), []);
        assert_eq!(store.repricing("1").await.expect("read"), Some(one));
        assert_eq!(store.repricing("4").await.expect("read"), None);
    }
}
