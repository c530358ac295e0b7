use schema::OrgName;
use sqlx::Row as _;

use crate::orgs::org_name;
use crate::{Created, Error, Metadata};

/// A privacy setting of an organisation's, in the words of whoever stored it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacySetting {
    /// Whose setting it is.
    pub org: OrgName,
    /// The stream that it is for; empty for all of the organisation.
    pub stream: String,
    /// The setting itself, as text that only its owner reads.
    pub setting: String,
    /// When it was stored last, microseconds since 1970-01-01 UTC.
    pub changed_us: i64,
    /// Who stored it last.
    pub changed_by: String,
}

impl Metadata {
    /// Stores a setting, in place of the one for that stream.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the organisation does not exist.
    pub async fn put_privacy(&self, new: &PrivacySetting) -> Result<Created, Error> {
        let mut transaction = self.pool.begin().await?;
        let before = sqlx::query("SELECT 1 FROM privacy WHERE org = ? AND stream = ?")
            .bind(new.org.as_str())
            .bind(&new.stream)
            .fetch_optional(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO privacy (org, stream, setting, changed_us, changed_by) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (org, stream) DO UPDATE
             SET setting = excluded.setting, changed_us = excluded.changed_us, changed_by = excluded.changed_by",
        )
        .bind(new.org.as_str())
        .bind(&new.stream)
        .bind(&new.setting)
        .bind(new.changed_us)
        .bind(&new.changed_by)
        .execute(&mut *transaction)
        .await
        .map_err(Error::storing("privacy setting"))?;
        transaction.commit().await?;
        Ok(if before.is_some() { Created::Before } else { Created::Now })
    }

    /// Removes a setting; whether there was one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_privacy(&self, org: &OrgName, stream: &str) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM privacy WHERE org = ? AND stream = ?")
            .bind(org.as_str())
            .bind(stream)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The settings of all organisations, by organisation and stream.
    ///
    /// # Errors
    /// When the database refuses or holds what is no organisation's name.
    pub async fn privacy(&self) -> Result<Vec<PrivacySetting>, Error> {
        let rows =
            sqlx::query("SELECT * FROM privacy ORDER BY org, stream").fetch_all(&self.pool).await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(PrivacySetting {
                org: org_name(row.try_get("org")?, "privacy.org")?,
                stream: row.try_get("stream")?,
                setting: row.try_get("setting")?,
                changed_us: row.try_get("changed_us")?,
                changed_by: row.try_get("changed_by")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settings_are_kept_by_organisation_and_stream() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("metadata.db");
        let store = Metadata::open(&path).await.expect("opens");
        let set = |org: &str, stream: &str, setting: &str| PrivacySetting {
            org: org.parse().expect("a name"),
            stream: stream.to_owned(),
            setting: setting.to_owned(),
            changed_us: 7,
            changed_by: "root".to_owned(),
        };
        let (of_org, of_stream) = (set("a", "", "1"), set("a", "s", "2"));
        let refused = store.put_privacy(&of_org).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "no such organisation");
        store.ensure_org(&of_org.org, 0).await.expect("stored");
        assert_eq!(store.put_privacy(&of_stream).await.expect("stored"), Created::Now);
        assert_eq!(store.put_privacy(&of_org).await.expect("stored"), Created::Now);
        let newer = set("a", "", "3");
        assert_eq!(store.put_privacy(&newer).await.expect("stored"), Created::Before);
        store.close().await;
        let store = Metadata::open(&path).await.expect("opens again");
        assert_eq!(store.privacy().await.expect("read"), [newer, of_stream.clone()]);
        assert!(store.remove_privacy(&of_org.org, "").await.expect("removed"));
        assert!(!store.remove_privacy(&of_org.org, "").await.expect("nothing to remove"));
        assert_eq!(store.privacy().await.expect("read"), [of_stream]);
    }
}
