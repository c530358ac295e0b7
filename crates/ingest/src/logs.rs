//! Log records as rows.

use otlp::{AnyValue, LogRecord, Text};
use schema::{LOG_COLUMNS, Row, Value};

use crate::draft::{Draft, filled, nanos};

/// What marks the row of a GenAI event in `llm_observation_type`; no other log row has that column.
const EVENT: &str = "EVENT";

/// When a record happened, nanoseconds: else when it was seen, else now, which is when we saw it.
pub(crate) fn time(record: &LogRecord, now_ns: u64) -> u64 {
    [record.time_ns, record.observed_ns].into_iter().find(|time| *time > 0).unwrap_or(now_ns)
}

/// A record as a row. The messages of a GenAI event are brought into OpenTelemetry's part form, so that they can be
/// joined to their span as they are.
pub(crate) fn row(record: &LogRecord, now_ns: u64) -> Row {
    let mut draft = Draft::new(LOG_COLUMNS);
    let time = time(record, now_ns);
    draft.set("_timestamp", nanos(time).map(|time| time / 1000));
    let number = (record.severity_number != 0).then_some(i64::from(record.severity_number));
    let word = filled(&record.severity_text).map(str::to_owned);
    draft.set("severity", word.or_else(|| number.map(|number| number.to_string())));
    draft.set("severity_number", number);
    draft.set("body", body(&record.body));
    let event_name = event_name(record);
    draft.set("event_name", event_name);
    draft.set("trace_id", record.trace_id.map(|id| Text::hex(&id)));
    draft.set("span_id", record.span_id.map(|id| Text::hex(&id)));
    draft.set("observed_time", nanos(record.observed_ns));
    draft.set("flags", Some(i64::from(record.flags)));
    let dropped = (record.dropped_attributes > 0).then_some(i64::from(record.dropped_attributes));
    draft.set("dropped_attributes_count", dropped);
    if let Some(event) =
        event_name.and_then(|name| conventions::log_event(name, &record.body, &record.attributes))
    {
        draft.set("llm_observation_type", Some(EVENT));
        draft.set("gen_ai_input_messages", event.input_messages);
        draft.set("gen_ai_output_messages", event.output_messages);
        draft.set("gen_ai_choice_index", event.choice_index);
    }
    shared(&mut draft, &record.resource, &record.scope);
    for (key, value) in &record.attributes {
        draft.attribute("", key, value);
    }
    beside(&mut draft, &record.resource, &record.scope);
    draft.into_row()
}

/// The promised columns that a resource and a scope fill.
pub(crate) fn shared(draft: &mut Draft, resource: &otlp::Resource, scope: &otlp::Scope) {
    let service = resource.attributes.iter().find(|(key, _)| key == "service.name");
    draft.set("service_name", service.and_then(|(_, value)| body(value)));
    draft.set("instrumentation_library_name", filled(&scope.name));
    draft.set("instrumentation_library_version", filled(&scope.version));
}

/// The attributes of a resource and a scope, after the row's own.
pub(crate) fn beside(draft: &mut Draft, resource: &otlp::Resource, scope: &otlp::Scope) {
    for (key, value) in &resource.attributes {
        draft.attribute("", key, value);
    }
    for (key, value) in &scope.attributes {
        draft.attribute("scope_", key, value);
    }
}

/// A value as text: structured ones as JSON.
fn body(value: &AnyValue) -> Option<Text> {
    conventions::cell(value.clone()).map(|cell| match cell {
        Value::Text(text) => text,
        Value::Int(int) => int.to_string().into(),
        Value::Float(float) => float.to_string().into(),
        Value::Bool(bool) => bool.to_string().into(),
        Value::Bytes(bytes) => Text::hex(&bytes),
    })
}

/// The event's name: a field since OTLP 1.5, an attribute before.
fn event_name(record: &LogRecord) -> Option<&str> {
    filled(&record.event_name).or_else(|| {
        let attribute = record.attributes.iter().find(|(key, _)| key == "event.name");
        match attribute?.1 {
            AnyValue::Text(ref name) => filled(name),
            AnyValue::Null
            | AnyValue::Bool(_)
            | AnyValue::Int(_)
            | AnyValue::Double(_)
            | AnyValue::Bytes(_)
            | AnyValue::Array(_)
            | AnyValue::Map(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use otlp::{Resource, Scope};

    use super::*;

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    fn named(key: &str, value: AnyValue) -> (Text, AnyValue) {
        (key.into(), value)
    }

    fn cells(row: &Row) -> Vec<(&str, Value)> {
        row.cells().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    fn value(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn a_record_becomes_the_columns_that_readers_know() {
        let resource = vec![
            named("service.name", text("app")),
            named("service.version", text("1.2")),
            named("route", text("of the resource")),
        ];
        let record = LogRecord {
            time_ns: 5_000_999,
            observed_ns: 6_000_000,
            severity_number: 13,
            severity_text: "WARN".to_owned(),
            body: text("slow"),
            attributes: vec![named("route", text("/chat")), named("ms", AnyValue::Int(812))],
            flags: 3,
            trace_id: Some([1; 16]),
            span_id: Some([0xab; 8]),
            resource: Arc::new(Resource { attributes: resource }),
            scope: Arc::new(Scope {
                name: "my.app".to_owned(),
                version: "1.0".to_owned(),
                attributes: vec![named("x", AnyValue::Bool(true))],
            }),
            ..LogRecord::default()
        };
        assert_eq!(
            cells(&row(&record, 1)),
            [
                ("_timestamp", Value::Int(5_000)),
                ("severity", value("WARN")),
                ("severity_number", Value::Int(13)),
                ("body", value("slow")),
                ("trace_id", value(&"01".repeat(16))),
                ("span_id", value(&"ab".repeat(8))),
                ("observed_time", Value::Int(6_000_000)),
                ("flags", Value::Int(3)),
                ("service_name", value("app")),
                ("instrumentation_library_name", value("my.app")),
                ("instrumentation_library_version", value("1.0")),
                ("route", value("/chat")),
                ("ms", Value::Int(812)),
                ("service_version", value("1.2")),
                ("attr_route", value("of the resource")),
                ("scope_x", Value::Bool(true)),
            ]
        );
    }

    #[test]
    fn what_a_record_does_not_say_stays_null_and_its_time_is_when_we_saw_it() {
        let least = row(&LogRecord::default(), 7_000_000);
        assert_eq!(cells(&least), [("_timestamp", Value::Int(7_000)), ("flags", Value::Int(0))]);
        let seen = LogRecord { observed_ns: 6_000, severity_number: 9, ..LogRecord::default() };
        assert_eq!(time(&seen, 9), 6_000);
        let seen = row(&seen, 9);
        assert_eq!((seen.text("severity"), seen.int("severity_number")), (Some("9"), Some(9)));
    }

    #[test]
    fn a_genai_event_has_its_messages_in_the_part_form() {
        let content = AnyValue::Map(vec![named("content", text("hi"))]);
        let messages = r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#;
        let by_field = LogRecord {
            event_name: "gen_ai.user.message".to_owned(),
            body: content.clone(),
            ..LogRecord::default()
        };
        let by_attribute = LogRecord {
            body: content,
            attributes: vec![named("event.name", text("gen_ai.user.message"))],
            ..LogRecord::default()
        };
        for record in [by_field, by_attribute] {
            let row = row(&record, 1);
            assert_eq!(row.text("event_name"), Some("gen_ai.user.message"));
            assert_eq!(row.text("gen_ai_input_messages"), Some(messages));
            assert_eq!(row.text("llm_observation_type"), Some("EVENT"));
            assert_eq!(row.text("body"), Some(r#"{"content":"hi"}"#));
            assert_eq!(row.get("attr_event_name"), None);
        }
    }
}
