//! A statement to a plan over views of its streams, all confined to one time range.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::{SchemaError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry as _;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext, col, ident, lit};
use lake::{Extent, Lake, NullAs, TableView};
use schema::Table;

use crate::condition::Condition;
use crate::dialect::fill_in;
use crate::error::Error;
use crate::functions::{self, VALUE_AT};
use crate::names::nearest;
use crate::operands::{Comparisons, with_numbers};
use crate::statement::{Select, Source};
use crate::union::{Columns, Part, STREAM, Together, columns, columns_of};

/// Most unknown columns that one query may name.
const MOST_UNKNOWN: usize = 64;

/// The column of the attributes that have none of their own.
pub(crate) const OVERFLOW: &str = "attributes_overflow";

/// By this name this crate's own SQL calls the rows of the question's streams in its range.
pub(crate) const SPANS: &str = "spans";
/// By this one, those of them that meet the question's condition.
pub(crate) const MATCHING: &str = "matching";

/// A planned query.
pub(crate) struct Planned {
    pub(crate) frame: DataFrame,
    /// How much the streams hold in the time range, and how many files in all.
    pub(crate) extent: Extent,
    pub(crate) files_in_all: usize,
    /// Columns of the query that nobody has sent yet: they read as null.
    pub(crate) unknown: Vec<String>,
    /// What to say about them.
    pub(crate) hint: Option<String>,
    /// Length of the histogram's buckets, s.
    pub(crate) interval_s: Option<i64>,
    /// How often the statement was planned until it fit.
    pub(crate) passes: usize,
}

/// The range `from <= _timestamp < to`, µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First moment inside, µs since 1970-01-01 UTC.
    pub from_us: i64,
    /// First moment after, µs since 1970-01-01 UTC.
    pub to_us: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALWAYS: Self = Self { from_us: i64::MIN, to_us: i64::MAX };

    /// The part of it that is in another range too.
    pub(crate) fn inside(self, other: Self) -> Self {
        Self { from_us: self.from_us.max(other.from_us), to_us: self.to_us.min(other.to_us) }
    }

    /// The same range, so much longer at both ends.
    pub(crate) const fn widened(self, by_us: i64) -> Self {
        Self {
            from_us: self.from_us.saturating_sub(by_us),
            to_us: self.to_us.saturating_add(by_us),
        }
    }
}

/// What a statement is planned over.
pub(crate) struct Sources<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) runtime: &'a Arc<RuntimeEnv>,
    pub(crate) range: TimeRange,
    /// The rows that [`MATCHING`] has.
    pub(crate) condition: &'a Condition,
    /// Columns that `match_all` searches, where a stream has them.
    pub(crate) full_text: &'a [String],
    /// Length of a histogram's buckets where the SQL has none, s.
    pub(crate) interval_s: Option<i64>,
}

/// The columns of the streams of a statement.
type Known = HashMap<TableReference, HashMap<String, DataType>>;

impl Sources<'_> {
    /// Plans a statement. What is no column of a stream is the attribute of that name that got no column of its own, as
    /// text, and null where there is none; if a text does not fit, it is a null of any type.
    pub(crate) async fn plan(&self, select: &Select) -> Result<Planned, Error> {
        let known = self.known(select)?;
        let is_known = |name: &str| known.values().any(|columns| columns.contains_key(name));
        let mut unknown = select.beyond(is_known);
        unknown.extend(
            self.condition
                .beyond(|name| is_known(name) || unknown.iter().any(|other| other == name)),
        );
        unknown.truncate(MOST_UNKNOWN);
        let (select, interval_s) =
            fill_in(select, &self.full_text_of(&known), self.range, self.interval_s)?;
        let mut attempt = Attempt { unknown, passes: 0, first_error: None };
        for unsent in [Unsent::Attribute, Unsent::Null] {
            if let Some((frame, extent, files_in_all)) =
                self.attempt(&select, unsent, &mut attempt).await?
            {
                let hint = hint(&attempt.unknown, &known);
                let Attempt { unknown, passes, .. } = attempt;
                return Ok(Planned {
                    frame,
                    extent,
                    files_in_all,
                    unknown,
                    hint,
                    interval_s,
                    passes,
                });
            }
            if attempt.unknown.is_empty() {
                break;
            }
        }
        Err(attempt
            .first_error
            .unwrap_or_else(|| Error::Execution("nothing was planned".to_owned())))
    }

    fn known(&self, select: &Select) -> Result<Known, Error> {
        select
            .streams
            .iter()
            .map(|(name, source)| {
                let tables = source.tables().iter();
                let each: Result<Vec<Columns>, Error> =
                    tables.map(|table| Ok(columns_of(&self.view(table, &[])?))).collect();
                let types = match source {
                    Source::Stream(_) => each?.into_iter().flatten().collect(),
                    Source::Streams(_) => columns(&each?).into_iter().collect(),
                };
                Ok((name.clone(), types))
            })
            .collect()
    }

    /// A stream, with nulls for the columns of these names that it does not have.
    fn view(&self, table: &Table, nulls: &[String]) -> Result<TableView, Error> {
        let view = self.lake.view(table, nulls, NullAs::Anything)?;
        view.ok_or_else(|| Error::StreamNotFound(table.stream.clone()))
    }

    fn full_text_of(&self, known: &Known) -> HashMap<TableReference, Vec<String>> {
        let texts = |columns: &HashMap<String, DataType>| {
            let is_text = |name: &&String| columns.get(*name) == Some(&DataType::Utf8);
            self.full_text.iter().filter(is_text).cloned().collect()
        };
        known.iter().map(|(name, columns)| (name.clone(), texts(columns))).collect()
    }

    /// One way to read unknown columns; `None` if the statement does not fit it.
    async fn attempt(
        &self,
        select: &Select,
        unsent: Unsent,
        attempt: &mut Attempt,
    ) -> Result<Option<(DataFrame, Extent, usize)>, Error> {
        loop {
            attempt.passes += 1;
            let context = SessionContext::new_with_config_rt(config(), Arc::clone(self.runtime));
            functions::register(&context);
            context.state_ref().write().register_expr_planner(Arc::new(Comparisons))?;
            let registered = self.register(&context, select, &attempt.unknown, unsent)?;
            let mut select = select.without_beside_star(&attempt.unknown);
            with_numbers(&mut select.statement, &attempt.unknown);
            match to_plan(&context, &select).await {
                Ok(plan) => {
                    let (extent, files_in_all) = registered;
                    let frame = DataFrame::new(context.state(), plan);
                    return Ok(Some((frame, extent, files_in_all)));
                }
                Err(error) => match missing_column(&error) {
                    Some(name)
                        if !attempt.unknown.contains(&name)
                            && attempt.unknown.len() < MOST_UNKNOWN =>
                    {
                        attempt.unknown.push(name);
                    }
                    _ => {
                        attempt.first_error.get_or_insert(error.into());
                        return Ok(None);
                    }
                },
            }
        }
    }

    /// Puts a view of each stream, confined to the range, under the name that the SQL uses.
    fn register(
        &self,
        context: &SessionContext,
        select: &Select,
        unknown: &[String],
        unsent: Unsent,
    ) -> Result<(Extent, usize), Error> {
        let catalog = context
            .catalog("datafusion")
            .ok_or_else(|| Error::Execution("no catalog".to_owned()))?;
        let mut schemas: HashMap<String, Arc<MemorySchemaProvider>> = HashMap::new();
        let (mut extent, mut files_in_all) = (Extent::default(), 0);
        let nulls = if unsent == Unsent::Null { unknown } else { &[] };
        let named = Named::in_statement(select);
        for (name, source) in &select.streams {
            let mut see = |table: &Table| -> Result<(TableView, Extent), Error> {
                let view = self.view(table, nulls)?;
                let part = view.extent((self.range.from_us, self.range.to_us.saturating_sub(1)));
                extent = Extent {
                    files: extent.files + part.files,
                    rows: extent.rows + part.rows,
                    bytes: extent.bytes + part.bytes,
                };
                files_in_all += view.extent((i64::MIN, i64::MAX)).files;
                Ok((view, part))
            };
            let rows: Arc<dyn TableProvider> = match source {
                Source::Stream(table) => Arc::new(see(table)?.0),
                Source::Streams(tables) => {
                    let (mut each, mut parts) = (Vec::new(), Vec::new());
                    for table in tables {
                        let (view, part) = see(table)?;
                        each.push(columns_of(&view));
                        if part.files > 0 || part.rows > 0 {
                            parts.push(Part::new(table.stream.clone(), view, part.rows)?);
                        }
                    }
                    let mut columns = columns(&each);
                    if name.table() == SPANS {
                        columns.retain(|(name, _)| named.may_mean(name));
                    }
                    Arc::new(Together::new(&columns, parts))
                }
            };
            let mut frame = confined(context, rows, self.range)?;
            if unsent == Unsent::Attribute {
                frame = with_attributes(context, frame, unknown)?;
            }
            if name.table() == MATCHING {
                let condition = self.condition.compile(context, frame.schema())?;
                frame = condition.map_or(Ok(frame.clone()), |condition| frame.filter(condition))?;
            }
            match name {
                TableReference::Partial { schema, table } => {
                    let schema = schemas.entry(schema.to_string()).or_default();
                    schema.register_table(table.to_string(), frame.into_view())?;
                }
                TableReference::Bare { .. } | TableReference::Full { .. } => {
                    context.register_table(name.clone(), frame.into_view())?;
                }
            }
        }
        for (name, schema) in schemas {
            catalog.register_schema(&name, schema)?;
        }
        Ok((extent, files_in_all))
    }
}

/// The columns that a statement of this crate's own may mean. It names its `spans` many times, and each place would be
/// planned with all columns of all streams: one stream of a thousand attributes would make every question slow.
struct Named {
    /// The words of the statement; `None` if it asks for all columns.
    words: Option<HashSet<String>>,
}

impl Named {
    fn in_statement(select: &Select) -> Self {
        let text = select.statement.to_string();
        let all = text.starts_with("SELECT *");
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = || text.split(|c| !is_letter(c)).map(str::to_owned).collect();
        Self { words: (!all).then(words) }
    }

    fn may_mean(&self, column: &str) -> bool {
        let is_named = |words: &HashSet<String>| words.contains(column);
        matches!(column, "_timestamp" | OVERFLOW | STREAM)
            || self.words.as_ref().is_none_or(is_named)
    }
}

/// What a name that is no column of a stream is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsent {
    /// The attribute of this name, as text.
    Attribute,
    /// Null.
    Null,
}

/// The rows with the attributes of these names that have no columns of their own.
fn with_attributes(
    context: &SessionContext,
    frame: DataFrame,
    names: &[String],
) -> Result<DataFrame, Error> {
    let columns = frame.schema();
    let names: Vec<&String> =
        names.iter().filter(|name| !columns.has_column_with_unqualified_name(name)).collect();
    if names.is_empty() {
        return Ok(frame);
    }
    let attribute = context.udf(VALUE_AT)?;
    let mut all: Vec<Expr> = columns.columns().into_iter().map(Expr::Column).collect();
    all.extend(names.iter().map(|name| {
        attribute.call(vec![ident(OVERFLOW), lit(name.as_str())]).alias(name.as_str())
    }));
    Ok(frame.select(all)?)
}

/// What the attempts to plan a statement have taught.
struct Attempt {
    unknown: Vec<String>,
    passes: usize,
    first_error: Option<Error>,
}

async fn to_plan(
    context: &SessionContext,
    select: &Select,
) -> Result<LogicalPlan, DataFusionError> {
    let plan = context.state().statement_to_plan(select.statement.clone()).await?;
    let only_reads =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_reads.verify_plan(&plan)?;
    Ok(plan)
}

fn config() -> SessionConfig {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut config =
        SessionConfig::new().with_target_partitions(cores).with_information_schema(false);
    // Filters run while a file is decoded: rows that a trace id or a model rules out are never built.
    config.options_mut().execution.parquet.pushdown_filters = true;
    config
}

fn confined(
    context: &SessionContext,
    rows: Arc<dyn TableProvider>,
    range: TimeRange,
) -> Result<DataFrame, Error> {
    let frame = context.read_table(rows)?;
    if range == TimeRange::ALWAYS {
        return Ok(frame);
    }
    let inside =
        col("_timestamp").gt_eq(lit(range.from_us)).and(col("_timestamp").lt(lit(range.to_us)));
    Ok(frame.filter(inside)?)
}

/// The name of the column that the plan misses, if that is what is wrong.
fn missing_column(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(field.name.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// One sentence about the columns that nobody has sent, with what may have been meant.
fn hint(unknown: &[String], known: &Known) -> Option<String> {
    let said: Vec<String> = unknown
        .iter()
        .map(|name| {
            let names = known.values().flat_map(HashMap::keys).map(String::as_str);
            match nearest(name, names) {
                Some(near) => format!("{name:?} (did you mean {near:?}?)"),
                None => format!("{name:?}"),
            }
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "no column is called {}: read from attributes_overflow, null where it is not there; a text stands in single quotes",
            said.join(", ")
        )
    })
}
