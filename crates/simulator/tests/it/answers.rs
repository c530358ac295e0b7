use serde_json::json;

use crate::server::{LLAMA, Server, instant};

#[tokio::test]
async fn a_chat_is_answered_with_the_short_name_and_a_usage_to_compute_by_hand() {
    let server = Server::start(instant()).await;
    let body = json!({"model": LLAMA, "max_tokens": 100, "messages": [
        {"role": "system", "content": "CACHED be brief"},
        {"role": "user", "content": "What is   the answer?"}]});
    let reply =
        server.post_with("/v1/chat/completions", &[("x-simulate", "tokens=7")], &body).await;
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!(
        (&answer["model"], &answer["object"]),
        (&json!("llama3.1-8b"), &json!("chat.completion"))
    );
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["role"]),
        (&json!("stop"), &json!("assistant"))
    );
    let text = choice["message"]["content"].as_str().unwrap();
    assert_eq!(text.split_whitespace().count(), 7);
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 7, "completion_tokens": 7, "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 0}})
    );
}

#[tokio::test]
async fn every_answer_says_that_it_is_a_simulator() {
    let server = Server::start(instant()).await;
    let chat = server
        .post("/v1/chat/completions", &json!({"messages": [{"role": "user", "content": "hi"}]}))
        .await;
    let answer = chat.json();
    assert_eq!(answer["system_fingerprint"], "inferscope-simulator");
    assert!(
        answer["choices"][0]["message"]["content"].as_str().unwrap().starts_with("[simulator]")
    );
    for path in ["/v1/models", "/health", "/metrics", "/version", "/nowhere"] {
        let reply = server.get(path).await;
        assert_eq!(reply.headers["x-inferscope-simulator"], "1", "{path}");
    }
    assert_eq!(chat.headers["x-inferscope-simulator"], "1");
}

#[tokio::test]
async fn the_same_seed_and_prompt_get_the_same_text_and_another_id() {
    let (one, two) = (Server::start(instant()).await, Server::start(instant()).await);
    let body = json!({"model": LLAMA, "messages": [{"role": "user", "content": "hi"}]});
    let first = one.post("/v1/chat/completions", &body).await.json();
    let second = two.post("/v1/chat/completions", &body).await.json();
    assert_eq!(first["choices"], second["choices"]);
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn a_limit_ends_the_answer_by_length() {
    let server = Server::start(instant()).await;
    let body = json!({"model": LLAMA, "max_tokens": 3, "prompt": "one two"});
    let answer = server.post("/v1/completions", &body).await.json();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["choices"][0]["text"].as_str().unwrap().split_whitespace().count(), 3);
    assert_eq!(answer["usage"]["total_tokens"], 5);
}

#[tokio::test]
async fn a_reasoning_model_reasons() {
    let server = Server::start(instant()).await;
    let body = json!({"model": "deepseek-ai/DeepSeek-R1", "messages": [{"role": "user", "content": "hi"}]});
    let answer = server.post("/v1/chat/completions", &body).await.json();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["reasoning_content"].as_str().unwrap().split_whitespace().count(), 8);
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 8);
    assert_eq!(answer["model"], "deepseek-r1");
}

#[tokio::test]
async fn embeddings_and_the_list_of_models_are_answered() {
    let server = Server::start(instant()).await;
    let body = json!({"model": LLAMA, "input": ["one two", "three"], "dimensions": 3});
    let answer = server.post("/v1/embeddings", &body).await.json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&answer["usage"]["prompt_tokens"], &answer["model"]),
        (&json!(3), &json!("llama3.1-8b"))
    );
    let models = server.get("/v1/models").await.json();
    assert_eq!(models["data"][0]["id"], LLAMA);
    assert_eq!(models["data"][1]["owned_by"], "inferscope-simulator");
    assert_eq!(server.get(&format!("/v1/models/{LLAMA}")).await.json()["root"], "llama3.1-8b");
}
