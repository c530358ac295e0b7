use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fault::{Class, Fault};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use openai::UsageStripper;

use crate::attempt::{Answered, UsageAsked};
use crate::headers::{REQUEST_ID, remove_hop_by_hop};
use crate::open_call::OpenCall;
use crate::record::{AnswerForm, End, Trouble};
use crate::replica_body::ReplicaBody;

/// The body of an answer: a replica's, passed on as it comes, or one of our own.
pub struct GatewayBody(Inner);

enum Inner {
    Own(Full<Bytes>),
    Relayed(Box<Relay>),
}

/// The replica broke off its answer.
#[derive(Debug, thiserror::Error)]
#[error("the replica broke off its answer")]
pub struct BodyError(#[source] hyper::Error);

impl BodyError {
    /// Always the replica's; the caller has part of the answer, so nobody tries again.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        Fault::upstream(Class::Unavailable)
    }
}

/// Makes the caller's response of a replica's: the head without what speaks of our connection to it, and the
/// body observed as it passes.
pub(crate) fn pass_on(
    answered: Answered,
    mut call: OpenCall,
    request_id: HeaderValue,
) -> Response<GatewayBody> {
    let (mut head, upstream) = answered.response.into_parts();
    remove_hop_by_hop(&mut head.headers);
    head.headers.entry(REQUEST_ID).or_insert(request_id);
    head.version = Version::HTTP_11;
    let form = form_of(&head.headers);
    call.answered(head.status.as_u16(), form);
    let stripper =
        (answered.usage == UsageAsked::ByUs && form == AnswerForm::Events).then(UsageStripper::new);
    if stripper.is_some() {
        head.headers.remove(CONTENT_LENGTH);
    }
    let relay = Relay::new(upstream, stripper, call);
    Response::from_parts(head, GatewayBody(Inner::Relayed(Box::new(relay))))
}

fn form_of(headers: &HeaderMap) -> AnswerForm {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return AnswerForm::Compressed;
    }
    const EVENTS: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().get(..EVENTS.len()));
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case(EVENTS)) {
        AnswerForm::Events
    } else {
        AnswerForm::Whole
    }
}

/// Passes a replica's body on and tells the call what it saw. Dropping it closes the replica's connection.
struct Relay {
    upstream: ReplicaBody,
    stripper: Option<UsageStripper>,
    call: OpenCall,
    /// What comes after the bytes that the stripper held back.
    last: Option<Result<Frame<Bytes>, BodyError>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Passing,
    Over,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl Relay {
    fn new(upstream: ReplicaBody, stripper: Option<UsageStripper>, call: OpenCall) -> Self {
        let mut relay = Self { upstream, stripper, call, last: None, state: State::Passing };
        relay.close_if_at_end(); // an empty body is never polled
        relay
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Polled {
        while self.state == State::Passing {
            match ready!(Pin::new(&mut self.upstream).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Some(frame) = self.see(frame) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Some(Err(error)) => {
                    let message =
                        format!("connection error: the replica broke off its answer: {error}");
                    let trouble = Trouble { kind: "connection", message };
                    self.close(End::UpstreamFailed, Some(trouble));
                    self.last = Some(Err(BodyError(error)));
                }
                None => self.close(End::Complete, None),
            }
        }
        Poll::Ready(self.held_back().map(Ok).or_else(|| self.last.take()))
    }

    /// The frame for the caller; none while all of it is held back.
    fn see(&mut self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(trailers) => {
                self.last = Some(Ok(trailers));
                self.close(End::Complete, None);
                return None;
            }
        };
        self.call.received(&data);
        let Some(stripper) = &mut self.stripper else {
            self.close_if_at_end(); // with a known length, nobody polls behind the last byte
            return Some(Frame::data(data));
        };
        let data = stripper.push(data);
        (!data.is_empty()).then(|| Frame::data(data))
    }

    fn held_back(&mut self) -> Option<Frame<Bytes>> {
        let held = self.stripper.take()?.finish();
        (!held.is_empty()).then(|| Frame::data(held))
    }

    fn close_if_at_end(&mut self) {
        if self.stripper.is_none() && self.upstream.is_end_stream() {
            self.close(End::Complete, None);
        }
    }

    fn close(&mut self, end: End, trouble: Option<Trouble>) {
        self.state = State::Over;
        self.call.finish(end, trouble);
    }
}

impl GatewayBody {
    /// An answer of our own.
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self(Inner::Own(Full::new(bytes)))
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match &mut self.0 {
            Inner::Own(own) => Pin::new(own).poll_frame(cx).map_err(|never| match never {}),
            Inner::Relayed(relay) => relay.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Own(own) => own.is_end_stream(),
            Inner::Relayed(relay) => {
                relay.state == State::Over && relay.stripper.is_none() && relay.last.is_none()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Own(own) => own.size_hint(),
            Inner::Relayed(relay) if relay.stripper.is_none() => relay.upstream.size_hint(),
            Inner::Relayed(_) => SizeHint::default(),
        }
    }
}
