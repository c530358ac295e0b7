use schema::OrgName;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::{Error, Metadata};

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Its name.
    pub name: OrgName,
    /// When it came into being, microseconds since 1970-01-01 UTC.
    pub created_us: i64,
}

/// Whether a call made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was not there before.
    Now,
    /// It was there already and is unchanged.
    Before,
}

impl Metadata {
    /// Makes sure that the organisation exists.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn ensure_org(&self, name: &OrgName, now_us: i64) -> Result<Created, Error> {
        let done = sqlx::query(
            "INSERT INTO orgs (name, created_us) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name.as_str())
        .bind(now_us)
        .execute(&self.pool)
        .await?;
        Ok(if done.rows_affected() == 1 { Created::Now } else { Created::Before })
    }

    /// All organisations, by name.
    ///
    /// # Errors
    /// When the database refuses or holds what is no organisation's name.
    pub async fn orgs(&self) -> Result<Vec<Org>, Error> {
        let rows = sqlx::query("SELECT name, created_us FROM orgs ORDER BY name")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(org).collect()
    }
}

fn org(row: &SqliteRow) -> Result<Org, Error> {
    Ok(Org {
        name: org_name(row.try_get("name")?, "orgs.name")?,
        created_us: row.try_get("created_us")?,
    })
}

pub(crate) fn org_name(stored: &str, column: &'static str) -> Result<OrgName, Error> {
    stored.parse().map_err(|_| Error::Damaged { column, value: stored.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_org_is_made_once_and_is_there_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        let store = Metadata::open(&path).await.expect("opens");
        let name: OrgName = "team-1".parse().expect("a name");
        assert_eq!(store.ensure_org(&name, 7).await.expect("stored"), Created::Now);
        assert_eq!(store.ensure_org(&name, 8).await.expect("stored"), Created::Before);
        store.close().await;
        let store = Metadata::open(&path).await.expect("opens again");
        assert_eq!(store.orgs().await.expect("read"), [Org { name, created_us: 7 }]);
    }

    #[tokio::test]
    async fn many_at_once_make_one_org() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Metadata::open(&dir.path().join("metadata.db")).await.expect("opens");
        let name: OrgName = "team".parse().expect("a name");
        let mut racers = tokio::task::JoinSet::new();
        for at in 0..20 {
            let (store, name) = (store.clone(), name.clone());
            racers.spawn(async move { store.ensure_org(&name, at).await });
        }
        let made = racers.join_all().await.into_iter().map(|made| made.expect("stored"));
        assert_eq!(made.filter(|made| *made == Created::Now).count(), 1);
    }
}
