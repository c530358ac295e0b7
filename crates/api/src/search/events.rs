//! A search as server-sent events: metadata and rows, piece by piece, so that an answer of any length takes little
//! memory.
//!
//! OpenObserve sends one metadata frame and its rows for each part of the time range, newest first, and its clients add
//! the totals up. Here each piece of about a megabyte is such a part.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use query::{Piece, Rows, Scanned, TimeRange};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::{Answer, Written};
use crate::trouble::{Trouble, search_error};

/// About how many bytes of rows a frame has.
const FRAME_BYTES: usize = 1 << 20;

/// The frames of one answer.
pub(crate) struct Events {
    rows: Rows,
    range: TimeRange,
    /// `from` and `size` as they were asked for.
    page: (i64, i64),
    /// Whether the answer is the number of rows and not the rows.
    counts: bool,
    id: String,
    waiting: VecDeque<Piece>,
    /// Up to where the parts of the time range have been given, µs.
    given_to_us: i64,
    is_first: bool,
    is_over: bool,
}

impl Events {
    pub(crate) fn new(rows: Rows, range: TimeRange, page: (i64, i64), counts: bool) -> Self {
        Self {
            rows,
            range,
            page,
            counts,
            id: format!("{:032x}", rand::random::<u128>()),
            waiting: VecDeque::new(),
            given_to_us: range.to_us,
            is_first: true,
            is_over: false,
        }
    }

    /// The next frames; `None` when all was said.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        if self.waiting.is_empty() {
            match self.rows.next(FRAME_BYTES).await {
                Ok(Some(piece)) => self.waiting.extend(piece.split(FRAME_BYTES)),
                Ok(None) => {
                    self.is_over = true;
                    return Some(self.last().unwrap_or_else(|trouble| failure(&trouble)));
                }
                Err(error) => {
                    self.is_over = true;
                    return Some(failure(&error.into()));
                }
            }
        }
        let piece = self.waiting.pop_front()?;
        Some(self.part(&piece).unwrap_or_else(|trouble| {
            self.is_over = true;
            failure(&trouble)
        }))
    }

    fn part(&mut self, piece: &Piece) -> Result<String, Trouble> {
        let hits = piece.json()?;
        let total = if self.counts { counted(&hits) } else { piece.rows() as u64 };
        // Only a list by time is given in parts of the range; anything else is of all of it.
        let times = piece.times().filter(|_| self.rows.about().newest_first);
        let part = TimeRange {
            from_us: times.map_or(self.range.from_us, |times| times.from_us),
            to_us: self.given_to_us,
        };
        let mut frames = self.metadata(total, part, None)?;
        frames.push_str(&hits_frame(hits)?);
        if times.is_some() {
            self.given_to_us = part.from_us;
            frames.push_str(&frame("progress", &json!({ "percent": self.percent() })));
        }
        Ok(frames)
    }

    fn last(&mut self) -> Result<String, Trouble> {
        let partial = self.rows.partial().map(str::to_owned);
        let mut frames = String::new();
        if self.is_first || partial.is_some() {
            let rest = TimeRange { from_us: self.range.from_us, to_us: self.given_to_us };
            frames.push_str(&self.metadata(0, rest, partial)?);
            frames.push_str(&hits_frame("[]".to_owned())?);
        }
        frames.push_str(&end());
        Ok(frames)
    }

    fn metadata(
        &mut self,
        total: u64,
        part: TimeRange,
        partial: Option<String>,
    ) -> Result<String, Trouble> {
        // Clients add these figures up: they are said once.
        let is_first = std::mem::take(&mut self.is_first);
        let ended = self.rows.ended();
        let results = Answer::new(Written {
            hits: "[]".to_owned(),
            total,
            took: ended.took,
            partial,
            scanned: if is_first { ended.scanned } else { Scanned::default() },
            about: Some(self.rows.about()),
            from: self.page.0,
            size: self.page.1,
        })?;
        Ok(frame("search_response_metadata", &Metadata::new(results, &self.id, part)))
    }

    fn percent(&self) -> i128 {
        let whole = i128::from(self.range.to_us) - i128::from(self.range.from_us);
        let given = i128::from(self.range.to_us) - i128::from(self.given_to_us);
        (given * 100 / whole.max(1)).clamp(0, 99)
    }
}

/// What stands before the rows of a part of the time range.
#[derive(Serialize)]
pub(crate) struct Metadata<'a> {
    results: Answer,
    streaming_aggs: bool,
    streaming_id: &'a str,
    time_offset: Offset,
}

impl<'a> Metadata<'a> {
    pub(crate) const fn new(results: Answer, streaming_id: &'a str, part: TimeRange) -> Self {
        let time_offset = Offset { start_time: part.from_us, end_time: part.to_us };
        Self { results, streaming_aggs: false, streaming_id, time_offset }
    }
}

/// µs since 1970-01-01 UTC.
#[derive(Serialize)]
struct Offset {
    start_time: i64,
    end_time: i64,
}

fn counted(hits: &str) -> u64 {
    let hits: serde_json::Value = serde_json::from_str(hits).unwrap_or_default();
    hits[0]["zo_sql_num"].as_u64().unwrap_or(0)
}

/// The last frames of an answer that came to its end.
pub(crate) fn end() -> String {
    frame("progress", &json!({ "percent": 100 })) + "data: [[DONE]]\n\n"
}

pub(crate) fn hits_frame(hits: String) -> Result<String, Trouble> {
    #[derive(Serialize)]
    struct Hits {
        hits: Box<RawValue>,
    }
    let hits = RawValue::from_string(hits).map_err(|error| Trouble::invalid(error.to_string()))?;
    Ok(frame("search_response_hits", &Hits { hits }))
}

pub(crate) fn frame(name: &str, data: &impl Serialize) -> String {
    // JSON on one line: a line break in a text is written as an escape.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn failure(trouble: &Trouble) -> String {
    frame("error", &search_error(trouble))
}

/// The frames as an answer. When the caller goes away the body is dropped, and the query with it.
pub(crate) fn answer(events: Events) -> Response {
    response(futures::stream::unfold(events, |mut events| async move {
        let frames = events.next().await?;
        Some((frames, events))
    }))
}

/// Frames as the body of an answer.
pub(crate) fn response(frames: impl Stream<Item = String> + Send + 'static) -> Response {
    let body =
        Body::from_stream(frames.map(|text| Ok::<_, std::convert::Infallible>(Bytes::from(text))));
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")], body).into_response()
}
