//! The time range that a query's filters ask for.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::columns::TIME;

/// The range of `_timestamp` (µs, both ends inside) outside which the filters, all of which must hold, let no
/// row pass. What is not understood does not narrow it.
pub(crate) fn time_range(filters: &[Expr]) -> (i64, i64) {
    filters.iter().fold((i64::MIN, i64::MAX), narrow)
}

fn narrow(range: (i64, i64), filter: &Expr) -> (i64, i64) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            narrow(narrow(range, left), right)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (micros(left), micros(right)) {
            (None, Some(bound)) if is_time(left) => clip(range, *op, bound),
            (Some(bound), None) if is_time(right) => {
                op.swap().map_or(range, |op| clip(range, op, bound))
            }
            _ => range,
        },
        Expr::Between(between) if !between.negated && is_time(&between.expr) => {
            match (micros(&between.low), micros(&between.high)) {
                (Some(low), Some(high)) => {
                    clip(clip(range, Operator::GtEq, low), Operator::LtEq, high)
                }
                _ => range,
            }
        }
        _ => range,
    }
}

fn clip((from, to): (i64, i64), op: Operator, bound: i64) -> (i64, i64) {
    match op {
        Operator::Eq => (from.max(bound), to.min(bound)),
        Operator::Gt => (from.max(bound.saturating_add(1)), to),
        Operator::GtEq => (from.max(bound), to),
        Operator::Lt => (from, to.min(bound.saturating_sub(1))),
        Operator::LtEq => (from, to.min(bound)),
        _ => (from, to),
    }
}

fn is_time(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == TIME)
}

fn micros(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn bounds_of_all_filters_meet() {
        let filters = [
            col(TIME).gt_eq(lit(5_i64)).and(col(TIME).lt(lit(20_i64))),
            lit(15_i64).gt_eq(col(TIME)),
            col("duration").gt(lit(1_i64)),
        ];
        assert_eq!(time_range(&filters), (5, 15));
        assert_eq!(time_range(&[col(TIME).between(lit(1_i64), lit(2_i64))]), (1, 2));
    }

    #[test]
    fn what_is_not_understood_narrows_nothing() {
        let either = col(TIME).lt(lit(3_i64)).or(col(TIME).gt(lit(9_i64)));
        assert_eq!(time_range(&[either]), (i64::MIN, i64::MAX));
        assert_eq!(time_range(&[col(TIME).not_eq(lit(3_i64))]), (i64::MIN, i64::MAX));
    }
}
