//! `[ingest]`: what is taken in, and how much of it.

use std::sync::Arc;

use ::prices::Shelf;
use ingest::{IngestConfig, Limits as ContentLimits};
use jsonlogs::Limits as JsonLimits;
use otlp::Limits as OtlpLimits;
use serde::Deserialize;

use super::Checker;

/// What a value of a decoded JSON record takes in memory, about, bytes.
const VALUE_BYTES: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIngest {
    pub(super) body_bytes: usize,
    pub(super) bodies_bytes: usize,
    decompressed_bytes: usize,
    attributes_per_span: usize,
    nesting: usize,
    buckets_per_point: usize,
    oldest_days: f64,
    ahead_minutes: f64,
    remembered_spans: usize,
    remembered_minutes: f64,
    remembered_bytes: u64,
    open_trace_spans: usize,
    open_trace_minutes: f64,
    content_bytes: usize,
    value_bytes: usize,
    base64_bytes: usize,
    estimate_tokens: bool,
    json_records: usize,
    json_record_bytes: usize,
}

impl Default for RawIngest {
    fn default() -> Self {
        let (otlp, ingest) = (OtlpLimits::default(), IngestConfig::default());
        Self {
            body_bytes: 64 << 20,
            bodies_bytes: 256 << 20,
            decompressed_bytes: otlp.decompressed_bytes,
            attributes_per_span: otlp.attributes_per_span,
            nesting: otlp.nesting,
            buckets_per_point: otlp.buckets_per_point,
            oldest_days: ingest.oldest.as_secs_f64() / 86_400.0,
            ahead_minutes: ingest.furthest_ahead.as_secs_f64() / 60.0,
            remembered_spans: ingest.remembered_spans,
            remembered_minutes: ingest.remembered_for.as_secs_f64() / 60.0,
            remembered_bytes: ingest.remembered_bytes,
            open_trace_spans: ingest.open_trace_spans,
            open_trace_minutes: ingest.open_trace_for.as_secs_f64() / 60.0,
            content_bytes: ingest.limits.content_bytes,
            value_bytes: ingest.limits.value_bytes,
            base64_bytes: ingest.limits.base64_bytes,
            estimate_tokens: ingest.estimate_tokens,
            json_records: 100_000,
            json_record_bytes: 1 << 20,
        }
    }
}

impl Checker<'_> {
    pub(super) fn ingest(&mut self, raw: &RawIngest, prices: Arc<Shelf>) -> IngestConfig {
        IngestConfig {
            oldest: self.seconds("ingest.oldest_days", raw.oldest_days * 86_400.0),
            furthest_ahead: self.seconds("ingest.ahead_minutes", raw.ahead_minutes * 60.0),
            remembered_spans: self.at_least_one("ingest.remembered_spans", raw.remembered_spans),
            remembered_for: self
                .seconds("ingest.remembered_minutes", raw.remembered_minutes * 60.0),
            remembered_bytes: raw.remembered_bytes,
            open_trace_spans: self.at_least_one("ingest.open_trace_spans", raw.open_trace_spans),
            open_trace_for: self
                .seconds("ingest.open_trace_minutes", raw.open_trace_minutes * 60.0),
            limits: ContentLimits {
                content_bytes: self.at_least_one("ingest.content_bytes", raw.content_bytes),
                value_bytes: self.at_least_one("ingest.value_bytes", raw.value_bytes),
                base64_bytes: self.at_least_one("ingest.base64_bytes", raw.base64_bytes),
            },
            estimate_tokens: raw.estimate_tokens,
            prices,
            ..IngestConfig::default()
        }
    }

    pub(super) fn otlp(&mut self, raw: &RawIngest) -> OtlpLimits {
        OtlpLimits {
            decompressed_bytes: self
                .at_least_one("ingest.decompressed_bytes", raw.decompressed_bytes),
            attributes_per_span: raw.attributes_per_span,
            nesting: raw.nesting,
            buckets_per_point: raw.buckets_per_point,
            ..OtlpLimits::default()
        }
    }

    pub(super) fn json_logs(&mut self, raw: &RawIngest) -> JsonLimits {
        JsonLimits {
            records: self.at_least_one("ingest.json_records", raw.json_records),
            record_bytes: self.at_least_one("ingest.json_record_bytes", raw.json_record_bytes),
            values: OtlpLimits::default().decoded_bytes / VALUE_BYTES,
            attributes: raw.attributes_per_span,
            nesting: raw.nesting,
        }
    }
}
