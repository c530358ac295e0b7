use schema::OrgName;

use crate::{Error, Scope, Scopes};

/// The organisations that a login opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orgs {
    /// Every one, those that do not exist yet included.
    All,
    /// This one.
    One(OrgName),
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's e-mail address, or `token:` and the token's name.
    pub subject: String,
    /// Where they may do something.
    pub orgs: Orgs,
    /// What they may do there.
    pub scopes: Scopes,
}

impl Identity {
    /// The organisation of requests that name none: the login's own, else the first one.
    #[must_use]
    pub fn home(&self) -> OrgName {
        match &self.orgs {
            Orgs::All => OrgName::first(),
            Orgs::One(org) => org.clone(),
        }
    }

    /// Whether the login may do that in the organisation.
    ///
    /// # Errors
    /// [`Error::ForeignOrg`] for an organisation that is not the login's, whether it exists or not;
    /// [`Error::MissingScope`] in its own.
    pub fn may(&self, org: &OrgName, scope: Scope) -> Result<(), Error> {
        match &self.orgs {
            Orgs::One(own) if own != org => return Err(Error::ForeignOrg { org: org.clone() }),
            Orgs::One(_) | Orgs::All => {}
        }
        if self.scopes.contains(scope) { Ok(()) } else { Err(Error::MissingScope { scope }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> OrgName {
        name.parse().expect("a name")
    }

    #[test]
    fn a_token_opens_its_own_org_within_its_scopes() {
        let scopes = Scopes::NONE.with(Scope::Read);
        let who = Identity { subject: "token:a".to_owned(), orgs: Orgs::One(org("team")), scopes };
        assert!(who.may(&org("team"), Scope::Read).is_ok());
        assert!(matches!(
            who.may(&org("team"), Scope::Call),
            Err(Error::MissingScope { scope: Scope::Call })
        ));
        assert!(matches!(who.may(&org("other"), Scope::Read), Err(Error::ForeignOrg { .. })));
        assert_eq!(who.home(), org("team"));
    }

    #[test]
    fn root_may_do_everything_everywhere() {
        let who = Identity {
            subject: "root@example.com".to_owned(),
            orgs: Orgs::All,
            scopes: Scopes::ALL,
        };
        assert!(Scope::ALL.into_iter().all(|scope| who.may(&org("any"), scope).is_ok()));
        assert_eq!(who.home(), OrgName::first());
    }
}
