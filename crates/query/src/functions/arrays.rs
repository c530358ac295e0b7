//! Arrays, which attributes keep as JSON text: sorted, counted, cut, joined, and as real arrays. What is no JSON array
//! gives null.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use serde_json::Value;

use super::json_path::plain;
use super::scalar::{Argument, Call, Function, text_type};

const ONE: &[Argument] = &[Argument::Text];
const JOINED: &[Argument] = &[Argument::Text, Argument::Text];
const CUT: &[Argument] = &[Argument::Text, Argument::Int, Argument::Int];
const ZIPPED: &[Argument] = &[Argument::Text, Argument::Text, Argument::Text];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("arrsort", ONE, text_type, ascending),
        Function::new("arr_descending", ONE, text_type, descending),
        Function::new("arrcount", ONE, || DataType::Int64, count),
        Function::new("arrindex", CUT, text_type, cut).optional(1),
        Function::new("arrjoin", JOINED, text_type, joined),
        Function::new("arrzip", ZIPPED, text_type, zipped),
        Function::new("cast_to_arr", ONE, list_type, to_list),
        Function::new("to_array_string", &[Argument::List], text_type, to_text),
    ]
}

fn list_type() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn elements(text: &str) -> Option<Vec<Value>> {
    match serde_json::from_str(text).ok()? {
        Value::Array(elements) => Some(elements),
        _ => None,
    }
}

fn written(elements: Vec<Value>) -> String {
    Value::Array(elements).to_string()
}

fn ascending(call: &Call<'_>) -> Result<ArrayRef> {
    call.map(0, |text| {
        let mut elements = elements(text)?;
        elements.sort_by(order);
        Some(written(elements))
    })
}

fn descending(call: &Call<'_>) -> Result<ArrayRef> {
    call.map(0, |text| {
        let mut elements = elements(text)?;
        elements.sort_by(|a, b| order(b, a));
        Some(written(elements))
    })
}

/// Numbers by size and before texts; what cannot be compared keeps its place.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    let counts: Int64Array =
        call.text(0)?.iter().map(|text| i64::try_from(elements(text?)?.len()).ok()).collect();
    Ok(Arc::new(counts))
}

/// The elements from one place to another, both inside, counted from 0.
fn cut(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(from) = call.constant_int(1)? else { return Ok(call.nulls(&text_type())) };
    let to = if call.count() > 2 { call.constant_int(2)? } else { Some(from) };
    let place = |at: i64| usize::try_from(at).unwrap_or(0);
    let (from, to) = (place(from), to.map(place));
    call.map(0, |text| {
        let elements = elements(text)?;
        let end = to.map_or(elements.len(), |to| elements.len().min(to.saturating_add(1)));
        Some(written(elements.get(from..end).unwrap_or_default().to_vec()))
    })
}

fn joined(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(between) = call.constant_text(1)? else { return Ok(call.nulls(&text_type())) };
    call.map(0, |text| {
        let texts: Vec<String> =
            elements(text)?.iter().map(|value| plain(value).unwrap_or_default()).collect();
        Some(texts.join(between))
    })
}

/// Element by element of two arrays, as long as the shorter one.
fn zipped(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(between) = call.constant_text(2)? else { return Ok(call.nulls(&text_type())) };
    let pair = |a: &str, b: &str| -> Option<String> {
        let both = elements(a)?.into_iter().zip(elements(b)?);
        let text = |value: &Value| plain(value).unwrap_or_default();
        let pairs = both.map(|(a, b)| Value::String(format!("{}{between}{}", text(&a), text(&b))));
        Some(written(pairs.collect()))
    };
    let (first, second) = (call.text(0)?, call.text(1)?);
    let zipped: StringArray =
        first.iter().zip(&second).map(|(a, b)| a.zip(b).and_then(|(a, b)| pair(a, b))).collect();
    Ok(Arc::new(zipped))
}

fn to_list(call: &Call<'_>) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for text in &call.text(0)? {
        let elements = text.and_then(elements);
        for value in elements.iter().flatten() {
            lists.values().append_option(plain(value));
        }
        lists.append(elements.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

fn to_text(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = call.any(0)?;
    let Some(lists) = lists.as_list_opt::<i32>() else { return Ok(call.nulls(&text_type())) };
    let texts: Result<StringArray> = (0..lists.len())
        .map(|row| lists.is_valid(row).then(|| list_text(&lists.value(row))).transpose())
        .collect();
    Ok(Arc::new(texts?))
}

fn list_text(values: &ArrayRef) -> Result<String> {
    let bare = values.data_type().is_numeric() || *values.data_type() == DataType::Boolean;
    let texts = cast(values, &DataType::Utf8)?;
    let element = |text: Option<&str>| match text {
        None => Value::Null,
        Some(text) if bare => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
        Some(text) => Value::from(text),
    };
    Ok(written(texts.as_string::<i32>().iter().map(element).collect()))
}
