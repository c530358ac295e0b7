use serde_json::json;

use super::*;

fn check(side: Side, payload: Json, expected: Json) {
    let messages = serde_json::to_value(messages(&payload, side)).unwrap();
    assert_eq!(messages, expected, "{payload}");
}

#[test]
fn openai_chat_requests_and_answers() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"city\": \"Paris\"}" } });
    check(
        Side::Input,
        json!({ "model": "m", "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "What is this?" }, { "type": "image_url", "image_url": { "url": "https://x/y.png" } }] },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c1", "content": "{\"temp_c\": 21}" },
        ] }),
        json!([
            { "role": "system", "parts": [{ "type": "text", "content": "Be brief." }] },
            { "role": "user", "parts": [{ "type": "text", "content": "What is this?" }, { "type": "uri", "uri": "https://x/y.png", "modality": "image" }] },
            { "role": "assistant", "parts": [{ "type": "tool_call", "id": "c1", "name": "f", "arguments": { "city": "Paris" } }] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "c1", "response": { "temp_c": 21 } }] },
        ]),
    );
    check(
        Side::Output,
        json!({ "choices": [{ "finish_reason": "stop", "index": 0, "message": { "content": "hi", "role": "assistant", "tool_calls": null } }] }),
        json!([{ "role": "assistant", "parts": [{ "type": "text", "content": "hi" }], "finish_reason": "stop" }]),
    );
    check(
        Side::Output,
        json!({ "choices": [{ "text": "hi" }] }),
        json!([{ "role": "assistant", "parts": [{ "type": "text", "content": "hi" }] }]),
    );
}

#[test]
fn openai_responses_requests_and_answers() {
    check(
        Side::Input,
        json!({ "input": [
            { "role": "user", "content": "Weather?" },
            { "type": "function_call", "call_id": "c1", "id": "fc_1", "name": "f", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "c1", "output": "21C" },
        ] }),
        json!([
            { "role": "user", "parts": [{ "type": "text", "content": "Weather?" }] },
            { "role": "assistant", "parts": [{ "type": "tool_call", "id": "c1", "name": "f", "arguments": {} }] },
            { "role": "tool", "parts": [{ "type": "tool_call_response", "id": "c1", "response": "21C" }] },
        ]),
    );
    check(
        Side::Output,
        json!({ "id": "resp_1", "output": [{ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "hi" }] }] }),
        json!([{ "role": "assistant", "parts": [{ "type": "text", "content": "hi" }] }]),
    );
    check(
        Side::Input,
        json!({ "input": "hi" }),
        json!([{ "role": "user", "parts": [{ "type": "text", "content": "hi" }] }]),
    );
}

#[test]
fn anthropic_answers() {
    check(
        Side::Output,
        json!({ "role": "assistant", "stop_reason": "tool_use", "content": [
            { "type": "thinking", "thinking": "hm" },
            { "type": "tool_use", "id": "t1", "name": "f", "input": { "a": 1 } },
        ] }),
        json!([{ "role": "assistant", "finish_reason": "tool_use", "parts": [
            { "type": "reasoning", "content": "hm" },
            { "type": "tool_call", "id": "t1", "name": "f", "arguments": { "a": 1 } },
        ] }]),
    );
}

#[test]
fn unknown_parts_are_kept_and_unknown_shapes_are_no_messages() {
    check(
        Side::Input,
        json!([{ "role": "user", "content": [{ "type": "compaction", "x": 1 }] }]),
        json!([{ "role": "user", "parts": [{ "type": "compaction", "x": 1 }] }]),
    );
    for payload in [
        json!(null),
        json!({}),
        json!({ "query": "x" }),
        json!([1, 2]),
        json!("__REDACTED__"),
        json!(""),
    ] {
        check(Side::Input, payload, json!([]));
    }
}
