use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::connection::Connection;

/// Connections that are open and have no call, by where they lead.
#[derive(Clone)]
pub(crate) struct Pool {
    kept: Arc<Mutex<Kept>>,
    /// How long a connection is kept.
    idle: Duration,
}

struct Kept {
    by_place: HashMap<Place, Vec<(Instant, Connection)>>,
    swept: Instant,
}

/// A server as a URI names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    scheme: Scheme,
    authority: Authority,
}

impl Place {
    /// The server of a URI; none if it names none.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTP);
        Some(Self { scheme, authority: uri.authority()?.clone() })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The server alone, as something to connect to.
    pub(crate) fn uri(&self) -> Option<Uri> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query("/")
            .build()
            .ok()
    }

    /// What stands in `Host`: without the port that the scheme has anyway.
    pub(crate) fn host(&self) -> &str {
        let authority = self.authority.as_str();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let usual = if self.is_secure() { ":443" } else { ":80" };
        authority.strip_suffix(usual).unwrap_or(authority)
    }
}

impl Pool {
    pub(crate) fn new(idle: Duration) -> Self {
        let kept = Kept { by_place: HashMap::new(), swept: Instant::now() };
        Self { kept: Arc::new(Mutex::new(kept)), idle }
    }

    /// A connection that was used last and still seems good; the oldest ones get their chance to grow too old.
    pub(crate) fn take(&self, place: &Place) -> Option<Connection> {
        loop {
            let (since, mut connection) = self.lock().by_place.get_mut(place)?.pop()?;
            if since.elapsed() < self.idle && connection.is_free() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection, if it can take another call.
    pub(crate) fn keep(&self, place: Place, mut connection: Connection) {
        if !connection.is_free() {
            return;
        }
        let now = Instant::now();
        let mut kept = self.lock();
        kept.by_place.entry(place).or_default().push((now, connection));
        if now.duration_since(kept.swept) >= self.idle {
            kept.swept = now;
            let too_old = kept.sweep(now, self.idle);
            drop(kept);
            drop(too_old); // closing sockets is no work to be done under the lock
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Takes out what is too old, also of servers that nobody calls any more.
    fn sweep(&mut self, now: Instant, idle: Duration) -> Vec<(Instant, Connection)> {
        let mut too_old = Vec::new();
        for connections in self.by_place.values_mut() {
            // The oldest come first.
            let young =
                connections.partition_point(|(since, _)| now.duration_since(*since) >= idle);
            too_old.extend(connections.drain(..young));
        }
        self.by_place.retain(|_, connections| !connections.is_empty());
        too_old
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

    use super::*;

    fn place(uri: &str) -> Place {
        Place::of(&uri.parse().expect("a URI")).expect("names a server")
    }

    async fn connection() -> (Connection, DuplexStream) {
        let (near, far) = duplex(1_024);
        (Connection::over(TokioIo::new(near)).await.expect("a handshake sends nothing"), far)
    }

    async fn kept(pool: &Pool, uri: &str) -> DuplexStream {
        let (connection, far) = connection().await;
        pool.keep(place(uri), connection);
        far
    }

    async fn is_closed(mut far: DuplexStream) -> bool {
        far.read_to_end(&mut Vec::new()).await.is_ok()
    }

    #[test]
    fn a_place_is_named_as_clients_name_it() {
        assert_eq!(place("http://h:80/x").host(), "h");
        assert_eq!(place("https://u:p@h:80").host(), "h:80");
        assert_eq!(place("http://[::1]:8080").host(), "[::1]:8080");
        assert_eq!(place("http://h:1/x").uri().expect("is whole").to_string(), "http://h:1/");
        assert!(Place::of(&Uri::from_static("/nowhere")).is_none());
    }

    #[tokio::test]
    async fn a_connection_is_given_to_one_call_and_only_for_its_place() {
        let pool = Pool::new(Duration::from_secs(60));
        let _far = kept(&pool, "http://h:1").await;
        assert!(pool.take(&place("http://h:2")).is_none());
        assert!(pool.take(&place("https://h:1")).is_none());
        assert!(pool.take(&place("http://h:1/any/path")).is_some());
        assert!(pool.take(&place("http://h:1")).is_none());
    }

    #[tokio::test]
    async fn a_connection_that_the_server_has_closed_is_not_given() {
        let pool = Pool::new(Duration::from_secs(60));
        drop(kept(&pool, "http://h:1").await);
        assert!(pool.take(&place("http://h:1")).is_none());
    }

    #[tokio::test]
    async fn connections_are_closed_when_they_are_too_old_also_without_calls_to_their_place() {
        let pool = Pool::new(Duration::ZERO);
        let unused = kept(&pool, "http://gone:1").await;
        let _other = kept(&pool, "http://h:1").await;
        assert!(is_closed(unused).await);
        assert!(pool.take(&place("http://h:1")).is_none());
    }
}
