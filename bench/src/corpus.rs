//! The rows of a made-up company: agents, chains and plain calls of a few models, in the order of their time.
//!
//! Made from a seed, so that two runs send the same spans, but for the time at which they begin.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::openinference::{Chat, Writer, resource, scope, text};

/// Spans of a body, about: a trace is not cut.
const SPANS_A_BODY: usize = 500;
/// Every so many traces one is remembered, to be looked for.
const REMEMBERED: u64 = 500;
/// Asked for and answered by; the first ones are asked most.
const MODELS: [(&str, &str); 8] = [
    ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1-8b"),
    ("openai/gpt-oss-120b", "gpt-oss-120b"),
    ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("Qwen/Qwen3-32B", "qwen3-32b"),
    ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"),
    ("google/gemma-3-27b-it", "gemma-3-27b"),
];
const SERVICES: [&str; 6] = ["chat-api", "support-bot", "search", "batch", "evals", "assistant"];

/// Spans that are still to be made.
pub(crate) struct Corpus {
    writer: Writer<StdRng>,
    /// When the next trace begins, and how long until the one after it on average; ns.
    next: u64,
    step: u64,
    left: usize,
    traces: u64,
    remembered: Vec<String>,
}

/// A body and how many spans it has.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) spans: usize,
}

impl Corpus {
    /// So many spans, at least, that begin in the time of `lasting` before `until`.
    pub(crate) fn before(until: SystemTime, lasting: Duration, spans: usize, seed: u64) -> Self {
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            writer: Writer::new(StdRng::seed_from_u64(seed)),
            next: nanos(until.saturating_sub(lasting)),
            // 2.4 spans a trace: see `trace`.
            step: nanos(lasting) / (spans as u64 * 10 / 24 + 1),
            left: spans,
            traces: 0,
            remembered: Vec::new(),
        }
    }

    /// Some of the traces that were made so far, by id.
    pub(crate) fn remembered(&self) -> &[String] {
        &self.remembered
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The next body; `None` when all spans are made.
    pub(crate) fn next(&mut self) -> Option<Body> {
        if self.left == 0 {
            return None;
        }
        let wanted = SPANS_A_BODY.min(self.left);
        let mut spans = Vec::with_capacity(wanted + 4);
        while spans.len() < wanted {
            self.trace(&mut spans);
        }
        self.left = self.left.saturating_sub(spans.len());
        let count = spans.len();
        // A process exports its own spans: one service a body.
        let service = SERVICES[self.skewed(SERVICES.len())];
        let instance = format!("{service}-{}", self.writer.rng.random_range(0..4));
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans {
            resource: Some(resource(service, &instance)),
            scope_spans,
            ..ResourceSpans::default()
        }];
        let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec().into();
        Some(Body { bytes, spans: count })
    }

    /// Half of the traces are a call; three in ten a chain with a retriever; two in ten an agent with two rounds.
    fn trace(&mut self, out: &mut Vec<Span>) {
        let trace_id = self.writer.rng.random::<u128>().to_be_bytes();
        if self.traces.is_multiple_of(REMEMBERED) {
            self.remembered.push(format!("{:032x}", u128::from_be_bytes(trace_id)));
        }
        self.traces += 1;
        let begins = self.next;
        self.next += self.writer.rng.random_range(0..=2 * self.step);
        let session = format!("session-{}", self.writer.rng.random_range(0..20_000));
        let user = format!("user-{}", self.skewed(1_000));
        let who = [text("session.id", &session), text("user.id", &user)];
        let steps: &[&str] = match self.writer.rng.random_range(0..10) {
            0..5 => &["LLM"],
            5..8 => &["CHAIN", "RETRIEVER", "LLM"],
            _ => &["AGENT", "LLM", "TOOL", "LLM", "TOOL"],
        };
        let mut root: Option<Vec<u8>> = None;
        let first = out.len();
        let mut at = begins;
        for kind in steps {
            let span_id = self.writer.rng.random::<u64>().to_be_bytes().to_vec();
            let mut span = if *kind == "LLM" { self.call() } else { self.around(kind) };
            span.trace_id = trace_id.to_vec();
            span.parent_span_id = root.clone().unwrap_or_default();
            root.get_or_insert_with(|| span_id.clone());
            span.span_id = span_id;
            span.attributes.extend(who.clone());
            // It lasts as long as `call` and `around` say, one after another.
            let lasts = span.end_time_unix_nano;
            span.start_time_unix_nano = at;
            span.end_time_unix_nano = at + lasts;
            for event in &mut span.events {
                event.time_unix_nano += at;
            }
            at += lasts;
            out.push(span);
        }
        if steps.len() > 1 {
            out[first].start_time_unix_nano = begins;
            out[first].end_time_unix_nano = at;
        }
    }

    /// A call that begins at 0 and ends when it has lasted as long as it lasts.
    fn call(&mut self) -> Span {
        let (asked, answered) = MODELS[self.skewed(MODELS.len())];
        let failed = self.writer.rng.random_range(0..100) < 2;
        let attributes = self.writer.chat(&Chat { asked, answered, failed });
        let status = if failed { (2, "Error code: 429 - too many requests") } else { (1, "") };
        let lasts = self.lasts(0.8);
        let events = failed.then(|| failure(lasts)).into_iter().collect();
        span("ChatCompletion", attributes, lasts, status, events)
    }

    fn around(&mut self, kind: &str) -> Span {
        let attributes = self.writer.step(kind);
        let lasts = self.lasts(0.05);
        span(&kind.to_lowercase(), attributes, lasts, (1, ""), Vec::new())
    }

    /// About `median` seconds, at times twenty times as long; ns.
    fn lasts(&mut self, median: f64) -> u64 {
        let drawn: f64 = (0..4).map(|_| self.writer.rng.random_range(-1.0..1.0)).sum();
        (median * drawn.exp() * 1e9) as u64
    }

    /// A number below `below`: small ones most often.
    fn skewed(&mut self, below: usize) -> usize {
        let drawn: f64 = self.writer.rng.random();
        ((below as f64) * drawn * drawn) as usize
    }
}

fn span(
    name: &str,
    attributes: Vec<KeyValue>,
    lasts: u64,
    (code, message): (i32, &str),
    events: Vec<Event>,
) -> Span {
    Span {
        name: name.to_owned(),
        kind: 1,
        end_time_unix_nano: lasts,
        attributes,
        events,
        status: Some(Status { code, message: message.to_owned() }),
        ..Span::default()
    }
}

fn failure(at: u64) -> Event {
    Event {
        time_unix_nano: at,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "openai.RateLimitError"),
            text(
                "exception.message",
                "Error code: 429 - {'error': {'message': 'too many requests'}}",
            ),
        ],
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use otlp::{Format, Limits, decode_traces};

    use super::*;

    fn corpus(seed: u64) -> Corpus {
        Corpus::before(SystemTime::now(), Duration::from_secs(3600), 2_000, seed)
    }

    #[test]
    fn all_spans_are_made_and_each_has_an_id_of_its_own() {
        let mut corpus = corpus(1);
        let (mut seen, mut said) = (HashSet::new(), 0);
        while let Some(body) = corpus.next() {
            let traces = decode_traces(&body.bytes, Format::Protobuf, &Limits::default());
            let traces = traces.expect("decodes");
            assert!(traces.rejected.is_empty() && traces.spans.len() == body.spans);
            seen.extend(traces.spans.iter().map(|span| span.span_id));
            said += body.spans;
        }
        assert_eq!(seen.len(), said);
        assert!((2_000..2_010).contains(&said), "{said}");
        assert!(!corpus.remembered().is_empty());
    }

    #[test]
    fn one_seed_makes_the_same_words_and_another_makes_others() {
        let words = |seed| corpus(seed).writer.words(20);
        assert_eq!(words(7), words(7));
        assert_ne!(words(7), words(8));
    }
}
