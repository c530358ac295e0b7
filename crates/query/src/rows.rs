//! An answer as it is being found: batch by batch, within limits, and given up when nobody waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::FutureExt as _;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;
use crate::format::Format;
use crate::session::TimeRange;

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
    pub(crate) timeout: Duration,
    pub(crate) started: Instant,
    pub(crate) given: usize,
    pub(crate) partial: Option<String>,
}

/// Most rows of an answer, and the setting that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLimit {
    pub(crate) rows: usize,
    pub(crate) setting: &'static str,
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

    /// The next rows, never none of them; `None` when there are no more, or when a limit ended the answer.
    ///
    /// # Errors
    /// When the query failed, or its time passed before the first row.
    pub async fn next(&mut self) -> Result<Option<Piece>, Error> {
        Ok(self.next_batch().await?.map(Piece))
    }

    pub(crate) async fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if self.partial.is_some() {
                return Ok(None);
            }
            let deadline = self.started + self.timeout;
            match tokio::time::timeout_at(deadline.into(), self.batches.recv()).await {
                Ok(Some(Ok(batch))) if batch.num_rows() == 0 => {}
                Ok(Some(Ok(batch))) => return Ok(Some(self.within_limit(batch))),
                Ok(Some(Err(error))) => return Err(error),
                Ok(None) => return self.ended_by_itself().map(|()| None),
                Err(_) if self.given == 0 => return Err(Error::Timeout { limit: self.timeout }),
                Err(_) => {
                    let limit = self.timeout.as_secs();
                    self.cut(format!("the time limit of {limit} s cut the answer short"));
                }
            }
        }
    }

    /// A job that broke down has sent no error: the end of its channel is not the end of the answer.
    fn ended_by_itself(&mut self) -> Result<(), Error> {
        match (&mut self.job).now_or_never() {
            Some(Err(error)) => {
                Err(Error::Execution(format!("the query ended without an answer: {error}")))
            }
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

/// Adds what the files' readers have counted.
fn measured(plan: &dyn ExecutionPlan, mut scanned: Scanned) -> Scanned {
    use datafusion::physical_plan::metrics::MetricValue;
    for metric in plan.metrics().iter().flat_map(|metrics| metrics.iter()) {
        match metric.value() {
            MetricValue::Count { name, count } if name == "bytes_scanned" => {
                scanned.bytes_read += count.value() as u64;
            }
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
        let weight = self.0.get_array_memory_size().max(1);
        let each = rows.saturating_mul(bytes).div_euclid(weight).max(1);
        (0..rows)
            .step_by(each)
            .map(|from| Self(self.0.slice(from, each.min(rows - from))))
            .collect()
    }
}
