//! Free SQL: rows as JSON, with a page, a time limit and a memory limit.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::runtime::SpawnedTask;
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::col;
use futures::StreamExt;
use lake::{Extent, Lake};
use schema::{Kind, OrgName};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;
use crate::session::{Planned, TimeRange, plan};
use crate::statement::{Select, parse};

const TIME: &str = "_timestamp";
/// How long after the deadline an answer may still come.
const LATE: Duration = Duration::from_millis(200);

/// What a query may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest that a query runs.
    pub timeout: Duration,
    /// Memory of all queries together, bytes; sorts and groupings beyond it go to disk.
    pub memory: usize,
    /// Most queries at once; one more is refused.
    pub concurrent: usize,
    /// Most rows of an answer.
    pub most_rows: usize,
    /// Most bytes of an answer in memory; beyond it the answer is cut short and says so.
    pub most_bytes: usize,
    /// Where what does not fit into memory goes; the system's folder for temporary files when `None`.
    pub spill_folder: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            memory: 1 << 30,
            concurrent: 16,
            most_rows: 100_000,
            most_bytes: 256 << 20,
            spill_folder: None,
        }
    }
}

/// A question in SQL.
#[derive(Clone, Debug)]
pub struct Search {
    /// Whose streams are read.
    pub org: OrgName,
    /// The kind of a stream that the SQL names without one.
    pub kind: Kind,
    /// One SELECT.
    pub sql: String,
    /// Rows outside are not seen.
    pub range: TimeRange,
    /// Rows of the answer to pass over.
    pub offset: usize,
    /// Rows of the answer.
    pub size: Size,
}

/// How many rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// At most this many.
    Rows(usize),
    /// What the SQL's own LIMIT says, else this many.
    AsWritten {
        /// Rows if the SQL has no LIMIT.
        otherwise: usize,
    },
    /// None of the rows, only their number.
    Count,
}

/// An answer.
#[derive(Debug)]
pub struct Found {
    pub(crate) batches: Vec<RecordBatch>,
    /// Rows of the answer.
    pub rows: usize,
    /// How much the streams held in the time range.
    pub extent: Extent,
    /// How long it took.
    pub took: Duration,
    /// Why the answer is not whole, if it is not.
    pub partial: Option<String>,
    /// Columns that the SQL names and nobody has sent.
    pub unknown: Vec<String>,
    /// Whether rows were put newest first because the SQL had no order.
    pub newest_first: bool,
}

impl Found {
    /// The rows as a JSON array of objects; null cells are left out, times are ISO 8601 in UTC.
    ///
    /// # Errors
    /// When a column has a type without a JSON form.
    pub fn json(&self) -> Result<String, Error> {
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        let result = self
            .batches
            .iter()
            .try_for_each(|batch| writer.write(batch))
            .and_then(|()| writer.finish());
        result.map_err(|error| Error::Execution(error.to_string()))?;
        let text = String::from_utf8(writer.into_inner())
            .map_err(|error| Error::Execution(error.to_string()))?;
        // The writer leaves an empty answer empty.
        Ok(if text.is_empty() { "[]".to_owned() } else { text })
    }
}

/// Answers questions over a lake. Cheap to clone.
#[derive(Clone)]
pub struct Query {
    pub(crate) lake: Arc<Lake>,
    runtime: Arc<RuntimeEnv>,
    permits: Arc<Semaphore>,
    limits: Limits,
    workers: Handle,
}

impl Query {
    /// Answers over `lake` within `limits`. All work is done on `workers`, so that a heavy question cannot keep
    /// others that share the caller's threads waiting.
    ///
    /// # Errors
    /// When there is no folder for what does not fit into memory.
    pub fn new(lake: Arc<Lake>, limits: Limits, workers: Handle) -> Result<Self, Error> {
        let pool = Arc::new(FairSpillPool::new(limits.memory));
        let mut runtime = RuntimeEnvBuilder::new().with_memory_pool(pool);
        if let Some(folder) = &limits.spill_folder {
            runtime = runtime.with_temp_file_path(folder);
        }
        let permits = Arc::new(Semaphore::new(limits.concurrent));
        Ok(Self { lake, runtime: runtime.build_arc()?, permits, limits, workers })
    }

    /// Answers a question in SQL.
    ///
    /// # Errors
    /// See [`Error`]. A time limit that passes after the first rows gives a partial answer instead.
    pub async fn search(&self, search: &Search) -> Result<Found, Error> {
        let select = parse(&search.sql, &search.org, search.kind)?;
        let limit = self.limits.timeout;
        let deadline = Instant::now() + limit;
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| Error::Busy)?;
        let (query, search) = (self.clone(), search.clone());
        let job = self.workers.spawn(async move {
            // Held until the work has ended, also when nobody waits for it any more.
            let _permit = permit;
            query.answer(&select, &search, deadline).await
        });
        // A partial answer comes a little after the deadline; a step that does not yield, never.
        match tokio::time::timeout_at((deadline + LATE).into(), AbortOnDropHandle::new(job)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                Err(Error::Execution(format!("the query ended without an answer: {error}")))
            }
            Err(_) => Err(Error::Timeout { limit }),
        }
    }

    async fn answer(
        &self,
        select: &Select,
        search: &Search,
        deadline: Instant,
    ) -> Result<Found, Error> {
        let started = Instant::now();
        let (planned, newest_first) = self.planned(select, search.range).await?;
        let frame = page(planned.frame, search.offset, search.size, self.limits.most_rows).await?;
        let (batches, partial) = self.collect(frame, deadline).await?;
        Ok(Found {
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            batches,
            extent: planned.extent,
            took: started.elapsed(),
            partial,
            unknown: planned.unknown,
            newest_first,
        })
    }

    /// This crate's own SQL over the organisation's default trace stream.
    pub(crate) async fn own(
        &self,
        org: &OrgName,
        sql: String,
        range: TimeRange,
    ) -> Result<Found, Error> {
        let size = Size::AsWritten { otherwise: self.limits.most_rows };
        let search = Search { org: org.clone(), kind: Kind::Traces, sql, range, offset: 0, size };
        let found = self.search(&search).await?;
        // Sums of a part would pass for sums of the whole.
        if found.partial.is_some() {
            Err(Error::Timeout { limit: self.limits.timeout })
        } else {
            Ok(found)
        }
    }

    /// The plan; a plain list of rows comes newest first and has the time in it.
    async fn planned(&self, select: &Select, range: TimeRange) -> Result<(Planned, bool), Error> {
        let planned = plan(&self.lake, &self.runtime, select, range).await?;
        if !select.is_plain_list() || aggregates(planned.frame.logical_plan()) {
            return Ok((planned, false));
        }
        let has_time = planned.frame.schema().fields().iter().any(|field| field.name() == TIME);
        let planned = if has_time {
            planned
        } else {
            plan(&self.lake, &self.runtime, &select.also_selecting(TIME), range).await?
        };
        let sorts = planned.frame.schema().field_with_unqualified_name(TIME).is_ok();
        // A LIMIT of the SQL stands below the sort, and takes the newest rows only if the sort comes first.
        let frame = if sorts { newest_first(planned.frame)? } else { planned.frame };
        Ok((Planned { frame, ..planned }, sorts))
    }

    /// Runs the plan in a task of its own: a step that computes for long cannot keep the time limit from passing.
    async fn collect(
        &self,
        frame: DataFrame,
        deadline: Instant,
    ) -> Result<(Vec<RecordBatch>, Option<String>), Error> {
        let limit = self.limits.timeout;
        let mut stream = frame.execute_stream().await?;
        let (found, mut batches_found) = mpsc::channel(2);
        // Ends when this future ends, or is dropped because the caller went away.
        let _running = SpawnedTask::spawn(async move {
            while let Some(batch) = stream.next().await {
                if found.send(batch).await.is_err() {
                    return;
                }
            }
        });
        let (mut batches, mut bytes) = (Vec::new(), 0);
        loop {
            match tokio::time::timeout_at(deadline.into(), batches_found.recv()).await {
                Ok(Some(batch)) => {
                    let batch = batch?;
                    bytes += batch.get_array_memory_size();
                    if bytes > self.limits.most_bytes && !batches.is_empty() {
                        let why = format!(
                            "the limit of {} bytes cut the answer short",
                            self.limits.most_bytes
                        );
                        return Ok((batches, Some(why)));
                    }
                    batches.push(batch);
                }
                Ok(None) => return Ok((batches, None)),
                Err(_) if batches.is_empty() => return Err(Error::Timeout { limit }),
                Err(_) => {
                    let why =
                        format!("the time limit of {} s cut the answer short", limit.as_secs());
                    return Ok((batches, Some(why)));
                }
            }
        }
    }
}

/// Sorts newest first, below a LIMIT if there is one.
fn newest_first(frame: DataFrame) -> Result<DataFrame, Error> {
    let by_time = || vec![col(format!("\"{TIME}\"")).sort(false, false)];
    let (state, plan) = frame.into_parts();
    match plan {
        LogicalPlan::Limit(limit) => {
            let below =
                DataFrame::new(state.clone(), limit.input.as_ref().clone()).sort(by_time())?;
            let (_, sorted) = below.into_parts();
            let limit = datafusion::logical_expr::Limit { input: Arc::new(sorted), ..limit };
            Ok(DataFrame::new(state, LogicalPlan::Limit(limit)))
        }
        plan => Ok(DataFrame::new(state, plan).sort(by_time())?),
    }
}

fn aggregates(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) | LogicalPlan::Window(_) => true,
        // Tables stand below as views: what is inside of them is not the query's own.
        LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => false,
        plan => plan.inputs().into_iter().any(aggregates),
    }
}

async fn page(
    frame: DataFrame,
    offset: usize,
    size: Size,
    most: usize,
) -> Result<DataFrame, Error> {
    let limited = matches!(frame.logical_plan(), LogicalPlan::Limit(_));
    match size {
        Size::Count => {
            let count =
                datafusion::functions_aggregate::expr_fn::count(datafusion::prelude::lit(1_i64));
            Ok(frame.aggregate(vec![], vec![count.alias("zo_sql_num")])?)
        }
        Size::Rows(rows) if rows > most => Err(Error::Parameter(format!(
            "size {rows} is more than query.most_rows allows ({most})"
        ))),
        Size::Rows(rows) => Ok(frame.limit(offset, Some(rows))?),
        Size::AsWritten { .. } if limited => Ok(frame.limit(offset, Some(most))?),
        Size::AsWritten { otherwise } => Ok(frame.limit(offset, Some(otherwise.min(most)))?),
    }
}

/// Reads typed cells out of an answer of this crate's own SQL.
pub(crate) struct Cells<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Found {
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cells<'_>> {
        self.batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| Cells { batch, row }))
    }

    /// The single number of a count.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let cells = self.cells().next()?;
        cells.int("zo_sql_num").and_then(|count| u64::try_from(count).ok())
    }
}

impl Cells<'_> {
    fn column(&self, name: &str, ty: &DataType) -> Option<arrow::array::ArrayRef> {
        let column = self.batch.column_by_name(name).filter(|column| column.is_valid(self.row))?;
        arrow::compute::cast(&column.slice(self.row, 1), ty).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let column = self.column(name, &DataType::Utf8)?;
        Some(arrow::array::AsArray::as_string::<i32>(&column).value(0).to_owned())
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        let column = self.column(name, &DataType::Int64)?;
        Some(arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).value(0))
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        let column = self.column(name, &DataType::Float64)?;
        Some(arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(&column).value(0))
    }

    pub(crate) fn truth(&self, name: &str) -> bool {
        self.column(name, &DataType::Boolean)
            .is_some_and(|column| arrow::array::AsArray::as_boolean(&column).value(0))
    }
}
