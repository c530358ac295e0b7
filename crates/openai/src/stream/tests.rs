use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::usage::Usage;

fn read(body: &str) -> Answer {
    let mut reader = StreamReader::new(1000);
    reader.push(body.as_bytes());
    reader.finish()
}

fn stream(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

const VLLM: &str = r#"data: {"id":"c1","model":"llama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"c1","model":"llama","choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null}

: ping

data: {"id":"c1","model":"llama","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}

data: {"id":"c1","model":"llama","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}

data: [DONE]

"#;

#[test]
fn a_chat_stream_is_put_together() {
    let answer = read(VLLM);
    assert_eq!(answer.model.as_deref(), Some("llama"));
    assert_eq!(answer.response_id.as_deref(), Some("c1"));
    assert_eq!((answer.text().as_str(), answer.finish_reasons()), ("Hello", vec!["stop"]));
    assert_eq!(answer.usage.unwrap().total, Some(5));
    assert_eq!((answer.ending, answer.skipped, answer.omitted_bytes), (Ending::Done, 0, 0));
    assert_eq!(
        json!(answer.output_messages()),
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}])
    );
}

#[test]
fn of_several_usages_the_last_one_counts() {
    let answer = read(&stream(&[
        json!({"choices": [{"delta": {"content": "a"}}], "usage": {"completion_tokens": 1}}),
        json!({"choices": [{"delta": {"content": "b"}}], "usage": {"completion_tokens": 2}}),
        json!({"choices": [], "usage": null}),
    ]));
    assert_eq!(answer.usage, Some(Usage { completion: Some(2), ..Usage::default() }));
    assert_eq!(answer.ending, Ending::Open);
}

#[test]
fn reasoning_and_tool_calls_are_put_together() {
    let answer = read(&stream(&[
        json!({"choices": [{"delta": {"role": "assistant", "reasoning_content": "h"}}]}),
        json!({"choices": [{"delta": {"reasoning": "m"}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "add", "arguments": ""}}]}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
    ]));
    assert_eq!(answer.outputs[0].reasoning, "hm");
    let call =
        ToolCall { id: Some("t1".into()), name: "add".into(), arguments: "{\"a\":1}".into() };
    assert_eq!(answer.tool_calls().collect::<Vec<_>>(), [&call]);
    assert_eq!(answer.finish_reasons(), ["tool_calls"]);
}

#[test]
fn legacy_completions_and_several_choices_are_read() {
    let answer = read(&stream(&[
        json!({"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}),
        json!({"choices": [{"index": 1, "text": "c", "finish_reason": "stop"}]}),
    ]));
    assert_eq!(answer.outputs[0].text, "a");
    assert_eq!((answer.outputs[1].text.as_str(), answer.finish_reasons()), ("bc", vec!["stop"]));
}

#[test]
fn the_responses_api_is_read() {
    let answer = read(&stream(&[
        json!({"type": "response.created", "response": {"id": "r1", "model": "m", "status": "in_progress", "error": null}}),
        json!({"type": "response.output_text.delta", "delta": "He"}),
        json!({"type": "response.output_text.delta", "delta": "llo"}),
        json!({"type": "response.output_item.done", "item": {"type": "function_call", "call_id": "t1", "name": "add", "arguments": "{}"}}),
        json!({"type": "response.completed", "response": {"id": "r1", "status": "completed",
            "usage": {"input_tokens": 3, "output_tokens": 2}}}),
    ]));
    assert_eq!((answer.text().as_str(), answer.response_id.as_deref()), ("Hello", Some("r1")));
    assert_eq!((answer.finish_reasons(), answer.ending), (vec!["completed"], Ending::Done));
    assert_eq!(answer.usage.unwrap().prompt, Some(3));
    assert_eq!(answer.tool_calls().count(), 1);
}

#[test]
fn an_error_in_the_stream_is_kept_with_what_came_before() {
    let answer = read(&stream(&[
        json!({"choices": [{"delta": {"content": "a"}}]}),
        json!({"error": {"message": "out of memory", "http_status_code": 500}}),
    ]));
    assert_eq!(answer.text(), "a");
    assert_eq!(answer.error.unwrap().status, Some(500));
}

#[test]
fn what_is_beyond_the_bounds_is_counted() {
    let mut reader = StreamReader::new(3);
    reader.push(
        stream(&[
            json!({"choices": [{"delta": {"content": "éé"}}]}),
            json!({"choices": [{"delta": {"content": "a"}}]}),
            json!({"choices": [{"index": 128, "delta": {"content": "b"}}]}),
        ])
        .as_bytes(),
    );
    reader.push(b"data: not json\n\n");
    let answer = reader.finish();
    assert_eq!((answer.text().as_str(), answer.omitted_bytes, answer.skipped), ("é", 3, 2));
}

#[test]
fn a_cut_stream_stays_open() {
    let answer = read(&VLLM[..VLLM.len() - 60]);
    assert_eq!((answer.text().as_str(), answer.ending), ("Hello", Ending::Open));
    assert_eq!(read("data: [DONE]").ending, Ending::Done);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_answer(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(VLLM.len() + 1)).collect();
        at.extend([0, VLLM.len()]);
        at.sort_unstable();
        let mut reader = StreamReader::new(1000);
        for pair in at.windows(2) {
            reader.push(&VLLM.as_bytes()[pair[0]..pair[1]]);
        }
        prop_assert_eq!(reader.finish(), read(VLLM));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = StreamReader::new(10);
        reader.push(b"data: ");
        reader.push(&bytes);
        let _ = reader.finish();
    }
}
