use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::{Error, Metadata};

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one login that owns the installation.
    Root,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
        }
    }

    fn parse(stored: &str) -> Result<Self, Error> {
        match stored {
            "root" => Ok(Self::Root),
            other => Err(Error::Damaged { column: "users.role", value: other.to_owned() }),
        }
    }
}

/// A person who logs in with an e-mail address and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The e-mail address; upper and lower case are the same.
    pub email: String,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// What the user is.
    pub role: Role,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("email", &self.email)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Metadata {
    /// The user with that e-mail address.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn user(&self, email: &str) -> Result<Option<User>, Error> {
        let row = sqlx::query("SELECT email, password_hash, role FROM users WHERE email = ?")
            .bind(email)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// The root login, if there is one yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn root(&self) -> Result<Option<User>, Error> {
        let row = sqlx::query("SELECT email, password_hash, role FROM users WHERE role = ?")
            .bind(Role::Root.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// Makes this the only root login; the one before it, if any, is gone.
    ///
    /// # Errors
    /// When the database refuses; the login before is then unchanged.
    pub async fn set_root(
        &self,
        email: &str,
        password_hash: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let mut change = self.pool.begin().await?;
        sqlx::query("DELETE FROM users WHERE role = ? OR email = ?")
            .bind(Role::Root.as_str())
            .bind(email)
            .execute(&mut *change)
            .await?;
        sqlx::query(
            "INSERT INTO users (email, password_hash, role, created_us) VALUES (?, ?, ?, ?)",
        )
        .bind(email)
        .bind(password_hash)
        .bind(Role::Root.as_str())
        .bind(now_us)
        .execute(&mut *change)
        .await?;
        Ok(change.commit().await?)
    }
}

fn user(row: &SqliteRow) -> Result<User, Error> {
    Ok(User {
        email: row.try_get("email")?,
        password_hash: row.try_get("password_hash")?,
        role: Role::parse(row.try_get("role")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_one_root_whatever_it_was_called_before() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Metadata::open(&dir.path().join("metadata.db")).await.expect("opens");
        assert_eq!(store.root().await.expect("read"), None);
        store.set_root("a@example.com", "hash-a", 1).await.expect("stored");
        store.set_root("b@example.com", "hash-b", 2).await.expect("stored");
        assert_eq!(store.user("a@example.com").await.expect("read"), None);
        let root = store.user("B@Example.com").await.expect("read").expect("is there");
        assert_eq!((root.email.as_str(), root.role), ("b@example.com", Role::Root));
        assert_eq!(store.root().await.expect("read"), Some(root.clone()));
        assert!(!format!("{root:?}").contains("hash-b"));
    }
}
