use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use schema::{Name, OrgName, Row, Table, Text, Value};

use super::{build, concat, widen};
use crate::columns::Columns;

fn row(cells: &[(&str, Value)]) -> Row {
    let mut row = Row::default();
    for (name, value) in cells {
        row.push(Name::from(*name), value.clone());
    }
    row
}

fn columns(rows: &[Row], cap: usize) -> Columns {
    let promised = Columns::promised(&Table::traces(OrgName::first()));
    promised.learned(rows.iter(), cap).unwrap_or(promised)
}

fn built(columns: &Columns, rows: &[Row]) -> RecordBatch {
    build(columns, &rows.iter().collect::<Vec<_>>()).expect("columns match")
}

#[test]
fn absent_cells_are_null_and_never_zero() {
    let rows = [row(&[("_timestamp", 5.into())]), row(&[("llm_token_count_prompt", 7.into())])];
    let batch = built(&columns(&rows, 500), &rows);
    let tokens = batch["llm_token_count_prompt"].as_primitive::<Int64Type>();
    assert!(tokens.is_null(0));
    assert_eq!(tokens.value(1), 7);
    assert_eq!(batch.num_rows(), 2);
}

#[test]
fn a_value_that_does_not_fit_its_column_goes_to_the_overflow_under_its_name() {
    let rows = [
        row(&[("retries", 1.into())]),
        row(&[("retries", "many".into())]),
        row(&[("retries", "12".into())]),
        row(&[("retries", 0.5.into())]),
    ];
    let batch = built(&columns(&rows, 500), &rows);
    let retries = batch["retries"].as_primitive::<Int64Type>();
    let overflow = batch["attributes_overflow"].as_string::<i32>();
    assert_eq!(
        (retries.value(0), retries.is_null(1), retries.value(2), retries.is_null(3)),
        (1, true, 12, true)
    );
    assert_eq!(overflow.value(1), r#"{"retries":"many"}"#);
    assert_eq!(overflow.value(3), r#"{"retries":0.5}"#);
    assert!(overflow.is_null(0));
}

#[test]
fn beyond_the_cap_attributes_overflow_and_join_what_the_row_brought() {
    let rows = [row(&[("attributes_overflow", r#"{"a":1}"#.into()), ("zz", true.into())])];
    let promised = columns(&[], 0);
    let batch = built(&promised, &rows);
    assert_eq!(batch["attributes_overflow"].as_string::<i32>().value(0), r#"{"a":1,"zz":true}"#);
    assert!(batch.column_by_name("zz").is_none());
}

#[test]
fn numbers_widen_only_when_nothing_is_lost() {
    let rows = [
        row(&[("f", 0.5.into()), ("t", "x".into())]),
        row(&[("f", 2.into()), ("t", 3.into())]),
        row(&[("f", i64::MAX.into()), ("t", true.into())]),
    ];
    let batch = built(&columns(&rows, 500), &rows);
    let floats = batch["f"].as_primitive::<Float64Type>();
    assert_eq!((floats.value(0), floats.value(1), floats.is_null(2)), (0.5, 2.0, true));
    let texts = batch["t"].as_string::<i32>();
    assert_eq!((texts.value(1), texts.value(2)), ("3", "true"));
}

#[test]
fn an_attribute_named_as_the_partition_column_overflows() {
    let rows = [row(&[("_date", "tomorrow".into())])];
    let columns = columns(&rows, 500);
    assert!(columns.position("_date").is_none());
    let overflow = &built(&columns, &rows)["attributes_overflow"];
    assert_eq!(overflow.as_string::<i32>().value(0), r#"{"_date":"tomorrow"}"#);
}

#[test]
fn numbers_that_json_has_not_overflow_by_name() {
    let rows = [row(&[
        ("nan", f64::NAN.into()),
        ("over", f64::INFINITY.into()),
        ("under", f64::NEG_INFINITY.into()),
    ])];
    let batch = built(&columns(&[], 0), &rows);
    assert_eq!(
        batch["attributes_overflow"].as_string::<i32>().value(0),
        r#"{"nan":"NaN","over":"Infinity","under":"-Infinity"}"#
    );
}

#[test]
fn a_column_without_a_value_takes_no_memory_and_reads_null() {
    let wide: Vec<String> = (0..900).map(|at| format!("attribute_{at}")).collect();
    let cells: Vec<(&str, Value)> = wide.iter().map(|name| (name.as_str(), 1.into())).collect();
    let columns = columns(&[row(&cells)], 1_000);
    let batch = built(&columns, &[row(&[("_timestamp", 5.into())])]);
    assert!(batch.get_array_memory_size() < 4_096, "{}", batch.get_array_memory_size());
    let wide = widen(&batch, columns.arrow()).expect("widens");
    assert_eq!((wide["attribute_7"].null_count(), wide.num_rows()), (1, 1));
}

#[test]
fn rows_without_any_cell_are_rows() {
    let rows = [Row::default(), Row::default()];
    let columns = columns(&[], 0);
    let batch = built(&columns, &rows);
    let twice = concat(&columns, &[&batch, &batch]).expect("concatenates");
    assert_eq!((batch.num_rows(), twice.num_rows()), (2, 4));
    assert_eq!(widen(&twice, columns.arrow()).expect("widens").num_rows(), 4);
}

#[test]
fn batches_of_different_columns_become_one() {
    let rows = [row(&[("a", 1.into())]), row(&[("b", "x".into())])];
    let columns = columns(&rows, 500);
    let [first, second] = rows.map(|row| built(&columns, &[row]));
    let both = concat(&columns, &[&first, &second]).expect("concatenates");
    assert_eq!((both.num_columns(), both.num_rows()), (2, 2));
    assert!(both["a"].is_null(1) && both["b"].is_null(0));
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    batch[column].as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn columns_that_mirror_another_one_are_one_array_with_it() {
    let prompt = |at: usize| Value::from(Text::from(format!("a prompt with the number {at}")));
    let rows: Vec<Row> = (0..4)
        .map(|at| {
            let prompt = prompt(at);
            let mut cells = vec![("_timestamp", 5.into())];
            if at != 1 {
                cells.extend([("a", prompt.clone()), ("b", prompt.clone())]);
                cells.push((
                    "c",
                    if at == 3 { "another text, not the same".into() } else { prompt },
                ));
            }
            row(&cells)
        })
        .collect();
    let batch = built(&columns(&rows, 500), &rows);
    assert!(std::sync::Arc::ptr_eq(&batch["a"], &batch["b"]));
    let expected = |at| Some(format!("a prompt with the number {at}"));
    assert_eq!(texts(&batch, "b"), [expected(0), None, expected(2), expected(3)]);
    let other = Some("another text, not the same".to_owned());
    assert_eq!(texts(&batch, "c"), [expected(0), None, expected(2), other]);
}

#[test]
fn a_mirror_that_lacks_a_value_is_a_column_of_its_own() {
    let prompt = Value::from(Text::from("a prompt of some length"));
    let both = row(&[("a", prompt.clone()), ("b", prompt.clone())]);
    let (one, other) = (row(&[("a", prompt.clone())]), row(&[("b", prompt)]));
    let text = Some("a prompt of some length".to_owned());
    let rows = [both.clone(), one.clone(), both.clone()];
    let batch = built(&columns(&rows, 500), &rows);
    assert_eq!(texts(&batch, "b"), [text.clone(), None, text.clone()]);
    let rows = [both.clone(), one];
    let batch = built(&columns(&rows, 500), &rows);
    assert_eq!(texts(&batch, "b"), [text.clone(), None]);
    let rows = [both, other];
    let batch = built(&columns(&rows, 500), &rows);
    assert_eq!(texts(&batch, "a"), [text.clone(), None]);
    assert_eq!(texts(&batch, "b"), [text.clone(), text]);
}
