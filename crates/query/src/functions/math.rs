//! The few functions of numbers that reports use everywhere; all answer a floating-point number.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};

use super::scalar::{Argument, Call, Function};

const ONE: &[Argument] = &[Argument::Number];
const ROUNDED: &[Argument] = &[Argument::Number, Argument::Int];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("abs", ONE, number, |call| each(call, f64::abs)),
        Function::new("ceil", ONE, number, |call| each(call, f64::ceil)),
        Function::new("floor", ONE, number, |call| each(call, f64::floor)),
        Function::new("sqrt", ONE, number, |call| each(call, f64::sqrt)),
        Function::new("ln", ONE, number, |call| each(call, f64::ln)),
        Function::new("round", ROUNDED, number, rounded).optional(1),
    ]
}

const fn number() -> DataType {
    DataType::Float64
}

fn each(call: &Call<'_>, map: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let numbers: Float64Array = call.numbers(0)?.unary(map);
    Ok(Arc::new(numbers))
}

/// Half away from zero, to a number of places behind the point.
fn rounded(call: &Call<'_>) -> Result<ArrayRef> {
    let places = if call.count() > 1 { call.constant_int(1)? } else { Some(0) };
    match places.map(i32::try_from) {
        Some(Ok(places @ -15..=15)) => {
            let scale = 10_f64.powi(places);
            each(call, |number| (number * scale).round() / scale)
        }
        Some(_) => exec_err!("round: places behind the point are -15 to 15"),
        None => Ok(call.nulls(&number())),
    }
}
