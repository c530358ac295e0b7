use serde_json::{Value, json};

use crate::server::{LLAMA, Reply, Server, instant};

async fn stream(options: &Value, path: &str) -> Reply {
    let server = Server::start(instant()).await;
    let mut body = json!({"model": LLAMA, "stream": true, "prompt": "one two",
        "messages": [{"role": "user", "content": "one two"}]});
    body["stream_options"] = options.clone();
    server.post_with(path, &[("x-simulate", "tokens=4")], &body).await
}

fn chunks(reply: &Reply) -> Vec<Value> {
    let events = reply.events();
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(*last, "[DONE]");
    chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect()
}

#[tokio::test]
async fn a_chat_stream_opens_with_the_role_and_ends_with_a_reason() {
    let reply = stream(&Value::Null, "/v1/chat/completions").await;
    assert_eq!(reply.headers["content-type"], "text/event-stream; charset=utf-8");
    let chunks = chunks(&reply);
    assert_eq!(chunks.len(), 1 + 4);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let deltas = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    let text: String = deltas.collect();
    assert!(text.starts_with("[simulator] "), "{text}");
    assert_eq!(text.split_whitespace().count(), 4);
    let reasons: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).collect();
    assert_eq!(reasons, [&Value::Null, &Value::Null, &Value::Null, &Value::Null, &json!("stop")]);
    assert!(
        chunks.iter().all(|chunk| chunk["model"] == "llama3.1-8b" && chunk.get("usage").is_none())
    );
    assert!(chunks.iter().all(|chunk| chunk["system_fingerprint"] == "inferscope-simulator"));
}

#[tokio::test]
async fn usage_comes_in_an_extra_chunk_when_it_is_asked_for() {
    let reply = stream(&json!({"include_usage": true}), "/v1/chat/completions").await;
    let chunks = chunks(&reply);
    let last = chunks.last().unwrap();
    assert_eq!(chunks.len(), 1 + 4 + 1);
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(6)));
}

#[tokio::test]
async fn completions_are_streamed_too() {
    let reply = stream(&json!({"include_usage": true}), "/v1/completions").await;
    let chunks = chunks(&reply);
    assert_eq!(chunks.len(), 4 + 1);
    assert_eq!(chunks[0]["choices"][0]["text"], "[simulator]");
    assert_eq!(chunks[0]["object"], "text_completion");
}

#[tokio::test]
async fn a_stream_and_a_whole_answer_say_the_same() {
    let server = Server::start(instant()).await;
    let mut body = json!({"model": LLAMA, "messages": [{"role": "user", "content": "hi"}]});
    let whole = server.post("/v1/chat/completions", &body).await.json();
    body["stream"] = json!(true);
    let reply = server.post("/v1/chat/completions", &body).await;
    let chunks = chunks(&reply);
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(whole["choices"][0]["message"]["content"], text);
}
