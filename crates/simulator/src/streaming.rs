use std::collections::VecDeque;
use std::io;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use serde_json::Value;

use crate::answer::{Head, Tokens};
use crate::ask::Delivery;
use crate::behaviour::Behaviour;
use crate::failure;
use crate::generation::Generation;

/// A streamed answer: it is spoken only as fast as the client reads, and no further than the client stays.
pub(crate) struct Streaming {
    pub(crate) generation: Generation,
    pub(crate) head: Head,
    pub(crate) tokens: Tokens,
    pub(crate) delivery: Delivery,
    pub(crate) behaviour: Behaviour,
    events: VecDeque<Bytes>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Speaking,
    Ended,
}

impl Streaming {
    pub(crate) fn new(
        generation: Generation,
        head: Head,
        tokens: Tokens,
        delivery: Delivery,
        behaviour: Behaviour,
    ) -> Self {
        let (events, stage) = (VecDeque::new(), Stage::Speaking);
        Self { generation, head, tokens, delivery, behaviour, events, stage }
    }

    /// The answer's head now, its events as they come.
    pub(crate) fn into_response(self) -> Response {
        let events = stream::unfold(self, |mut streaming| async {
            streaming.next().await.map(|event| (event, streaming))
        });
        let mut response = Body::from_stream(events).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        if self.events.is_empty() && self.stage == Stage::Speaking {
            if self.reached(self.behaviour.cut) {
                self.generation.fail();
                self.stage = Stage::Ended;
                return Some(Err(broken().await));
            }
            self.speak().await;
        }
        self.events.pop_front().map(Ok)
    }

    /// Makes the next events.
    async fn speak(&mut self) {
        if self.reached(self.behaviour.in_band) {
            self.event(&failure::in_band());
            self.generation.fail();
            self.stage = Stage::Ended;
            return;
        }
        let opening = self.generation.spoken() == 0;
        match self.generation.next().await {
            Some(token) => {
                if let Some(role) = self.head.role_chunk().filter(|_| opening) {
                    self.event(&role);
                }
                self.event(&self.head.token_chunk(&token));
            }
            None => self.close(),
        }
    }

    fn close(&mut self) {
        if self.delivery == Delivery::StreamWithUsage {
            self.event(&self.head.usage_chunk(self.tokens));
        }
        self.events.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
        self.generation.finish();
        self.stage = Stage::Ended;
    }

    fn event(&mut self, event: &Value) {
        self.events.push_back(Bytes::from(format!("data: {event}\n\n")));
    }

    /// Whether so many tokens have come, or all there are.
    fn reached(&self, tokens: Option<usize>) -> bool {
        let all = self.generation.script().words.len();
        tokens.is_some_and(|tokens| self.generation.spoken() >= tokens.min(all))
    }
}

/// The error that breaks a connection, once what was sent before is on its way.
pub(crate) async fn broken() -> io::Error {
    tokio::task::yield_now().await;
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the simulator breaks this connection on demand",
    )
}
