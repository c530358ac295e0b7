//! An answer as it is being found: batch by batch, within limits, and given up when nobody waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::compute::{concat_batches, max, min};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;
use crate::format::Format;
use crate::search::Limits;
use crate::session::TimeRange;

/// How long rows wait for more of them.
const TOGETHER: Duration = Duration::from_secs(1);

/// What is known of an answer before its first row.
#[derive(Clone, Debug)]
pub struct About {
    pub(crate) schema: SchemaRef,
    /// Columns that the SQL names and nobody has sent.
    pub unknown: Vec<String>,
    /// One sentence about them, with what may have been meant.
    pub hint: Option<String>,
    /// Whether rows were put newest first because the SQL had no order.
    pub newest_first: bool,
    /// Length of the histogram's buckets, seconds.
    pub interval_s: Option<i64>,
    /// How often the statement was planned until all columns fit.
    pub planned: usize,
    /// What is going to be read, from the tables' own lists.
    pub scanned: Scanned,
}

impl About {
    /// What is known of two questions together: the columns that nobody has sent, of both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let more = other.unknown.iter().filter(|name| !self.unknown.contains(name));
        let more: Vec<String> = more.cloned().collect();
        self.unknown.extend(more);
        self.hint = match (self.hint, &other.hint) {
            (Some(one), Some(two)) if one != *two => Some(format!("{one}; {two}")),
            (one, two) => one.or_else(|| two.clone()),
        };
        self
    }

    /// Names and types of the answer's columns.
    pub fn columns(&self) -> impl Iterator<Item = (&str, String)> {
        self.schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.data_type().to_string()))
    }
}

/// What was read for an answer, and what did not have to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Data files of the streams.
    pub files: usize,
    /// Of these, files that the time range ruled out: they were not opened.
    pub files_pruned: usize,
    /// Row groups that statistics or bloom filters ruled out in the files that were opened.
    pub row_groups_pruned: u64,
    /// Rows of the files in the range, and in memory.
    pub rows: u64,
    /// Size of the files in the range, bytes.
    pub bytes: u64,
    /// Bytes that were really read from them: the columns and row groups that were needed.
    pub bytes_read: u64,
    /// Bytes that went to disk for a while because they did not fit into memory.
    pub bytes_spilled: u64,
}

impl Scanned {
    /// What two questions over the same streams have read together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            files: self.files.max(other.files),
            files_pruned: self.files_pruned.max(other.files_pruned),
            row_groups_pruned: self.row_groups_pruned + other.row_groups_pruned,
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
            bytes_read: self.bytes_read + other.bytes_read,
            bytes_spilled: self.bytes_spilled + other.bytes_spilled,
        }
    }
}

/// How an answer ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Rows that were given.
    pub rows: usize,
    /// How long it took.
    pub took: Duration,
    /// Why the answer is not whole, if it is not.
    pub partial: Option<String>,
    /// What was read.
    pub scanned: Scanned,
}

/// Rows of an answer as they are found. The query ends when this is dropped.
pub struct Rows {
    pub(crate) about: About,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) batches: mpsc::Receiver<Result<RecordBatch, Error>>,
    pub(crate) job: AbortOnDropHandle<()>,
    pub(crate) limit: RowLimit,
    pub(crate) timeout: TimeLimit,
    pub(crate) started: Instant,
    pub(crate) given: usize,
    pub(crate) partial: Option<String>,
    /// What went wrong behind the rows that were given last.
    pub(crate) failed: Option<Error>,
    /// Whether the query has come to its end.
    pub(crate) is_over: bool,
}

/// Whether an answer is held in memory or given as it is found: each has its limits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    Whole,
    Streamed,
}

impl Delivery {
    pub(crate) const fn limits(self, of: &Limits) -> (RowLimit, TimeLimit) {
        match self {
            Self::Whole => (
                RowLimit { rows: of.most_rows, setting: "query.most_rows" },
                TimeLimit { length: of.timeout, setting: "query.timeout_s" },
            ),
            Self::Streamed => (
                RowLimit { rows: of.most_streamed_rows, setting: "query.most_streamed_rows" },
                TimeLimit { length: of.stream_timeout, setting: "query.stream_timeout_s" },
            ),
        }
    }
}

/// Most rows of an answer, and the setting that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLimit {
    pub(crate) rows: usize,
    pub(crate) setting: &'static str,
}

/// The longest that an answer takes, and the setting that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    pub(crate) length: Duration,
    pub(crate) setting: &'static str,
}

impl TimeLimit {
    /// What is said when it passes before the first row.
    pub(crate) const fn passed(self) -> Error {
        Error::Timeout { limit: self.length, setting: self.setting }
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("about", &self.about).field("given", &self.given).finish()
    }
}

impl Rows {
    /// What is known before the first row.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Why there are no more rows although there would be, once [`Rows::next`] has answered `None`.
    #[must_use]
    pub fn partial(&self) -> Option<&str> {
        self.partial.as_deref()
    }

    /// The next rows, never none of them; `None` when there are no more, or when a limit ended the answer. Rows that
    /// are found in small parts are put together until they weigh about `bytes`, or a second has gone by.
    ///
    /// # Errors
    /// When the query failed, or its time passed before the first row.
    pub async fn next(&mut self, bytes: usize) -> Result<Option<Piece>, Error> {
        let Some(first) = self.next_batch().await? else { return Ok(None) };
        let until = Instant::now() + TOGETHER;
        let (mut weighs, mut parts) = (weight(&first), vec![first]);
        while weighs < bytes {
            match tokio::time::timeout_at(until.into(), self.next_batch()).await {
                Ok(Ok(Some(batch))) => {
                    weighs += weight(&batch);
                    parts.push(batch);
                }
                Ok(Ok(None)) | Err(_) => break,
                Ok(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        let rows = concat_batches(&self.about.schema, &parts)
            .map_err(|error| Error::from(DataFusionError::from(error)))?;
        Ok(Some(Piece(rows)))
    }

    pub(crate) async fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.partial.is_some() || self.is_over {
                return Ok(None);
            }
            let deadline = self.started + self.timeout.length;
            match tokio::time::timeout_at(deadline.into(), self.batches.recv()).await {
                Ok(Some(Ok(batch))) if batch.num_rows() == 0 => {}
                Ok(Some(Ok(batch))) => return Ok(Some(self.within_limit(batch))),
                Ok(Some(Err(error))) => return Err(error),
                Ok(None) => {
                    // The job can be looked at once.
                    self.is_over = true;
                    return self.ended_by_itself().map(|()| None);
                }
                Err(_) if self.given == 0 => return Err(self.timeout.passed()),
                Err(_) => {
                    let TimeLimit { length, setting } = self.timeout;
                    let limit = length.as_secs_f64();
                    self.cut(format!("the limit of {limit} s ({setting}) cut the answer short"));
                }
            }
        }
    }

    /// A job that broke down has sent no error: the end of its channel is not the end of the answer.
    fn ended_by_itself(&mut self) -> Result<(), Error> {
        match (&mut self.job).now_or_never() {
            Some(Err(error)) => Err(Error::Broken(error.to_string())),
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn within_limit(&mut self, batch: RecordBatch) -> RecordBatch {
        let left = self.limit.rows - self.given;
        let batch = if batch.num_rows() > left {
            let RowLimit { rows, setting } = self.limit;
            self.cut(format!("the limit of {rows} rows ({setting}) cut the answer short"));
            batch.slice(0, left)
        } else {
            batch
        };
        self.given += batch.num_rows();
        batch
    }

    /// Ends the answer here, and says why.
    pub(crate) fn cut(&mut self, why: String) {
        self.partial.get_or_insert(why);
    }

    /// What became of it.
    #[must_use]
    pub fn ended(&self) -> Ended {
        Ended {
            rows: self.given,
            took: self.started.elapsed(),
            partial: self.partial.clone(),
            scanned: measured(self.plan.as_ref(), self.about.scanned),
        }
    }

    /// Writes an answer in a format.
    ///
    /// # Errors
    /// When a column has a type that the format has no form for.
    pub fn encoder(&self, format: Format) -> Result<crate::format::Encoder, Error> {
        crate::format::Encoder::new(format, &self.about.schema)
    }
}

/// Bytes of the cells of some rows; what they share with others is not counted.
fn weight(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}

/// Adds what the parts of the plan have counted.
fn measured(plan: &dyn ExecutionPlan, mut scanned: Scanned) -> Scanned {
    use datafusion::physical_plan::metrics::MetricValue;
    for metric in plan.metrics().iter().flat_map(|metrics| metrics.iter()) {
        match metric.value() {
            MetricValue::Count { name, count } if name == "bytes_scanned" => {
                scanned.bytes_read += count.value() as u64;
            }
            MetricValue::SpilledBytes(bytes) => scanned.bytes_spilled += bytes.value() as u64,
            MetricValue::PruningMetrics { name, pruning_metrics }
                if name.starts_with("row_groups_pruned") =>
            {
                scanned.row_groups_pruned += pruning_metrics.pruned() as u64;
            }
            _ => {}
        }
    }
    plan.children().into_iter().fold(scanned, |scanned, child| measured(child.as_ref(), scanned))
}

/// Some rows of an answer.
#[derive(Clone, Debug)]
pub struct Piece(pub(crate) RecordBatch);

impl Piece {
    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    /// The rows as a JSON array of objects.
    ///
    /// # Errors
    /// When a column has a type without a JSON form.
    pub fn json(&self) -> Result<String, Error> {
        let mut text = String::from("[");
        crate::format::append_rows(&mut text, &self.0)?;
        text.push(']');
        Ok(text)
    }

    /// First and last moment (`_timestamp`, µs, both inside) of the rows, if they have one.
    #[must_use]
    pub fn times(&self) -> Option<TimeRange> {
        let times = self.0.column_by_name("_timestamp")?.as_primitive_opt::<Int64Type>()?;
        let (from_us, to_us) = min(times).zip(max(times))?;
        Some(TimeRange { from_us, to_us })
    }

    /// The same rows in pieces of about `bytes` bytes, at least one row each.
    #[must_use]
    pub fn split(self, bytes: usize) -> Vec<Self> {
        let rows = self.rows();
        let each = rows.saturating_mul(bytes).div_euclid(weight(&self.0).max(1)).max(1);
        (0..rows)
            .step_by(each)
            .map(|from| Self(self.0.slice(from, each.min(rows - from))))
            .collect()
    }
}
