//! One kept-alive HTTP/1.1 connection, and the clock beside it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where requests go, and what is the same in all of them.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    /// The header of that name.
    pub(crate) authorization: String,
}

/// A connection to a target.
pub(crate) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
}

/// When the events of a streamed answer came, measured from the call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(pub(crate) Vec<Duration>);

impl Caller {
    pub(crate) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(target.address)
            .await
            .with_context(|| format!("cannot connect to {}", target.address))?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, target: target.clone() })
    }

    /// Connections to the same target.
    pub(crate) async fn connect_all(target: &Target, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut callers = Vec::with_capacity(count);
        for _ in 0..count {
            callers.push(Self::connect(target).await?);
        }
        Ok(callers)
    }

    /// Posts, and answers as soon as the head is there.
    pub(crate) async fn post(&mut self, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        let request = Request::post(self.target.path)
            .header(HOST, "bench")
            .header(CONTENT_TYPE, self.target.content_type)
            .header(AUTHORIZATION, &self.target.authorization)
            .body(Full::new(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Posts what is to be taken in: what was answered with a 200, or `None` if the server asks to come again.
    pub(crate) async fn offer(&mut self, body: Bytes) -> anyhow::Result<Option<Bytes>> {
        let response = self.post(body).await?;
        let status = response.status();
        let said = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => Ok(Some(said)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Ok(None),
            _ => bail!("{status}: {}", String::from_utf8_lossy(&said)),
        }
    }

    /// Posts and reads the whole answer, which has to be a 200; from the first byte out to the last byte in.
    pub(crate) async fn call(&mut self, body: Bytes) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let response = self.post(body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let took = began.elapsed();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(took)
    }

    /// Posts and notes when each event of the answer was complete.
    pub(crate) async fn stream(&mut self, body: Bytes) -> anyhow::Result<Arrivals> {
        let began = Instant::now();
        let response = self.post(body).await?;
        ensure!(response.status() == StatusCode::OK, "{} instead of a stream", response.status());
        let mut body = response.into_body();
        let mut arrivals = Arrivals::default();
        let mut ends = EventEnds::default();
        while let Some(frame) = body.frame().await {
            let at = began.elapsed();
            let Ok(bytes) = frame?.into_data() else { continue };
            arrivals.0.extend(std::iter::repeat_n(at, ends.count(&bytes)));
        }
        Ok(arrivals)
    }
}

/// Counts blank lines, which end events, however the bytes are cut.
#[derive(Debug, Default)]
struct EventEnds {
    after_newline: bool,
}

impl EventEnds {
    fn count(&mut self, bytes: &[u8]) -> usize {
        let mut ends = 0;
        for byte in bytes {
            let newline = *byte == b'\n';
            if newline && self.after_newline {
                ends += 1;
            }
            self.after_newline = newline;
        }
        ends
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(
    address: SocketAddr,
    method: Method,
    path: &str,
    authorization: &str,
    body: String,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let socket = TcpStream::connect(address).await?;
    let (mut sender, connection) = handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "bench")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, authorization)
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_at_blank_lines_however_they_are_cut() {
        let bytes = b"data: a\n\ndata: b\n\n";
        for cut in 0..bytes.len() {
            let mut ends = EventEnds::default();
            let (one, two) = bytes.split_at(cut);
            assert_eq!(ends.count(one) + ends.count(two), 2, "cut at {cut}");
        }
    }
}
