//! One JSON object as a log record.

use std::sync::Arc;

use chrono::DateTime;
use otlp::{AnyValue, LogRecord, Resource, Text};
use serde_json::{Map, Number, Value};

use crate::body::Limits;

/// What may say when a record happened: OpenObserve's name and Elasticsearch's.
const TIMES: [&str; 2] = ["_timestamp", "@timestamp"];

/// A record of an object's fields. Those of objects in it get the names of both, with a dot between; the names of a log
/// record's own fields fill these.
pub(crate) fn record(
    mut fields: Map<String, Value>,
    limits: &Limits,
    values: &mut usize,
) -> Result<LogRecord, String> {
    let mut record = LogRecord::default();
    for name in TIMES {
        if record.time_ns == 0
            && let Some(time) = fields.remove(name).filter(|time| !time.is_null())
        {
            record.time_ns = nanos(&time).ok_or_else(|| {
                let shown: String = time.to_string().chars().take(60).collect();
                format!("{name} {shown} is no time: send a number of s, ms, µs or ns since 1970, or an RFC 3339 text")
            })?;
        }
    }
    let own = |name: &str| fields.get(name).and_then(Value::as_str);
    record.trace_id = own("trace_id").and_then(id);
    record.span_id = own("span_id").and_then(id);
    record.severity_text = own("severity").unwrap_or_default().to_owned();
    record.event_name = own("event_name").unwrap_or_default().to_owned();
    let service = own("service_name").or_else(|| own("service.name")).map(str::to_owned);
    let number = fields.get("severity_number").and_then(Value::as_i64);
    record.severity_number = number
        .and_then(|number| i32::try_from(number).ok())
        .filter(|number| (1..=24).contains(number))
        .unwrap_or(0);
    let filled = [
        ("trace_id", record.trace_id.is_some()),
        ("span_id", record.span_id.is_some()),
        ("severity", !record.severity_text.is_empty()),
        ("severity_number", record.severity_number != 0),
        ("event_name", !record.event_name.is_empty()),
        ("service_name", service.is_some()),
        ("service.name", service.is_some()),
    ];
    for (name, _) in filled.into_iter().filter(|(_, filled)| *filled) {
        fields.remove(name);
    }
    if let Some(body) = fields.remove("body") {
        record.body = value(body, limits.nesting, values)?;
    }
    if let Some(service) = service {
        let name = (Text::fixed("service.name"), AnyValue::Text(service.into()));
        record.resource = Arc::new(Resource { attributes: vec![name] });
    }
    let mut out = Flat { limits, values, names: 0, attributes: &mut record.attributes };
    out.flatten("", fields, limits.nesting)?;
    Ok(record)
}

/// The fields of a record, those of objects in it under the names of both.
struct Flat<'a> {
    limits: &'a Limits,
    values: &'a mut usize,
    /// Bytes of the names so far. A long name is written out before each field below it.
    names: usize,
    attributes: &'a mut Vec<(Text, AnyValue)>,
}

impl Flat<'_> {
    fn flatten(
        &mut self,
        prefix: &str,
        fields: Map<String, Value>,
        levels: usize,
    ) -> Result<(), String> {
        let limits = self.limits;
        let deeper = levels.checked_sub(1).ok_or_else(|| too_deep(limits.nesting))?;
        for (name, field) in fields {
            let above = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
            self.names += above + name.len();
            if self.names > limits.record_bytes {
                return Err(format!(
                    "the names of the record's fields, each with those above it, take more than {} bytes",
                    limits.record_bytes
                ));
            }
            let name = if above == 0 { name } else { format!("{prefix}.{name}") };
            match field {
                Value::Object(fields) if !fields.is_empty() => {
                    self.flatten(&name, fields, deeper)?;
                }
                field => {
                    if self.attributes.len() == limits.attributes {
                        return Err(format!(
                            "the record has more than {} fields",
                            limits.attributes
                        ));
                    }
                    self.attributes.push((name.into(), value(field, deeper, self.values)?));
                }
            }
        }
        Ok(())
    }
}

fn too_deep(levels: usize) -> String {
    format!("the record is nested deeper than {levels} levels")
}

/// A value, counted with those in it.
fn value(value: Value, levels: usize, values: &mut usize) -> Result<AnyValue, String> {
    *values += 1;
    let deeper = || levels.checked_sub(1).ok_or_else(|| "the record is nested too deep".to_owned());
    Ok(match value {
        Value::Null => AnyValue::Null,
        Value::Bool(bool) => AnyValue::Bool(bool),
        Value::Number(number) => of_number(&number),
        Value::String(text) => AnyValue::Text(text.into()),
        Value::Array(items) => {
            let deeper = deeper()?;
            let items = items.into_iter().map(|item| self::value(item, deeper, values));
            AnyValue::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let deeper = deeper()?;
            let fields = fields.into_iter().map(|(name, field)| {
                Ok::<_, String>((name.into(), self::value(field, deeper, values)?))
            });
            AnyValue::Map(fields.collect::<Result<_, _>>()?)
        }
    })
}

/// An integer stays one; one that is too large for a column is kept as its digits.
fn of_number(number: &Number) -> AnyValue {
    if let Some(int) = number.as_i64() {
        return AnyValue::Int(int);
    }
    match number.as_f64() {
        Some(float) if number.is_f64() => AnyValue::Double(float),
        Some(_) | None => AnyValue::Text(number.to_string().into()),
    }
}

/// Nanoseconds since 1970 of a number of seconds, milliseconds, microseconds or nanoseconds, told by its size, or of an
/// RFC 3339 text or digits in one.
fn nanos(time: &Value) -> Option<u64> {
    match time {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => whole.checked_mul(factor(whole)),
            None => of_fraction(number.as_f64()?),
        },
        Value::String(text) => match text.trim().parse::<u64>() {
            Ok(whole) => whole.checked_mul(factor(whole)),
            Err(_) => {
                let time = DateTime::parse_from_rfc3339(text.trim()).ok()?;
                u64::try_from(time.timestamp_nanos_opt()?).ok()
            }
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|nanos| *nanos > 0)
}

/// What makes nanoseconds of a time: between 1973 and the year 5138 its size tells its unit.
const fn factor(whole: u64) -> u64 {
    match whole {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked, and a float has no more digits than this keeps"
)]
fn of_fraction(time: f64) -> Option<u64> {
    if !(time.is_finite() && time > 0.0 && time < 1.0e19) {
        return None;
    }
    let nanos = time * factor(time as u64) as f64;
    (nanos < 1.8e19).then_some(nanos as u64)
}

/// An id of hex digits, not all zero.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; N];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    id.iter().any(|byte| *byte != 0).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const LIMITS: Limits =
        Limits { records: 1, record_bytes: 1_000, values: 100, attributes: 4, nesting: 3 };

    fn of(value: Value) -> Result<LogRecord, String> {
        match value {
            Value::Object(fields) => record(fields, &LIMITS, &mut 0),
            other => panic!("{other} is no object"),
        }
    }

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    #[test]
    fn fields_fill_the_record_and_the_rest_are_attributes() {
        let sent = json!({
            "_timestamp": 1_764_000_000_000_000_u64, "severity": "WARN", "severity_number": 13, "body": {"a": [1]},
            "trace_id": "0A".repeat(16), "span_id": "no id", "service_name": "app", "event_name": "e",
            "kubernetes": {"pod": {"name": "p"}}, "ms": 1.5, "big": u64::MAX,
        });
        let record = of(sent).expect("is good");
        assert_eq!(record.time_ns, 1_764_000_000_000_000_000);
        assert_eq!((&*record.severity_text, record.severity_number), ("WARN", 13));
        assert_eq!((record.trace_id, record.span_id), (Some([10; 16]), None));
        let list = AnyValue::Array(vec![AnyValue::Int(1)]);
        assert_eq!(record.body, AnyValue::Map(vec![("a".into(), list)]));
        assert_eq!(record.resource.attributes, [("service.name".into(), text("app"))]);
        let mut attributes = record.attributes;
        attributes.sort_by_key(|(name, _)| name.to_string());
        assert_eq!(
            attributes,
            [
                ("big".into(), text("18446744073709551615")),
                ("kubernetes.pod.name".into(), text("p")),
                ("ms".into(), AnyValue::Double(1.5)),
                ("span_id".into(), text("no id")),
            ]
        );
    }

    #[test]
    fn a_time_is_told_by_its_size_or_as_text() {
        let expected = 1_764_000_000_123_456_789_u64;
        let cases = [
            (json!(1_764_000_000), 1_000_000_000),
            (json!(1_764_000_000_123_u64), 1_000_000),
            (json!(1_764_000_000_123_456_u64), 1_000),
            (json!(expected), 1),
            (json!("1764000000123"), 1_000_000),
            (json!("2025-11-24T16:00:00.123456789Z"), 1),
            (json!("2025-11-24T17:00:00+01:00"), 1_000_000_000),
        ];
        for (time, unit) in cases {
            assert_eq!(nanos(&time), Some(expected / unit * unit), "{time}");
        }
        let fraction = nanos(&json!(1_764_000_000.5)).expect("is a time");
        assert_eq!(fraction / 1_000_000, 1_764_000_000_500);
        for bad in [
            json!(-1),
            json!(0),
            json!("yesterday"),
            json!(true),
            json!([]),
            json!(1.0e300),
            json!(""),
        ] {
            let error = of(json!({ "_timestamp": bad })).expect_err("is no time");
            assert!(error.starts_with("_timestamp ") && error.contains("RFC 3339"), "{error}");
        }
        assert_eq!(of(json!({ "_timestamp": null })).map(|record| record.time_ns), Ok(0));
        assert_eq!(
            of(json!({ "@timestamp": 1_764_000_000 })).map(|record| record.time_ns),
            Ok(1_764_000_000_000_000_000)
        );
    }

    #[test]
    fn limits_hold() {
        assert!(
            of(json!({ "a": 1, "b": 2, "c": 3, "d": { "e": 4, "f": 5 } }))
                .is_err_and(|why| why.contains("more than 4 fields"))
        );
        assert!(of(json!({ "a": { "b": { "c": 1 } } })).is_ok());
        assert!(
            of(json!({ "a": { "b": { "c": { "d": 1 } } } }))
                .is_err_and(|why| why.contains("nested"))
        );
        assert!(of(json!({ "a": [[[1]]] })).is_err_and(|why| why.contains("nested")));
        assert!(of(json!({ "body": [[[[1]]]] })).is_err_and(|why| why.contains("nested")));
    }

    proptest! {
        #[test]
        fn no_field_is_lost(names in prop::collection::btree_set("[a-z]{1,3}", 0..4), value in any::<i64>()) {
            let fields: Map<String, Value> = names.iter().map(|name| (name.clone(), json!(value))).collect();
            let record = record(fields, &LIMITS, &mut 0).expect("is good");
            let kept: std::collections::BTreeSet<String> = record.attributes.iter().map(|(name, _)| name.to_string()).collect();
            prop_assert_eq!(kept, names);
            prop_assert!(record.attributes.iter().all(|(_, kept)| *kept == AnyValue::Int(value)));
        }

        #[test]
        fn any_time_is_read_or_none(number in any::<f64>(), text in ".{0,30}|[0-9TZ:.+-]{0,30}") {
            let _ = nanos(&json!(number));
            let _ = nanos(&json!(text));
        }
    }
}
