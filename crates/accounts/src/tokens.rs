use std::fmt;

use clock::UnixNanos;
use metadata::{Digest, Token};
use schema::OrgName;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{Accounts, Error, Identity, Orgs, Scopes, Secret};

/// What every token's secret begins with, so that scanners and people know it.
const PREFIX: &str = "isk_";
/// Tokens that one organisation may have.
const TOKENS_PER_ORG: usize = 1_000;
/// Longest name of a token, in characters.
const MAX_NAME: usize = 100;

/// What a token is called in lists and when it is removed; not secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// What to remove it by.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    pub created: UnixNanos,
    /// From when on it opens nothing; `None` is never.
    pub expires: Option<UnixNanos>,
    /// When it was last seen, to within five minutes; `None` is never.
    pub last_used: Option<UnixNanos>,
}

impl Accounts {
    /// Makes a token for the organisation; the secret is told here and never again.
    ///
    /// # Errors
    /// When the organisation does not exist or has too many tokens, or the name or scopes are empty.
    pub async fn create_token(
        &self,
        org: &OrgName,
        name: &str,
        scopes: Scopes,
        expires: Option<UnixNanos>,
    ) -> Result<(TokenId, Secret), Error> {
        if scopes.is_empty() || name.trim().is_empty() || name.chars().count() > MAX_NAME {
            return Err(Error::BadToken);
        }
        self.check_org(org)?;
        if self.store().token_count(org).await? >= TOKENS_PER_ORG as u64 {
            return Err(Error::TooMany { what: "tokens an organization", limit: TOKENS_PER_ORG });
        }
        let secret = Secret::random::<24>(PREFIX).map_err(Error::Randomness)?;
        let id = Secret::random::<9>("tok_").map_err(Error::Randomness)?.expose().to_owned();
        let token = Token {
            id: id.clone(),
            digest: digest(&secret),
            org: org.clone(),
            scopes: scopes.to_string(),
            name: name.trim().to_owned(),
            created_us: self.now().micros(),
            expires_us: expires.map(UnixNanos::micros),
            last_used_us: None,
        };
        self.store().add_token(&token).await?;
        Ok((TokenId(id), secret))
    }

    /// The organisation's tokens, newest first.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn tokens(&self, org: &OrgName) -> Result<Vec<TokenInfo>, Error> {
        Ok(self.store().tokens(org).await?.into_iter().map(TokenInfo::from).collect())
    }

    /// Removes a token, which opens nothing from then on, and says whether there was one.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn revoke_token(&self, org: &OrgName, id: &str) -> Result<bool, Error> {
        let removed = self.store().remove_token(org, id).await?;
        self.forget();
        Ok(removed)
    }

    /// Whose token that is; `None` when it opens nothing.
    pub(crate) async fn by_token(
        &self,
        secret: &Secret,
    ) -> Result<Option<(Identity, Option<UnixNanos>)>, Error> {
        if !secret.expose().starts_with(PREFIX) {
            return Ok(None);
        }
        let shown = digest(secret);
        let Some(token) = self.store().token_by_digest(&shown).await? else { return Ok(None) };
        let now = self.now();
        let expires = token.expires_us.map(UnixNanos::from_micros);
        let same = bool::from(token.digest.ct_eq(&shown));
        if !same || expires.is_some_and(|at| at <= now) {
            return Ok(None);
        }
        if let Err(error) = self.store().touch_token(&token.id, now.micros()).await {
            // A full disk must not lock anybody out.
            tracing::warn!(%error, token = token.id, "the time a token was last used is not noted");
        }
        let scopes = Scopes::stored(&token.scopes);
        let identity = Identity {
            subject: format!("token:{}", token.name),
            orgs: Orgs::One(token.org),
            scopes,
        };
        Ok(Some((identity, expires)))
    }
}

impl From<Token> for TokenInfo {
    fn from(token: Token) -> Self {
        Self {
            id: TokenId(token.id),
            name: token.name,
            scopes: Scopes::stored(&token.scopes),
            created: UnixNanos::from_micros(token.created_us),
            expires: token.expires_us.map(UnixNanos::from_micros),
            last_used: token.last_used_us.map(UnixNanos::from_micros),
        }
    }
}

/// The secret has 192 random bits: a plain hash of it cannot be turned round.
fn digest(secret: &Secret) -> Digest {
    Sha256::digest(secret.expose()).into()
}
