//! Asks a replica how it is, over a connection of its own each time.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use url::Url;

use crate::health::Sight;
use crate::{Engine, Error};

/// The most of a list of models that is read, in bytes.
const MODELS_BYTES: usize = 256 * 1024;
const HEALTH: &str = "/health";
const MODELS: &str = "/v1/models";

/// Which schemes the replicas have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schemes {
    Http,
    HttpAndHttps,
}

/// The client for all probes.
pub(crate) struct Prober {
    client: AnyClient,
    timeout: Duration,
}

enum AnyClient {
    Http(Client<HttpConnector, Empty<Bytes>>),
    Https(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

impl Prober {
    /// A prober whose every question ends within `timeout`.
    pub(crate) fn new(schemes: Schemes, timeout: Duration) -> Result<Self, Error> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        // So that a host that swallows packets is told from one that accepts and says nothing.
        tcp.set_connect_timeout(Some(timeout / 2));
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(0);
        let client = match schemes {
            Schemes::Http => AnyClient::Http(builder.build(tcp)),
            Schemes::HttpAndHttps => {
                let tls = HttpsConnectorBuilder::new()
                    .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
                    .map_err(|error| Error::RootCertificates { reason: error.to_string() })?;
                AnyClient::Https(
                    builder.build(tls.https_or_http().enable_http1().wrap_connector(tcp)),
                )
            }
        };
        Ok(Self { client, timeout })
    }

    /// How the replica at `root` is.
    pub(crate) async fn look(&self, root: &Url) -> Sight {
        let silent = || Sight::NotReady(format!("no answer within {:?}", self.timeout));
        timeout(self.timeout, self.ask(root)).await.unwrap_or_else(|_| silent())
    }

    async fn ask(&self, root: &Url) -> Sight {
        for path in [HEALTH, MODELS] {
            match self.get(root, path).await.map(|response| response.status()) {
                Err(why) => return Sight::Unreachable(why),
                Ok(status) if status.is_success() => return Sight::Ready,
                Ok(status) if says_nothing(path, status) => {}
                Ok(status) => {
                    return Sight::NotReady(format!("GET {path} answered {}", status.as_u16()));
                }
            }
        }
        // It accepts connections and speaks HTTP; without either route there is no more to ask.
        Sight::Ready
    }

    /// The engine at `root`, if it can be told from one cheap question.
    pub(crate) async fn engine(&self, root: &Url) -> Option<Engine> {
        timeout(self.timeout, self.models(root)).await.ok().flatten()
    }

    async fn models(&self, root: &Url) -> Option<Engine> {
        let response = self.get(root, MODELS).await.ok()?;
        let server = response
            .headers()
            .get(header::SERVER)
            .and_then(|name| name.to_str().ok())
            .map(str::to_owned);
        let body =
            Limited::new(response.into_body(), MODELS_BYTES).collect().await.ok()?.to_bytes();
        Engine::detect(server.as_deref(), &body)
    }

    async fn get(&self, root: &Url, path: &str) -> Result<Response<Incoming>, String> {
        let request = Request::get(format!("{}{path}", root.as_str().trim_end_matches('/')))
            .header(header::USER_AGENT, "inferscope-probe")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = match &self.client {
            AnyClient::Http(client) => client.request(request).await,
            AnyClient::Https(client) => client.request(request).await,
        };
        answer.map_err(|error| root_cause(&error))
    }
}

/// Whether `status` only tells that this route is not there, or not for us.
fn says_nothing(path: &str, status: StatusCode) -> bool {
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            true
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => path == MODELS,
        _ => false,
    }
}

/// The innermost reason, which is the one that a person can act on: "connection refused".
fn root_cause(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
