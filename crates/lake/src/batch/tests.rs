use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use schema::{Name, OrgName, Row, Table, Value};

use super::build;
use crate::columns::Columns;

fn row(cells: &[(&str, Value)]) -> Row {
    let mut row = Row::default();
    for (name, value) in cells {
        row.push(Name::from(*name), value.clone());
    }
    row
}

fn columns(rows: &[Row], cap: usize) -> Columns {
    let mut columns = Columns::promised(&Table::traces(OrgName::first()));
    columns.learn(rows.iter(), cap);
    columns
}

#[test]
fn absent_cells_are_null_and_never_zero() {
    let rows = [row(&[("_timestamp", 5.into())]), row(&[("llm_token_count_prompt", 7.into())])];
    let batch = build(&columns(&rows, 500), &rows).expect("columns match");
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
    let batch = build(&columns(&rows, 500), &rows).expect("columns match");
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
    let batch = build(&promised, &rows).expect("columns match");
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
    let batch = build(&columns(&rows, 500), &rows).expect("columns match");
    let floats = batch["f"].as_primitive::<Float64Type>();
    assert_eq!((floats.value(0), floats.value(1), floats.is_null(2)), (0.5, 2.0, true));
    let texts = batch["t"].as_string::<i32>();
    assert_eq!((texts.value(1), texts.value(2)), ("3", "true"));
}
