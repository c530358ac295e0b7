//! Streams that Logfire tells in two parts: a span that ends when the stream opens, and a record of what came.

use otlp::{AnyValue, Span, Text};

use crate::view::{self, Found};

/// How far the record's own account of the stream's start may be from the span's end, in nanoseconds.
const SLACK_NS: u64 = 50_000_000;

/// So many records of a batch are joined: each looks at all of its spans.
const MOST: usize = 256;

/// Beginnings of the keys that the record adds to its span.
const WHAT_CAME: &[&str] = &["gen_ai.", "response_data", "operation.cost"];

/// Gives the output, the usage and the end of a stream to the span of its call, where a batch holds both. The record
/// itself stays as it is; it never counts as a call.
pub fn join_streams(spans: &mut [Span]) {
    let records: Vec<usize> =
        (0..spans.len()).filter(|at| is_record(&spans[*at])).take(MOST).collect();
    for record in records {
        let Some(call) = call_of(spans, record) else { continue };
        let end_ns = spans[record].start_ns;
        let came: Vec<(Text, AnyValue)> = spans[record]
            .attributes
            .iter()
            .filter(|(key, _)| WHAT_CAME.iter().any(|beginning| key.starts_with(beginning)))
            .filter(|(key, _)| attribute(&spans[call], key).is_none())
            .cloned()
            .collect();
        spans[call].attributes.extend(came);
        spans[call].end_ns = end_ns;
    }
}

fn is_record(span: &Span) -> bool {
    span.scope.name.starts_with("logfire")
        && says(span, "logfire.span_type", "log")
        && attribute(span, "logfire.msg_template")
            .and_then(Found::text)
            .is_some_and(|text| text.starts_with("streaming response from"))
}

/// The span of the call whose stream the record is of: of the same place and model, and it ended when the stream
/// began. The nearest, if several did.
fn call_of(spans: &[Span], record: usize) -> Option<usize> {
    let record = &spans[record];
    let seconds = attribute(record, "duration").and_then(Found::number).filter(|s| *s >= 0.0)?;
    let began_ns = record.start_ns.checked_sub(nanos(seconds)?)?;
    let model = |span: &Span| {
        attribute(span, "gen_ai.request.model").and_then(Found::text).map(|text| text.into_owned())
    };
    let wanted = model(record);
    // Without a parent, Logfire's record is a trace of its own.
    let stands_beside = |span: &Span| {
        span.parent_span_id == record.parent_span_id
            && (span.parent_span_id.is_none() || span.trace_id == record.trace_id)
    };
    let fits = |span: &&(usize, &Span)| {
        let span = span.1;
        span.scope.name == record.scope.name
            && says(span, "logfire.span_type", "span")
            && span.resource == record.resource
            && stands_beside(span)
            && model(span) == wanted
            && attribute(span, "gen_ai.usage.output_tokens").is_none()
            && attribute(span, "gen_ai.output.messages").is_none()
            && attribute(span, "response_data").is_none()
            && span.end_ns.abs_diff(began_ns) <= SLACK_NS
    };
    let calls = spans.iter().enumerate();
    calls
        .collect::<Vec<_>>()
        .iter()
        .filter(fits)
        .min_by_key(|(_, span)| span.end_ns.abs_diff(began_ns))
        .map(|(at, _)| *at)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and as many nanoseconds as fit"
)]
fn nanos(seconds: f64) -> Option<u64> {
    let nanos = seconds * 1e9;
    (nanos < 9.0e18).then_some(nanos as u64)
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<Found<'a>> {
    view::attribute(&span.attributes, key)
}

fn says(span: &Span, key: &str, word: &str) -> bool {
    attribute(span, key).and_then(Found::text).as_deref() == Some(word)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use otlp::{Resource, Scope};

    use super::*;

    fn part(id: u8, start_ms: u64, end_ms: u64, attributes: &[(&str, &str)]) -> Span {
        let mut attributes: Vec<(Text, AnyValue)> = attributes
            .iter()
            .map(|(key, text)| ((*key).into(), AnyValue::Text((*text).into())))
            .collect();
        attributes.push(("gen_ai.request.model".into(), AnyValue::Text("m".into())));
        Span {
            trace_id: [id; 16],
            span_id: [id; 8],
            parent_span_id: None,
            trace_state: String::new(),
            flags: 0,
            name: Text::default(),
            kind: 3,
            start_ns: start_ms * 1_000_000,
            end_ns: end_ms * 1_000_000,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            status: None,
            resource: Arc::new(Resource::default()),
            scope: Arc::new(Scope { name: "logfire.openai".to_owned(), ..Scope::default() }),
        }
    }

    fn call(id: u8, start_ms: u64, end_ms: u64) -> Span {
        part(id, start_ms, end_ms, &[("logfire.span_type", "span")])
    }

    fn record(id: u8, at_ms: u64, took_s: &str) -> Span {
        let template = "streaming response from {request_data[model]!r} took {duration:.2f}s";
        let attributes = [
            ("logfire.span_type", "log"),
            ("logfire.msg_template", template),
            ("duration", took_s),
            ("gen_ai.usage.output_tokens", "18"),
            ("code.function", "drain"),
        ];
        part(id, at_ms, at_ms, &attributes)
    }

    fn has_output(span: &Span) -> bool {
        attribute(span, "gen_ai.usage.output_tokens").is_some()
    }

    #[test]
    fn a_record_goes_to_the_call_that_opened_its_stream() {
        let mut spans = vec![call(1, 0, 40), record(2, 1_030, "1.0"), call(3, 900, 1_000)];
        join_streams(&mut spans);
        assert!(has_output(&spans[0]) && !has_output(&spans[2]));
        assert_eq!(spans[0].end_ns, 1_030_000_000);
        assert!(attribute(&spans[0], "code.function").is_none());
        assert_eq!(spans.len(), 3, "the record stays");
    }

    #[test]
    fn a_record_that_fits_no_call_changes_nothing() {
        let mut other_place = call(1, 0, 40);
        other_place.parent_span_id = Some([9; 8]);
        let mut spans =
            vec![other_place, call(3, 0, 400), record(2, 1_030, "1.0"), record(4, 5, "no number")];
        let before = spans.clone();
        join_streams(&mut spans);
        assert_eq!(spans, before);
    }
}
