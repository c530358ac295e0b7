//! Batches in memory as the rows of data files: one batch a UTC day, each sorted by time, by one copy of every value.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use crate::columns::{Columns, TIME};
use crate::day::Day;

/// A row's place: batch and row.
type Place = (usize, usize);

/// The rows of batches of one table, in all of the table's columns: for each UTC day one
/// batch sorted by time. A row without a time counts to day 0, and stands at its end.
///
/// Columns that are one array in every batch are one array in the result.
pub(crate) fn by_day(
    columns: &Columns,
    batches: &[RecordBatch],
) -> Result<Vec<(Day, RecordBatch)>, ArrowError> {
    let ordered = in_order(batches);
    let mut days = Vec::new();
    let mut rest = &ordered[..];
    while let Some((key, _)) = rest.first() {
        let day = day_of(*key);
        let (of_day, later) = rest.split_at(rest.partition_point(|(key, _)| day_of(*key) == day));
        let places: Vec<Place> = of_day.iter().map(|(_, place)| *place).collect();
        days.push((day, gathered(columns, batches, &places)?));
        rest = later;
    }
    Ok(days)
}

/// What rows are sorted by: the day, whether there is no time, the time.
type Key = (Day, bool, i64);

const fn day_of((day, _, _): Key) -> Day {
    day
}

fn in_order(batches: &[RecordBatch]) -> Vec<(Key, Place)> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut keys = Vec::with_capacity(rows);
    for (at, batch) in batches.iter().enumerate() {
        let times = batch.column_by_name(TIME);
        let times = times.and_then(|times| times.as_primitive_opt::<Int64Type>());
        for row in 0..batch.num_rows() {
            let time = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
            let known = time.unwrap_or(0);
            keys.push(((Day::of_micros(known), time.is_none(), known), (at, row)));
        }
    }
    // Stable: rows of one time stay in the order in which they came.
    keys.sort_by_key(|(key, _)| *key);
    keys
}

/// The rows at these places, in all of the table's columns.
fn gathered(
    columns: &Columns,
    batches: &[RecordBatch],
    places: &[Place],
) -> Result<RecordBatch, ArrowError> {
    let mut known: HashMap<Vec<*const ()>, ArrayRef> = HashMap::new();
    let mut arrays = Vec::with_capacity(columns.arrow().fields().len());
    for field in columns.arrow().fields() {
        let parts: Vec<Option<&ArrayRef>> =
            batches.iter().map(|batch| batch.column_by_name(field.name())).collect();
        if parts.iter().all(Option::is_none) {
            arrays.push(new_null_array(field.data_type(), places.len()));
            continue;
        }
        let identity: Vec<*const ()> = parts
            .iter()
            .map(|part| part.map_or(std::ptr::null(), |array| Arc::as_ptr(array).cast()))
            .collect();
        if let Some(same) = known.get(&identity) {
            arrays.push(Arc::clone(same));
            continue;
        }
        let nulls = new_null_array(field.data_type(), 1);
        let array = interleaved(&parts, &nulls, places)?;
        known.insert(identity, Arc::clone(&array));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    RecordBatch::try_new_with_options(Arc::clone(columns.arrow()), arrays, &options)
}

/// One column. A batch without it has its one null in every place.
fn interleaved(
    parts: &[Option<&ArrayRef>],
    nulls: &ArrayRef,
    places: &[Place],
) -> Result<ArrayRef, ArrowError> {
    let arrays: Vec<&dyn Array> = parts.iter().map(|part| part.unwrap_or(nulls).as_ref()).collect();
    if parts.iter().all(Option::is_some) {
        return interleave(&arrays, places);
    }
    let row = |(batch, row): &Place| (*batch, if parts[*batch].is_some() { *row } else { 0 });
    interleave(&arrays, &places.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use schema::{Name, OrgName, Row, Table, Text};

    use super::*;
    use crate::batch;

    fn row(time: Option<i64>, cells: &[(&'static str, &Text)]) -> Row {
        let mut row = Row::default();
        row.push_some(Name::fixed(TIME), time);
        for (name, text) in cells {
            row.push(Name::fixed(name), (*text).clone());
        }
        row
    }

    fn days(rows: &[&[Row]]) -> Vec<(Day, RecordBatch)> {
        let columns = Columns::promised(&Table::traces(OrgName::first()));
        let all = rows.iter().copied().flatten();
        let columns = columns.learned(all, 1_000).unwrap_or(columns);
        let build = |rows: &&[Row]| {
            batch::build(&columns, &rows.iter().collect::<Vec<_>>()).expect("columns match")
        };
        by_day(&columns, &rows.iter().map(build).collect::<Vec<_>>()).expect("gathers")
    }

    fn ids(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
        batch[column].as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn rows_of_all_batches_come_by_day_and_time() {
        let id = |id: &'static str| Text::fixed(id);
        let first = [
            row(Some(86_400_000_005), &[("span_id", &id("d"))]),
            row(None, &[("span_id", &id("c"))]),
        ];
        let second =
            [row(Some(3), &[("span_id", &id("a"))]), row(Some(9), &[("span_id", &id("b"))])];
        let third = [row(Some(-1), &[("span_id", &id("z"))])];
        let days = days(&[&first, &second, &third]);
        let dates: Vec<String> = days.iter().map(|(day, _)| day.to_string()).collect();
        assert_eq!(dates, ["1969-12-31", "1970-01-01", "1970-01-02"]);
        assert_eq!(ids(&days[0].1, "span_id"), some(&["z"]));
        assert_eq!(ids(&days[1].1, "span_id"), some(&["a", "b", "c"]));
        assert_eq!(ids(&days[2].1, "span_id"), some(&["d"]));
        assert!(
            super::by_day(&Columns::promised(&Table::traces(OrgName::first())), &[])
                .expect("none")
                .is_empty()
        );
    }

    #[test]
    fn a_column_that_only_some_batches_have_is_null_in_the_others() {
        let text = Text::from("a text of some length");
        let days = days(&[
            &[row(Some(2), &[]), row(Some(4), &[])],
            &[row(Some(1), &[("x", &text)]), row(Some(3), &[])],
        ]);
        assert_eq!(ids(&days[0].1, "x"), [Some(text.to_string()), None, None, None]);
        assert_eq!(days[0].1["trace_id"].null_count(), 4);
    }

    #[test]
    fn mirrors_stay_one_array() {
        let (one, two) =
            (Text::from("the first prompt of all"), Text::from("the second prompt of all"));
        let batch = |time, text: &Text| [row(Some(time), &[("a", text), ("b", text)])];
        let days = days(&[&batch(2, &two), &batch(1, &one)]);
        assert!(Arc::ptr_eq(&days[0].1["a"], &days[0].1["b"]));
        assert_eq!(ids(&days[0].1, "b"), some(&[&one, &two]));
    }
}
