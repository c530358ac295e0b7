use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Extensions, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Error;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower::{BoxError, Service};

/// Whether a connection has answered a request before.
///
/// A kept connection can be closed by the replica in the moment when a request is put on it. Such a break
/// says nothing about the replica, unlike one on a new connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered(Arc<AtomicBool>);

impl Answered {
    /// Notes on the connection of a response that it has answered.
    pub(crate) fn note(response: &Extensions) {
        if let Some(Self(answered)) = response.get() {
            answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the request failed on a connection that had answered before.
    pub(crate) fn before(error: &Error) -> bool {
        let mut extras = Extensions::new();
        if let Some(connected) = error.connect_info() {
            connected.get_extras(&mut extras);
        }
        extras.get().is_some_and(|Self(answered)| answered.load(Ordering::Relaxed))
    }
}

/// Opens connections that know whether they have [`Answered`], within a time for all of it, TLS included.
#[derive(Clone)]
pub(crate) struct Connector<C> {
    pub(crate) inner: C,
    pub(crate) timeout: Duration,
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<Noted<T>, BoxError>> + Send>>;

impl<C> Service<Uri> for Connector<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = Noted<C::Response>;
    type Error = BoxError;
    type Future = Connecting<C::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(address));
        Box::pin(async move {
            let io = connecting.await?.map_err(Into::into)?;
            Ok(Noted { io, answered: Answered::default() })
        })
    }
}

/// A connection that knows whether it has [`Answered`]; bytes pass as they are.
pub(crate) struct Noted<T> {
    io: T,
    answered: Answered,
}

impl<T: Connection> Connection for Noted<T> {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.answered.clone())
    }
}

impl<T: Read + Unpin> Read for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: Write + Unpin> Write for Noted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
