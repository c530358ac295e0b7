use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};

/// A connection to a replica.
///
/// It is polled by the call that uses it and by nobody while it is kept for the next: bytes go from one socket to the
/// other within one task, and nobody has to be woken for them. What happens to a kept connection is seen when it is
/// taken up again.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Moves the bytes; none once the connection is over.
    driver: Option<Driver>,
    answered: bool,
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Why a connection brought no response head.
pub(crate) enum NoAnswer {
    /// The request never left.
    Unsent,
    /// It may have left.
    Broken(hyper::Error),
}

impl Connection {
    /// HTTP/1.1 over an open socket.
    pub(crate) async fn over(
        io: impl Read + Write + Unpin + Send + 'static,
    ) -> hyper::Result<Self> {
        let (sender, driver) = http1::handshake(io).await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), answered: false })
    }

    /// Whether it has answered a call before.
    ///
    /// A kept connection can be closed by the replica in the moment when a request is put on it. Such a break says
    /// nothing about the replica, unlike one on a new connection.
    pub(crate) const fn has_answered(&self) -> bool {
        self.answered
    }

    /// Sends the request and waits for the response head. The body comes as long as [`Connection::drive`] is called.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut response = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let outcome = std::future::poll_fn(|cx| {
            // The driver first: it is what makes a response.
            let over = driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready());
            if over {
                *driver = None;
            }
            response.as_mut().poll(cx)
        });
        match outcome.await {
            Ok(response) => {
                self.answered = true;
                Ok(response)
            }
            Err(mut error) => Err(match error.take_message() {
                Some(_) => NoAnswer::Unsent,
                None => NoAnswer::Broken(error.into_error()),
            }),
        }
    }

    /// Moves what bytes there are.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(cx).is_ready()
        {
            self.driver = None;
        }
    }

    /// Whether it can take a request now, as far as this side knows.
    pub(crate) fn is_free(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}
