//! What a trace is in a list: one row a trace, out of its spans and its calls.

use crate::answer::Cells;
use crate::calls::{Pairs, SUMMED, SUMS, Sums, calls};
use crate::condition::Condition;
use crate::error::Error;
use crate::search::{Own, Query};
use crate::streams::Spans;

/// One trace in a list. Tokens and cost count each model call once, however many spans describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSummary {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// The streams that its spans are in, by name.
    pub streams: Vec<String>,
    /// Start of the first span, µs since 1970-01-01 UTC.
    pub started_us: i64,
    /// From the first start to the last end, µs.
    pub duration_us: i64,
    /// Start of the first span, ns since 1970-01-01 UTC.
    pub started_ns: i64,
    /// End of the last span, ns since 1970-01-01 UTC.
    pub ended_ns: i64,
    /// Name of the root span, else of the earliest.
    pub operation_name: Option<String>,
    /// Service of the same span.
    pub service_name: Option<String>,
    /// Spans.
    pub spans: u64,
    /// Failed spans.
    pub failed_spans: u64,
    /// Class of the first error.
    pub error_class: Option<String>,
    /// Text of the first error.
    pub error_message: Option<String>,
    /// Model that the first call asked for.
    pub model_requested: Option<String>,
    /// Model that answered it.
    pub model_answered: Option<String>,
    /// Models that answered, else those that were asked for, in the order of the calls.
    pub models: Vec<String>,
    /// Time to first token of the first call that has one, seconds.
    pub ttft_s: Option<f64>,
    /// Its calls.
    pub sums: Sums,
    /// Endpoint that served the first call through the gateway.
    pub endpoint: Option<String>,
    /// Replica that served it.
    pub replica_id: Option<String>,
    /// HTTP status of the first call that has one.
    pub http_status: Option<i64>,
    /// Beginning of the first call's input, as it is stored.
    pub input: Option<String>,
}

impl TraceSummary {
    /// The last text that a person or program wrote in the first call's input, at most 200 characters.
    #[must_use]
    pub fn input_preview(&self) -> Option<String> {
        self.input.as_deref().map(preview)
    }
}

/// The columns of a summary that come from all spans of the trace.
const OF_SPANS: [(&str, &str); 14] = [
    ("started", "min(_timestamp)"),
    ("lasted", "max(_timestamp + duration) - min(_timestamp)"),
    ("started_ns", "min(coalesce(start_time, _timestamp * 1000))"),
    ("ended_ns", "max(coalesce(end_time, (_timestamp + duration) * 1000))"),
    (
        "name",
        "first_value(operation_name order by reference_parent_span_id is not null, _timestamp)",
    ),
    (
        "service",
        "first_value(service_name order by reference_parent_span_id is not null, _timestamp)",
    ),
    ("spans", "count(*)"),
    ("failed", "count(*) filter (where span_status = 'ERROR')"),
    (
        "class",
        "first_value(error_class order by _timestamp) filter (where error_class is not null)",
    ),
    (
        "message",
        "first_value(error_message order by _timestamp) filter (where span_status = 'ERROR')",
    ),
    (
        "any_requested",
        "first_value(llm_request_parameters_model order by _timestamp) \
        filter (where llm_request_parameters_model is not null)",
    ),
    (
        "any_answered",
        "first_value(llm_model_name order by _timestamp) filter (where llm_model_name is not null)",
    ),
    (
        "endpoint",
        "first_value(inferscope_endpoint order by _timestamp) filter (where inferscope_endpoint is not null)",
    ),
    (
        "replica",
        "first_value(inferscope_replica_id order by _timestamp) filter (where inferscope_replica_id is not null)",
    ),
];

/// The columns of a summary that come from the calls of the trace, beside their sums.
const OF_CALLS: [(&str, &str); 5] = [
    ("requested", "first_value(c.call_requested order by c._timestamp)"),
    ("answered", "first_value(c.call_answered order by c._timestamp)"),
    (
        "ttft",
        "first_value(c.call_ttft order by c._timestamp) filter (where c.call_ttft is not null)",
    ),
    (
        "http",
        "first_value(c.call_http order by c._timestamp) filter (where c.call_http is not null)",
    ),
    (
        "input",
        "first_value(substr(coalesce(c.gen_ai_input_messages, c.llm_input), 1, 2000) order by c._timestamp)",
    ),
];

/// A column by which lists of traces are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// SQL over one row a trace with [`OF_SPANS`].
    Spans(&'static str),
    /// SQL over the same with [`OF_CALLS`] and [`SUMS`].
    Calls(&'static str),
}

/// What a list may be sorted by, as the API calls it.
pub(crate) const KEYS: [(&str, Key); 24] = [
    ("trace_id", Key::Spans("trace_id")),
    ("started_us", Key::Spans("started")),
    ("duration_us", Key::Spans("lasted")),
    ("operation_name", Key::Spans("name")),
    ("service_name", Key::Spans("service")),
    ("status", Key::Spans("case when failed > 0 then 'ERROR' else 'OK' end")),
    ("error_class", Key::Spans("class")),
    ("error_message", Key::Spans("message")),
    ("endpoint", Key::Spans("endpoint")),
    ("replica_id", Key::Spans("replica")),
    ("spans", Key::Spans("spans")),
    ("model_requested", Key::Calls("coalesce(requested, any_requested)")),
    ("model_answered", Key::Calls("coalesce(answered, any_answered)")),
    ("ttft_s", Key::Calls("ttft")),
    ("http_status", Key::Calls("http")),
    ("calls", Key::Calls("coalesce(calls, 0)")),
    ("errors", Key::Calls("coalesce(errors, 0)")),
    ("tokens_input", Key::Calls("tokens_input")),
    ("tokens_output", Key::Calls("tokens_output")),
    ("tokens_total", Key::Calls("tokens_total")),
    (
        "token_source",
        Key::Calls(
            "case when absent > 0 then 'absent' when partial > 0 then 'partial' when estimated > 0 then 'estimated' \
             when derived > 0 then 'derived' when reported > 0 then 'reported' end",
        ),
    ),
    ("cost_usd", Key::Calls("cost")),
    ("unpriced_calls", Key::Calls("coalesce(unpriced, 0)")),
    ("streams", Key::Spans("first_stream")),
];

fn listed(columns: &[(&str, &str)]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(name, sql)| format!("{sql} as {name}")).collect();
    columns.join(", ")
}

/// Parts of a WITH: `per_trace`, and `summed` with what the calls add, of the spans in `picked`.
fn parts(picked: &str) -> String {
    format!(
        "picked as ({picked}), {calls}, \
         per_trace as (select trace_id, {spans}, array_agg(distinct _stream) as streams, min(_stream) as first_stream \
           from picked group by trace_id), \
         per_call as (select c.trace_id, {SUMS}, {of_calls}, \
             array_agg(coalesce(c.call_answered, c.call_requested) order by c._timestamp) as models \
           from calls c group by c.trace_id), \
         summed as (select t.*, {SUMMED}, requested, answered, ttft, http, input, models \
           from per_trace t left join per_call k on k.trace_id = t.trace_id)",
        calls = calls("picked", Pairs::OfOneTrace),
        spans = listed(&OF_SPANS),
        of_calls = listed(&OF_CALLS),
    )
}

/// The SQL of `keyed`: each trace that has a row in `matching` with its key `k`.
pub(crate) fn keyed(key: Key) -> String {
    let picked = "select * from spans where trace_id in (select trace_id from matching)";
    match key {
        Key::Spans(sql) => format!(
            "with picked as ({picked}), per_trace as (select trace_id, {}, min(_stream) as first_stream \
               from picked group by trace_id), \
             keyed as (select trace_id, {sql} as k from per_trace where trace_id is not null)",
            listed(&OF_SPANS)
        ),
        Key::Calls(sql) => format!(
            "with {}, keyed as (select trace_id, {sql} as k from summed where trace_id is not null)",
            parts(picked)
        ),
    }
}

/// A condition that holds for the rows of these traces.
pub(crate) fn among(ids: &[String]) -> String {
    let list: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
    format!("trace_id in ({})", list.join(","))
}

impl Query {
    /// What some traces are, in the order of their ids, as far as their spans are in the range. One that has no span there
    /// is left out.
    pub(crate) async fn summaries(
        &self,
        spans: Spans<'_>,
        ids: &[String],
    ) -> Result<Vec<TraceSummary>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        let mut left = vec![ids];
        while let Some(piece) = left.pop() {
            match self.summaries_at_once(spans, piece).await {
                Ok(summaries) => found.extend(summaries),
                // Traces with very many spans: each half needs half of it.
                Err(Error::Memory) if piece.len() > 1 => {
                    let (first, second) = piece.split_at(piece.len() / 2);
                    left.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn summaries_at_once(
        &self,
        spans: Spans<'_>,
        ids: &[String],
    ) -> Result<Vec<TraceSummary>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let picked = format!("select * from spans where {}", among(ids));
        let sql = format!("with {} select * from summed", parts(&picked));
        let condition = Condition::default();
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        let mut by_id: std::collections::HashMap<String, TraceSummary> = found
            .cells()
            .filter_map(|cells| read(&cells))
            .map(|summary| (summary.trace_id.clone(), summary))
            .collect();
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}

fn read(cells: &Cells<'_>) -> Option<TraceSummary> {
    let count = |name: &str| cells.int(name).unwrap_or(0).unsigned_abs();
    let mut models: Vec<String> = Vec::new();
    for model in cells.texts("models") {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let mut streams = cells.texts("streams");
    streams.sort_unstable();
    Some(TraceSummary {
        trace_id: cells.text("trace_id")?,
        streams,
        started_us: cells.int("started")?,
        duration_us: cells.int("lasted")?,
        started_ns: cells.int("started_ns")?,
        ended_ns: cells.int("ended_ns")?,
        operation_name: cells.text("name"),
        service_name: cells.text("service"),
        spans: count("spans"),
        failed_spans: count("failed"),
        error_class: cells.text("class"),
        error_message: cells.text("message"),
        model_requested: cells.text("requested").or_else(|| cells.text("any_requested")),
        model_answered: cells.text("answered").or_else(|| cells.text("any_answered")),
        models,
        ttft_s: cells.float("ttft"),
        sums: Sums::read(cells),
        endpoint: cells.text("endpoint"),
        replica_id: cells.text("replica"),
        http_status: cells.int("http"),
        input: cells.text("input"),
    })
}

/// The last text that a person or program wrote to the model, at most 200 characters.
pub(crate) fn preview(input: &str) -> String {
    let text = last_text(input).unwrap_or_else(|| input.to_owned());
    text.chars().take(200).collect()
}

fn last_text(input: &str) -> Option<String> {
    // The input was cut in SQL, so it may not parse: then the raw text is the preview.
    let messages: serde_json::Value = serde_json::from_str(input).ok()?;
    let parts = messages.as_array()?.last()?.get("parts")?.as_array()?;
    parts.iter().rev().find_map(|part| part.get("content")?.as_str().map(str::to_owned))
}

/// A text as an SQL literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
