use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};

/// Knows endpoints and their replicas; the gateway asks it on every call, so no method may block.
pub trait Picker: Send + Sync {
    /// The route of a Hub model id, without a policy suffix; in one namespace, or in any when there is none.
    fn resolve_model(&self, namespace: Option<&str>, model: &str) -> Option<Arc<Route>>;

    /// The route of a named endpoint.
    fn resolve_endpoint(&self, namespace: &str, name: &str) -> Option<Arc<Route>>;

    /// The models that can be called by id; in one namespace, or in all when there is none.
    fn models(&self, namespace: Option<&str>) -> Vec<Model>;

    /// Notes a call on the endpoint before it has a replica; what is returned is dropped once the HTTP
    /// status is known. By default nothing is noted: then a call is pending only while it holds a [`Lease`].
    fn arrived(&self, route: &Route) -> Held {
        let _ = route;
        Held::nothing()
    }

    /// A replica to send the call to, the one with the fewest pending calls and none of `tried`.
    ///
    /// # Errors
    /// When no replica can take the call now.
    fn pick(&self, route: &Route, tried: &[String], purpose: Purpose) -> Result<Lease, NoReplica>;

    /// Resolves as soon as a pick on this route can succeed. Awaited only for callers that asked to be held.
    fn available<'a>(&'a self, route: &'a Route) -> Available<'a>;

    /// Notes that a replica did not answer; it may be taken out until its health check passes.
    fn failed(&self, lease: &Lease, failure: Failure);
}

/// What [`Picker::available`] returns.
pub type Available<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where calls of one endpoint go and how they are sent there.
#[derive(Clone, Debug)]
pub struct Route {
    /// The endpoint's namespace.
    pub namespace: String,
    /// The endpoint's name.
    pub endpoint: String,
    /// The Hub id of the model that it serves.
    pub model: String,
    /// The path that replicas answer health checks on. GET and HEAD calls of it are passed on, but neither
    /// recorded nor counted.
    pub health_path: String,
    /// What replicas get as `Authorization`.
    pub authorization: Authorization,
    /// Whether the usage of streams is asked for where the caller did not.
    pub stream_usage: StreamUsage,
}

impl Route {
    /// A route with the usual settings: health on `/health`, no credentials, usage asked for.
    #[must_use]
    pub fn new(namespace: &str, endpoint: &str, model: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            endpoint: endpoint.to_owned(),
            model: model.to_owned(),
            health_path: "/health".to_owned(),
            authorization: Authorization::Drop,
            stream_usage: StreamUsage::Ask,
        }
    }
}

/// What a replica gets as `Authorization`. The caller's header is a credential of this server.
#[derive(Clone, Debug, Default)]
pub enum Authorization {
    /// Nothing.
    #[default]
    Drop,
    /// The caller's own header, for an upstream that shares our callers' credentials.
    Forward,
    /// A credential of its own; a value marked sensitive is not printed. See [`Authorization::bearer`].
    Replace(HeaderValue),
}

impl Authorization {
    /// A bearer token for the replicas; none when the token cannot stand in a header.
    #[must_use]
    pub fn bearer(token: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(Self::Replace(value))
    }
}

/// What happens to a streamed chat or text completion whose caller did not ask for usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamUsage {
    /// The replica is asked for it, and the extra chunk is taken out of what the caller sees.
    #[default]
    Ask,
    /// The request is sent as it came.
    Leave,
}

/// Why a replica is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A call: it counts as pending and keeps the endpoint awake.
    Call,
    /// A health check from outside: it counts as nothing.
    Health,
}

/// A running server of an endpoint.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its id, e.g. `fqwg7eri-hskoj`.
    pub id: String,
    /// Absolute address; a path is put before the path of the call.
    pub base: Uri,
}

/// A replica lent to one call, pending there until this is dropped: when the HTTP status is known.
#[derive(Debug)]
pub struct Lease {
    /// The replica.
    pub replica: Arc<Replica>,
    _held: Held,
}

impl Lease {
    /// A lease of `replica` that ends by dropping `held`.
    #[must_use]
    pub const fn new(replica: Arc<Replica>, held: Held) -> Self {
        Self { replica, _held: held }
    }
}

/// Something that ends when it is dropped, such as a count.
#[derive(Default)]
pub struct Held(Option<Box<dyn Any + Send + Sync>>);

impl Held {
    /// Keeps `guard` until this is dropped.
    #[must_use]
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(guard)))
    }

    /// Keeps nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Held(…)" } else { "Held(nothing)" })
    }
}

/// No replica can take a call now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoReplica {
    /// Why, in words that the caller may read.
    pub reason: String,
    /// When another call makes sense.
    pub retry_after: Duration,
}

/// How a replica failed before the first byte of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The connection broke, or what came was not HTTP.
    Reset,
    /// No response head came in time.
    Timeout,
}

/// A model that can be called by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The Hub id.
    pub id: String,
    /// When it was first configured, seconds since 1970-01-01 UTC.
    pub created_s: i64,
    /// The endpoints that serve it.
    pub providers: Vec<Provider>,
}

/// An endpoint that serves a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The endpoint's name: as a suffix of the model (`org/model:name`) it is the one that gets the call.
    pub name: String,
    /// Whether it can be called now.
    pub status: ProviderStatus,
}

/// Whether an endpoint can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderStatus {
    /// A replica is ready.
    Live,
    /// None is.
    Error,
}
