//! One trace whole: its spans as a tree, which of them count as calls, and what those come to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use schema::Table;
use serde_json::value::RawValue;

use crate::answer::Found;
use crate::calls::{Pairs, calls};
use crate::condition::Condition;
use crate::error::Error;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::summary::TraceSummary;
use crate::union::STREAM;

/// How deep a span stands in the tree: 0 on what has nothing above it.
const DEPTH: &str = "_depth";
/// True on the spans that stand for a model call; together they are all calls of the trace, each once.
const CALL: &str = "_call";

/// A trace.
#[derive(Clone, Debug)]
pub struct Trace {
    /// A JSON array of its spans, each with every column that is not null. A span comes behind the one above it, and what
    /// is below it follows; those of one level come as they began. What GenAI events of the log streams say of a span is in
    /// it, and `_filled_from_log_events` lists the columns that came from there.
    pub spans: Box<RawValue>,
    /// Whether there are more spans or events than were read.
    pub truncated: bool,
    /// What the whole trace is, also what was not read of it.
    pub summary: TraceSummary,
}

impl Query {
    /// A trace of these streams, whenever it was; `None` if there is no such trace.
    ///
    /// # Errors
    /// As [`Query::search`]; [`Error::Parameter`] if the id is not 32 hex digits.
    pub async fn trace(&self, streams: &[Table], trace_id: &str) -> Result<Option<Trace>, Error> {
        let trace_id = checked(trace_id)?;
        let (query, streams) = (self.clone(), streams.to_vec());
        self.workers.run(async move { query.whole(&streams, trace_id).await }).await
    }

    async fn whole(&self, streams: &[Table], trace_id: String) -> Result<Option<Trace>, Error> {
        let Some((found, truncated)) = self.rows_of(streams, &trace_id).await? else {
            return Ok(None);
        };
        let spans = Spans { streams, range: TimeRange::ALWAYS };
        let summary = self.summaries(spans, std::slice::from_ref(&trace_id)).await?.pop();
        let Some(summary) = summary else { return Ok(None) };
        let range = TimeRange {
            from_us: summary.started_us,
            to_us: summary.started_us.saturating_add(summary.duration_us).saturating_add(1),
        };
        let called = self.called(spans.within(range), &trace_id).await?;
        let found = as_tree(found, &called)?;
        let (json, more) = self.with_log_events(streams, &trace_id, &found).await?;
        let spans =
            RawValue::from_string(json).map_err(|error| Error::Broken(error.to_string()))?;
        Ok(Some(Trace { spans, truncated: truncated || more, summary }))
    }

    /// All columns of a trace's spans as a JSON array, oldest first; `None` if there is no such trace. The second part
    /// says whether there are more than are read ([`crate::Limits::most_trace_spans`]).
    ///
    /// # Errors
    /// As [`Query::trace`].
    pub async fn spans(
        &self,
        stream: &Table,
        trace_id: &str,
    ) -> Result<Option<(String, bool)>, Error> {
        let (query, trace_id, streams) = (self.clone(), checked(trace_id)?, [stream.clone()]);
        let work = async move {
            let Some((found, truncated)) = query.rows_of(&streams, &trace_id).await? else {
                return Ok(None);
            };
            let (spans, more) = query.with_log_events(&streams, &trace_id, &found).await?;
            Ok(Some((spans, more || truncated)))
        };
        self.workers.run(work).await
    }

    /// The rows of a trace, oldest first, and whether there are more than are read.
    async fn rows_of(
        &self,
        streams: &[Table],
        trace_id: &str,
    ) -> Result<Option<(Found, bool)>, Error> {
        let (most, condition) = (self.limits.most_trace_spans, Condition::default());
        // All columns are read only of the streams that have a part of the trace.
        let streams = match streams {
            [one] => vec![one.clone()],
            several => self.streams_of(several, trace_id).await?,
        };
        if streams.is_empty() {
            return Ok(None);
        }
        let sql = format!(
            "select * from spans where trace_id = '{trace_id}' order by start_time, span_id limit {}",
            most + 1
        );
        let spans = Spans { streams: &streams, range: TimeRange::ALWAYS };
        let mut found = self.own_part(Own { spans, sql, condition: &condition }).await?;
        let truncated = found.keep(most) || found.partial.is_some();
        Ok((found.rows > 0).then_some((found, truncated)))
    }

    /// Those of the streams that have spans of a trace; all of them if that takes too long to find out.
    async fn streams_of(&self, streams: &[Table], trace_id: &str) -> Result<Vec<Table>, Error> {
        let sql = format!("select distinct {STREAM} from spans where trace_id = '{trace_id}'");
        let spans = Spans { streams, range: TimeRange::ALWAYS };
        let condition = Condition::default();
        let found = self.own_part(Own { spans, sql, condition: &condition }).await?;
        if found.partial.is_some() {
            return Ok(streams.to_vec());
        }
        let names = found.texts_of(STREAM);
        let is_one = |table: &&Table| names.iter().flatten().any(|name| *name == table.stream);
        Ok(streams.iter().filter(is_one).cloned().collect())
    }

    /// The spans that stand for the calls of a trace.
    async fn called(&self, spans: Spans<'_>, trace_id: &str) -> Result<HashSet<String>, Error> {
        let sql = format!(
            "with picked as (select * from spans where trace_id = '{trace_id}'), {} \
             select span_id from calls",
            calls("picked", Pairs::OfOneTrace)
        );
        let condition = Condition::default();
        let found = self.own(Own { spans, sql, condition: &condition }).await?;
        Ok(found.texts_of("span_id").into_iter().flatten().collect())
    }
}

/// A trace id as it is stored.
pub(crate) fn checked(trace_id: &str) -> Result<String, Error> {
    let is_id = trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id {
        Ok(trace_id.to_lowercase())
    } else {
        Err(Error::Parameter("a trace id is 32 hex digits".to_owned()))
    }
}

/// The same rows in the order of the tree, with their depth and the mark of calls.
fn as_tree(mut found: Found, called: &HashSet<String>) -> Result<Found, Error> {
    let ids = found.texts_of("span_id");
    let order = order(&ids, &found.texts_of("reference_parent_span_id"));
    let Some(first) = found.batches.first() else { return Ok(found) };
    let failed = |error: arrow::error::ArrowError| Error::Execution(error.to_string());
    let rows = concat_batches(&first.schema(), &found.batches).map_err(failed)?;
    let places: UInt64Array = order.iter().map(|(place, _)| *place as u64).collect();
    let depths: Int64Array = order.iter().map(|(_, depth)| i64::try_from(*depth).ok()).collect();
    let marks: BooleanArray = order
        .iter()
        .map(|(place, _)| {
            ids[*place].as_ref().is_some_and(|id| called.contains(id)).then_some(true)
        })
        .collect();
    let rows = take_record_batch(&rows, &places).map_err(failed)?;
    let more: [(&str, ArrayRef); 2] = [(DEPTH, Arc::new(depths)), (CALL, Arc::new(marks))];
    let (schema, mut columns, _) = rows.into_parts();
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    for (name, column) in more {
        let ty: DataType = column.data_type().clone();
        fields.push(Arc::new(Field::new(name, ty, true)));
        columns.push(column);
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)?;
    found.batches = vec![rows];
    Ok(found)
}

/// The places of spans in the order of their tree, each with its depth: what is below a span follows it. What has
/// nothing above it here is a root; of spans that are above each other in a circle, the earliest is taken for one.
fn order(ids: &[Option<String>], parents: &[Option<String>]) -> Vec<(usize, usize)> {
    let mut place_of: HashMap<&str, usize> = HashMap::new();
    for (place, id) in ids.iter().enumerate() {
        if let Some(id) = id {
            place_of.entry(id).or_insert(place);
        }
    }
    let parent = |place: usize| -> Option<usize> {
        let above = *place_of.get(parents.get(place)?.as_deref()?)?;
        (above != place).then_some(above)
    };
    let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
    for place in 0..ids.len() {
        if let Some(above) = parent(place) {
            below.entry(above).or_default().push(place);
        }
    }
    let mut order = Vec::with_capacity(ids.len());
    let mut seen = vec![false; ids.len()];
    let roots = (0..ids.len()).filter(|place| parent(*place).is_none());
    // What the roots do not reach stands in a circle.
    for root in roots.chain(0..ids.len()) {
        let mut open = vec![(root, 0)];
        while let Some((place, depth)) = open.pop() {
            if std::mem::replace(&mut seen[place], true) {
                continue;
            }
            order.push((place, depth));
            let children = below.get(&place).into_iter().flatten().rev();
            open.extend(children.map(|child| (*child, depth + 1)));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(spans: &[(&str, &str)]) -> Vec<(usize, usize)> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let ids: Vec<_> = spans.iter().map(|(id, _)| some(id)).collect();
        let parents: Vec<_> = spans.iter().map(|(_, parent)| some(parent)).collect();
        order(&ids, &parents)
    }

    #[test]
    fn what_is_below_a_span_follows_it() {
        let spans = [("b", "a"), ("c", "gone"), ("a", ""), ("d", "b"), ("e", "a"), ("f", "d")];
        assert_eq!(of(&spans), [(1, 0), (2, 0), (0, 1), (3, 2), (5, 3), (4, 1)]);
    }

    #[test]
    fn circles_and_spans_without_an_id_lose_nothing() {
        assert_eq!(
            of(&[("a", "b"), ("b", "a"), ("c", "c"), ("", "c")]),
            [(2, 0), (3, 1), (0, 0), (1, 1)]
        );
    }

    proptest! {
        #[test]
        fn every_span_stands_once_and_behind_the_one_above_it(
            spans in proptest::collection::vec(("[a-f]{0,1}", "[a-f]{0,1}"), 0..30),
        ) {
            let spans: Vec<(&str, &str)> =
                spans.iter().map(|(id, parent)| (id.as_str(), parent.as_str())).collect();
            let order = of(&spans);
            let mut places: Vec<usize> = order.iter().map(|(place, _)| *place).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..spans.len()).collect::<Vec<_>>());
            for pair in order.windows(2) {
                prop_assert!(pair[1].1 <= pair[0].1 + 1);
            }
        }
    }
}
