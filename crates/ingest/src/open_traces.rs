//! The traces of which more spans may come, so that a call that several spans describe counts once.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::UnixNanos;
use conventions::{OpenTrace, Seen, SpanId, Verdict, settle};
use schema::{Row, Table};

/// Most spans of one trace that are remembered. When it has more, those are forgotten that no span still to come is
/// known to be around.
const MOST_SPANS_OF_A_TRACE: usize = 20_000;

/// A trace of a table: the table's hash and the trace's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TraceKey(u64, [u8; 16]);

/// Remembers between `most` and twice `most` spans, and none for longer than twice `window` after its trace was last
/// touched: when the young generation is full or old, the old one is forgotten. A trace that is touched is young.
#[derive(Debug)]
pub(crate) struct OpenTraces {
    most: usize,
    window: Duration,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
    since: Option<UnixNanos>,
}

#[derive(Debug, Default)]
struct Generation {
    traces: HashMap<TraceKey, OpenTrace>,
    /// Spans that our gateway made.
    gateway: HashSet<(TraceKey, SpanId)>,
    spans: usize,
}

impl OpenTraces {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        Self { most, window, generations: Mutex::default() }
    }

    /// Judges the fresh rows of a batch, and writes into them what they are.
    pub(crate) fn judge(&self, table: &Table, now: UnixNanos, rows: &mut [Row]) {
        let by_trace = by_trace(table, rows.iter().map(Seen::of).enumerate());
        if by_trace.is_empty() {
            return;
        }
        let mut generations = self.lock(now);
        for (key, spans) in by_trace {
            let (gateway, spans): (Vec<_>, Vec<_>) =
                spans.into_iter().partition(|(_, seen)| seen.by_gateway);
            for (_, seen) in gateway {
                generations.young.add_gateway(key, seen.id);
            }
            let (places, seen): (Vec<usize>, Vec<Seen>) = spans.into_iter().unzip();
            for (at, verdict) in places.into_iter().zip(generations.judge(key, &seen)) {
                if let Some(verdict) = verdict {
                    settle(&mut rows[at], verdict);
                }
            }
        }
    }

    /// Remembers rows that were stored in an earlier life of the process.
    pub(crate) fn restore(&self, table: &Table, now: UnixNanos, rows: &[Row]) {
        let stored = rows.iter().map(Seen::of_stored).enumerate();
        let mut generations = self.lock(now);
        for (key, spans) in by_trace(table, stored) {
            let (gateway, spans): (Vec<_>, Vec<_>) =
                spans.into_iter().map(|(_, stored)| stored).partition(|(seen, _)| seen.by_gateway);
            for (seen, _) in gateway {
                generations.young.add_gateway(key, seen.id);
            }
            let has_calls = spans.iter().any(|(seen, _)| seen.is_candidate());
            let is_known = generations.young_trace(key).is_some();
            if has_calls || is_known {
                let trace = generations.young.traces.entry(key).or_default();
                let before = trace.len();
                trace.restore(&spans);
                generations.young.spans += trace.len() - before;
            }
        }
    }

    /// How many spans are remembered.
    pub(crate) fn spans(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.spans + generations.old.spans
    }

    fn lock(&self, now: UnixNanos) -> MutexGuard<'_, Generations> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *generations.since.get_or_insert(now);
        let age = now.0.saturating_sub(since.0);
        // A clock that was set back begins a new generation too.
        let is_old = age < 0 || u128::from(age.unsigned_abs()) >= self.window.as_nanos();
        if is_old || generations.young.spans >= self.most {
            generations.old = std::mem::take(&mut generations.young);
            generations.since = Some(now);
        }
        generations
    }
}

impl Generation {
    fn add_gateway(&mut self, key: TraceKey, id: SpanId) {
        self.spans += usize::from(self.gateway.insert((key, id)));
    }
}

impl Generations {
    /// A trace that is known, brought to the young.
    fn young_trace(&mut self, key: TraceKey) -> Option<&mut OpenTrace> {
        if let Some(trace) = self.old.traces.remove(&key) {
            self.old.spans = self.old.spans.saturating_sub(trace.len());
            self.young.spans += trace.len();
            self.young.traces.insert(key, trace);
        }
        self.young.traces.get_mut(&key)
    }

    /// The verdicts of the candidates among the spans of one trace.
    fn judge(&mut self, key: TraceKey, seen: &[Seen]) -> Vec<Option<Verdict>> {
        let is_known = self.young_trace(key).is_some();
        // Plain spans matter as what stands between the spans of a call, which come after the innermost.
        if !is_known && !seen.iter().any(Seen::is_candidate) {
            return vec![None; seen.len()];
        }
        let Self { young: Generation { traces, gateway, spans }, old, .. } = self;
        let by_gateway = |id| gateway.contains(&(key, id)) || old.gateway.contains(&(key, id));
        let trace = traces.entry(key).or_default();
        *spans -= trace.len();
        if trace.len() >= MOST_SPANS_OF_A_TRACE {
            trace.let_go();
        }
        if trace.len() >= MOST_SPANS_OF_A_TRACE {
            *trace = OpenTrace::default();
        }
        let verdicts = trace.judge(seen, by_gateway);
        *spans += trace.len();
        let of = |(seen, verdict): (&Seen, Verdict)| seen.is_candidate().then_some(verdict);
        seen.iter().zip(verdicts).map(of).collect()
    }
}

/// What was read of the rows, by trace; rows without ids are left out.
fn by_trace<T: HasTrace>(
    table: &Table,
    all: impl Iterator<Item = (usize, Option<T>)>,
) -> Vec<(TraceKey, Vec<(usize, T)>)> {
    let mut hasher = DefaultHasher::new();
    table.hash(&mut hasher);
    let table = hasher.finish();
    let mut places: HashMap<TraceKey, usize> = HashMap::new();
    let mut traces: Vec<(TraceKey, Vec<(usize, T)>)> = Vec::new();
    for (at, read) in all {
        let Some(read) = read else { continue };
        let key = TraceKey(table, read.trace_id());
        let place = *places.entry(key).or_insert(traces.len());
        if place == traces.len() {
            traces.push((key, Vec::new()));
        }
        traces[place].1.push((at, read));
    }
    traces
}

/// Something of one trace.
trait HasTrace {
    fn trace_id(&self) -> [u8; 16];
}

impl HasTrace for Seen {
    fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }
}

impl HasTrace for (Seen, Verdict) {
    fn trace_id(&self) -> [u8; 16] {
        self.0.trace_id
    }
}

#[cfg(test)]
mod tests {
    use schema::{Name, OrgName, Value};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos(seconds * 1_000_000_000)
    }

    fn table() -> Table {
        Table::traces(OrgName::first())
    }

    fn row(trace: u8, id: u8, parent: u8) -> Row {
        let mut row = Row::default();
        row.push(Name::fixed("trace_id"), format!("{trace:032x}"));
        row.push(Name::fixed("span_id"), format!("{id:016x}"));
        if parent != 0 {
            row.push(Name::fixed("reference_parent_span_id"), format!("{parent:016x}"));
        }
        row.push(Name::fixed("start_time"), 0);
        row.push(Name::fixed("end_time"), 1_000);
        row
    }

    fn call(trace: u8, id: u8, parent: u8) -> Row {
        let mut row = row(trace, id, parent);
        row.push(Name::fixed("openinference_span_kind"), "LLM");
        row.push(Name::fixed("llm_is_leaf"), true);
        row.push(Name::fixed("llm_request_parameters_model"), "m");
        row
    }

    fn is_leaf(open: &OpenTraces, now: UnixNanos, mut row: Row) -> bool {
        open.judge(&table(), now, std::slice::from_mut(&mut row));
        row.get("llm_is_leaf") == Some(&Value::Bool(true))
    }

    #[test]
    fn a_wrapper_that_comes_with_a_later_batch_is_known_for_one() {
        let open = OpenTraces::new(100, MINUTE);
        assert!(is_leaf(&open, at(0), call(1, 2, 1)));
        assert!(is_leaf(&open, at(1), call(2, 1, 0)), "another trace");
        assert!(!is_leaf(&open, at(59), call(1, 1, 0)));
        let other = Table::new(OrgName::first(), schema::Kind::Traces, "other");
        let mut row = call(1, 1, 0);
        open.judge(&other, at(59), std::slice::from_mut(&mut row));
        assert_eq!(row.get("llm_is_leaf"), Some(&Value::Bool(true)), "another stream");
    }

    #[test]
    fn a_trace_is_forgotten_after_two_windows_without_a_span() {
        let open = OpenTraces::new(100, MINUTE);
        assert!(is_leaf(&open, at(0), call(1, 4, 3)));
        assert!(!is_leaf(&open, at(100), call(1, 3, 2)), "it is in the old generation");
        assert!(!is_leaf(&open, at(200), call(1, 2, 1)), "it was touched");
        for seconds in [261, 322] {
            is_leaf(&open, at(seconds), call(9, 1, 0));
        }
        assert!(is_leaf(&open, at(323), call(1, 1, 0)), "it is forgotten");
    }

    #[test]
    fn memory_has_a_bound() {
        let open = OpenTraces::new(10, MINUTE);
        for trace in 0..200 {
            is_leaf(&open, at(0), call(trace, 1, 0));
            assert!(open.spans() <= 20);
        }
        let plain = OpenTraces::new(10, MINUTE);
        let mut rows = [row(1, 1, 0), row(1, 2, 1)];
        plain.judge(&table(), at(0), &mut rows);
        assert_eq!(plain.spans(), 0, "traces without calls cost nothing");
    }

    #[test]
    fn of_a_very_long_trace_each_call_counts_once() {
        const CALLS: u32 = 30_000;
        let span = |id: u32, parent: u32| {
            let mut row = call(1, 0, 0);
            row.set(Name::fixed("span_id"), format!("{id:016x}"));
            row.set(Name::fixed("reference_parent_span_id"), format!("{parent:016x}"));
            row
        };
        let open = OpenTraces::new(1_000_000, MINUTE);
        let mut calls = 0;
        // Below the root, which comes last, each call is told by a client and, in the next batch, by a framework.
        for batch in 0..=CALLS / 100 {
            let numbers = |batch: u32| (batch * 100..(batch + 1) * 100).filter(|at| *at < CALLS);
            let clients = numbers(batch).map(|at| span(1_000_000 + at, 2_000_000 + at));
            let frameworks = batch.checked_sub(1).into_iter().flat_map(numbers);
            let mut rows: Vec<Row> =
                clients.chain(frameworks.map(|at| span(2_000_000 + at, 1))).collect();
            open.judge(&table(), at(0), &mut rows);
            calls += rows
                .iter()
                .filter(|row| row.get("llm_is_leaf") == Some(&Value::Bool(true)))
                .count();
            assert!(open.spans() <= MOST_SPANS_OF_A_TRACE + 200, "{} spans", open.spans());
        }
        assert_eq!(calls, CALLS as usize);
        assert!(!is_leaf(&open, at(0), span(1, 0)), "the root is around all of them");
    }

    #[test]
    fn the_gateway_s_spans_keep_their_own_count() {
        let open = OpenTraces::new(100, MINUTE);
        let mut gateway = call(1, 7, 1);
        gateway.push(Name::fixed("inferscope_vantage_point"), "gateway");
        assert!(is_leaf(&open, at(0), gateway), "it is a vantage point of its own");
        assert!(!is_leaf(&open, at(1), call(1, 8, 7)), "the replica's view of the gateway's call");
        assert!(is_leaf(&open, at(2), call(1, 1, 0)), "the program's call");
    }

    #[test]
    fn what_was_stored_before_a_restart_is_known() {
        let open = OpenTraces::new(100, MINUTE);
        let mut gateway = call(1, 7, 1);
        gateway.push(Name::fixed("inferscope_vantage_point"), "gateway");
        open.restore(&table(), at(0), &[call(1, 2, 1), row(5, 1, 0), gateway]);
        assert_eq!(open.spans(), 2);
        assert!(!is_leaf(&open, at(1), call(1, 1, 0)));
        assert!(!is_leaf(&open, at(1), call(1, 8, 7)));
    }
}
