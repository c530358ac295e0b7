//! Moments: from numbers and texts, as text in a zone, and inside a range.

use std::fmt::Write as _;
use std::str::FromStr as _;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, BooleanArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::format::{Item, StrftimeItems};
use datafusion::common::{Result, exec_err};

use super::scalar::{Argument, Call, Function, moment, text_type, truth_type};

const ONE: &[Argument] = &[Argument::Time];
const FORMATTED: &[Argument] = &[Argument::Time, Argument::Text, Argument::Text];
const RANGE: &[Argument] = &[Argument::Time, Argument::Time, Argument::Time];

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("cast_to_timestamp", ONE, moment, to_moment),
        Function::new("date_format", FORMATTED, text_type, formatted).optional(1),
        Function::new("time_range", RANGE, truth_type, inside),
    ]
}

fn to_moment(call: &Call<'_>) -> Result<ArrayRef> {
    let moments: TimestampMicrosecondArray =
        call.micros(0)?.reinterpret_cast::<TimestampMicrosecondType>();
    Ok(Arc::new(moments))
}

/// A moment in `strftime`'s form; the zone is a name or an offset, UTC when there is none.
fn formatted(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(format) = call.constant_text(1)? else { return Ok(call.nulls(&text_type())) };
    let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
    if items.contains(&Item::Error) {
        return exec_err!(
            "date_format: {format:?} is no format; it is spelled as in '%Y-%m-%d %H:%M'"
        );
    }
    let zone = if call.count() > 2 { call.constant_text(2)? } else { None }.unwrap_or("UTC");
    let zone = match Tz::from_str(zone) {
        Ok(zone) => zone,
        Err(_) => return exec_err!("date_format: there is no time zone {zone:?}"),
    };
    let text = |micros: i64| {
        let at = chrono::DateTime::from_timestamp_micros(micros)?.with_timezone(&zone);
        let mut text = String::new();
        write!(text, "{}", at.format_with_items(items.iter())).ok()?;
        Some(text)
    };
    let texts: StringArray = call.micros(0)?.iter().map(|micros| micros.and_then(text)).collect();
    Ok(Arc::new(texts))
}

/// Whether a moment is in a range, its begin inside and its end not.
fn inside(call: &Call<'_>) -> Result<ArrayRef> {
    let (from, to) = (call.constant_micros(1)?, call.constant_micros(2)?);
    let answers: BooleanArray = call
        .micros(0)?
        .iter()
        .map(|at| at.map(|at| from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)))
        .collect();
    Ok(Arc::new(answers))
}
