//! Texts where a number is needed.
//!
//! A quoted number stands for the number, a text column is compared by the numbers in it, and an attribute that has no
//! column of its own, whose values are texts, is a number where it is calculated with.

use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable as _, lit, try_cast};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, ExactNumberInfo, Expr as SqlExpr, FunctionArg,
    FunctionArgExpr, FunctionArguments, VisitMut as _, VisitorMut,
};

use crate::names::{normal, parts};

/// Compares numbers with texts as numbers.
#[derive(Debug)]
pub(crate) struct Comparisons;

impl ExprPlanner for Comparisons {
    fn plan_binary_op(
        &self,
        mut raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(
            raw.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        );
        let types = raw.left.get_type(schema).ok().zip(raw.right.get_type(schema).ok());
        match types {
            Some((left, right)) if compares && is_text(&left) && right.is_numeric() => {
                raw.left = number(raw.left, &raw.right)?;
            }
            Some((left, right)) if compares && left.is_numeric() && is_text(&right) => {
                raw.right = number(raw.right, &raw.left)?;
            }
            _ => {}
        }
        Ok(PlannerResult::Original(raw))
    }
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A text as a number; one that is none is null in a column, and a mistake in the SQL itself.
fn number(text: Expr, other: &Expr) -> Result<Expr> {
    let Expr::Literal(value, _) = &text else { return Ok(try_cast(text, DataType::Float64)) };
    let (ScalarValue::Utf8(value) | ScalarValue::LargeUtf8(value) | ScalarValue::Utf8View(value)) =
        value
    else {
        return Ok(text);
    };
    let Some(value) = value else { return Ok(lit(ScalarValue::Float64(None))) };
    if let Ok(whole) = value.trim().parse::<i64>() {
        return Ok(lit(whole));
    }
    match value.trim().parse::<f64>() {
        Ok(number) => Ok(lit(number)),
        Err(_) => plan_err!("'{value}' is no number, and is compared with {other}, which is one"),
    }
}

/// The statement with every column of these made a number where it is calculated with.
pub(crate) fn with_numbers(statement: &mut Statement, columns: &[String]) {
    if let (Statement::Statement(statement), false) = (statement, columns.is_empty()) {
        // Nothing in this visitor breaks off.
        let _ = statement.visit(&mut Numbers { columns });
    }
}

/// Aggregates that take numbers only.
const OF_NUMBERS: [&str; 32] = [
    "sum",
    "avg",
    "mean",
    "median",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "var",
    "var_pop",
    "var_samp",
    "var_population",
    "var_sample",
    "corr",
    "covar",
    "covar_pop",
    "covar_samp",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
    "approx_median",
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "percentile_cont",
    "quantile_cont",
    "summary_percentile",
    "distribution",
];

struct Numbers<'a> {
    columns: &'a [String],
}

impl VisitorMut for Numbers<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        match expr {
            SqlExpr::BinaryOp { left, op, right } if calculates(op) => {
                self.number(left);
                self.number(right);
            }
            SqlExpr::Function(function) => {
                let name = parts(&function.name).and_then(|parts| parts.last().cloned());
                if !name.is_some_and(|name| OF_NUMBERS.contains(&name.as_str())) {
                    return ControlFlow::Continue(());
                }
                if let FunctionArguments::List(list) = &mut function.args {
                    for argument in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                            self.number(expr);
                        }
                    }
                }
                for order in &mut function.within_group {
                    self.number(&mut order.expr);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Numbers<'_> {
    /// Casts the columns whose value is the value of the expression.
    fn number(&self, expr: &mut SqlExpr) {
        let name = match expr {
            SqlExpr::Identifier(name) => normal(name),
            SqlExpr::CompoundIdentifier(path) => path.last().map(normal).unwrap_or_default(),
            SqlExpr::Nested(inner) => return self.number(inner),
            SqlExpr::UnaryOp { expr, .. } => return self.number(expr),
            SqlExpr::Case { conditions, else_result, .. } => {
                conditions.iter_mut().for_each(|when| self.number(&mut when.result));
                else_result.iter_mut().for_each(|other| self.number(other));
                return;
            }
            _ => return,
        };
        if self.columns.contains(&name) {
            let kind = CastKind::TryCast;
            let data_type = SqlType::Double(ExactNumberInfo::None);
            let inner = Box::new(expr.clone());
            *expr = SqlExpr::Cast { kind, expr: inner, data_type, array: false, format: None };
        }
    }
}

const fn calculates(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn numbers(sql: &str) -> String {
        let mut statement = DFParser::parse_sql(sql).expect(sql).pop_front().expect("one");
        with_numbers(&mut statement, &["a".to_owned(), "b".to_owned()]);
        statement.to_string()
    }

    #[test]
    fn only_what_is_calculated_with_is_made_a_number() {
        for (sql, expected) in [
            (
                "SELECT sum(a), upper(a) FROM t",
                "SELECT sum(TRY_CAST(a AS DOUBLE)), upper(a) FROM t",
            ),
            (
                "SELECT avg(t.a + c) FROM t WHERE b = 'x'",
                "SELECT avg(TRY_CAST(t.a AS DOUBLE) + c) FROM t WHERE b = 'x'",
            ),
            (
                "SELECT sum(CASE WHEN b = 'x' THEN a ELSE 0 END) FROM t",
                "SELECT sum(CASE WHEN b = 'x' THEN TRY_CAST(a AS DOUBLE) ELSE 0 END) FROM t",
            ),
            ("SELECT max(a), c + 1 FROM t", "SELECT max(a), c + 1 FROM t"),
        ] {
            assert_eq!(numbers(sql), expected);
        }
    }
}
