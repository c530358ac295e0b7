//! Sockets, and the one service behind all of them.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use tasks::{Stage, Tasks};
use tokio::net::TcpListener;

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

/// Serves HTTP/1.1 and HTTP/2 (h2c, for gRPC) on every socket until the first stage ends; calls in flight may end.
pub(crate) fn serve(tasks: &Tasks, listeners: Vec<TcpListener>, app: &Router) {
    for listener in listeners {
        let stop = tasks.token(Stage::Accept);
        let app = app.clone();
        tasks.spawn(Stage::Accept, "http", async move {
            // Streamed tokens are small and must not wait for more of them.
            let listener = listener.tap_io(|socket| {
                let _ = socket.set_nodelay(true);
            });
            let served = axum::serve(listener, app)
                .with_graceful_shutdown(async move { stop.cancelled().await })
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "a listener ended");
            }
        });
    }
}
