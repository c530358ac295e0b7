use proptest::prelude::*;

use super::*;
use crate::attribute::{Origin, look_up};
use crate::column::column;

fn row(vantage: Vantage, attributes: &[(&str, AnyValue)]) -> Row {
    let mut cells = Cells::new(vantage);
    cells.set(column!("llm_system"), "openai");
    cells.set(column!("duration"), 5);
    for (key, value) in attributes {
        cells.attribute(&look_up(Origin::Span, key), key, value.clone());
    }
    cells.into_row()
}

fn text(text: &str) -> AnyValue {
    AnyValue::Text(text.into())
}

#[test]
fn an_attribute_that_is_its_column_is_stored_once() {
    let row = row(Vantage::App, &[("llm.system", text("openai")), ("http.method", text("GET"))]);
    assert_eq!(row.len(), 3);
    assert_eq!(row.text("http_method"), Some("GET"));
}

#[test]
fn an_attribute_that_clashes_moves_and_the_next_one_overflows() {
    let row = row(
        Vantage::App,
        &[
            ("llm.system", text("a")),
            ("llm_system", text("b")),
            ("LLM.system", text("c")),
            ("duration", AnyValue::Double(0.5)),
            ("session.id", AnyValue::Int(7)),
            ("", text("nameless")),
        ],
    );
    assert_eq!((row.text("llm_system"), row.text("attr_llm_system")), (Some("openai"), Some("a")));
    assert_eq!((row.int("duration"), row.float("attr_duration")), (Some(5), Some(0.5)));
    assert_eq!((row.get("session_id"), row.int("attr_session_id")), (None, Some(7)));
    let overflow = row.text("attributes_overflow").unwrap();
    assert_eq!(overflow, r#"{"":"nameless","LLM.system":"c","llm_system":"b"}"#);
}

#[test]
fn only_the_gateway_says_which_replica_answered() {
    let attributes = [
        ("inferscope.replica_id", text("r1")),
        ("inferscope.attempts", AnyValue::Int(2)),
        ("inferscope.note", text("x")),
    ];
    let app = row(Vantage::App, &attributes);
    assert_eq!(
        (app.get("inferscope_replica_id"), app.text("attr_inferscope_replica_id")),
        (None, Some("r1"))
    );
    assert_eq!((app.get("inferscope_note"), app.text("attr_inferscope_note")), (None, Some("x")));
    let gateway = row(Vantage::Gateway, &attributes);
    assert_eq!(
        (gateway.text("inferscope_replica_id"), gateway.int("inferscope_attempts")),
        (Some("r1"), Some(2))
    );
    assert_eq!(gateway.text("inferscope_note"), Some("x"));
}

#[test]
fn structures_become_json_text_and_bytes_become_text() {
    let map =
        AnyValue::Map(vec![("a".into(), AnyValue::Array(vec![AnyValue::Int(1), AnyValue::Null]))]);
    let row = row(
        Vantage::App,
        &[
            ("map", map),
            ("utf8", AnyValue::Bytes(b"ok".to_vec())),
            ("raw", AnyValue::Bytes(vec![255])),
        ],
    );
    assert_eq!(row.text("map"), Some(r#"{"a":[1,null]}"#));
    assert_eq!((row.text("utf8"), row.text("raw")), (Some("ok"), Some("/w==")));
}

#[test]
fn the_overflow_keeps_every_repeat() {
    let many: Vec<_> = (0..200).map(|at| ("same", AnyValue::Int(at))).collect();
    let row = row(Vantage::App, &many);
    let overflow: serde_json::Value =
        serde_json::from_str(row.text("attributes_overflow").unwrap()).unwrap();
    assert_eq!(overflow.as_object().unwrap().len(), 198);
    assert_eq!(overflow["same#198"], 199);
}

proptest! {
    #[test]
    fn no_name_is_used_twice_and_no_value_is_lost(keys in proptest::collection::vec("[aA._-]{0,3}|llm.system|k[0-9]{1,2}", 0..150)) {
        let attributes: Vec<_> = keys.iter().enumerate().map(|(at, key)| (key.as_str(), AnyValue::Int(at as i64))).collect();
        let row = row(Vantage::App, &attributes);
        let names: std::collections::HashSet<_> = row.cells().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(names.len(), row.len());
        let overflow: serde_json::Map<String, serde_json::Value> =
            row.text("attributes_overflow").map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
        for at in 0..keys.len() as i64 {
            let in_column = row.cells().any(|(name, value)| name.as_str() != "duration" && *value == Value::Int(at));
            prop_assert!(in_column || overflow.values().any(|value| *value == at), "{} is lost", at);
        }
    }
}
