use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use simulator::{Pace, SimulatorConfig, serve};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";

/// A simulator on a free port; it ends with the test's runtime.
pub(crate) struct Server {
    address: SocketAddr,
}

/// A whole reply. `broken` tells that the body ended before its end.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) broken: bool,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The data of the stream's events.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
    }
}

/// An engine of two models that does not make anyone wait.
pub(crate) fn instant() -> SimulatorConfig {
    let models = vec![LLAMA.to_owned(), "deepseek-ai/DeepSeek-R1".to_owned()];
    SimulatorConfig { pace: Pace::INSTANT, ..SimulatorConfig::new(models) }
}

impl Server {
    pub(crate) async fn start(config: SimulatorConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, config, std::future::pending()));
        Self { address }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        read(self.send(request("GET", path, &[], "")).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        read(self.open(path, headers, body).await).await
    }

    /// Sends a request and gives the answer's head; the body is read, or dropped, by the test.
    pub(crate) async fn open(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Response<Incoming> {
        self.send(request("POST", path, headers, &body.to_string())).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    /// The value of a metric of the first model.
    pub(crate) async fn metric(&self, name: &str, more: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let start = format!("{name}{{model_name=\"{LLAMA}\",engine=\"0\"{more}}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&start));
        value.unwrap_or_else(|| panic!("no {start} in\n{text}")).parse().unwrap()
    }

    /// Waits until a metric has a value.
    pub(crate) async fn wait_for(&self, name: &str, more: &str, value: f64) {
        wait_until(|| async { self.metric(name, more).await == value }).await;
    }
}

/// Asks again until the condition holds; a condition that never does fails the test.
pub(crate) async fn wait_until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let asking = async { while !condition().await {} };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the condition never held");
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", "simulator");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body.to_owned())).unwrap()
}

pub(crate) async fn read(response: Response<Incoming>) -> Reply {
    let (head, mut body) = response.into_parts();
    let (mut bytes, mut broken) = (Vec::new(), false);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => broken = true,
        }
    }
    let body = String::from_utf8(bytes).unwrap();
    Reply { status: head.status, headers: head.headers, body, broken }
}
