//! What all questions about spans have in common: which streams, which range, which filter; and what the answer says of
//! them.

use clock::SharedClock;
use query::{Filter, Query, Spans, TimeRange, UnknownField};
use schema::{OrgName, Table};
use serde_json::{Map, Value, json};

use crate::asked::Span;
use crate::trouble::Trouble;

/// A question about spans.
#[derive(Debug)]
pub(crate) struct Question {
    streams: Vec<Table>,
    range: TimeRange,
    pub(crate) filter: Option<Filter>,
    unknown: Vec<UnknownField>,
}

impl Question {
    /// Over the streams that are named, all if none is; without a range over the last hour, and over all of time where the
    /// filter names a trace. `fields` are named beside the filter.
    pub(crate) fn new(
        (query, clock): (&Query, &SharedClock),
        org: &OrgName,
        span: Span,
        (stream, q): (Option<&str>, Option<&str>),
        fields: &[String],
    ) -> Result<Self, Trouble> {
        let filter = q.filter(|q| !q.trim().is_empty()).map(Filter::parse).transpose()?;
        let names_trace = filter.as_ref().is_some_and(|filter| filter.trace_id().is_some());
        let range = match span {
            Span { from_us: None, to_us: None } if names_trace => TimeRange::ALWAYS,
            span => within(span.or_last_hour(clock))?,
        };
        let streams = query.trace_streams(org, stream)?;
        let unknown = query.unknown_fields(&streams, filter.as_ref(), fields)?;
        Ok(Self { streams, range, filter, unknown })
    }

    pub(crate) fn spans(&self) -> Spans<'_> {
        Spans { streams: &self.streams, range: self.range }
    }

    /// The answer, with what it is about.
    pub(crate) fn answered(&self, answer: Value) -> Value {
        let bound = |us: i64| (self.range != TimeRange::ALWAYS).then_some(us);
        let unknown: Vec<Value> = self
            .unknown
            .iter()
            .map(|unknown| json!({ "field": unknown.field, "nearest": unknown.nearest }))
            .collect();
        let mut whole = match answer {
            Value::Object(answer) => answer,
            other => Map::from_iter([("answer".to_owned(), other)]),
        };
        whole.insert("from_us".to_owned(), bound(self.range.from_us).into());
        whole.insert("to_us".to_owned(), bound(self.range.to_us).into());
        whole.insert("streams".to_owned(), names(&self.streams).into());
        whole.insert("unknown_fields".to_owned(), unknown.into());
        whole.into()
    }
}

/// The names of some streams.
pub(crate) fn names(streams: &[Table]) -> Vec<&str> {
    streams.iter().map(|table| table.stream.as_str()).collect()
}

/// Later than this, the year 5138, nobody's question begins: such a number counts nanoseconds, µs.
const LATEST_US: i64 = 100_000_000_000_000_000;

/// The range from one moment to another, µs since 1970-01-01 UTC.
pub(crate) fn within((from_us, to_us): (i64, i64)) -> Result<TimeRange, Trouble> {
    if from_us > LATEST_US {
        return Err(Trouble::invalid(format!(
            "from_us and to_us count microseconds since 1970, and {from_us} would be after the year 5138: it seems to count nanoseconds"
        )));
    }
    if from_us < to_us {
        Ok(TimeRange { from_us, to_us })
    } else {
        Err(Trouble::invalid("from_us has to be before to_us, both in microseconds"))
    }
}
