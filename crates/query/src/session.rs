//! A statement to a plan over views of its streams, all confined to one time range.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::common::{SchemaError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use lake::{Extent, Lake, NullAs};

use crate::error::Error;
use crate::statement::Select;

/// Most unknown columns that one query may name.
const MOST_UNKNOWN: usize = 64;

/// Functions that make much of little, outside of the memory that a query is given.
const GREEDY: [&str; 5] = ["repeat", "lpad", "rpad", "array_repeat", "range"];

/// A planned query.
pub(crate) struct Planned {
    pub(crate) frame: DataFrame,
    /// How much the streams hold in the time range.
    pub(crate) extent: Extent,
    /// Columns of the query that nobody has sent yet: they read as null.
    pub(crate) unknown: Vec<String>,
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
}

/// Plans a statement. A column that no row has is null instead of an error, of the first type that fits.
pub(crate) async fn plan(
    lake: &Lake,
    runtime: &Arc<RuntimeEnv>,
    select: &Select,
    range: TimeRange,
) -> Result<Planned, Error> {
    let mut first_error = None;
    let mut unknown = Vec::new();
    for null_as in [NullAs::Anything, NullAs::Text, NullAs::Number] {
        match plan_with(lake, runtime, select, range, (&mut unknown, null_as)).await {
            Ok(planned) => return Ok(planned),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
        if unknown.is_empty() {
            break;
        }
    }
    Err(first_error.unwrap_or_else(|| Error::Execution("nothing was planned".to_owned())))
}

async fn plan_with(
    lake: &Lake,
    runtime: &Arc<RuntimeEnv>,
    select: &Select,
    range: TimeRange,
    (unknown, null_as): (&mut Vec<String>, NullAs),
) -> Result<Planned, Error> {
    loop {
        let context = SessionContext::new_with_config_rt(config(), Arc::clone(runtime));
        for function in GREEDY {
            context.deregister_udf(function);
        }
        let extent = register(&context, lake, select, range, (unknown, null_as))?;
        match to_plan(&context, &select.without_beside_star(unknown)).await {
            Ok(plan) => {
                let frame = DataFrame::new(context.state(), plan);
                return Ok(Planned { frame, extent, unknown: unknown.clone() });
            }
            Err(error) => match missing_column(&error) {
                Some(name) if !unknown.contains(&name) && unknown.len() < MOST_UNKNOWN => {
                    unknown.push(name)
                }
                _ => return Err(error.into()),
            },
        }
    }
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

/// Puts a view of each stream, confined to the range, under the name that the SQL uses.
fn register(
    context: &SessionContext,
    lake: &Lake,
    select: &Select,
    range: TimeRange,
    (unknown, null_as): (&[String], NullAs),
) -> Result<Extent, Error> {
    let catalog =
        context.catalog("datafusion").ok_or_else(|| Error::Execution("no catalog".to_owned()))?;
    let mut schemas: HashMap<String, Arc<MemorySchemaProvider>> = HashMap::new();
    let mut extent = Extent::default();
    for (name, table) in &select.streams {
        let view = lake
            .view(table, unknown, null_as)?
            .ok_or_else(|| Error::StreamNotFound(table.stream.clone()))?;
        let part = view.extent((range.from_us, range.to_us.saturating_sub(1)));
        extent = Extent {
            files: extent.files + part.files,
            rows: extent.rows + part.rows,
            bytes: extent.bytes + part.bytes,
        };
        let confined = confined(context, view, range)?;
        match name {
            TableReference::Partial { schema, table } => {
                let schema = schemas.entry(schema.to_string()).or_default();
                schema.register_table(table.to_string(), confined.into_view())?;
            }
            TableReference::Bare { .. } | TableReference::Full { .. } => {
                context.register_table(name.clone(), confined.into_view())?;
            }
        }
    }
    for (name, schema) in schemas {
        catalog.register_schema(&name, schema)?;
    }
    Ok(extent)
}

fn confined(
    context: &SessionContext,
    view: lake::TableView,
    range: TimeRange,
) -> Result<DataFrame, Error> {
    let frame = context.read_table(Arc::new(view))?;
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

/// The table of an organisation's default trace stream, as this crate's own SQL names it.
pub(crate) const TRACES: &str = "\"traces\".\"default\"";
