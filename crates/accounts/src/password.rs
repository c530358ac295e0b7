use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{
    self, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString,
};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Secret};

/// Passwords checked at the same time: each takes 19 MiB and a processor for tens of milliseconds.
const AT_ONCE: usize = 2;
/// Checks that wait for their turn; the next one is refused.
const WAITING: usize = 256;

/// Checked when there is no such user, so that the answer takes as long as for a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCB1c2VyIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hands out turns at checking a password, so that a flood of wrong ones cannot take the machine.
#[derive(Debug)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A turn at checking one password.
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_ONCE)), waiting: Semaphore::new(WAITING) }
    }

    /// Waits for a turn; too long a queue refuses.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let _place = self.waiting.try_acquire().map_err(|_| Error::Busy)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Error::Busy)?;
        Ok(Turn(permit))
    }
}

impl Turn {
    /// Checks the password against a stored hash, or against nobody's.
    pub(crate) async fn verify(self, password: &Secret, stored: Option<&str>) -> Result<(), Error> {
        let password = password.clone();
        let stored = stored.unwrap_or(NOBODY).to_owned();
        // The turn goes along: a caller who leaves does not make room for another hash.
        off_the_runtime(move || {
            let _turn = self.0;
            let hash = PasswordHash::new(&stored).map_err(Error::Hash)?;
            match Argon2::default().verify_password(password.expose().as_bytes(), &hash) {
                Ok(()) => Ok(()),
                Err(password_hash::Error::Password) => Err(Error::WrongCredentials),
                Err(error) => Err(Error::Hash(error)),
            }
        })
        .await
    }
}

/// The password's argon2id hash in PHC form, with a salt of its own.
pub(crate) async fn hash(password: &Secret) -> Result<String, Error> {
    let password = password.clone();
    off_the_runtime(move || {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes).map_err(Error::Randomness)?;
        let salt = SaltString::encode_b64(&bytes).map_err(Error::Hash)?;
        let hash = Argon2::default()
            .hash_password(password.expose().as_bytes(), &salt)
            .map_err(Error::Hash)?;
        Ok(hash.to_string())
    })
    .await
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels it.
            Err(_) => Err(Error::Busy),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_proves_right_or_wrong_and_nobody_is_wrong() {
        let hash = hash(&secret("correct")).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let turns = Passwords::new();
        let check = async |password: &str, stored| {
            turns.turn().await?.verify(&secret(password), stored).await
        };
        assert!(check("correct", Some(hash.as_str())).await.is_ok());
        assert!(matches!(check("wrong", Some(hash.as_str())).await, Err(Error::WrongCredentials)));
        assert!(matches!(check("correct", None).await, Err(Error::WrongCredentials)));
        assert!(matches!(check("correct", Some("plain text")).await, Err(Error::Hash(_))));
    }

    #[tokio::test]
    async fn a_flood_is_refused_past_the_queue_and_served_after_it() {
        let turns = Arc::new(Passwords::new());
        let held = [turns.turn().await.expect("a turn"), turns.turn().await.expect("a turn")];
        let mut queue = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let turns = Arc::clone(&turns);
            queue.spawn(async move { turns.turn().await.is_ok() });
        }
        while turns.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(turns.turn().await, Err(Error::Busy)));
        drop(held);
        assert!(queue.join_all().await.into_iter().all(|served| served));
    }
}
