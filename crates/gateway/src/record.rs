use std::sync::Arc;
use std::time::Duration;

use clock::UnixNanos;
use http::{Method, Uri};
use openai::Operation;

use crate::capture::Captured;
use crate::picker::{Replica, Route};
use crate::trace::TraceContext;

/// How a call ended. Exactly one is recorded for every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The whole answer was passed on, whatever its status.
    Complete,
    /// No replica answered, or the answer broke off.
    UpstreamFailed,
    /// The caller went away before the end.
    ClientLeft,
    /// We answered without asking a replica.
    Refused,
}

impl End {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::UpstreamFailed => "upstream_failed",
            Self::ClientLeft => "client_left",
            Self::Refused => "refused",
        }
    }
}

/// Everything that was seen of one call; [`into_span`](crate::into_span) reads it. No header is kept.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// The organization that called.
    pub org: String,
    /// The endpoint; none when the call named none that exists.
    pub route: Option<Arc<Route>>,
    /// The replica that was asked last; none when none was.
    pub replica: Option<Arc<Replica>>,
    /// Replicas asked, the same one twice counted twice.
    pub attempts: u32,
    /// Where the call's span stands.
    pub trace: TraceContext,
    /// The id in `x-request-id`.
    pub request_id: String,
    /// The request's method.
    pub method: Method,
    /// The path as the replica sees it, without the query.
    pub path: String,
    /// What the path asks for.
    pub operation: Operation,
    /// The model that was asked for, as it was written; none where the body names none.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The HTTP status that the caller got; none when the caller left before.
    pub status: Option<u16>,
    /// How the call ended.
    pub end: End,
    /// Why we refused the call or could not finish it.
    pub trouble: Option<Trouble>,
    /// When the request's head had come.
    pub started: UnixNanos,
    /// From there to the end.
    pub duration: Duration,
    /// From there to the response head.
    pub head_after: Option<Duration>,
    /// From there to the first byte of the response body.
    pub first_byte_after: Option<Duration>,
    /// From there to the first content of a stream; none for answers that are not streamed.
    pub first_content_after: Option<Duration>,
    /// How the answer is written.
    pub answer: AnswerForm,
    /// The request's body.
    pub request: Captured,
    /// The response's body, as the replica sent it.
    pub response: Captured,
}

/// How the body of an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AnswerForm {
    /// One document, or nothing.
    #[default]
    Whole,
    /// Server-sent events.
    Events,
    /// Compressed: it was passed on and cannot be read.
    Compressed,
}

/// What kept a call from its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One of a small set of words, for `error.type`.
    pub kind: &'static str,
    /// A sentence.
    pub message: String,
}

/// `error.type` of a call whose caller left: the name that clients give to the same event.
pub(crate) const CANCELLED: &str = "CancelledError";

impl CallRecord {
    /// Bytes that this record holds, roughly.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.request.held() + self.response.held() + self.path.len()
    }

    /// Host and port of the replica that was asked.
    pub(crate) fn server(&self) -> Option<(&str, u16)> {
        let base: &Uri = &self.replica.as_ref()?.base;
        let port = if base.scheme_str() == Some("https") { 443 } else { 80 };
        Some((base.host()?, base.port_u16().unwrap_or(port)))
    }

    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        Self {
            org: "default".to_owned(),
            route: None,
            replica: None,
            attempts: 0,
            trace: TraceContext::of_caller(&http::HeaderMap::new()),
            request_id: "r".to_owned(),
            method: Method::POST,
            path: "/v1/chat/completions".to_owned(),
            operation: Operation::Chat,
            model: None,
            stream: false,
            status: Some(200),
            end: End::Complete,
            trouble: None,
            started: UnixNanos(1_000),
            duration: Duration::from_millis(5),
            head_after: None,
            first_byte_after: None,
            first_content_after: None,
            answer: AnswerForm::Whole,
            request: Captured::default(),
            response: Captured::default(),
        }
    }
}
