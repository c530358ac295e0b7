//! Metrics as rows of one stream a metric.

use std::collections::BTreeMap;

use otlp::{
    Distribution, Exemplar, Measured, Metric, MetricKind, Number, Point, Temporality, Text,
};
use schema::{Kind, METRIC_COLUMNS, OrgName, Row, Table, clean_name};
use serde_json::json;

use crate::books::Reason;
use crate::draft::{Draft, filled, nanos};
use crate::logs::{beside, shared};
use crate::refusals::Refusals;

/// Longest name of a stream, bytes.
const LONGEST_STREAM: usize = 100;

/// Rows of metrics by stream, while metrics are added.
pub(crate) struct Sheets {
    org: OrgName,
    rows: BTreeMap<String, Vec<Row>>,
    /// How many more streams there may be.
    room: usize,
    /// Points in the rows.
    pub(crate) points: u64,
    /// Metrics and points that would have needed more streams, and the first one's name.
    refused: Option<(u64, u64, String)>,
}

impl Sheets {
    /// For an organisation that may have `room` more metrics streams.
    pub(crate) fn new(org: OrgName, room: usize) -> Self {
        Self { org, rows: BTreeMap::new(), room, points: 0, refused: None }
    }

    /// Adds a metric with all its points, unless it needs more streams than there may be.
    pub(crate) fn add(&mut self, metric: &Metric, has: impl Fn(&Table) -> bool) {
        let streams = streams(metric);
        let fresh = streams.iter().filter(|stream| {
            !self.rows.contains_key(&stream.name) && !has(&self.table(&stream.name))
        });
        let (fresh, points) = (fresh.count(), metric.points.len() as u64);
        if fresh > self.room {
            let (metrics, refused, _) =
                self.refused.get_or_insert_with(|| (0, 0, metric.name.clone()));
            *metrics += 1;
            *refused += points;
            return;
        }
        self.room -= fresh;
        self.points += points;
        for stream in streams {
            let rows = metric.points.iter().flat_map(|point| stream.rows(metric, point));
            self.rows.entry(stream.name.clone()).or_default().extend(rows);
        }
    }

    /// The rows of each stream. What was refused for lack of streams goes into `refusals`.
    pub(crate) fn done(self, refusals: &mut Refusals) -> Vec<(Table, Vec<Row>)> {
        if let Some((metrics, points, first)) = &self.refused {
            let first: String = first.chars().take(80).collect();
            let others = match metrics - 1 {
                0 => String::new(),
                more => format!(" and {more} more metrics"),
            };
            let reason = format!(
                "storage.most_streams allows no more metrics streams: {first:?}{others} not taken"
            );
            refusals.add(Reason::TooManyStreams, *points, &reason);
        }
        let table = |stream: &str| Table::new(self.org.clone(), Kind::Metrics, stream);
        self.rows.into_iter().map(|(stream, rows)| (table(&stream), rows)).collect()
    }

    fn table(&self, stream: &str) -> Table {
        Table::new(self.org.clone(), Kind::Metrics, stream)
    }
}

/// A part of a metric that is a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Number,
    Count,
    Sum,
    Min,
    Max,
    Buckets,
    Quantiles,
}

impl Part {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Number | Self::Quantiles => "",
            Self::Count => "_count",
            Self::Sum => "_sum",
            Self::Min => "_min",
            Self::Max => "_max",
            Self::Buckets => "_bucket",
        }
    }
}

struct Stream {
    part: Part,
    /// The stream's name.
    name: String,
    /// The same for `__name__`, never cut.
    label: String,
}

/// The streams that the points of a metric need.
fn streams(metric: &Metric) -> Vec<Stream> {
    let holds = |has: fn(&Distribution) -> bool| {
        metric.points.iter().any(|point| match &point.value {
            Measured::Distribution(distribution) => has(distribution),
            Measured::Nothing | Measured::Number(_) | Measured::Quantiles(_) => false,
        })
    };
    let parts = match metric.kind {
        MetricKind::Gauge | MetricKind::UpDownCounter | MetricKind::Counter => vec![Part::Number],
        MetricKind::Summary => vec![Part::Quantiles, Part::Count, Part::Sum],
        MetricKind::Histogram | MetricKind::ExponentialHistogram => {
            let mut parts = vec![Part::Count];
            parts.extend(holds(|held| held.sum.is_some()).then_some(Part::Sum));
            parts.extend(holds(|held| held.min.is_some()).then_some(Part::Min));
            parts.extend(holds(|held| held.max.is_some()).then_some(Part::Max));
            parts.extend(holds(|held| !held.buckets.is_empty()).then_some(Part::Buckets));
            parts
        }
    };
    let base = base(&metric.name);
    let stream = |part: Part| {
        let suffix = part.suffix();
        let cut: String = base.chars().take(LONGEST_STREAM - suffix.len()).collect();
        Stream { part, name: cut + suffix, label: format!("{base}{suffix}") }
    };
    parts.into_iter().map(stream).collect()
}

/// A metric's name as streams have it. Names that begin with `_` are the server's own.
fn base(name: &str) -> String {
    let clean = clean_name(name.trim());
    if clean.is_empty() || clean.starts_with('_') { format!("metric{clean}") } else { clean }
}

impl Stream {
    /// The rows that a point gives this stream.
    fn rows(&self, metric: &Metric, point: &Point) -> Vec<Row> {
        let one = |value: Option<f64>| vec![self.row(metric, point, value, None)];
        match (&point.value, self.part) {
            (Measured::Nothing, Part::Number) => one(None),
            (Measured::Number(number), Part::Number) => one(Some(float(*number))),
            (Measured::Distribution(held), Part::Count) => one(Some(count(held.count))),
            (Measured::Distribution(held), Part::Sum) => {
                held.sum.map(Some).map_or_else(Vec::new, one)
            }
            (Measured::Distribution(held), Part::Min) => {
                held.min.map(Some).map_or_else(Vec::new, one)
            }
            (Measured::Distribution(held), Part::Max) => {
                held.max.map(Some).map_or_else(Vec::new, one)
            }
            (Measured::Distribution(held), Part::Buckets) => {
                let row = |bucket: &otlp::Bucket| {
                    let le = Some(("le", number_text(bucket.upper)));
                    self.row(metric, point, Some(count(bucket.cumulative)), le)
                };
                held.buckets.iter().map(row).collect()
            }
            (Measured::Quantiles(held), Part::Count) => one(Some(count(held.count))),
            (Measured::Quantiles(held), Part::Sum) => one(Some(held.sum)),
            (Measured::Quantiles(held), Part::Quantiles) => {
                let row = |(quantile, value): &(f64, f64)| {
                    let quantile = Some(("quantile", number_text(*quantile)));
                    self.row(metric, point, Some(*value), quantile)
                };
                held.values.iter().map(row).collect()
            }
            // Parts that a point of this kind does not have.
            (
                Measured::Nothing
                | Measured::Number(_)
                | Measured::Distribution(_)
                | Measured::Quantiles(_),
                _,
            ) => Vec::new(),
        }
    }

    fn row(
        &self,
        metric: &Metric,
        point: &Point,
        value: Option<f64>,
        label: Option<(&'static str, String)>,
    ) -> Row {
        let mut draft = Draft::new(METRIC_COLUMNS);
        draft.set("_timestamp", nanos(point.time_ns).map(|time| time / 1000));
        draft.set("value", value);
        draft.set("__name__", Some(self.label.as_str()));
        draft.set("__type__", Some(kind(metric.kind)));
        draft.set("__unit__", filled(&metric.unit));
        draft.set("__temporality__", temporality(metric.temporality));
        draft.set("__description__", filled(&metric.description));
        if let Some((name, text)) = label {
            draft.set(name, Some(text));
        }
        draft.set("start_time", nanos(point.start_ns));
        draft.set("flag", Some(i64::from(point.flags)));
        // Once a point, on the row that each point has one of.
        if matches!(self.part, Part::Number | Part::Count) {
            draft.set("exemplars", exemplars(&point.exemplars));
        }
        shared(&mut draft, &metric.resource, &metric.scope);
        for (key, value) in &point.attributes {
            draft.attribute("", key, value);
        }
        beside(&mut draft, &metric.resource, &metric.scope);
        let mut row = draft.into_row();
        let hash = series_hash(&row);
        row.push(schema::Name::fixed("__hash__"), format!("{hash:016x}"));
        row
    }
}

/// What differs between the points of one series.
const NOT_OF_SERIES: [&str; 6] =
    ["_timestamp", "value", "start_time", "flag", "exemplars", "__description__"];

/// The same number for all points of one series, in any order of attributes and on any machine: the sum of a hash
/// (FNV-1a, 64 bits) of each label.
fn series_hash(row: &Row) -> u64 {
    let labels = row.cells().filter(|(name, _)| !NOT_OF_SERIES.contains(&name.as_str()));
    labels.fold(0, |sum: u64, (name, value)| {
        let value = conventions::of_cell(value).to_string();
        let bytes = name.bytes().chain([0xff]).chain(value.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        sum.wrapping_add(hash)
    })
}

const fn kind(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Gauge => "gauge",
        MetricKind::UpDownCounter => "updowncounter",
        MetricKind::Counter => "counter",
        MetricKind::Histogram => "histogram",
        MetricKind::ExponentialHistogram => "exponential_histogram",
        MetricKind::Summary => "summary",
    }
}

const fn temporality(temporality: Temporality) -> Option<&'static str> {
    match temporality {
        Temporality::Unspecified => None,
        Temporality::Delta => Some("delta"),
        Temporality::Cumulative => Some("cumulative"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "streams of metrics hold floats; exact below 2^53")]
const fn float(number: Number) -> f64 {
    match number {
        Number::Int(int) => int as f64,
        Number::Double(double) => double,
    }
}

#[expect(clippy::cast_precision_loss, reason = "streams of metrics hold floats; exact below 2^53")]
const fn count(count: u64) -> f64 {
    count as f64
}

/// A bound as Prometheus writes it.
fn number_text(number: f64) -> String {
    if number == f64::INFINITY {
        "+Inf".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        number.to_string()
    }
}

fn exemplars(exemplars: &[Exemplar]) -> Option<String> {
    let one = |exemplar: &Exemplar| {
        let mut fields = serde_json::Map::new();
        fields.insert("_timestamp".to_owned(), (exemplar.time_ns / 1000).into());
        fields.insert("value".to_owned(), json!(exemplar.value.map(float)));
        for (name, id) in [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)] {
            if !id.is_empty() {
                fields.insert(name.to_owned(), Text::hex(id).as_str().into());
            }
        }
        let labels = exemplar.attributes.iter().filter_map(|(key, value)| {
            let cell = conventions::cell(value.clone())?;
            Some((key.to_string(), conventions::of_cell(&cell)))
        });
        let labels: serde_json::Map<_, _> = labels.collect();
        if !labels.is_empty() {
            fields.insert("attributes".to_owned(), labels.into());
        }
        serde_json::Value::Object(fields)
    };
    let all: Vec<_> = exemplars.iter().map(one).collect();
    (!all.is_empty()).then(|| serde_json::Value::from(all).to_string())
}

#[cfg(test)]
mod tests;
