use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::connection::Connection;
use crate::pool::{Place, Pool};

/// The body of a replica's answer with the connection that it comes by: kept for another call once the whole body has
/// come, closed when the body is dropped before.
pub(crate) struct ReplicaBody {
    incoming: Incoming,
    /// None once the body has come.
    line: Option<Line>,
}

struct Line {
    connection: Connection,
    place: Place,
    pool: Pool,
}

impl ReplicaBody {
    pub(crate) fn new(
        incoming: Incoming,
        connection: Connection,
        place: Place,
        pool: Pool,
    ) -> Self {
        let mut body = Self { incoming, line: Some(Line { connection, place, pool }) };
        body.let_go_at_end(); // nobody polls an empty body
        body
    }

    fn let_go_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if let Some(Line { connection, place, pool }) = self.line.take() {
            pool.keep(place, connection);
        }
    }
}

impl Body for ReplicaBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_pending()
            && let Some(line) = &mut self.line
        {
            line.connection.drive(cx);
            polled = Pin::new(&mut self.incoming).poll_frame(cx);
        }
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.let_go_at_end(),
            Poll::Ready(None) => self.let_go(),
            Poll::Ready(Some(Err(_))) => self.line = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
