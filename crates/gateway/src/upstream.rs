use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tower::{BoxError, Service};

use crate::config::GatewayConfig;
use crate::connection::{Connection, NoAnswer};
use crate::picker::Failure;
use crate::pool::{Place, Pool};
use crate::replica_body::ReplicaBody;

/// Sends requests to replicas over kept connections without Nagle's delay.
pub(crate) struct Upstream {
    pool: Pool,
    http: HttpConnector,
    connect_timeout: Duration,
    head_timeout: Duration,
    /// Made when the first https replica is called: reading the system's certificates takes time.
    https: OnceLock<HttpsConnector<HttpConnector>>,
}

/// Why no response head came.
#[derive(Debug)]
pub(crate) enum SendError {
    /// A kept connection broke: nothing is known about the replica.
    Stale(String),
    /// The replica failed.
    Failed(Failure, String),
}

/// What is sent to a replica, but for where it is.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a PathAndQuery,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

impl Upstream {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let GatewayConfig { connect_timeout, idle_connection, head_timeout, .. } = *config;
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(connect_timeout));
        let (pool, https) = (Pool::new(idle_connection), OnceLock::new());
        Self { pool, http, connect_timeout, head_timeout, https }
    }

    /// Sends to the replica at `base` and waits for the response head.
    pub(crate) async fn send(
        &self,
        base: &Uri,
        message: Message<'_>,
    ) -> Result<Response<ReplicaBody>, SendError> {
        let unusable = || failed(Failure::Connect, "the replica's address is not usable");
        let place = Place::of(base).ok_or_else(unusable)?;
        let request = || request(base, &place, &message).ok_or_else(unusable);
        let answered = async {
            // A kept connection may turn out to be closed before the request has left: then another is as good.
            while let Some(mut connection) = self.pool.take(&place) {
                match connection.send(request()?).await {
                    Ok(response) => return Ok((response, connection)),
                    Err(NoAnswer::Unsent) => {}
                    Err(NoAnswer::Broken(error)) if connection.has_answered() => {
                        return Err(SendError::Stale(detail(&error)));
                    }
                    Err(NoAnswer::Broken(error)) => return Err(reset(&error)),
                }
            }
            let mut connection = self.connect(&place).await?;
            match connection.send(request()?).await {
                Ok(response) => Ok((response, connection)),
                Err(NoAnswer::Unsent) => {
                    Err(failed(Failure::Reset, "the replica closed a new connection"))
                }
                Err(NoAnswer::Broken(error)) => Err(reset(&error)),
            }
        };
        let answered = tokio::time::timeout(self.head_timeout, answered).await;
        let (response, connection) =
            answered.unwrap_or_else(|_| Err(failed(Failure::Timeout, "")))?;
        let body = |incoming| ReplicaBody::new(incoming, connection, place, self.pool.clone());
        Ok(response.map(body))
    }

    /// A new connection, within a time for all of it, TLS included.
    async fn connect(&self, place: &Place) -> Result<Connection, SendError> {
        let address = place.uri().ok_or_else(|| failed(Failure::Connect, "no address"))?;
        let connecting = async {
            if place.is_secure() {
                let https = self.https.get_or_init(|| https(self.http.clone()));
                open(https.clone(), address).await
            } else {
                open(self.http.clone(), address).await
            }
        };
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(failed(Failure::Connect, &detail(&*error))),
            Err(_) => Err(failed(Failure::Connect, "no connection within the time for it")),
        }
    }
}

async fn open<C>(mut connector: C, address: Uri) -> Result<Connection, BoxError>
where
    C: Service<Uri, Response: Read + Write + Unpin + Send + 'static, Error: Into<BoxError>>,
{
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(Into::into)?;
    let io = connector.call(address).await.map_err(Into::into)?;
    Ok(Connection::over(io).await?)
}

/// The request as it goes over the connection: path and `Host`, as RFC 9112 section 3.2.1 says. A replica's own path
/// stands before the call's.
fn request(base: &Uri, place: &Place, message: &Message<'_>) -> Option<Request<Full<Bytes>>> {
    let before = base.path().trim_end_matches('/');
    let path = if before.is_empty() {
        message.path.clone()
    } else {
        format!("{before}{}", message.path).parse().ok()?
    };
    let mut request = Request::new(Full::new(message.body.clone()));
    *request.method_mut() = message.method.clone();
    *request.uri_mut() = path.into();
    *request.headers_mut() = message.headers.clone();
    request.headers_mut().insert(HOST, HeaderValue::from_str(place.host()).ok()?);
    Some(request)
}

/// The system's certificates; without any, https replicas cannot be trusted and calls to them fail.
fn https(http: HttpConnector) -> HttpsConnector<HttpConnector> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new();
    let with_roots = match builder.with_provider_and_native_roots(provider.clone()) {
        Ok(builder) => builder,
        Err(error) => {
            tracing::warn!(%error, "no certificates on this system; calls to https replicas will fail");
            let config = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .expect("ring has the default protocol versions")
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(config)
        }
    };
    with_roots.https_or_http().enable_http1().wrap_connector(http)
}

fn failed(failure: Failure, detail: &str) -> SendError {
    SendError::Failed(failure, detail.to_owned())
}

fn reset(error: &hyper::Error) -> SendError {
    failed(Failure::Reset, &detail(error))
}

/// The error with its causes.
fn detail(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replicas_own_path_stands_before_the_calls_and_its_host_is_named() {
        let sent = |base: &str| {
            let base: Uri = base.parse().expect("a URI");
            let message = Message {
                method: &Method::POST,
                path: &PathAndQuery::from_static("/v1/x?q=1"),
                headers: &HeaderMap::new(),
                body: &Bytes::new(),
            };
            let place = Place::of(&base).expect("names a server");
            let request = request(&base, &place, &message).expect("can be sent");
            let host = request.headers()[HOST].to_str().expect("is plain").to_owned();
            (request.uri().to_string(), host)
        };
        let text = |path: &str, host: &str| (path.to_owned(), host.to_owned());
        assert_eq!(sent("http://h:1"), text("/v1/x?q=1", "h:1"));
        assert_eq!(sent("https://h/open/"), text("/open/v1/x?q=1", "h"));
    }
}
