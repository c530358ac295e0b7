use proptest::prelude::*;

use super::*;

fn parts_of(message: &Value) -> Value {
    input_messages(&json!([message]))[0]["parts"].clone()
}

#[test]
fn a_chat_becomes_parts() {
    let chat = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi", "name": "ada"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}},
            {"id": "c2", "type": "function", "function": {"name": "say", "arguments": "not json"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]);
    assert_eq!(
        json!(input_messages(&chat)),
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "hi"}], "name": "ada"},
            {"role": "assistant", "parts": [
                {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 1}},
                {"type": "tool_call", "id": "c2", "name": "say", "arguments": "not json"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
        ])
    );
}

#[test]
fn content_lists_become_typed_parts() {
    let content = json!([
        {"type": "text", "text": "a"},
        {"type": "input_text", "text": "b"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "input_file", "file_id": "f1"},
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "t1", "content": "2"},
        {"type": "new_thing", "x": 1},
    ]);
    assert_eq!(
        parts_of(&json!({"role": "user", "content": content})),
        json!([
            {"type": "text", "content": "a"},
            {"type": "text", "content": "b"},
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "BBBB"},
            {"type": "file", "modality": "document", "file_id": "f1"},
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "t1", "name": "add", "arguments": {"a": 1}},
            {"type": "tool_call_response", "id": "t1", "response": "2"},
            {"type": "new_thing", "x": 1},
        ])
    );
}

#[test]
fn answers_carry_their_finish_reason() {
    let choices = json!([
        {"index": 0, "finish_reason": "stop",
         "message": {"role": "assistant", "content": "yes", "reasoning_content": "hm"}},
        {"index": 1, "text": "no", "finish_reason": null},
    ]);
    assert_eq!(
        json!(output_messages(&choices)),
        json!([
            {"role": "assistant", "finish_reason": "stop",
             "parts": [{"type": "reasoning", "content": "hm"}, {"type": "text", "content": "yes"}]},
            {"role": "assistant", "parts": [{"type": "text", "content": "no"}]},
        ])
    );
}

#[test]
fn prompts_and_the_responses_api_are_read_too() {
    assert_eq!(
        json!(input_messages(&json!("hi"))),
        json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])
    );
    let items = json!([
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "2"},
    ]);
    assert_eq!(
        json!(input_messages(&items)),
        json!([
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "add", "arguments": {}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
        ])
    );
}

#[test]
fn part_form_stays_as_it_is_and_nonsense_is_left_out() {
    let ready = json!([{"role": "user", "parts": [{"type": "text", "content": "a"}]}]);
    assert_eq!(json!(input_messages(&ready)), ready);
    assert!(input_messages(&json!([1, null, true])).is_empty());
    assert!(input_messages(&json!(7)).is_empty());
    assert!(output_messages(&json!({"a": 1})).is_empty());
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("role"),
        Just("content"),
        Just("type"),
        Just("text"),
        Just("tool_calls"),
        Just("function"),
        Just("parts"),
        Just("image_url"),
        Just("message"),
        Just("tool_use"),
        Just("input"),
        Just("user"),
        Just("data:,x"),
        Just("summary"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|fields| fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_gives_messages_with_a_role_and_parts(body in any_json()) {
        for message in input_messages(&body).iter().chain(&output_messages(&body)) {
            prop_assert!(message["parts"].is_array());
        }
    }

    #[test]
    fn part_form_is_a_fixed_point(body in any_json()) {
        let once = json!(input_messages(&body));
        prop_assert_eq!(json!(input_messages(&once)), once);
    }
}
