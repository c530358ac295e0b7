//! Sockets, and the one service behind all of them.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tasks::{CancellationToken, Stage, Tasks};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when no connection can be accepted: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Opens every address; all or none.
pub(crate) async fn bind(addresses: &[String]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| {
            format!("cannot listen on {address:?}: give HOST:PORT of this host that is not in use")
        })?);
    }
    Ok(listeners)
}

/// Where the sockets are, with the ports that the system chose.
pub(crate) fn addresses(listeners: &[TcpListener]) -> anyhow::Result<Vec<SocketAddr>> {
    listeners.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}

/// Serves HTTP/1.1 and HTTP/2 (h2c, for gRPC) on every socket until the first stage ends. Connections are tasks of that
/// stage: what is in flight may end within its grace and is cut off behind it, so that its record comes to the recorder
/// before that one ends. A client that has not sent the head of a next request within `idle` is let go.
pub(crate) fn serve(tasks: &Tasks, listeners: Vec<TcpListener>, app: &Router, idle: Duration) {
    for listener in listeners {
        let accept = accept(tasks.clone(), listener, app.clone(), idle);
        tasks.spawn_vital(Stage::Accept, "http", accept);
    }
}

async fn accept(tasks: Tasks, listener: TcpListener, app: Router, idle: Duration) {
    let stop = tasks.token(Stage::Accept);
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((socket, _)) => {
                // Streamed tokens are small and must not wait for more of them.
                let _ = socket.set_nodelay(true);
                let connection = connection(socket, app.clone(), idle, stop.clone());
                tasks.spawn(Stage::Accept, "connection", connection);
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the client went away before it was accepted, which says nothing about the listener.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(socket: TcpStream, app: Router, idle: Duration, stop: CancellationToken) {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(idle);
    http.http2().timer(TokioTimer::new());
    let served = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app));
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
