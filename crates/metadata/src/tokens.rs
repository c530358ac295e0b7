use schema::OrgName;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::orgs::org_name;
use crate::{Error, Metadata};

/// The SHA-256 of a token's secret.
pub type Digest = [u8; 32];

/// An access token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the token is called in lists; not secret.
    pub id: String,
    /// The SHA-256 of its secret.
    pub digest: Digest,
    /// The organisation that it opens.
    pub org: OrgName,
    /// What it allows, in the words of whoever stored it.
    pub scopes: String,
    /// What people call it.
    pub name: String,
    /// When it was made, microseconds since 1970-01-01 UTC.
    pub created_us: i64,
    /// From when on it opens nothing; `None` is never.
    pub expires_us: Option<i64>,
    /// When it was last seen; `None` is never.
    pub last_used_us: Option<i64>,
}

impl Metadata {
    /// Stores a new token.
    ///
    /// # Errors
    /// [`Error::Conflict`] when its id or digest is stored already or its organisation does not exist.
    pub async fn add_token(&self, token: &Token) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO tokens (id, digest, org, scopes, name, created_us, expires_us, last_used_us)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&token.id)
        .bind(token.digest.as_slice())
        .bind(token.org.as_str())
        .bind(&token.scopes)
        .bind(&token.name)
        .bind(token.created_us)
        .bind(token.expires_us)
        .bind(token.last_used_us)
        .execute(&self.pool)
        .await
        .map_err(Error::storing("token"))?;
        Ok(())
    }

    /// The token with that secret's digest.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn token_by_digest(&self, digest: &Digest) -> Result<Option<Token>, Error> {
        let row = sqlx::query("SELECT * FROM tokens WHERE digest = ?")
            .bind(digest.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(token).transpose()
    }

    /// The organisation's tokens, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn tokens(&self, org: &OrgName) -> Result<Vec<Token>, Error> {
        let rows = sqlx::query("SELECT * FROM tokens WHERE org = ? ORDER BY created_us DESC, id")
            .bind(org.as_str())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(token).collect()
    }

    /// How many tokens the organisation has.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn token_count(&self, org: &OrgName) -> Result<u64, Error> {
        let row = sqlx::query("SELECT count(*) AS n FROM tokens WHERE org = ?")
            .bind(org.as_str())
            .fetch_one(&self.pool)
            .await?;
        let count: i64 = row.try_get("n")?;
        Ok(count.unsigned_abs())
    }

    /// Notes when the token was last seen; a token that is gone stays gone.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn touch_token(&self, id: &str, now_us: i64) -> Result<(), Error> {
        sqlx::query("UPDATE tokens SET last_used_us = ? WHERE id = ?")
            .bind(now_us)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes the organisation's token of that id and says whether there was one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_token(&self, org: &OrgName, id: &str) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM tokens WHERE org = ? AND id = ?")
            .bind(org.as_str())
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

fn token(row: &SqliteRow) -> Result<Token, Error> {
    let digest: &[u8] = row.try_get("digest")?;
    let damaged =
        |_| Error::Damaged { column: "tokens.digest", value: format!("{} bytes", digest.len()) };
    Ok(Token {
        id: row.try_get("id")?,
        digest: digest.try_into().map_err(damaged)?,
        org: org_name(row.try_get("org")?, "tokens.org")?,
        scopes: row.try_get("scopes")?,
        name: row.try_get("name")?,
        created_us: row.try_get("created_us")?,
        expires_us: row.try_get("expires_us")?,
        last_used_us: row.try_get("last_used_us")?,
    })
}

#[cfg(test)]
mod tests {
    use fault::Class;

    use super::*;

    fn sample(id: &str, digest: u8) -> Token {
        Token {
            id: id.to_owned(),
            digest: [digest; 32],
            org: OrgName::first(),
            scopes: "read".to_owned(),
            name: "laptop".to_owned(),
            created_us: i64::from(digest),
            expires_us: None,
            last_used_us: None,
        }
    }

    async fn store(dir: &tempfile::TempDir) -> Metadata {
        let store = Metadata::open(&dir.path().join("metadata.db")).await.expect("opens");
        store.ensure_org(&OrgName::first(), 1).await.expect("stored");
        store
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_digest_until_it_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = store(&dir).await;
        store.add_token(&sample("t1", 1)).await.expect("stored");
        store.add_token(&sample("t2", 2)).await.expect("stored");
        store.touch_token("t1", 9).await.expect("stored");
        let found = store.token_by_digest(&[1; 32]).await.expect("read");
        assert_eq!(found, Some(Token { last_used_us: Some(9), ..sample("t1", 1) }));
        assert_eq!(store.token_by_digest(&[3; 32]).await.expect("read"), None);
        let ids = |tokens: Vec<Token>| tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
        assert_eq!(ids(store.tokens(&OrgName::first()).await.expect("read")), ["t2", "t1"]);
        assert_eq!(store.token_count(&OrgName::first()).await.expect("read"), 2);

        let other: OrgName = "other".parse().expect("a name");
        assert!(!store.remove_token(&other, "t1").await.expect("no such token there"));
        assert!(store.remove_token(&OrgName::first(), "t1").await.expect("removed"));
        assert_eq!(store.token_by_digest(&[1; 32]).await.expect("read"), None);
    }

    #[tokio::test]
    async fn the_same_secret_or_an_unknown_org_is_a_conflict() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = store(&dir).await;
        store.add_token(&sample("t1", 1)).await.expect("stored");
        let twice = store.add_token(&sample("t2", 1)).await.expect_err("stored already");
        let org = "nobody".parse().expect("a name");
        let homeless =
            store.add_token(&Token { org, ..sample("t3", 3) }).await.expect_err("no such org");
        assert_eq!([twice.fault().class, homeless.fault().class], [Class::Conflict; 2]);
    }
}
