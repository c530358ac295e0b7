//! Free SQL, within limits on time, memory, rows and concurrency.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::dataframe::DataFrame;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::col;
use futures::StreamExt;
use lake::Lake;
use schema::{Kind, OrgName};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::answer::Found;
use crate::condition::Condition;
use crate::error::Error;
use crate::held::Held;
use crate::rows::{About, Delivery, RowLimit, Rows, Scanned};
use crate::session::{Planned, Sources, TimeRange};
use crate::statement::{Select, parse, parse_own};
use crate::streams::Spans;
use crate::workers::Workers;

const TIME: &str = "_timestamp";
/// Most rows that a sort may keep in memory; of more, an answer is cut where it is given.
const MOST_ON_TOP: usize = 100_001;
/// Batches that wait to be taken.
const WAITING: usize = 2;

/// The columns that hold running text. Source: OpenObserve's full-text columns.
const FULL_TEXT: [&str; 10] = [
    "log",
    "message",
    "msg",
    "content",
    "data",
    "body",
    "json",
    "error",
    "llm_input",
    "llm_output",
];

/// What a query may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest that a query runs.
    pub timeout: Duration,
    /// Memory of all queries together, bytes; sorts and groupings beyond it go to disk.
    pub memory: usize,
    /// Footers of files that are kept in memory, bytes; the least used go first.
    pub footers: usize,
    /// Most queries at once; one more is refused.
    pub concurrent: usize,
    /// Most rows of an answer.
    pub most_rows: usize,
    /// Most rows of an answer that is given as it is found.
    pub most_streamed_rows: usize,
    /// The longest that such an answer takes, its taker's time included.
    pub stream_timeout: Duration,
    /// Columns that `match_all` searches, where a stream has them.
    pub full_text_columns: Vec<String>,
    /// Most bytes of an answer in memory; beyond it the answer is cut short and says so.
    pub most_bytes: usize,
    /// Memory for the order of lists that somebody pages through, bytes; without it a trace that grows meanwhile may be
    /// shown twice or never.
    pub noted_bytes: usize,
    /// Most spans of one trace that are read.
    pub most_trace_spans: usize,
    /// Where what does not fit into memory goes; the system's folder for temporary files when `None`.
    pub spill_folder: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            memory: 1 << 30,
            footers: 64 << 20,
            concurrent: 16,
            most_rows: 100_000,
            most_streamed_rows: 10_000_000,
            stream_timeout: Duration::from_secs(600),
            full_text_columns: FULL_TEXT.map(str::to_owned).to_vec(),
            most_bytes: 256 << 20,
            noted_bytes: 16 << 20,
            most_trace_spans: 50_000,
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
    /// Length of a histogram's buckets where the SQL has none, seconds; by the range when `None`.
    pub interval_s: Option<i64>,
    /// Whether the rows of a plain list have their `_timestamp` also if the SQL does not select it.
    pub adds_time: bool,
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

/// Answers questions over a lake. Cheap to clone.
#[derive(Clone)]
pub struct Query {
    pub(crate) lake: Arc<Lake>,
    runtime: Arc<RuntimeEnv>,
    permits: Arc<Semaphore>,
    pub(crate) limits: Limits,
    pub(crate) held: Arc<Held>,
    pub(crate) workers: Workers,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Query {
    /// Answers over `lake` within `limits`. All work is done on `workers`, so that a heavy question cannot keep
    /// others that share the caller's threads waiting.
    ///
    /// # Errors
    /// When there is no folder for what does not fit into memory.
    pub fn new(lake: Arc<Lake>, limits: Limits, workers: Handle) -> Result<Self, Error> {
        let pool = Arc::new(FairSpillPool::new(limits.memory));
        let mut runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_metadata_cache_limit(limits.footers);
        if let Some(folder) = &limits.spill_folder {
            runtime = runtime.with_temp_file_path(folder);
        }
        let permits = Arc::new(Semaphore::new(limits.concurrent));
        let held = Arc::new(Held::new(limits.noted_bytes));
        Ok(Self {
            lake,
            runtime: runtime.build_arc()?,
            permits,
            limits,
            held,
            workers: Workers(workers),
        })
    }

    /// Most spans of one trace that are read.
    #[must_use]
    pub const fn most_trace_spans(&self) -> usize {
        self.limits.most_trace_spans
    }

    /// How many questions are being answered now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.limits.concurrent - self.permits.available_permits()
    }

    /// Answers a question in SQL, whole. The query ends when this future is dropped.
    ///
    /// # Errors
    /// See [`Error`]. A time limit that passes after the first rows gives a partial answer instead.
    pub async fn search(&self, search: &Search) -> Result<Found, Error> {
        self.collected(self.question(search)?, Delivery::Whole).await
    }

    /// Answers a question in SQL, rows as they are found, with the limits of streamed answers. The query ends when the
    /// rows are dropped.
    ///
    /// # Errors
    /// Before the first row; see [`Error`].
    pub async fn stream(&self, search: &Search) -> Result<Rows, Error> {
        self.start(self.question(search)?, Delivery::Streamed).await
    }

    fn question(&self, search: &Search) -> Result<Question, Error> {
        Ok(Question {
            select: parse(&search.sql, &search.org, search.kind)?,
            range: search.range,
            condition: Condition::default(),
            offset: search.offset,
            size: search.size,
            interval_s: search.interval_s,
            adds_time: search.adds_time,
        })
    }

    async fn start(&self, question: Question, delivery: Delivery) -> Result<Rows, Error> {
        let (limit, timeout) = delivery.limits(&self.limits);
        let started = Instant::now();
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| Error::Busy)?;
        let (ready, prepared) = oneshot::channel();
        let (found, batches) = mpsc::channel(WAITING);
        let query = self.clone();
        let job = self.workers.spawn(async move {
            // Held until the work has ended, also when nobody waits for it any more.
            let _permit = permit;
            query.run(&question, limit, ready, found).await;
        });
        // A step that does not yield cannot keep the time limit from passing: it runs on threads of its own.
        let until = started + timeout.length;
        let (about, plan) = match tokio::time::timeout_at(until.into(), prepared).await {
            Ok(Ok(prepared)) => prepared?,
            Ok(Err(_)) => {
                let why = job.await.err().map(|error| error.to_string()).unwrap_or_default();
                return Err(Error::Broken(why));
            }
            Err(_) => return Err(timeout.passed()),
        };
        Ok(Rows {
            about,
            plan,
            batches,
            job,
            limit,
            timeout,
            started,
            given: 0,
            partial: None,
            failed: None,
            is_over: false,
        })
    }

    /// Plans a question, says so, and sends its rows while somebody takes them.
    async fn run(
        &self,
        question: &Question,
        limit: RowLimit,
        ready: oneshot::Sender<Result<Prepared, Error>>,
        found: mpsc::Sender<Result<RecordBatch, Error>>,
    ) {
        let (about, plan, context) = match self.prepare(question, limit).await {
            Ok(prepared) => prepared,
            Err(error) => {
                // Nobody waits for it any more if this fails.
                let _ = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok((about, Arc::clone(&plan)))).is_err() {
            return;
        }
        let mut stream = match execute_stream(plan, context) {
            Ok(stream) => stream,
            Err(error) => {
                let _ = found.send(Err(error.into())).await;
                return;
            }
        };
        while let Some(batch) = stream.next().await {
            if found.send(batch.map_err(Error::from)).await.is_err() {
                return;
            }
        }
    }

    async fn prepare(
        &self,
        question: &Question,
        limit: RowLimit,
    ) -> Result<(About, Arc<dyn ExecutionPlan>, Arc<TaskContext>), Error> {
        let (planned, newest_first) = self.planned(question).await?;
        let frame = page(planned.frame, question.offset, question.size, limit)?;
        let plan = yielding(frame.create_physical_plan().await?)?;
        let extent = planned.extent;
        let about = About {
            schema: plan.schema(),
            unknown: planned.unknown,
            hint: planned.hint,
            newest_first,
            interval_s: planned.interval_s,
            planned: planned.passes,
            scanned: Scanned {
                files: planned.files_in_all,
                files_pruned: planned.files_in_all.saturating_sub(extent.files),
                rows: extent.rows,
                bytes: extent.bytes,
                ..Scanned::default()
            },
        };
        Ok((about, plan, Arc::new(frame.task_ctx())))
    }

    async fn collected(&self, question: Question, delivery: Delivery) -> Result<Found, Error> {
        let mut rows = self.start(question, delivery).await?;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = rows.next_batch().await? {
            bytes += batch.get_array_memory_size();
            if bytes > self.limits.most_bytes && !batches.is_empty() {
                let most = self.limits.most_bytes;
                rows.cut(format!(
                    "the limit of {most} bytes (query.most_bytes) cut the answer short"
                ));
                break;
            }
            batches.push(batch);
        }
        let ended = rows.ended();
        Ok(Found {
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            batches,
            scanned: ended.scanned,
            took: ended.took,
            partial: ended.partial,
            about: rows.about,
        })
    }

    /// This crate's own SQL over some streams, which it calls `spans`, and those of their rows that meet a condition,
    /// which it calls `matching`.
    pub(crate) async fn own(&self, own: Own<'_>) -> Result<Found, Error> {
        let found = self.own_part(own).await?;
        // Sums of a part would pass for sums of the whole.
        match found.partial {
            Some(why) => Err(Error::Execution(format!("{why}: narrow the time range"))),
            None => Ok(found),
        }
    }

    /// As [`Query::own`], where a part of the answer is one too.
    pub(crate) async fn own_part(&self, own: Own<'_>) -> Result<Found, Error> {
        let question = Question {
            select: parse_own(&own.sql, own.spans.streams)?,
            range: own.spans.range,
            condition: own.condition.clone(),
            offset: 0,
            size: Size::AsWritten { otherwise: usize::MAX },
            interval_s: None,
            adds_time: false,
        };
        self.collected(question, Delivery::Whole).await
    }

    /// The plan; a plain list of rows comes newest first, and has the time in it if that is wanted.
    async fn planned(&self, question: &Question) -> Result<(Planned, bool), Error> {
        let select = &question.select;
        let sources = Sources {
            lake: &self.lake,
            runtime: &self.runtime,
            range: question.range,
            condition: &question.condition,
            full_text: &self.limits.full_text_columns,
            interval_s: question.interval_s,
        };
        let planned = sources.plan(select).await?;
        if !select.is_plain_list() || aggregates(planned.frame.logical_plan()) {
            return Ok((planned, false));
        }
        let has_time = planned.frame.schema().fields().iter().any(|field| field.name() == TIME);
        let planned = if has_time {
            planned
        } else {
            let passes = planned.passes;
            let planned = sources.plan(&select.also_selecting(TIME)).await?;
            Planned { passes: planned.passes + passes, ..planned }
        };
        let sorts = planned.frame.schema().field_with_unqualified_name(TIME).is_ok();
        // A LIMIT of the SQL stands below the sort, and takes the newest rows only if the sort comes first.
        let frame = if sorts { newest_first(planned.frame)? } else { planned.frame };
        let frame = if has_time || question.adds_time { frame } else { without_time(frame)? };
        Ok((Planned { frame, ..planned }, sorts))
    }
}

/// A question that was read.
struct Question {
    select: Select,
    range: TimeRange,
    condition: Condition,
    offset: usize,
    size: Size,
    interval_s: Option<i64>,
    adds_time: bool,
}

/// What a question's answer will be, and the plan that finds it.
type Prepared = (About, Arc<dyn ExecutionPlan>);

/// A question of this crate's own.
pub(crate) struct Own<'a> {
    pub(crate) spans: Spans<'a>,
    pub(crate) sql: String,
    pub(crate) condition: &'a Condition,
}

/// Joins make much of little without asking a table for more, which is where plans yield: have them yield too, or a
/// query that nobody waits for could not be ended.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let wrapped = plan.transform_up(|node| {
        Ok(if node.children().len() > 1 {
            Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)
        } else {
            Transformed::no(node)
        })
    })?;
    Ok(wrapped.data)
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

/// Drops the time that was only there to sort by.
fn without_time(frame: DataFrame) -> Result<DataFrame, Error> {
    let others = frame.schema().columns().into_iter().filter(|column| column.name != TIME);
    let others: Vec<_> = others.map(datafusion::logical_expr::Expr::Column).collect();
    Ok(frame.select(others)?)
}

fn aggregates(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) | LogicalPlan::Window(_) => true,
        // Tables stand below as views: what is inside of them is not the query's own.
        LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => false,
        plan => plan.inputs().into_iter().any(aggregates),
    }
}

fn page(frame: DataFrame, offset: usize, size: Size, limit: RowLimit) -> Result<DataFrame, Error> {
    let limited = matches!(frame.logical_plan(), LogicalPlan::Limit(_));
    // One row more than may be given shows that there is more.
    let RowLimit { rows: most, setting } = limit;
    // The engine counts with signed numbers.
    let beyond = most.min(i64::MAX as usize - 1) + 1;
    match size {
        Size::Count => {
            let count =
                datafusion::functions_aggregate::expr_fn::count(datafusion::prelude::lit(1_i64));
            Ok(frame.aggregate(vec![], vec![count.alias("zo_sql_num")])?)
        }
        Size::Rows(rows) if rows > most => Err(Error::Parameter(format!(
            "size {rows} is more than {setting} allows: at most {most}"
        ))),
        Size::Rows(rows) => Ok(frame.limit(offset, Some(rows))?),
        Size::AsWritten { .. } if limited => Ok(frame.limit(offset, Some(beyond))?),
        // A sort that knows how many are wanted keeps those in memory; one that does not uses the disk.
        Size::AsWritten { otherwise } if otherwise.min(beyond) > MOST_ON_TOP => {
            Ok(frame.limit(offset, None)?)
        }
        Size::AsWritten { otherwise } => Ok(frame.limit(offset, Some(otherwise.min(beyond)))?),
    }
}
