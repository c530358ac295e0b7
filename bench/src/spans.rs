//! OTLP bodies, each with ids that were never sent before.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use conventions::{Options, normalise};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use otlp::{Format, Limits, decode_traces};
use prost::Message as _;
use rand::Rng as _;
use rand::rngs::ThreadRng;

use crate::openinference::{Chat, Writer, resource, scope};

/// Bytes between the beginnings of a span's trace id and span id, in protobuf.
const TO_SPAN_ID: usize = 16 + 2;

/// Makes bodies that differ in nothing but their ids, at the cost of a copy.
pub(crate) struct Bodies {
    template: Vec<u8>,
    /// Where the trace ids begin.
    ids: Vec<usize>,
    /// Half of every trace id: no two of us share it.
    own: u64,
    sent: u64,
}

impl Bodies {
    /// Of so many spans.
    pub(crate) fn of(spans: usize) -> anyhow::Result<Self> {
        let template = request(spans)?.encode_to_vec();
        let mut ids = Vec::with_capacity(spans);
        let mut from = 0;
        for index in 0..spans {
            let found = memchr::memmem::find(&template[from..], &marker(index));
            from += found.context("a span has no id")?;
            ids.push(from);
        }
        Ok(Self { template, ids, own: rand::rng().random(), sent: 0 })
    }

    /// The next body.
    pub(crate) fn next(&mut self) -> Bytes {
        for at in &self.ids {
            self.sent += 1;
            let id = (u128::from(self.own) << 64 | u128::from(self.sent)).to_be_bytes();
            self.template[*at..at + 16].copy_from_slice(&id);
            let span = at + TO_SPAN_ID;
            // Of its own in all traces: there are stores that keep one span of each id.
            let span_id = self.own ^ self.sent;
            self.template[span..span + 8].copy_from_slice(&span_id.to_be_bytes());
        }
        Bytes::copy_from_slice(&self.template)
    }

    /// Of the last span that was made.
    pub(crate) fn last_trace_id(&self) -> String {
        format!("{:016x}{:016x}", self.own, self.sent)
    }

    pub(crate) fn spans(&self) -> usize {
        self.ids.len()
    }

    /// Of one body.
    pub(crate) fn bytes(&self) -> usize {
        self.template.len()
    }

    /// What the log would be given for the next body: its rows as bytes.
    pub(crate) fn next_logged(&mut self) -> anyhow::Result<Bytes> {
        let traces = decode_traces(&self.next(), Format::Protobuf, &Limits::default())?;
        ensure!(traces.spans.len() == self.spans(), "{:?}", traces.rejected.first());
        let options = Options::default();
        let rows: Vec<_> = traces.spans.into_iter().map(|span| normalise(span, &options)).collect();
        Ok(schema::encode(&rows).into())
    }
}

/// What stands for the id of a span until it gets one.
fn marker(index: usize) -> [u8; 16] {
    (0xB5B5_B5B5_B5B5_B5B5_u128 << 64 | index as u128).to_be_bytes()
}

fn request(spans: usize) -> anyhow::Result<ExportTraceServiceRequest> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let now = u64::try_from(now)?;
    let mut writer = Writer::new(rand::rng());
    let spans = (0..spans).map(|index| span(index, now, &mut writer)).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource = Some(resource("bench", "167a2157-c967-49b8-9924-884335e73514"));
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    Ok(ExportTraceServiceRequest { resource_spans })
}

/// A chat call as the OpenInference instrumentation of the `openai` package reports it.
fn span(index: usize, now: u64, writer: &mut Writer<ThreadRng>) -> Span {
    let took = writer.rng.random_range(80_000_000..4_000_000_000);
    let start = now - took - index as u64 * 1_000_000;
    Span {
        trace_id: marker(index).to_vec(),
        span_id: vec![0; 8],
        name: "ChatCompletion".to_owned(),
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: start + took,
        attributes: writer.chat(&Chat {
            asked: "meta-llama/Llama-3.1-8B-Instruct",
            answered: "llama3.1-8b",
            failed: false,
        }),
        status: Some(Status { code: 1, message: String::new() }),
        ..Span::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_span_of_every_body_has_ids_of_its_own() {
        let mut bodies = [Bodies::of(3).expect("a body"), Bodies::of(3).expect("a body")];
        let mut seen = HashSet::new();
        for bodies in &mut bodies {
            for _ in 0..2 {
                let traces = decode_traces(&bodies.next(), Format::Protobuf, &Limits::default());
                let spans = traces.expect("decodes").spans;
                seen.extend(spans.iter().map(|span| (span.trace_id, span.span_id)));
                assert!(spans.iter().all(|span| span.attributes.len() == 20));
            }
        }
        assert_eq!(seen.len(), 12);
    }

    #[test]
    fn what_is_logged_are_the_rows_of_the_body() {
        let logged = Bodies::of(3).expect("a body").next_logged().expect("rows");
        assert_eq!(schema::decode(&logged).expect("rows").len(), 3);
    }
}
