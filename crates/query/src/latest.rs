//! Traces of any stream as OpenObserve's clients list them: the latest, those of a session, and one as a graph.

use std::collections::BTreeMap;

use schema::Table;

use crate::condition::Condition;
use crate::error::Error;
use crate::groups::Order;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::traces::{SpanLine, calls, quoted, sum};

/// Most spans of a trace that are read.
pub const MOST_SPANS: usize = 50_000;

/// Which traces of a stream are wanted.
#[derive(Clone, Debug)]
pub struct Latest<'a> {
    /// The trace stream.
    pub stream: &'a Table,
    /// Traces with a span that began in it.
    pub range: TimeRange,
    /// An SQL condition that a span of the trace meets; empty for none.
    pub filter: &'a str,
    /// Only traces that name this session.
    pub session: Option<&'a str>,
    /// What comes first.
    pub order: Order,
    /// Traces to pass over.
    pub offset: usize,
    /// Traces of the page.
    pub limit: usize,
}

/// One trace. Tokens and cost count each model call once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatestTrace {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// Start of the first span, ns since 1970-01-01 UTC.
    pub started_ns: i64,
    /// End of the last span, ns since 1970-01-01 UTC.
    pub ended_ns: i64,
    /// Spans.
    pub spans: usize,
    /// Failed spans.
    pub failed_spans: usize,
    /// Each service with its spans and the sum of their durations, µs.
    pub services: Vec<(String, usize, i64)>,
    /// Service of the root span, else of the earliest.
    pub first_service: Option<String>,
    /// Name of the same span.
    pub first_operation: Option<String>,
    /// Input tokens of the calls that say.
    pub tokens_input: Option<i64>,
    /// Output tokens of the calls that say.
    pub tokens_output: Option<i64>,
    /// Total tokens of the calls that say.
    pub tokens_total: Option<i64>,
    /// Cost of the priced calls, US dollars.
    pub cost_usd: Option<f64>,
    /// Beginning of the first call's input messages.
    pub input: Option<String>,
    /// Models that answered, else those that were asked for, in the order of the calls.
    pub models: Vec<String>,
}

/// One span in the graph of its trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// 16 hex digits.
    pub span_id: String,
    /// The span that it is below, also if that one is not in the trace.
    pub parent_span_id: Option<String>,
    /// Service.
    pub service_name: Option<String>,
    /// Name.
    pub operation_name: Option<String>,
    /// `OK`, `ERROR` or `UNSET`.
    pub span_status: Option<String>,
    /// ns since 1970-01-01 UTC.
    pub start_time: Option<i64>,
    /// ns since 1970-01-01 UTC.
    pub end_time: Option<i64>,
    /// Kind of work.
    pub gen_ai_operation_name: Option<String>,
}

impl Query {
    /// A page of a stream's traces, each read whole as far as it is within an hour of the range.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn latest(&self, latest: &Latest<'_>) -> Result<Vec<LatestTrace>, Error> {
        let condition = Condition::sql(latest.filter)?;
        let session = latest.session.map_or(String::new(), |session| {
            format!(
                "and trace_id in (select trace_id from spans where session_id = {})",
                quoted(session)
            )
        });
        let sql = format!(
            "select trace_id, min(_timestamp) as started, \
               max(_timestamp + duration) - min(_timestamp) as lasted \
             from spans where trace_id in (select trace_id from matching) {session} \
             group by trace_id order by {order}, trace_id limit {limit} offset {offset}",
            order = latest.order.sql(),
            limit = latest.limit,
            offset = latest.offset,
        );
        let (stream, range) = (latest.stream, latest.range);
        let found = self.own(Own { stream, sql, range, condition: &condition }).await?;
        let ids: Vec<String> = found.cells().filter_map(|cells| cells.text("trace_id")).collect();
        let spans = self.span_lines(stream, range, &ids).await?;
        Ok(ids.iter().filter_map(|id| spans.get(id).map(|spans| trace(id, spans))).collect())
    }

    /// All columns of a trace's spans as a JSON array, oldest first; `None` if there is no such trace. The second part
    /// says whether there are more than [`MOST_SPANS`].
    ///
    /// # Errors
    /// As [`Query::trace`].
    pub async fn spans(
        &self,
        stream: &Table,
        trace_id: &str,
    ) -> Result<Option<(String, bool)>, Error> {
        self.spans_of(stream, trace_id, MOST_SPANS).await
    }

    /// The spans of a trace as a graph, oldest first, and whether there are more than [`MOST_SPANS`].
    ///
    /// # Errors
    /// As [`Query::trace`].
    pub async fn graph(&self, stream: &Table, trace_id: &str) -> Result<(Vec<Node>, bool), Error> {
        let sql = format!(
            "select span_id, reference_parent_span_id, service_name, operation_name, span_status, \
               start_time, end_time, gen_ai_operation_name from spans where trace_id = {} \
             order by start_time, span_id limit {}",
            quoted(&trace_id.to_lowercase()),
            MOST_SPANS + 1
        );
        let condition = Condition::default();
        let own = Own { stream, sql, range: TimeRange::ALWAYS, condition: &condition };
        let mut found = self.own(own).await?;
        let truncated = found.keep(MOST_SPANS);
        let nodes = found.cells().map(|cells| Node {
            span_id: cells.text("span_id").unwrap_or_default(),
            parent_span_id: cells.text("reference_parent_span_id"),
            service_name: cells.text("service_name"),
            operation_name: cells.text("operation_name"),
            span_status: cells.text("span_status"),
            start_time: cells.int("start_time"),
            end_time: cells.int("end_time"),
            gen_ai_operation_name: cells.text("gen_ai_operation_name"),
        });
        Ok((nodes.collect(), truncated))
    }
}

fn trace(trace_id: &str, spans: &[SpanLine]) -> LatestTrace {
    let calls = calls(spans);
    let root = spans.iter().find(|span| span.parent.is_none()).or_else(|| spans.first());
    let mut services: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for span in spans {
        let service = services.entry(span.service.as_deref().unwrap_or_default()).or_default();
        service.0 += 1;
        service.1 += span.duration_us;
    }
    let mut models: Vec<String> = Vec::new();
    let named = calls.iter().filter_map(|call| {
        call.fact(|span| span.answered.clone().or_else(|| span.requested.clone()))
    });
    for model in named {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    LatestTrace {
        trace_id: trace_id.to_owned(),
        started_ns: spans.iter().map(SpanLine::started_ns).min().unwrap_or_default(),
        ended_ns: spans.iter().map(SpanLine::ended_ns).max().unwrap_or_default(),
        spans: spans.len(),
        failed_spans: spans.iter().filter(|span| span.failed).count(),
        services: services
            .into_iter()
            .map(|(service, (count, duration))| (service.to_owned(), count, duration))
            .collect(),
        first_service: root.and_then(|span| span.service.clone()),
        first_operation: root.and_then(|span| span.name.clone()),
        tokens_input: sum(calls.iter().map(|call| call.fact(|span| span.input_tokens))),
        tokens_output: sum(calls.iter().map(|call| call.fact(|span| span.output_tokens))),
        tokens_total: sum(calls.iter().map(|call| call.fact(|span| span.total_tokens))),
        cost_usd: calls.iter().filter_map(|call| call.cost()).reduce(|a, b| a + b),
        input: calls.first().and_then(|call| call.fact(|span| span.input.clone())),
        models,
    }
}
