use std::path::Path;

use clock::{Clock as _, ManualClock};
use fault::Class;

use super::*;
use crate::{DEFAULT_ROOT_EMAIL, Scope};

struct Fixture {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self { dir, clock: Arc::new(ManualClock::at(UnixNanos::from_micros(1_000_000))) }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("metadata.db")
    }

    async fn open(&self, root: RootLogin) -> (Accounts, Option<FirstLogin>) {
        let store = Metadata::open(&self.path()).await.expect("opens");
        Accounts::open(store, Arc::clone(&self.clock) as SharedClock, root).await.expect("opens")
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn wanted(email: &str, password: &str) -> RootLogin {
    RootLogin { email: Some(email.to_owned()), password: Some(secret(password)) }
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic { user: user.to_owned(), password: secret(password) }
}

fn org(name: &str) -> OrgName {
    name.parse().expect("a name")
}

fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

#[tokio::test]
async fn the_first_start_makes_a_login_up_and_says_so_once() {
    let fixture = Fixture::new();
    let (accounts, first) = fixture.open(RootLogin::default()).await;
    let first = first.expect("made up");
    assert_eq!(first.email, DEFAULT_ROOT_EMAIL);
    let header = first.authorization();
    let credentials =
        Credentials::from_authorization(Some(header.expose().as_bytes())).expect("reads");
    let who = accounts.authenticate(&credentials).await.expect("proves right");
    assert_eq!(
        (who.subject.as_str(), &who.orgs, who.scopes),
        (DEFAULT_ROOT_EMAIL, &Orgs::All, Scopes::ALL)
    );
    assert_eq!(accounts.orgs(), [OrgName::first()]);
    drop(accounts);

    let (accounts, again) = fixture.open(RootLogin::default()).await;
    assert!(again.is_none());
    assert!(accounts.authenticate(&credentials).await.is_ok());
}

#[tokio::test]
async fn a_login_given_later_takes_the_place_of_the_one_before() {
    let fixture = Fixture::new();
    let (accounts, first) = fixture.open(wanted("a@example.com", "one")).await;
    assert!(first.is_none());
    assert!(accounts.authenticate(&basic("a@example.com", "one")).await.is_ok());

    let (accounts, _) = fixture.open(wanted("a@example.com", "two")).await;
    assert!(accounts.authenticate(&basic("a@example.com", "one")).await.is_err());
    assert!(accounts.authenticate(&basic("A@Example.com", "two")).await.is_ok());

    let email = Some("b@example.com".to_owned());
    let (accounts, _) = fixture.open(RootLogin { email, password: None }).await;
    assert!(accounts.authenticate(&basic("a@example.com", "two")).await.is_err());
    assert!(accounts.authenticate(&basic("b@example.com", "two")).await.is_ok());
}

#[tokio::test]
async fn a_root_login_that_cannot_be_used_is_refused() {
    let fixture = Fixture::new();
    for bad in [wanted("", "x"), wanted("a:b", "x"), wanted("a", "")] {
        let store = Metadata::open(&fixture.path()).await.expect("opens");
        let opened = Accounts::open(store, Arc::clone(&fixture.clock) as SharedClock, bad).await;
        assert!(matches!(opened, Err(Error::BadRootLogin { .. })));
    }
}

#[tokio::test]
async fn a_password_is_hashed_once_for_many_requests_at_once() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    assert!(accounts.identify_cached(&basic("a@example.com", "one")).is_none());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let accounts = accounts.clone();
        callers.spawn(async move {
            accounts.authenticate(&basic("a@example.com", "one")).await.is_ok()
        });
    }
    assert!(callers.join_all().await.into_iter().all(|proved| proved));
    assert!(accounts.identify_cached(&basic("a@example.com", "one")).is_some());
    assert!(accounts.identify_cached(&basic("a@example.com", "One")).is_none());
    assert_eq!(accounts.stats().remembered, 1);
}

#[tokio::test]
async fn wrong_credentials_get_one_answer_and_are_not_remembered() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    let bad = [
        basic("a@example.com", "two"),
        basic("nobody@example.com", "one"),
        basic("a@example.com", "isk_nosuchtokennosuchtokennosuchto"),
        Credentials::Bearer(secret("isk_nosuchtokennosuchtokennosuchto")),
        Credentials::Bearer(secret("one")),
        Credentials::Bearer(secret("")),
    ];
    for credentials in &bad {
        let error = accounts.authenticate(credentials).await.expect_err("wrong");
        assert_eq!(error.to_string(), "wrong credentials");
        assert_eq!(error.fault().class, Class::Unauthenticated);
    }
    let stats = accounts.stats();
    assert_eq!((stats.remembered, stats.refused), (0, bad.len() as u64));
}

#[tokio::test]
async fn a_token_opens_its_org_as_bearer_and_as_any_user_s_password() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    let scopes = Scopes::NONE.with(Scope::Ingest).with(Scope::Read);
    let (id, token) =
        accounts.create_token(&OrgName::first(), " laptop ", scopes, None).await.expect("made");
    assert!(token.expose().starts_with("isk_") && token.expose().len() == 36);
    for credentials in [Credentials::Bearer(token.clone()), basic("whoever", token.expose())] {
        let who = accounts.authenticate(&credentials).await.expect("proves right");
        assert_eq!(who.subject, "token:laptop");
        assert!(who.may(&OrgName::first(), Scope::Ingest).is_ok());
        assert!(who.may(&OrgName::first(), Scope::Call).is_err());
    }
    let listed = accounts.tokens(&OrgName::first()).await.expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].id, listed[0].last_used), (&id, Some(fixture.clock.now())));
    for file in ["metadata.db", "metadata.db-wal"] {
        let bytes = bytes_of(&fixture.dir.path().join(file));
        assert!(
            !bytes.windows(36).any(|window| window == token.expose().as_bytes()),
            "{file} holds the secret"
        );
    }

    assert!(accounts.revoke_token(&OrgName::first(), id.as_str()).await.expect("removed"));
    assert!(accounts.authenticate(&Credentials::Bearer(token)).await.is_err());
    assert!(!accounts.revoke_token(&OrgName::first(), id.as_str()).await.expect("gone already"));
}

#[tokio::test]
async fn a_token_ends_when_it_was_to_end() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    let expires = UnixNanos(fixture.clock.now().0 + 1_000);
    let made = accounts.create_token(&OrgName::first(), "short", Scopes::ALL, Some(expires)).await;
    let credentials = Credentials::Bearer(made.expect("made").1);
    assert!(accounts.authenticate(&credentials).await.is_ok());
    fixture.clock.set(UnixNanos(expires.0 + 1_000));
    while accounts.identify_cached(&credentials).is_some() {
        tokio::task::yield_now().await;
    }
    assert!(accounts.authenticate(&credentials).await.is_err());
}

#[tokio::test]
async fn an_org_comes_into_being_for_root_and_no_one_else_learns_of_it() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    let root = accounts.authenticate(&basic("a@example.com", "one")).await.expect("proves right");
    let made =
        accounts.create_token(&OrgName::first(), "t", Scopes::ALL, None).await.expect("made");
    let token = accounts.authenticate(&Credentials::Bearer(made.1)).await.expect("proves right");

    assert!(matches!(accounts.check_org(&org("team")), Err(Error::UnknownOrg { .. })));
    accounts.ensure_org(&root, &org("team")).await.expect("made");
    assert!(accounts.check_org(&org("team")).is_ok());

    assert!(accounts.ensure_org(&token, &OrgName::first()).await.is_ok());
    let answer = async |name: &str| {
        let org = org(name);
        let said = accounts.ensure_org(&token, &org).await.expect_err("not theirs");
        let asked = token.may(&org, Scope::Read).expect_err("not theirs");
        (said.to_string().replace(name, "X"), asked.to_string().replace(name, "X"), said.fault())
    };
    assert_eq!(answer("team").await, answer("no-such-team").await);

    let (accounts, _) = fixture.open(RootLogin::default()).await;
    assert_eq!(accounts.orgs(), [org("default"), org("team")]);
}

#[tokio::test]
async fn a_token_without_a_name_or_a_scope_or_an_org_is_refused() {
    let fixture = Fixture::new();
    let (accounts, _) = fixture.open(wanted("a@example.com", "one")).await;
    let make = async |org: &OrgName, name: &str, scopes| {
        accounts.create_token(org, name, scopes, None).await.expect_err("refused").fault().class
    };
    let first = OrgName::first();
    assert_eq!(make(&first, " ", Scopes::ALL).await, Class::Invalid);
    assert_eq!(make(&first, &"x".repeat(101), Scopes::ALL).await, Class::Invalid);
    assert_eq!(make(&first, "t", Scopes::NONE).await, Class::Invalid);
    assert_eq!(make(&org("nowhere"), "t", Scopes::ALL).await, Class::NotFound);
}
