//! A row of a log or metrics stream while it is filled: its promised columns, and a place for every attribute.

use otlp::AnyValue;
use schema::{Column, Name, Row, Value};

const OVERFLOW: &str = "attributes_overflow";

/// A row while it is filled.
#[derive(Clone)]
pub(crate) struct Draft {
    row: Row,
    promised: &'static [Column],
    overflow: serde_json::Map<String, serde_json::Value>,
}

impl Draft {
    pub(crate) fn new(promised: &'static [Column]) -> Self {
        Self { row: Row::with_capacity(32), promised, overflow: serde_json::Map::new() }
    }

    /// Fills a column; absent stays null.
    pub(crate) fn set(&mut self, column: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.row.set(Name::fixed(column), value);
        }
    }

    /// Gives an attribute its column. Where that belongs to another value, it is `attr_…`; where that does too, or the
    /// key makes no name, it is in the overflow column.
    pub(crate) fn attribute(&mut self, prefix: &str, key: &str, value: &AnyValue) {
        let Some(value) = conventions::cell(value.clone()) else { return };
        let name = if prefix.is_empty() {
            conventions::column_name(key)
        } else {
            conventions::column_name(&format!("{prefix}{key}"))
        };
        let Some(name) = name else { return self.overflow(key, &value) };
        match self.row.get(&name) {
            Some(same) if *same == value => {}
            None if !self.is_promised(&name) => self.row.push(name, value),
            Some(_) | None => {
                let renamed = Name::from(format!("attr_{name}"));
                match self.row.get(&renamed) {
                    Some(same) if *same == value => {}
                    Some(_) => self.overflow(key, &value),
                    None => self.row.push(renamed, value),
                }
            }
        }
    }

    pub(crate) fn into_row(mut self) -> Row {
        if !self.overflow.is_empty() {
            let overflow = serde_json::Value::Object(self.overflow).to_string();
            self.row.set(Name::fixed(OVERFLOW), overflow);
        }
        self.row
    }

    fn is_promised(&self, name: &str) -> bool {
        self.promised.iter().any(|column| column.name == name)
    }

    fn overflow(&mut self, key: &str, value: &Value) {
        let value = conventions::of_cell(value);
        let free = (1_u32..).map(|n| if n == 1 { key.to_owned() } else { format!("{key}#{n}") });
        for key in free {
            match self.overflow.get(&key) {
                Some(same) if *same == value => return,
                Some(_) => {}
                None => {
                    self.overflow.insert(key, value);
                    return;
                }
            }
        }
    }
}

/// A text that says something.
pub(crate) fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Nanoseconds as a column has them; 0 is no time.
pub(crate) fn nanos(nanos: u64) -> Option<i64> {
    (nanos > 0).then(|| i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schema::LOG_COLUMNS;

    use super::*;

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    #[test]
    fn an_attribute_gets_the_next_best_place_and_is_never_lost() {
        let mut draft = Draft::new(LOG_COLUMNS);
        draft.set("body", Some("hi"));
        draft.attribute("", "a.b", &AnyValue::Int(1));
        draft.attribute("", "A-b", &AnyValue::Int(1));
        draft.attribute("", "a_b", &AnyValue::Int(2));
        draft.attribute("", "a:b", &AnyValue::Int(3));
        draft.attribute("", "a:b", &AnyValue::Int(4));
        draft.attribute("", "body", &text("mine"));
        draft.attribute("", "span_id", &text("promised, though this row has none"));
        draft.attribute("", "", &AnyValue::Bool(true));
        draft.attribute("scope_", "list", &AnyValue::Array(vec![AnyValue::Int(1), text("x")]));
        draft.attribute("", "none", &AnyValue::Null);
        let row = draft.into_row();
        let cells: Vec<_> =
            row.cells().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let value = |text: &str| Value::Text(text.into());
        assert_eq!(
            cells,
            [
                ("body", value("hi")),
                ("a_b", Value::Int(1)),
                ("attr_a_b", Value::Int(2)),
                ("attr_body", value("mine")),
                ("attr_span_id", value("promised, though this row has none")),
                ("scope_list", value(r#"[1,"x"]"#)),
                ("attributes_overflow", value(r#"{"":true,"a:b":3,"a:b#2":4}"#)),
            ]
        );
    }

    proptest! {
        #[test]
        fn every_value_is_somewhere(attributes in proptest::collection::vec(("[aA._]{0,3}|body", 0_i64..4), 0..12)) {
            let mut draft = Draft::new(LOG_COLUMNS);
            for (key, value) in &attributes {
                draft.attribute("", key, &AnyValue::Int(*value));
            }
            let row = draft.into_row();
            let overflow: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(row.text(OVERFLOW).unwrap_or("{}")).expect("is JSON");
            for (_, value) in attributes {
                let cell = row.cells().any(|(_, cell)| *cell == Value::Int(value));
                prop_assert!(cell || overflow.values().any(|other| *other == value));
            }
        }
    }
}
