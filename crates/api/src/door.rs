//! Who is asking, and for which organisation.

use std::str::FromStr;
use std::sync::Arc;

use accounts::{Accounts, Credentials, Identity, Scope};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use schema::OrgName;

use crate::trouble::Trouble;

/// Checks every caller. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door(pub(crate) Accounts);

impl Door {
    /// The caller, whoever it is.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Identity>, Trouble> {
        let authorization = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let credentials = Credentials::from_authorization(authorization)?;
        match self.0.identify_cached(&credentials) {
            Some(identity) => Ok(identity),
            None => Ok(self.0.authenticate(&credentials).await?),
        }
    }

    /// The organisation named, if the caller may do this in it.
    pub(crate) async fn enter(
        &self,
        headers: &HeaderMap,
        org: &str,
        scope: Scope,
    ) -> Result<OrgName, Trouble> {
        Ok(self.enter_as(headers, org, scope).await?.0)
    }

    /// As [`Door::enter`], with who the caller is.
    pub(crate) async fn enter_as(
        &self,
        headers: &HeaderMap,
        org: &str,
        scope: Scope,
    ) -> Result<(OrgName, Arc<Identity>), Trouble> {
        let identity = self.caller(headers).await?;
        let org = OrgName::from_str(org)?;
        identity.may(&org, scope)?;
        self.0.check_org(&org)?;
        Ok((org, identity))
    }

    /// The organisation to write to: the one named, else the caller's own. The root login makes one on its first
    /// write to it.
    pub(crate) async fn enter_to_write(
        &self,
        identity: &Identity,
        org: Option<&str>,
    ) -> Result<OrgName, Trouble> {
        let org = org.map_or_else(|| Ok(identity.home()), OrgName::from_str)?;
        identity.may(&org, Scope::Ingest)?;
        self.0.ensure_org(identity, &org).await?;
        Ok(org)
    }
}
