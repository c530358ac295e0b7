//! Windows and transitions as rows of `schema::ROLLUP_COLUMNS`, and back.
//!
//! `measure` says what a row is: `calls`, `pending` (of a replica, or of the whole endpoint where there
//! is none), `endpoint` (numbers of replicas, `detail` says which), `hardware` (of a replica, `detail`
//! says what), `status` (a replica took the status in `detail`), `replica` (it still has it).

use std::collections::{BTreeMap, HashMap, HashSet};

use histogram::Histogram;
use schema::{Name, Row, Value};

use crate::call::End;
use crate::labels::Label;
use crate::replica::{Lives, Transition};
use crate::window::{
    CallKey, Calls, Gauge, GaugeKey, ReplicaCount, Resource, WINDOW_US, Window, window_of,
};

const TIMESTAMP: &str = "_timestamp";
const MEASURE: &str = "measure";
const ENDPOINT: &str = "endpoint";
const REPLICA: &str = "replica_id";
const MODEL: &str = "model";
const STATUS: &str = "status";
const END: &str = "end";
const REQUESTS: &str = "requests";
const FAILED: &str = "failed";
const TOKENS_OUTPUT: &str = "tokens_output";
const LATENCY: &str = "latency";
const TTFT: &str = "ttft";
const VALUE: &str = "value";
const VALUE_MAX: &str = "value_max";
const SAMPLES: &str = "samples";
const DETAIL: &str = "detail";
const MESSAGE: &str = "message";
const AT: &str = "at";
const LOG_POSITION: &str = "log_position";

/// Writes the rows of one endpoint.
pub(crate) struct Writer<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) position: Option<u64>,
    pub(crate) rows: &'a mut Vec<Row>,
}

/// Whether a transition is new or is told again.
#[derive(Clone, Copy)]
pub(crate) enum Telling {
    New,
    Again {
        /// The window in which it is told.
        window: i64,
    },
}

impl Writer<'_> {
    pub(crate) fn window(&mut self, start: i64, window: &Window) {
        for (key, calls) in &window.calls {
            let mut row = self.row(start, "calls", key.replica.as_ref());
            row.push_some(Name::fixed(MODEL), key.model.as_deref());
            row.push_some(Name::fixed(STATUS), key.status.map(i64::from));
            row.push_some(Name::fixed(END), key.end.map(End::as_str));
            row.push(Name::fixed(REQUESTS), int(calls.requests));
            row.push(Name::fixed(FAILED), int(calls.failed));
            row.push_some(Name::fixed(TOKENS_OUTPUT), calls.tokens_output.map(int));
            row.push_some(Name::fixed(LATENCY), bytes(&calls.latency));
            row.push_some(Name::fixed(TTFT), bytes(&calls.ttft));
            self.rows.push(row);
        }
        for (key, gauge) in &window.gauges {
            let Some(mean) = gauge.mean() else { continue };
            let (measure, replica, detail) = spelled(key);
            let mut row = self.row(start, measure, replica);
            row.push_some(Name::fixed(DETAIL), detail);
            row.push(Name::fixed(VALUE), mean);
            row.push(Name::fixed(VALUE_MAX), gauge.max);
            row.push(Name::fixed(SAMPLES), int(gauge.samples));
            self.rows.push(row);
        }
    }

    pub(crate) fn transition(
        &mut self,
        replica: &Label,
        transition: &Transition,
        telling: Telling,
    ) {
        let (measure, window) = match telling {
            Telling::New => ("status", window_of(transition.at_us)),
            Telling::Again { window } => ("replica", window),
        };
        let mut row = self.row(window, measure, Some(replica));
        row.push(Name::fixed(DETAIL), transition.status.as_str());
        row.push_some(Name::fixed(MESSAGE), transition.message.as_deref());
        row.push(Name::fixed(AT), transition.at_us);
        self.rows.push(row);
    }

    fn row(&self, window: i64, measure: &str, replica: Option<&Label>) -> Row {
        let mut row = Row::with_capacity(13);
        row.push(Name::fixed(TIMESTAMP), window);
        row.push(Name::fixed(MEASURE), measure);
        row.push(Name::fixed(ENDPOINT), self.endpoint);
        row.push_some(Name::fixed(REPLICA), replica.map(|replica| &**replica));
        row.push_some(
            Name::fixed(LOG_POSITION),
            self.position.and_then(|position| i64::try_from(position).ok()),
        );
        row
    }
}

const fn spelled(key: &GaugeKey) -> (&'static str, Option<&Label>, Option<&'static str>) {
    match key {
        GaugeKey::Pending => ("pending", None, None),
        GaugeKey::ReplicaPending(replica) => ("pending", Some(replica), None),
        GaugeKey::Replicas(count) => ("endpoint", None, Some(count.as_str())),
        GaugeKey::Hardware(replica, resource) => {
            ("hardware", Some(replica), Some(resource.as_str()))
        }
    }
}

impl ReplicaCount {
    const ALL: [Self; 3] = [Self::Running, Self::Min, Self::Max];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Resource {
    const ALL: [Self; 3] = [Self::CpuPercent, Self::MemoryBytes, Self::MemoryLimitBytes];

    const fn as_str(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::MemoryBytes => "memory_bytes",
            Self::MemoryLimitBytes => "memory_limit_bytes",
        }
    }
}

fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn bytes(histogram: &Histogram) -> Option<Vec<u8>> {
    (!histogram.is_empty()).then(|| histogram.encode())
}

/// What stored rows say, added up.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) endpoints: HashMap<String, FoldedEndpoint>,
    /// The highest position of the log that a row names.
    pub(crate) checkpoint: Option<u64>,
    /// Rows that could not be understood, and were left out.
    pub(crate) damaged: u64,
    names: HashSet<Label>,
}

/// What the rows of one endpoint say.
#[derive(Debug, Default)]
pub(crate) struct FoldedEndpoint {
    pub(crate) windows: BTreeMap<i64, Window>,
    pub(crate) lives: Lives,
}

impl Folded {
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut folded = Self::default();
        for row in rows {
            if folded.add(row).is_none() {
                folded.damaged += 1;
            }
        }
        folded
    }

    fn add(&mut self, row: &Row) -> Option<()> {
        let window = window_of(row.int(TIMESTAMP)?);
        let replica = row.text(REPLICA).map(|name| self.name(name));
        let measure = row.text(MEASURE)?;
        let model = row.text(MODEL).map(|name| self.name(name));
        let endpoint = self.endpoints.entry(row.text(ENDPOINT)?.to_owned()).or_default();
        match measure {
            "calls" => {
                let key = call_key(row, replica, model);
                let calls = read_calls(row)?;
                endpoint
                    .windows
                    .entry(window)
                    .or_default()
                    .calls
                    .entry(key)
                    .or_default()
                    .merge(&calls);
            }
            "status" | "replica" => {
                let replica = replica?;
                if measure == "replica" {
                    endpoint.lives.see(replica.clone(), window);
                }
                endpoint.lives.recall(replica, read_transition(row)?);
            }
            measure => {
                let key = gauge_key(measure, replica.clone(), row.text(DETAIL))?;
                let gauge = read_gauge(row)?;
                endpoint
                    .windows
                    .entry(window)
                    .or_default()
                    .gauges
                    .entry(key)
                    .or_default()
                    .merge(&gauge);
                replica
                    .into_iter()
                    .for_each(|replica| endpoint.lives.see(replica, window + WINDOW_US));
            }
        }
        let position = row.int(LOG_POSITION).and_then(|position| u64::try_from(position).ok());
        self.checkpoint = self.checkpoint.max(position);
        Some(())
    }

    /// One shared label for each text.
    fn name(&mut self, text: &str) -> Label {
        if let Some(known) = self.names.get(text) {
            return Label::clone(known);
        }
        let label: Label = text.into();
        self.names.insert(Label::clone(&label));
        label
    }
}

fn call_key(row: &Row, replica: Option<Label>, model: Option<Label>) -> CallKey {
    let status = row.int(STATUS).and_then(|status| u16::try_from(status).ok());
    CallKey { replica, model, status, end: row.text(END).and_then(End::parse) }
}

fn read_calls(row: &Row) -> Option<Calls> {
    let count = |name| row.int(name).and_then(|count| u64::try_from(count).ok());
    Some(Calls {
        requests: count(REQUESTS)?,
        failed: count(FAILED)?,
        tokens_output: count(TOKENS_OUTPUT),
        latency: read_histogram(row, LATENCY)?,
        ttft: read_histogram(row, TTFT)?,
    })
}

/// The histogram of a column, empty where the column is null; `None` when it is damaged.
fn read_histogram(row: &Row, name: &str) -> Option<Histogram> {
    match row.get(name).and_then(Value::as_bytes) {
        Some(bytes) => Histogram::decode(bytes).ok(),
        None => Some(Histogram::new()),
    }
}

fn gauge_key(measure: &str, replica: Option<Label>, detail: Option<&str>) -> Option<GaugeKey> {
    match (measure, replica) {
        ("pending", None) => Some(GaugeKey::Pending),
        ("pending", Some(replica)) => Some(GaugeKey::ReplicaPending(replica)),
        ("endpoint", _) => {
            let count =
                ReplicaCount::ALL.into_iter().find(|count| Some(count.as_str()) == detail)?;
            Some(GaugeKey::Replicas(count))
        }
        ("hardware", Some(replica)) => {
            let resource =
                Resource::ALL.into_iter().find(|resource| Some(resource.as_str()) == detail)?;
            Some(GaugeKey::Hardware(replica, resource))
        }
        (_, _) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "samples are far below 2^53")]
fn read_gauge(row: &Row) -> Option<Gauge> {
    let samples = row
        .int(SAMPLES)
        .and_then(|samples| u64::try_from(samples).ok())
        .filter(|samples| *samples > 0)?;
    let (mean, max) = (row.float(VALUE)?, row.float(VALUE_MAX)?);
    (mean.is_finite() && max.is_finite()).then_some(Gauge {
        sum: mean * samples as f64,
        max,
        samples,
    })
}

fn read_transition(row: &Row) -> Option<Transition> {
    let status = row.text(DETAIL)?.parse().ok()?;
    Some(Transition { at_us: row.int(AT)?, status, message: row.text(MESSAGE).map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use schema::ROLLUP_COLUMNS;

    use super::*;

    #[test]
    fn every_column_written_is_promised_and_every_promised_one_is_written() {
        let ours = [
            TIMESTAMP,
            MEASURE,
            ENDPOINT,
            REPLICA,
            MODEL,
            STATUS,
            END,
            REQUESTS,
            FAILED,
            TOKENS_OUTPUT,
            LATENCY,
            TTFT,
            VALUE,
            VALUE_MAX,
            SAMPLES,
            DETAIL,
            MESSAGE,
            AT,
            LOG_POSITION,
        ];
        let promised: HashSet<&str> = ROLLUP_COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(HashSet::from(ours), promised);
    }

    #[test]
    fn damaged_rows_are_left_out_and_counted() {
        let mut good = Row::default();
        for (name, value) in [(MEASURE, "calls"), (ENDPOINT, "e")] {
            good.push(Name::fixed(name), value);
        }
        for name in [TIMESTAMP, REQUESTS, FAILED] {
            good.push(Name::fixed(name), 1);
        }
        let mut rows = vec![good.clone(), Row::default()];
        for (name, value) in [
            (MEASURE, Value::from("unheard of")),
            (REQUESTS, Value::Int(-1)),
            (LATENCY, Value::Bytes(vec![9])),
            (MEASURE, Value::from("hardware")),
            (MEASURE, Value::from("status")),
            (MEASURE, Value::from("pending")),
        ] {
            let mut bad = good.clone();
            bad.set(Name::fixed(name), value);
            rows.push(bad);
        }
        let folded = Folded::of(&rows);
        assert_eq!(folded.damaged, 7);
        let calls: Vec<u64> =
            folded.endpoints["e"].windows[&0].calls.values().map(|calls| calls.requests).collect();
        assert_eq!(calls, [1]);
    }
}
