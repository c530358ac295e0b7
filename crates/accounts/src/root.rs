use metadata::{Metadata, User};

use crate::password::{self, Passwords};
use crate::{Credentials, Error, Secret};

/// The root login's e-mail address where none was given.
pub const DEFAULT_ROOT_EMAIL: &str = "root@example.com";

/// The root login as the installation's owner wants it; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct RootLogin {
    /// The e-mail address; at first [`DEFAULT_ROOT_EMAIL`].
    pub email: Option<String>,
    /// The password; at first a random one.
    pub password: Option<Secret>,
}

/// A root login whose password was made up on the first start, to be shown once.
#[derive(Clone, Debug)]
pub struct FirstLogin {
    /// The e-mail address.
    pub email: String,
    /// The password, which is stored nowhere in clear.
    pub password: Secret,
}

impl FirstLogin {
    /// The `Authorization` value of this login: `Basic …`.
    #[must_use]
    pub fn authorization(&self) -> Secret {
        Credentials::basic_authorization(&self.email, &self.password)
    }
}

impl RootLogin {
    /// Makes the stored root login what is wanted, and says so if it made a password up.
    pub(crate) async fn apply(
        self,
        store: &Metadata,
        passwords: &Passwords,
        now_us: i64,
    ) -> Result<Option<FirstLogin>, Error> {
        self.check()?;
        match store.root().await? {
            None => self.first(store, now_us).await,
            Some(before) => {
                self.change(before, store, passwords, now_us).await?;
                Ok(None)
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self.email.as_deref() {
            Some("") => return Err(Error::BadRootLogin { why: "the e-mail address is empty" }),
            Some(email) if email.contains(':') => {
                return Err(Error::BadRootLogin {
                    why: "the e-mail address has a ':', which Basic cannot carry",
                });
            }
            Some(_) | None => {}
        }
        if self.password.as_ref().is_some_and(|password| password.expose().is_empty()) {
            return Err(Error::BadRootLogin { why: "the password is empty" });
        }
        Ok(())
    }

    async fn first(self, store: &Metadata, now_us: i64) -> Result<Option<FirstLogin>, Error> {
        let email = self.email.unwrap_or_else(|| DEFAULT_ROOT_EMAIL.to_owned());
        if let Some(password) = self.password {
            store.set_root(&email, &password::hash(&password).await?, now_us).await?;
            return Ok(None);
        }
        let password = Secret::random::<18>("").map_err(Error::Randomness)?;
        store.set_root(&email, &password::hash(&password).await?, now_us).await?;
        Ok(Some(FirstLogin { email, password }))
    }

    async fn change(
        self,
        before: User,
        store: &Metadata,
        passwords: &Passwords,
        now_us: i64,
    ) -> Result<(), Error> {
        let hash = match &self.password {
            None => before.password_hash.clone(),
            Some(password) => {
                match passwords.turn().await?.verify(password, Some(&before.password_hash)).await {
                    Ok(()) => before.password_hash.clone(),
                    // A hash that cannot be read is mended by giving the password anew.
                    Err(Error::WrongCredentials | Error::Hash(_)) => {
                        password::hash(password).await?
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let email = self.email.unwrap_or_else(|| before.email.clone());
        if email != before.email || hash != before.password_hash {
            store.set_root(&email, &hash, now_us).await?;
        }
        Ok(())
    }
}
