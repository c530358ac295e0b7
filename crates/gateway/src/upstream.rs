use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::GatewayConfig;
use crate::connection::{Answered, Connector};
use crate::picker::Failure;

/// Sends requests to replicas over kept connections without Nagle's delay.
pub(crate) struct Upstream {
    http: HttpConnector,
    connect_timeout: Duration,
    idle_connection: Duration,
    head_timeout: Duration,
    plain: Client<Connector<HttpConnector>, Full<Bytes>>,
    /// Made when the first https replica is called: reading the system's certificates takes time.
    secure: OnceLock<Client<Connector<HttpsConnector<HttpConnector>>, Full<Bytes>>>,
}

/// Why no response head came.
#[derive(Debug)]
pub(crate) enum SendError {
    /// A kept connection broke: nothing is known about the replica.
    Stale(String),
    /// The replica failed.
    Failed(Failure, String),
}

impl Upstream {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(config.connect_timeout));
        let GatewayConfig { connect_timeout, idle_connection, head_timeout, .. } = *config;
        let connector = Connector { inner: http.clone(), timeout: connect_timeout };
        let plain = builder(idle_connection).build(connector);
        let secure = OnceLock::new();
        Self { http, connect_timeout, idle_connection, head_timeout, plain, secure }
    }

    /// Sends the request and waits for the response head.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let response = if request.uri().scheme() == Some(&Scheme::HTTPS) {
            self.secure().request(request)
        } else {
            self.plain.request(request)
        };
        match tokio::time::timeout(self.head_timeout, response).await {
            Ok(Ok(response)) => {
                Answered::note(response.extensions());
                Ok(response)
            }
            Ok(Err(error)) => Err(classed(&error)),
            Err(_) => Err(SendError::Failed(Failure::Timeout, String::new())),
        }
    }

    fn secure(&self) -> &Client<Connector<HttpsConnector<HttpConnector>>, Full<Bytes>> {
        self.secure.get_or_init(|| {
            let inner = https(self.http.clone());
            builder(self.idle_connection).build(Connector { inner, timeout: self.connect_timeout })
        })
    }
}

fn builder(idle_connection: Duration) -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(idle_connection);
    builder
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

fn classed(error: &Error) -> SendError {
    let detail = detail(error);
    if error.is_connect() {
        SendError::Failed(Failure::Connect, detail)
    } else if Answered::before(error) {
        SendError::Stale(detail)
    } else {
        SendError::Failed(Failure::Reset, detail)
    }
}

/// The error with its causes.
fn detail(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
