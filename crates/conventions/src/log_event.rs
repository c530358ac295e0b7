//! GenAI events that arrive as log records.

use otlp::{AnyValue, Text};
use serde_json::{Map, Value as Json};

use crate::messages::{self, Side};
use crate::payload;
use crate::view::{self, Found};

/// What a GenAI event says of the span that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEvent {
    /// Input messages in OpenTelemetry's part form, JSON; `None` if the event holds none.
    pub input_messages: Option<String>,
    /// Output messages, likewise.
    pub output_messages: Option<String>,
    /// Which of the choices of an answer it is, counted from 0.
    pub choice_index: Option<i64>,
}

/// Reads a log record as a GenAI event; `None` if its name says that it is none.
///
/// Of events without content, as libraries send them while content capture is off, nothing is left but their name.
/// Source: OpenTelemetry GenAI events of 1.28 to 1.36 (one event a message) and since 1.37 (one event for all).
#[must_use]
pub fn log_event(name: &str, body: &AnyValue, attributes: &[(Text, AnyValue)]) -> Option<LogEvent> {
    if !name.starts_with("gen_ai.") {
        return None;
    }
    let fields = fields(body, attributes);
    let read = |side| {
        let whole = whole(body, attributes, side);
        whole.or_else(|| messages::of_event_fields(name, fields.clone(), side))
    };
    let choice_index = (name == "gen_ai.choice").then(|| fields.get("index")?.as_i64()).flatten();
    let (input_messages, output_messages) = (read(Side::Input), read(Side::Output));
    Some(LogEvent { input_messages, output_messages, choice_index })
}

/// The messages of an event that has all of one side under one key.
fn whole(body: &AnyValue, attributes: &[(Text, AnyValue)], side: Side) -> Option<String> {
    let key = match side {
        Side::Input => "gen_ai.input.messages",
        Side::Output => "gen_ai.output.messages",
    };
    let inside = match body {
        AnyValue::Map(entries) => view::attribute(entries, key),
        AnyValue::Null
        | AnyValue::Text(_)
        | AnyValue::Bool(_)
        | AnyValue::Int(_)
        | AnyValue::Double(_)
        | AnyValue::Bytes(_)
        | AnyValue::Array(_) => None,
    };
    let found: Found<'_> = view::attribute(attributes, key).or(inside)?;
    messages::of_whole(found, side)
}

/// A message event's fields: its body, and where that has none the attribute in which some libraries put it.
fn fields(body: &AnyValue, attributes: &[(Text, AnyValue)]) -> Map<String, Json> {
    let mut fields = match body {
        AnyValue::Map(_) => as_object(payload::json(body)),
        AnyValue::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| {
            Map::from_iter([("content".to_owned(), Json::from(text.as_str()))])
        }),
        AnyValue::Array(_) => Map::from_iter([("content".to_owned(), payload::json(body))]),
        AnyValue::Null
        | AnyValue::Bool(_)
        | AnyValue::Int(_)
        | AnyValue::Double(_)
        | AnyValue::Bytes(_) => Map::new(),
    };
    let content = attributes.iter().find(|(key, _)| key == "gen_ai.event.content");
    if let Some(text) = content.and_then(|(_, value)| Found::Attribute(value).content()) {
        fields.extend(serde_json::from_str::<Map<String, Json>>(&text).unwrap_or_default());
    }
    fields
}

fn as_object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Map::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    fn map(entries: &[(&str, AnyValue)]) -> AnyValue {
        AnyValue::Map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    fn event(name: &str, body: &AnyValue) -> LogEvent {
        log_event(name, body, &[]).expect("is an event")
    }

    #[test]
    fn a_message_s_role_comes_from_the_event_s_name() {
        for role in ["system", "user", "assistant"] {
            let event = event(&format!("gen_ai.{role}.message"), &map(&[("content", text("hi"))]));
            let expected =
                format!(r#"[{{"role":"{role}","parts":[{{"type":"text","content":"hi"}}]}}]"#);
            assert_eq!(event.input_messages.as_deref(), Some(&*expected));
            assert_eq!(event.output_messages, None);
        }
    }

    #[test]
    fn a_tool_s_answer_keeps_the_call_s_id() {
        let body = map(&[("content", text(r#"{"temp_c": 21}"#)), ("id", text("call_1"))]);
        assert_eq!(
            event("gen_ai.tool.message", &body).input_messages.as_deref(),
            Some(
                r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":{"temp_c": 21}}]}]"#
            )
        );
    }

    #[test]
    fn a_choice_is_output_with_its_calls_and_its_index() {
        let function =
            map(&[("name", text("get_weather")), ("arguments", text(r#"{"city":"Paris"}"#))]);
        let call =
            map(&[("id", text("call_1")), ("type", text("function")), ("function", function)]);
        let message = map(&[("tool_calls", AnyValue::Array(vec![call]))]);
        let body = map(&[
            ("index", AnyValue::Int(1)),
            ("finish_reason", text("tool_calls")),
            ("message", message),
        ]);
        let event = event("gen_ai.choice", &body);
        assert_eq!((event.choice_index, &event.input_messages), (Some(1), &None));
        assert_eq!(
            event.output_messages.as_deref(),
            Some(
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"get_weather","arguments":{"city":"Paris"}}],"finish_reason":"tool_calls"}]"#
            )
        );
    }

    #[test]
    fn one_event_for_all_has_both_sides_in_attributes_or_body() {
        let part = map(&[("type", text("text")), ("content", text("hi"))]);
        let message = map(&[("role", text("user")), ("parts", AnyValue::Array(vec![part]))]);
        let input = AnyValue::Array(vec![message]);
        let output = text(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"yes"}],"finish_reason":"stop"}]"#,
        );
        let name = "gen_ai.client.inference.operation.details";
        let attributes = vec![
            ("gen_ai.input.messages".into(), input.clone()),
            ("gen_ai.output.messages".into(), output.clone()),
        ];
        let found = log_event(name, &AnyValue::Null, &attributes).expect("is an event");
        assert_eq!(
            found.input_messages.as_deref(),
            Some(r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#)
        );
        assert_eq!(found.output_messages.as_deref().map(text), Some(output.clone()));
        let body = map(&[("gen_ai.input.messages", input), ("gen_ai.output.messages", output)]);
        assert_eq!(event(name, &body), found);
    }

    #[test]
    fn an_event_without_content_says_nothing_and_another_record_is_none() {
        assert_eq!(event("gen_ai.user.message", &AnyValue::Null), LogEvent::default());
        let message = map(&[("role", text("assistant"))]);
        let empty =
            event("gen_ai.choice", &map(&[("index", AnyValue::Int(0)), ("message", message)]));
        assert_eq!(empty, LogEvent { choice_index: Some(0), ..LogEvent::default() });
        assert_eq!(log_event("", &text("hi"), &[]), None);
        assert_eq!(log_event("http.request", &AnyValue::Null, &[]), None);
    }

    #[test]
    fn content_may_be_text_or_json_in_an_attribute() {
        let expected = r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#;
        for body in ["hi", r#"{"content":"hi"}"#] {
            let event = event("gen_ai.user.message", &text(body));
            assert_eq!(event.input_messages.as_deref(), Some(expected));
        }
        let attributes = [("gen_ai.event.content".into(), text(r#"{"content":"hi"}"#))];
        let event = log_event("gen_ai.user.message", &AnyValue::Null, &attributes);
        assert_eq!(event.and_then(|event| event.input_messages).as_deref(), Some(expected));
    }

    proptest! {
        #[test]
        fn any_text_is_messages_or_none(name in "gen_ai\\.(choice|user\\.message|tool\\.message|client\\.inference\\.operation\\.details)", body in ".*", key in "gen_ai\\.(event\\.content|input\\.messages)", value in "[\\[{\"a-z:,}\\]]*") {
            let attributes = [(key.into(), AnyValue::Text(value.into()))];
            let event = log_event(&name, &AnyValue::Text(body.into()), &attributes).expect("is an event");
            for json in event.input_messages.iter().chain(&event.output_messages) {
                prop_assert!(serde_json::from_str::<Vec<Json>>(json).is_ok(), "{json}");
            }
        }
    }
}
