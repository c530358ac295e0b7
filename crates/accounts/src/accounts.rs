use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use clock::{SharedClock, UnixNanos};
use metadata::{Metadata, Role};
use schema::OrgName;

use crate::password::Passwords;
use crate::remembered::Remembered;
use crate::{Credentials, Error, FirstLogin, Identity, Orgs, RootLogin, Scopes, Secret};

/// Organisations that are kept; they come into being by their name in a request of the root login.
const MAX_ORGS: usize = 1_000;

/// The accounts of this installation: cheap to clone, every clone is the same.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Metadata,
    clock: SharedClock,
    passwords: Passwords,
    remembered: Remembered,
    orgs: RwLock<HashSet<OrgName>>,
    checked: AtomicU64,
    refused: AtomicU64,
    busy: AtomicU64,
}

/// What the accounts have seen since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Credentials remembered now.
    pub remembered: usize,
    /// Credentials that proved right by a look in the store.
    pub checked: u64,
    /// Credentials that proved wrong.
    pub refused: u64,
    /// Credentials turned away because too many were waiting.
    pub busy: u64,
}

impl Accounts {
    /// Opens the accounts, with the first organisation and the root login as wanted. The second value
    /// is there once: when this was the first start and no password was given.
    ///
    /// # Errors
    /// When the store refuses or the wanted login cannot be used.
    pub async fn open(
        store: Metadata,
        clock: SharedClock,
        root: RootLogin,
    ) -> Result<(Self, Option<FirstLogin>), Error> {
        let now_us = clock.now().micros();
        store.ensure_org(&OrgName::first(), now_us).await?;
        let passwords = Passwords::new();
        let first = root.apply(&store, &passwords, now_us).await?;
        let orgs = store.orgs().await?.into_iter().map(|org| org.name).collect();
        let accounts = Self(Arc::new(Inner {
            store,
            clock,
            passwords,
            remembered: Remembered::new()?,
            orgs: RwLock::new(orgs),
            checked: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        }));
        Ok((accounts, first))
    }

    /// Whose credentials these are, if they proved right lately: never waits, never hashes a password.
    #[must_use]
    pub fn identify_cached(&self, credentials: &Credentials) -> Option<Arc<Identity>> {
        self.0.remembered.get(&self.0.remembered.key(credentials), Instant::now())
    }

    /// Whose credentials these are. Right ones are remembered for five minutes, or until a token is revoked.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] whatever is wrong with them; [`Error::Busy`] when too many
    /// passwords are waiting to be checked.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Arc<Identity>, Error> {
        if let Some(identity) = self.identify_cached(credentials) {
            return Ok(identity);
        }
        let outcome = self.look_up(credentials).await;
        match &outcome {
            Ok(_) => self.0.checked.fetch_add(1, Ordering::Relaxed),
            Err(Error::Busy) => self.0.busy.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.0.refused.fetch_add(1, Ordering::Relaxed),
        };
        outcome
    }

    async fn look_up(&self, credentials: &Credentials) -> Result<Arc<Identity>, Error> {
        let era = self.0.remembered.era();
        let (Credentials::Bearer(secret) | Credentials::Basic { password: secret, .. }) =
            credentials;
        let (identity, expires) = match self.by_token(secret).await? {
            Some(found) => found,
            None => match credentials {
                Credentials::Bearer(_) => return Err(Error::WrongCredentials),
                Credentials::Basic { user, password } => {
                    match self.by_password(user, password, credentials).await? {
                        ByPassword::Proved(identity) => (identity, None),
                        ByPassword::Remembered(identity) => return Ok(identity),
                    }
                }
            },
        };
        let identity = Arc::new(identity);
        let key = self.0.remembered.key(credentials);
        self.0.remembered.insert(
            key,
            Arc::clone(&identity),
            Instant::now(),
            self.time_left(expires),
            era,
        );
        Ok(identity)
    }

    async fn by_password(
        &self,
        user: &str,
        password: &Secret,
        credentials: &Credentials,
    ) -> Result<ByPassword, Error> {
        let turn = self.0.passwords.turn().await?;
        // A client that opens fifty connections at once pays for one hash: the others waited here.
        if let Some(identity) = self.identify_cached(credentials) {
            return Ok(ByPassword::Remembered(identity));
        }
        let user = self.0.store.user(user).await?;
        turn.verify(password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
        let user = user.ok_or(Error::WrongCredentials)?;
        match user.role {
            Role::Root => Ok(ByPassword::Proved(Identity {
                subject: user.email,
                orgs: Orgs::All,
                scopes: Scopes::ALL,
            })),
        }
    }

    /// Makes sure that the organisation exists, before something is stored in it: for those who may
    /// enter every organisation it comes into being now.
    ///
    /// # Errors
    /// [`Error::ForeignOrg`] for an organisation that is not the login's, whether it exists or not.
    pub async fn ensure_org(&self, who: &Identity, org: &OrgName) -> Result<(), Error> {
        match &who.orgs {
            Orgs::One(own) if own == org => return Ok(()),
            Orgs::One(_) => return Err(Error::ForeignOrg { org: org.clone() }),
            Orgs::All => {}
        }
        if self.check_org(org).is_ok() {
            return Ok(());
        }
        if self.orgs().len() >= MAX_ORGS {
            return Err(Error::TooMany { what: "organizations", limit: MAX_ORGS });
        }
        self.0.store.ensure_org(org, self.now().micros()).await?;
        self.0.orgs.write().unwrap_or_else(PoisonError::into_inner).insert(org.clone());
        Ok(())
    }

    /// Whether the organisation exists. Ask [`Identity::may`] first: this answer is for those who may enter.
    ///
    /// # Errors
    /// [`Error::UnknownOrg`] when it does not.
    pub fn check_org(&self, org: &OrgName) -> Result<(), Error> {
        let known = self.0.orgs.read().unwrap_or_else(PoisonError::into_inner).contains(org);
        if known { Ok(()) } else { Err(Error::UnknownOrg { org: org.clone() }) }
    }

    /// The e-mail address of the root login: the only login that is not a token.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn root_email(&self) -> Result<Option<String>, Error> {
        Ok(self.0.store.root().await?.map(|root| root.email))
    }

    /// All organisations, by name.
    #[must_use]
    pub fn orgs(&self) -> Vec<OrgName> {
        let known = self.0.orgs.read().unwrap_or_else(PoisonError::into_inner);
        let mut orgs: Vec<_> = known.iter().cloned().collect();
        orgs.sort();
        orgs
    }

    /// What the accounts have seen since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            remembered: self.0.remembered.len(),
            checked: self.0.checked.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            busy: self.0.busy.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn store(&self) -> &Metadata {
        &self.0.store
    }

    pub(crate) fn now(&self) -> UnixNanos {
        self.0.clock.now()
    }

    pub(crate) fn forget(&self) {
        self.0.remembered.clear();
    }

    fn time_left(&self, expires: Option<UnixNanos>) -> Duration {
        expires.map_or(Duration::MAX, |at| {
            let nanos = at.0.saturating_sub(self.now().0);
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
        })
    }
}

enum ByPassword {
    Proved(Identity),
    Remembered(Arc<Identity>),
}

#[cfg(test)]
mod tests;
