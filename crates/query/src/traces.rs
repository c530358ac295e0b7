//! Traces as people look for them: a page of summaries, and one trace whole.

use std::collections::HashMap;

use datafusion::logical_expr::Expr;
use datafusion::prelude::{ident, lit};
use schema::{OrgName, Table};

use crate::answer::Cells;
use crate::condition::{Condition, contains_text};
use crate::error::Error;
use crate::filter::{Filter, http_class};
use crate::search::{Own, Query};
use crate::session::TimeRange;

/// How far around the asked range the other spans of a found trace are looked for, µs.
const AROUND_US: i64 = 3_600_000_000;
/// Most spans of one trace that are read.
const MOST_SPANS: usize = 20_000;

/// Which traces are wanted: those with a span that meets all that is set.
#[derive(Clone, Debug, Default)]
pub struct TraceFilter {
    /// Model as requested or as answered.
    pub model: Option<String>,
    /// `OK` or `ERROR`.
    pub status: Option<String>,
    /// One of the closed set of error classes.
    pub error_class: Option<String>,
    /// Endpoint that served the call.
    pub endpoint: Option<String>,
    /// Replica that served the call.
    pub replica: Option<String>,
    /// Service that sent the span.
    pub service: Option<String>,
    /// Text in name, input, output or error, any case.
    pub text: Option<String>,
    /// Shortest span, µs.
    pub min_duration_us: Option<i64>,
    /// First digit of the HTTP status, 1 to 5.
    pub http_class: Option<u8>,
    /// Conditions in the filter language.
    pub filter: Option<Filter>,
    /// Which end of a span the time range is about.
    pub within: Within,
}

/// Which end of a span a time range is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Within {
    /// Spans that began in the range.
    #[default]
    Started,
    /// Spans that ended in the range and began at most [`LONGEST_CALL_US`] before it: as the graphs count calls.
    Ended,
}

/// How long before a range a span may have begun that ended in it, µs.
pub const LONGEST_CALL_US: i64 = 3_600_000_000;

/// Where a page of traces ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceCursor {
    /// Start of the last trace of the page, µs.
    pub started_us: i64,
    /// Its id.
    pub trace_id: String,
}

/// One trace in a list. Tokens and cost count each model call once, however many spans describe it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSummary {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// Start of the first span, µs since 1970-01-01 UTC.
    pub started_us: i64,
    /// From the first start to the last end, µs.
    pub duration_us: i64,
    /// Name of the root span, else of the earliest.
    pub operation_name: Option<String>,
    /// Service of the root span.
    pub service_name: Option<String>,
    /// Whether a span failed.
    pub failed: bool,
    /// Class of the first error.
    pub error_class: Option<String>,
    /// Text of the first error.
    pub error_message: Option<String>,
    /// Model that the first call asked for.
    pub model_requested: Option<String>,
    /// Model that answered it.
    pub model_answered: Option<String>,
    /// Time to first token of the first call that has one, seconds.
    pub ttft_s: Option<f64>,
    /// Input tokens of all calls that say; `None` if none does.
    pub tokens_input: Option<i64>,
    /// Output tokens of all calls that say.
    pub tokens_output: Option<i64>,
    /// The weakest source among them.
    pub token_source: Option<String>,
    /// Cost of all priced calls, US dollars; `None` if none is priced.
    pub cost_usd: Option<f64>,
    /// Endpoint that served the first call through the gateway.
    pub endpoint: Option<String>,
    /// Replica that served it.
    pub replica_id: Option<String>,
    /// HTTP status of the first call that has one.
    pub http_status: Option<i64>,
    /// Spans of the trace.
    pub spans: usize,
    /// Model calls of the trace.
    pub calls: usize,
    /// Beginning of the first call's input.
    pub input_preview: Option<String>,
}

/// A page of traces, newest first.
#[derive(Clone, Debug)]
pub struct TracePage {
    /// The traces.
    pub traces: Vec<TraceSummary>,
    /// Where the next page begins, if there is one.
    pub next: Option<TraceCursor>,
}

impl Query {
    /// A page of the traces that meet a filter, newest first.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn traces(
        &self,
        org: &OrgName,
        range: TimeRange,
        filter: &TraceFilter,
        before: Option<&TraceCursor>,
        limit: usize,
    ) -> Result<TracePage, Error> {
        let stream = Table::traces(org.clone());
        let (scanned, condition) = filter.condition(range);
        let after = before.map_or(String::new(), |cursor| {
            let (at, id) = (cursor.started_us, quoted(&cursor.trace_id));
            format!("having min(_timestamp) < {at} or (min(_timestamp) = {at} and trace_id > {id})")
        });
        let sql = format!(
            "select trace_id, min(_timestamp) as started from matching where trace_id is not null \
             group by trace_id {after} order by started desc, trace_id limit {more}",
            more = limit + 1,
        );
        let own = Own { stream: &stream, sql, range: scanned, condition: &condition };
        let found = self.own(own).await?;
        let mut ids: Vec<(String, i64)> = found
            .cells()
            .filter_map(|cells| cells.text("trace_id").zip(cells.int("started")))
            .collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let last = ids.last().map(|(trace_id, started_us)| TraceCursor {
            started_us: *started_us,
            trace_id: trace_id.clone(),
        });
        let list: Vec<String> = ids.into_iter().map(|(id, _)| id).collect();
        Ok(TracePage {
            traces: self.summaries(&stream, scanned, &list).await?,
            next: last.filter(|_| more),
        })
    }

    /// What the traces of a list are, in its order.
    async fn summaries(
        &self,
        stream: &Table,
        range: TimeRange,
        ids: &[String],
    ) -> Result<Vec<TraceSummary>, Error> {
        let spans = self.span_lines(stream, range, ids).await?;
        Ok(ids.iter().filter_map(|id| spans.get(id).map(|spans| summarise(id, spans))).collect())
    }

    /// The spans of some traces, oldest first, as far as they are within an hour of the range.
    pub(crate) async fn span_lines(
        &self,
        stream: &Table,
        range: TimeRange,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<SpanLine>>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let list: Vec<String> = ids.iter().map(|id| quoted(id)).collect();
        let sql = format!(
            "select {SUMMARY_COLUMNS} from spans where trace_id in ({}) order by _timestamp",
            list.join(",")
        );
        let condition = Condition::default();
        let own = Own { stream, sql, range: range.widened(AROUND_US), condition: &condition };
        let found = self.own(own).await?;
        let mut spans: HashMap<String, Vec<SpanLine>> = HashMap::new();
        for cells in found.cells() {
            let line = SpanLine::read(&cells);
            spans.entry(line.trace_id.clone()).or_default().push(line);
        }
        Ok(spans)
    }

    /// All spans of a trace as a JSON array, oldest first, each with every column that is not null; `None` if there
    /// is no such trace. What GenAI events of the log streams say of a span is in it, and `_filled_from_log_events`
    /// lists the columns that came from there. The second part says whether there are more spans or events than are
    /// read.
    ///
    /// # Errors
    /// As [`Query::search`]; [`Error::Parameter`] if the id is not 32 hex digits.
    pub async fn trace(
        &self,
        org: &OrgName,
        trace_id: &str,
    ) -> Result<Option<(String, bool)>, Error> {
        self.spans_of(&Table::traces(org.clone()), trace_id, MOST_SPANS).await
    }

    /// As [`Query::trace`], of any stream.
    pub(crate) async fn spans_of(
        &self,
        stream: &Table,
        trace_id: &str,
        most: usize,
    ) -> Result<Option<(String, bool)>, Error> {
        let trace_id = trace_id.to_lowercase();
        if trace_id.len() != 32 || !trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::Parameter("a trace id is 32 hex digits".to_owned()));
        }
        let sql = format!(
            "select * from spans where trace_id = '{trace_id}' order by start_time, span_id limit {}",
            most + 1
        );
        let condition = Condition::default();
        let own = Own { stream, sql, range: TimeRange::ALWAYS, condition: &condition };
        let mut found = self.own(own).await?;
        let truncated = found.keep(most);
        if found.rows == 0 {
            return Ok(None);
        }
        let (spans, more) = self.with_log_events(&stream.org, &trace_id, &found).await?;
        Ok(Some((spans, more || truncated)))
    }
}

const SUMMARY_COLUMNS: &str = "trace_id, span_id, reference_parent_span_id, _timestamp, duration, start_time, end_time, operation_name, service_name, \
     span_status, error_class, error_message, llm_request_parameters_model, llm_model_name, \
     gen_ai_response_time_to_first_chunk, llm_token_count_prompt, llm_token_count_completion, llm_token_count_total, llm_token_source, \
     llm_usage_cost_total, llm_cost_source, inferscope_vantage_point, inferscope_endpoint, inferscope_replica_id, \
     http_response_status_code, llm_is_leaf, gen_ai_response_id, substr(coalesce(gen_ai_input_messages, llm_input), 1, 2000) as input";

pub(crate) struct SpanLine {
    trace_id: String,
    span_id: String,
    pub(crate) parent: Option<String>,
    started_us: i64,
    pub(crate) duration_us: i64,
    start_ns: Option<i64>,
    end_ns: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) failed: bool,
    error_class: Option<String>,
    error_message: Option<String>,
    pub(crate) requested: Option<String>,
    pub(crate) answered: Option<String>,
    ttft_s: Option<f64>,
    pub(crate) input_tokens: Option<i64>,
    pub(crate) output_tokens: Option<i64>,
    pub(crate) total_tokens: Option<i64>,
    token_source: Option<String>,
    pub(crate) cost: Option<f64>,
    cost_reported: bool,
    gateway: bool,
    endpoint: Option<String>,
    replica: Option<String>,
    http_status: Option<i64>,
    leaf: bool,
    response_id: Option<String>,
    pub(crate) input: Option<String>,
}

impl SpanLine {
    fn read(cells: &Cells<'_>) -> Self {
        Self {
            trace_id: cells.text("trace_id").unwrap_or_default(),
            span_id: cells.text("span_id").unwrap_or_default(),
            parent: cells.text("reference_parent_span_id"),
            started_us: cells.int("_timestamp").unwrap_or_default(),
            duration_us: cells.int("duration").unwrap_or_default(),
            start_ns: cells.int("start_time"),
            end_ns: cells.int("end_time"),
            name: cells.text("operation_name"),
            service: cells.text("service_name"),
            failed: cells.text("span_status").as_deref() == Some("ERROR"),
            error_class: cells.text("error_class"),
            error_message: cells.text("error_message"),
            requested: cells.text("llm_request_parameters_model"),
            answered: cells.text("llm_model_name"),
            ttft_s: cells.float("gen_ai_response_time_to_first_chunk"),
            input_tokens: cells.int("llm_token_count_prompt"),
            output_tokens: cells.int("llm_token_count_completion"),
            total_tokens: cells.int("llm_token_count_total"),
            token_source: cells.text("llm_token_source").filter(|source| source != "absent"),
            cost: cells.float("llm_usage_cost_total"),
            cost_reported: cells.text("llm_cost_source").is_none_or(|source| source == "reported"),
            gateway: cells.text("inferscope_vantage_point").as_deref() == Some("gateway"),
            endpoint: cells.text("inferscope_endpoint"),
            replica: cells.text("inferscope_replica_id"),
            http_status: cells.int("http_response_status_code"),
            leaf: cells.truth("llm_is_leaf"),
            response_id: cells.text("gen_ai_response_id"),
            input: cells.text("input"),
        }
    }

    /// Start, ns since 1970-01-01 UTC.
    pub(crate) fn started_ns(&self) -> i64 {
        self.start_ns.unwrap_or_else(|| self.started_us.saturating_mul(1_000))
    }

    /// End, ns since 1970-01-01 UTC.
    pub(crate) fn ended_ns(&self) -> i64 {
        self.end_ns.unwrap_or_else(|| {
            self.started_us.saturating_add(self.duration_us).saturating_mul(1_000)
        })
    }
}

/// One model call: the app's leaf span, the gateway's span below it, or both.
pub(crate) struct Call<'a> {
    app: Option<&'a SpanLine>,
    gateway: Option<&'a SpanLine>,
}

impl<'a> Call<'a> {
    /// A fact of the call: the app's word, else the gateway's.
    pub(crate) fn fact<T>(&self, fact: impl Fn(&'a SpanLine) -> Option<T>) -> Option<T> {
        self.app.and_then(&fact).or_else(|| self.gateway.and_then(&fact))
    }

    /// What the call cost: as the app reports it, else by who served it, which the gateway knows and the app infers.
    pub(crate) fn cost(&self) -> Option<f64> {
        let reported = self.app.filter(|app| app.cost_reported).and_then(|app| app.cost);
        let computed = self.gateway.or(self.app).and_then(|span| span.cost);
        reported.or(computed)
    }
}

/// Most spans between a program's call and the gateway's span of it: HTTP clients, retries, proxies.
const MOST_BETWEEN: usize = 16;

pub(crate) fn calls(spans: &[SpanLine]) -> Vec<Call<'_>> {
    let by_id: HashMap<&str, &SpanLine> =
        spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let mut calls: Vec<Call<'_>> = spans
        .iter()
        .filter(|span| span.leaf && !span.gateway)
        .map(|app| Call { app: Some(app), gateway: None })
        .collect();
    for gateway in spans.iter().filter(|span| span.gateway && span.leaf) {
        let app = calls
            .iter_mut()
            .find(|call| call.app.is_some_and(|app| is_same_call(app, gateway, &by_id)));
        match app {
            // Of the tries of one call the last is the one that was answered.
            Some(call) => call.gateway = Some(gateway),
            None => calls.push(Call { app: None, gateway: Some(gateway) }),
        }
    }
    calls
}

/// Whether the gateway's span is of the call that the program's span is of: it stands below it, or both name the same
/// response.
fn is_same_call(app: &SpanLine, gateway: &SpanLine, by_id: &HashMap<&str, &SpanLine>) -> bool {
    let parent = |span: &&SpanLine| span.parent.as_deref().and_then(|id| by_id.get(id).copied());
    let mut above = std::iter::successors(Some(gateway), parent).skip(1).take(MOST_BETWEEN);
    let same_response = gateway.response_id.is_some() && gateway.response_id == app.response_id;
    same_response || above.any(|span| span.span_id == app.span_id)
}

fn summarise(trace_id: &str, spans: &[SpanLine]) -> TraceSummary {
    let calls = calls(spans);
    let root = spans.iter().find(|span| span.parent.is_none()).or_else(|| spans.first());
    let started_us = spans.iter().map(|span| span.started_us).min().unwrap_or_default();
    let ended_us =
        spans.iter().map(|span| span.started_us + span.duration_us).max().unwrap_or_default();
    let error = spans.iter().find(|span| span.failed);
    let first = calls.first();
    let model = |fact: fn(&SpanLine) -> Option<String>| {
        first.and_then(|call| call.fact(fact)).or_else(|| spans.iter().find_map(fact))
    };
    TraceSummary {
        trace_id: trace_id.to_owned(),
        started_us,
        duration_us: ended_us - started_us,
        operation_name: root.and_then(|span| span.name.clone()),
        service_name: root.and_then(|span| span.service.clone()),
        failed: error.is_some(),
        error_class: spans.iter().find_map(|span| span.error_class.clone()),
        error_message: error.and_then(|span| span.error_message.clone()),
        model_requested: model(|span| span.requested.clone()),
        model_answered: model(|span| span.answered.clone()),
        ttft_s: calls.iter().find_map(|call| call.fact(|span| span.ttft_s)),
        tokens_input: sum(calls.iter().map(|call| call.fact(|span| span.input_tokens))),
        tokens_output: sum(calls.iter().map(|call| call.fact(|span| span.output_tokens))),
        token_source: weakest(
            calls.iter().filter_map(|call| call.fact(|span| span.token_source.clone())),
        ),
        cost_usd: calls.iter().filter_map(Call::cost).reduce(|a, b| a + b),
        endpoint: spans.iter().find_map(|span| span.endpoint.clone()),
        replica_id: spans.iter().find_map(|span| span.replica.clone()),
        http_status: calls.iter().find_map(|call| call.fact(|span| span.http_status)),
        spans: spans.len(),
        calls: calls.len(),
        input_preview: first
            .and_then(|call| call.fact(|span| span.input.clone()))
            .map(|input| preview(&input)),
    }
}

/// The sum of what is known; `None` if nothing is.
pub(crate) fn sum(parts: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    parts.flatten().reduce(|a, b| a + b)
}

/// `partial` is weaker than `estimated`, that than `derived`, that than `reported`.
fn weakest(sources: impl Iterator<Item = String>) -> Option<String> {
    const WEAKEST_FIRST: [&str; 4] = ["partial", "estimated", "derived", "reported"];
    sources.min_by_key(|source| WEAKEST_FIRST.iter().position(|known| known == source).unwrap_or(0))
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

impl TraceFilter {
    /// The range that has to be read, and what its rows must meet.
    pub(crate) fn condition(&self, range: TimeRange) -> (TimeRange, Condition) {
        let mut parts = Vec::new();
        let equals = [
            ("span_status", &self.status),
            ("error_class", &self.error_class),
            ("inferscope_endpoint", &self.endpoint),
            ("inferscope_replica_id", &self.replica),
            ("service_name", &self.service),
        ];
        for (column, value) in equals {
            parts.extend(value.as_ref().map(|value| ident(column).eq(lit(value.as_str()))));
        }
        parts.extend(self.model.as_ref().map(|model| {
            let is = |column: &str| ident(column).eq(lit(model.as_str()));
            is("llm_request_parameters_model").or(is("llm_model_name"))
        }));
        parts.extend(self.text.as_deref().map(contains_text));
        parts.extend(self.min_duration_us.map(|least| ident("duration").gt_eq(lit(least))));
        parts.extend(self.http_class.map(http_class));
        let scanned = match self.within {
            Within::Started => range,
            Within::Ended => {
                parts.push(ended_in(range));
                TimeRange { from_us: range.from_us.saturating_sub(LONGEST_CALL_US), ..range }
            }
        };
        let filters = self.filter.iter().cloned().collect();
        (scanned, Condition { parts, filters, ..Condition::default() })
    }
}

fn ended_in(range: TimeRange) -> Expr {
    let ended = ident("_timestamp") + ident("duration");
    ended.clone().gt_eq(lit(range.from_us)).and(ended.lt(lit(range.to_us)))
}

/// A text as an SQL literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
