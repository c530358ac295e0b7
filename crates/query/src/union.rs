//! Several streams as one table.
//!
//! It has every column that any of the streams has, null in the rows of those that have it not, and says of each row
//! which stream it is of. For the planner it is one table, however many streams it is made of: only a scan, which
//! knows which few columns are asked for, goes to the streams.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, cast};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{self, Column, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::{ident, lit};
use lake::TableView;

use crate::gathered::Gathered;

/// Most streams that a plan shows one by one.
const MOST_IN_SIGHT: usize = 4;

/// The column that names a row's stream.
pub(crate) const STREAM: &str = "_stream";

/// Names and types of a table's columns, in their order.
pub(crate) type Columns = Vec<(String, DataType)>;

/// The columns of several tables put together.
pub(crate) fn columns(tables: &[Columns]) -> Columns {
    let mut all: Columns = Vec::new();
    let mut places = HashMap::new();
    for (name, ty) in tables.iter().flatten().filter(|(name, _)| name != STREAM) {
        match places.get(name) {
            Some(&place) => {
                let known: &mut (String, DataType) = &mut all[place];
                known.1 = both(&known.1, ty);
            }
            None => {
                places.insert(name.clone(), all.len());
                all.push((name.clone(), ty.clone()));
            }
        }
    }
    all.push((STREAM.to_owned(), DataType::Utf8));
    all
}

/// The type that has the values of both.
fn both(one: &DataType, other: &DataType) -> DataType {
    match (one, other) {
        (one, other) if one == other => one.clone(),
        (DataType::Null, ty) | (ty, DataType::Null) => ty.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            DataType::Float64
        }
        (_, _) => DataType::Utf8,
    }
}

/// The names and types of a view's columns.
pub(crate) fn columns_of(view: &TableView) -> Columns {
    let schema = view.schema();
    let fields = schema.fields().iter();
    fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

/// The rows of some streams, for DataFusion.
#[derive(Debug)]
pub(crate) struct Together {
    schema: SchemaRef,
    parts: Vec<Part>,
}

impl Together {
    /// A table of these columns, with the rows of these streams. A stream without rows in the question's range may be
    /// left out of the parts: its columns are there, null.
    pub(crate) fn new(columns: &Columns, parts: Vec<Part>) -> Self {
        let field = |(name, ty): &(String, DataType)| Field::new(name, ty.clone(), name != STREAM);
        let fields = columns.iter().map(field);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { schema, parts }
    }
}

#[async_trait]
impl TableProvider for Together {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = match projection {
            Some(places) => Arc::new(self.schema.project(places)?),
            None => self.schema(),
        };
        let (mut scans, mut rows) = (Vec::with_capacity(self.parts.len()), 0);
        for part in &self.parts {
            if let Some(scan) = part.scan(state, &self.schema, &asked, filters, limit).await? {
                scans.push(scan);
                rows += part.rows;
            }
        }
        match scans.len() {
            0 => Ok(Arc::new(EmptyExec::new(asked))),
            // Few are left in sight of the planner, which has them read no more than the best of a list can come from.
            1..=MOST_IN_SIGHT => UnionExec::try_new(scans),
            _ => {
                Ok(Arc::new(Gathered::new(asked, scans, rows, state.config().target_partitions())))
            }
        }
    }
}

/// One of the streams.
#[derive(Debug)]
pub(crate) struct Part {
    stream: String,
    view: TableView,
    /// Rows in the question's range, before any filter.
    rows: usize,
    own: DFSchemaRef,
    /// Where each of its columns stands.
    places: HashMap<String, usize>,
}

impl Part {
    /// A stream's rows, of which so many are in the question's range.
    pub(crate) fn new(stream: String, view: TableView, rows: u64) -> Result<Self> {
        let schema = view.schema();
        let own = Arc::new(DFSchema::try_from(schema.as_ref().clone())?);
        let names = schema.fields().iter().map(|field| field.name().clone());
        let places = names.zip(0..).collect();
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        Ok(Self { stream, view, rows, own, places })
    }

    /// Its rows with the columns that are asked for; `None` if the filters rule all of them out by what the stream
    /// is and has.
    async fn scan(
        &self,
        state: &dyn Session,
        whole: &Schema,
        asked: &Schema,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let own = Arc::clone(&self.own);
        let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(own).build());
        let filters: Result<Vec<Expr>> = filters
            .iter()
            .map(|filter| simplifier.simplify(self.over_own(whole, filter)?))
            .collect();
        let filters = filters?;
        if filters.iter().any(rules_all_out) {
            return Ok(None);
        }
        let place = |field: &Arc<Field>| {
            let name = field.name();
            self.places.get(name).copied().filter(|_| name != STREAM)
        };
        let read: Vec<usize> = asked.fields().iter().filter_map(place).collect();
        let scan = self.view.scan(state, Some(&read), &filters, limit).await?;
        if asked.fields().is_empty() {
            return Ok(Some(scan));
        }
        let read = scan.schema();
        let mut places = 0..;
        let mut values = Vec::with_capacity(asked.fields().len());
        for field in asked.fields() {
            let place = place(field).and_then(|_| places.next());
            values.push((self.value(&read, place, field)?, field.name().clone()));
        }
        Ok(Some(Arc::new(ProjectionExec::try_new(values, scan)?)))
    }

    /// What a column of the whole is in the rows of this stream, which has it at a place of what is read of it.
    fn value(
        &self,
        read: &Schema,
        place: Option<usize>,
        field: &Field,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let ty = field.data_type();
        Ok(match place {
            _ if field.name() == STREAM => Arc::new(Literal::new(self.stream.as_str().into())),
            Some(place) => {
                let column = Arc::new(Column::new(field.name(), place));
                expressions::cast(column, read, ty.clone())?
            }
            None => Arc::new(Literal::new(ScalarValue::try_from(ty)?)),
        })
    }

    /// The same filter over the columns of this stream, and what it comes to where the stream decides it.
    fn over_own(&self, whole: &Schema, filter: &Expr) -> Result<Expr> {
        let to_own = |expr: Expr| {
            let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
            let name = column.name.as_str();
            let ty = whole.field_with_name(name)?.data_type();
            let own = self.places.get(name).map(|&place| self.own.field(place).data_type());
            Ok(Transformed::yes(match own {
                _ if name == STREAM => lit(self.stream.as_str()),
                Some(own) if own == ty => ident(name),
                Some(_) => cast(ident(name), ty.clone()),
                None => Expr::Literal(ScalarValue::try_from(ty)?, None),
            }))
        };
        Ok(filter.clone().transform_up(to_own)?.data)
    }
}

/// Whether no row can meet a filter, whatever it holds.
fn rules_all_out(filter: &Expr) -> bool {
    matches!(filter, Expr::Literal(ScalarValue::Boolean(Some(false) | None) | ScalarValue::Null, _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_two_types_become_one_that_holds_both() {
        let table = |columns: &[(&str, DataType)]| -> Columns {
            columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect()
        };
        let one = table(&[("a", DataType::Int64), ("b", DataType::Utf8), ("c", DataType::Null)]);
        let other = table(&[
            ("c", DataType::Boolean),
            ("a", DataType::Float64),
            ("b", DataType::Int64),
            ("d", DataType::Int64),
        ]);
        let expected = table(&[
            ("a", DataType::Float64),
            ("b", DataType::Utf8),
            ("c", DataType::Boolean),
            ("d", DataType::Int64),
            (STREAM, DataType::Utf8),
        ]);
        assert_eq!(columns(&[one, other]), expected);
    }
}
