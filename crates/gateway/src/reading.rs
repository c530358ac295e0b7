use http::StatusCode;
use openai::{Answer, ApiError, Operation, RequestFacts, StreamReader, Usage};
use serde_json::Value;

use crate::capture::Captured;
use crate::record::{AnswerForm, CANCELLED, CallRecord, End};

/// What the bodies of a call say.
pub(crate) struct Reading {
    pub(crate) request: Option<RequestFacts>,
    pub(crate) answer: Option<Answer>,
    pub(crate) failed: Option<Failed>,
    pub(crate) end: End,
}

/// Why a call counts as failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// `error.type`: the error's own code or kind, else a word of ours.
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Reading {
    pub(crate) fn of(record: &CallRecord) -> Self {
        let understood = record.operation != Operation::Other;
        let request = if understood { openai::read_request(&record.request.head) } else { None };
        let answer = if understood { answer(record) } else { None };
        let in_band = answer.as_ref().and_then(|answer| answer.error.as_ref());
        let failed = failed(record, in_band);
        let end = match record.end {
            End::Complete if in_band.is_some() && is_success(record.status) => End::UpstreamFailed,
            end @ (End::Complete | End::UpstreamFailed | End::ClientLeft | End::Refused) => end,
        };
        Self { request, answer, failed, end }
    }
}

fn answer(record: &CallRecord) -> Option<Answer> {
    let body = &record.response;
    match record.answer {
        AnswerForm::Events => Some(streamed(body)),
        AnswerForm::Whole if body.is_whole() => openai::parse_answer(&body.head),
        AnswerForm::Whole => {
            usage_at_end(&body.tail).map(|usage| Answer { usage: Some(usage), ..Answer::default() })
        }
        AnswerForm::Compressed => None,
    }
}

fn streamed(body: &Captured) -> Answer {
    let mut reader = StreamReader::new(body.held());
    reader.push(&body.head);
    if !body.is_whole() {
        // What was not kept lies between: the events that it cuts are left out.
        reader.push(b"\n\n");
        let events = body
            .tail
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .map_or(&[][..], |at| &body.tail[at..]);
        reader.push(events);
    }
    reader.finish()
}

/// The usage of a long answer, of which only the end was kept.
fn usage_at_end(tail: &[u8]) -> Option<Usage> {
    const KEY: &[u8] = b"\"usage\"";
    let at = tail.windows(KEY.len()).rposition(|bytes| bytes == KEY)?;
    let value = tail[at + KEY.len()..].trim_ascii_start().strip_prefix(b":")?;
    let value = serde_json::Deserializer::from_slice(value).into_iter::<Value>().next()?.ok()?;
    Usage::read(&value)
}

fn failed(record: &CallRecord, in_band: Option<&ApiError>) -> Option<Failed> {
    if let Some(trouble) = &record.trouble {
        return Some(Failed { kind: trouble.kind.to_owned(), message: trouble.message.clone() });
    }
    if let Some(status) = record.status.filter(|status| *status >= 400) {
        let said = openai::parse_error(&record.response.head).unwrap_or_default();
        return Some(Failed::said(said, status));
    }
    match record.end {
        End::ClientLeft => Some(Failed {
            kind: CANCELLED.to_owned(),
            message: "the caller left before the end".to_owned(),
        }),
        End::Complete | End::UpstreamFailed | End::Refused => {
            in_band.map(|error| Failed::said(error.clone(), error.status.unwrap_or(500)))
        }
    }
}

impl Failed {
    /// An error in the words of the one who answered. A code that is a number is the status again.
    fn said(error: ApiError, status: u16) -> Self {
        let code = error.code.filter(|code| code.parse::<i64>().is_err());
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self {
            kind: code.or(error.kind).unwrap_or_else(|| status.to_string()),
            message: error.message.unwrap_or_else(|| reason.unwrap_or("error").to_owned()),
        }
    }
}

fn is_success(status: Option<u16>) -> bool {
    status.is_some_and(|status| status < 400)
}
