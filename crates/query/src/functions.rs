//! The functions that OpenObserve's dialect has beyond PostgreSQL's, as DataFusion functions.
//!
//! Source: OpenObserve's list of SQL functions. `histogram` and the `match_all` family depend on the question's range
//! and the stream's columns: [`crate::dialect`] writes those in, and what stands here gets them as arguments.

mod arrays;
mod distribution;
mod full_text;
mod fuzzy;
mod histogram;
mod json_path;
mod math;
mod pattern;
mod scalar;
mod text;
mod times;
mod top_distinct;
mod top_values;
mod weighted;

use datafusion::execution::FunctionRegistry as _;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

pub(crate) use full_text::{FULL_TEXT, over};
pub(crate) use histogram::{LONGEST_DAYS, automatic_s, interval_s, rounded_s};
pub(crate) use json_path::VALUE_AT;

/// Functions that make much of little, outside of the memory that a query is given.
const GREEDY: [&str; 5] = ["repeat", "lpad", "rpad", "array_repeat", "range"];

/// Gives a session the dialect's functions, and takes those away that could fill the memory.
pub(crate) fn register(context: &SessionContext) {
    for name in GREEDY {
        context.deregister_udf(name);
    }
    let families = [
        arrays::functions(),
        full_text::functions(),
        fuzzy::functions(),
        histogram::functions(),
        json_path::functions(),
        math::functions(),
        pattern::functions(),
        text::functions(),
        times::functions(),
    ];
    for function in families.into_iter().flatten() {
        context.register_udf(ScalarUDF::new_from_impl(function));
    }
    context.register_udaf(AggregateUDF::new_from_impl(top_values::TopValues::default()));
    context.register_udaf(AggregateUDF::new_from_impl(top_distinct::TopDistinct::default()));
    context.register_udaf(AggregateUDF::new_from_impl(distribution::Distribution::default()));
    context.register_udaf(AggregateUDF::new_from_impl(weighted::SummaryPercentile::default()));
    debug_assert!(context.udf("histogram").is_ok());
}
