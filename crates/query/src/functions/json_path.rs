//! `spath`: one value out of JSON text.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use serde_json::Value;

use super::scalar::{Argument, Call, Function, text_type};

/// What the function is called.
pub(crate) const VALUE_AT: &str = "spath";

pub(super) fn functions() -> Vec<Function> {
    const ARGUMENTS: &[Argument] = &[Argument::Text, Argument::Text];
    vec![Function::new(VALUE_AT, ARGUMENTS, text_type, at_path)]
}

/// The value at a path like `a.b[0].c` or `a.b.0.c`: a text as it is, anything else as JSON; null if it is not there.
fn at_path(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(path) = call.constant_text(1)? else { return Ok(call.nulls(&text_type())) };
    let steps: Vec<&str> = path.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
    call.map(0, |text| {
        let json: Value = serde_json::from_str(text).ok()?;
        plain(steps.iter().try_fold(&json, |value, step| inside(value, step))?)
    })
}

fn inside<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => object.get(step),
        Value::Array(array) => array.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A JSON value as a text cell; null is null.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
