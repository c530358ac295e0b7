//! A server with a port of its own that is there when a test wants it to be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

/// A port that stays ours while nobody listens on it.
pub(super) struct Place {
    _reserved: TcpSocket,
    address: SocketAddr,
}

impl Place {
    pub(super) fn reserve() -> Self {
        let socket = bound("127.0.0.1:0".parse().unwrap());
        Self { address: socket.local_addr().unwrap(), _reserved: socket }
    }

    pub(super) fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// Opens a server that answers `GET /health` with `health`.
    pub(super) fn open(&self, health: u16) -> Fake {
        let listener = bound(self.address).listen(64).unwrap();
        let health = Arc::new(AtomicU16::new(health));
        Fake { serving: tokio::spawn(serve(listener, Arc::clone(&health))), health }
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

pub(super) struct Fake {
    serving: JoinHandle<()>,
    health: Arc<AtomicU16>,
}

impl Fake {
    pub(super) fn set_health(&self, status: u16) {
        self.health.store(status, Ordering::SeqCst);
    }

    /// Closes the server and all its connections.
    pub(super) async fn close(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

async fn serve(listener: TcpListener, health: Arc<AtomicU16>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(answer(stream, Arc::clone(&health)));
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: TcpStream, health: Arc<AtomicU16>) {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => head.extend_from_slice(&buffer[..read]),
            Ok(_) | Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let models = r#"{"data":[{"id":"org/model","owned_by":"vllm"}]}"#;
    let (status, body) = match head.split(' ').nth(1) {
        Some("/health") => (health.load(Ordering::SeqCst), ""),
        Some("/v1/models") => (200, models),
        _ => (404, ""),
    };
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}
