//! Traces of any stream as OpenObserve's clients list them: the latest, those of a session, and one as a graph.

use std::collections::HashMap;

use schema::Table;

use crate::answer::Cells;
use crate::condition::Condition;
use crate::error::Error;
use crate::groups::Order;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::summary::{TraceSummary, among, quoted};
use crate::trace::checked;
use crate::traces::AROUND_US;

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

/// Whose first and last moment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimesOf<'a> {
    /// The trace of this id.
    Trace(&'a str),
    /// The traces that name this session.
    Session(&'a str),
}

/// One trace, and what its services did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatestTrace {
    /// What it is.
    pub summary: TraceSummary,
    /// Each service with its spans and the sum of their durations, µs.
    pub services: Vec<(String, u64, i64)>,
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
        let spans = Spans { streams: std::slice::from_ref(latest.stream), range: latest.range };
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        let ids: Vec<String> = found.cells().filter_map(|cells| cells.text("trace_id")).collect();
        let spans = spans.within(latest.range.widened(AROUND_US));
        let summaries = self.summaries(spans, &ids).await?;
        let mut services = self.services(spans, &ids).await?;
        let trace = |summary: TraceSummary| LatestTrace {
            services: services.remove(&summary.trace_id).unwrap_or_default(),
            summary,
        };
        Ok(summaries.into_iter().map(trace).collect())
    }

    /// First and last moment of a trace, or of all traces that name a session; `None` if there is none.
    ///
    /// # Errors
    /// As [`Query::search`].
    pub async fn times(
        &self,
        stream: &Table,
        of: &TimesOf<'_>,
    ) -> Result<Option<TimeRange>, Error> {
        let whose = match of {
            TimesOf::Trace(trace_id) => {
                format!("trace_id = {}", quoted(&trace_id.to_lowercase()))
            }
            TimesOf::Session(session) => format!(
                "trace_id in (select trace_id from spans where session_id = {})",
                quoted(session)
            ),
        };
        let sql = format!(
            "select min(_timestamp) as began, max(_timestamp + coalesce(duration, 0)) as ended \
             from spans where {whose}"
        );
        let condition = Condition::default();
        let spans = Spans { streams: std::slice::from_ref(stream), range: TimeRange::ALWAYS };
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        let moments = |cells: Cells<'_>| cells.int("began").zip(cells.int("ended"));
        let times = found.cells().next().and_then(moments);
        Ok(times.map(|(from_us, to_us)| TimeRange { from_us, to_us }))
    }

    /// The services of some traces, in the order of their names.
    async fn services(
        &self,
        spans: Spans<'_>,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<(String, u64, i64)>>, Error> {
        let mut services: HashMap<String, Vec<(String, u64, i64)>> = HashMap::new();
        if ids.is_empty() {
            return Ok(services);
        }
        let sql = format!(
            "select trace_id, coalesce(service_name, '') as service, count(*) as n, \
             coalesce(sum(duration), 0) as lasted from spans where {} \
             group by trace_id, service order by service",
            among(ids)
        );
        let condition = Condition::default();
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        for cells in found.cells() {
            let Some(id) = cells.text("trace_id") else { continue };
            let (spans, lasted) = (cells.int("n").unwrap_or(0), cells.int("lasted").unwrap_or(0));
            let service = (cells.text("service").unwrap_or_default(), spans.unsigned_abs(), lasted);
            services.entry(id).or_default().push(service);
        }
        Ok(services)
    }

    /// The spans of a trace as a graph, oldest first, and whether there are more than are read
    /// ([`crate::Limits::most_trace_spans`]).
    ///
    /// # Errors
    /// As [`Query::trace`].
    pub async fn graph(&self, stream: &Table, trace_id: &str) -> Result<(Vec<Node>, bool), Error> {
        let (trace_id, most) = (checked(trace_id)?, self.limits.most_trace_spans);
        let sql = format!(
            "select span_id, reference_parent_span_id, service_name, operation_name, span_status, \
               start_time, end_time, gen_ai_operation_name from spans where trace_id = {} \
             order by start_time, span_id limit {}",
            quoted(&trace_id),
            most + 1
        );
        let condition = Condition::default();
        let spans = Spans { streams: std::slice::from_ref(stream), range: TimeRange::ALWAYS };
        let mut found = self.own_part(Own { spans, sql, condition: &condition }).await?;
        let truncated = found.keep(most) || found.partial.is_some();
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
