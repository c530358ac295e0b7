//! Which rows of a stream a question is about.

use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionContext, ident, lit};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{ExprWithAlias, Query, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use crate::error::Error;
use crate::filter::Filter;
use crate::names::Names;
use crate::statement::check_length;

/// Columns that free text is looked for in.
const TEXTS: [&str; 6] = [
    "operation_name",
    "llm_input",
    "llm_output",
    "error_message",
    "trace_id",
    "llm_request_parameters_model",
];
/// How deep expressions may nest.
const DEEPEST: usize = 64;

/// All parts must hold; without a part all rows are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    /// Over promised columns.
    pub(crate) parts: Vec<Expr>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) sql: Option<ExprWithAlias>,
}

impl Condition {
    /// The rows that meet an SQL condition, such as `duration > 1000`; an empty one is none.
    pub(crate) fn sql(text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        check_length(text)?;
        let condition = DFParserBuilder::new(text)
            .with_dialect(&PostgreSqlDialect {})
            .with_recursion_limit(DEEPEST)
            .build()?
            .parse_into_expr()?;
        if condition.alias.is_some() || Visit::visit(&condition.expr, &mut NoQuery).is_break() {
            return Err(Error::Parameter(
                "filter has to be one condition over columns, without a SELECT".to_owned(),
            ));
        }
        Ok(Self { sql: Some(condition), ..Self::default() })
    }

    /// The columns that are named and not known.
    pub(crate) fn beyond(&self, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let filters = self.filters.iter().flat_map(Filter::columns);
        let mut unknown: Vec<String> = Vec::new();
        for name in filters.filter(|name| !is_known(name)) {
            if !unknown.iter().any(|other| other == name) {
                unknown.push(name.to_owned());
            }
        }
        if let Some(sql) = &self.sql {
            let is_known = |name: &str| is_known(name) || unknown.iter().any(|other| other == name);
            let more = Names::of(&sql.expr).beyond(is_known);
            unknown.extend(more);
        }
        unknown
    }

    /// The condition over a table's columns; `None` if all rows are meant.
    pub(crate) fn compile(
        &self,
        context: &SessionContext,
        schema: &DFSchema,
    ) -> Result<Option<Expr>, Error> {
        let mut all = self.parts.clone();
        for filter in &self.filters {
            all.extend(filter.compile(schema)?);
        }
        if let Some(sql) = &self.sql {
            all.push(context.state().create_logical_expr_from_sql_expr(sql.clone(), schema)?);
        }
        Ok(all.into_iter().reduce(Expr::and))
    }
}

struct NoQuery;

impl Visitor for NoQuery {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Whether the text stands in one of the columns that hold text, in any case.
pub(crate) fn contains_text(text: &str) -> Expr {
    let like = lit(format!("%{}%", escaped(text)));
    let any = TEXTS.iter().map(|&column| ident(column).ilike(like.clone()));
    any.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// A text for LIKE that stands for itself.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
