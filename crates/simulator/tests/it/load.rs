use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use simulator::SimulatorConfig;

use crate::server::{LLAMA, Server, instant, read, wait_until};

const CHAT: &str = "/v1/chat/completions";
const RUNNING: &str = "vllm:num_requests_running";
const WAITING: &str = "vllm:num_requests_waiting";
const FINISHED: &str = "vllm:request_success_total";

fn chat(stream: bool) -> Value {
    json!({"model": LLAMA, "stream": stream, "messages": [{"role": "user", "content": "one two"}]})
}

#[tokio::test]
async fn a_starting_engine_is_not_healthy_and_then_it_is() {
    let late =
        Server::start(SimulatorConfig { start_up: Duration::from_secs(3600), ..instant() }).await;
    assert_eq!(late.get("/health").await.status, 503);
    let refused = late.post(CHAT, &chat(false)).await;
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("retry-after")), (503, true));
    let soon =
        Server::start(SimulatorConfig { start_up: Duration::from_millis(50), ..instant() }).await;
    let soon = &soon;
    wait_until(|| async move { soon.get("/health").await.status == 200 }).await;
    assert_eq!(soon.post(CHAT, &chat(false)).await.status, 200);
}

#[tokio::test]
async fn calls_wait_for_their_turn_and_a_full_line_refuses() {
    let config = SimulatorConfig { max_concurrency: 1, max_waiting: 1, ..instant() };
    let server = Server::start(config).await;
    let server = &server;
    let endless = [("x-simulate", "token-ms=60000")];
    let body = chat(true);
    let first = server.open(CHAT, &endless, &body).await;
    server.wait_for(RUNNING, "", 1.0).await;
    let second = async { server.post(CHAT, &chat(false)).await };
    let rest = async {
        server.wait_for(WAITING, "", 1.0).await;
        let third = server.post(CHAT, &chat(false)).await;
        assert_eq!((third.status.as_u16(), third.headers.contains_key("retry-after")), (503, true));
        assert_eq!(server.metric("vllm:admission_rejections_total", "").await, 1.0);
        drop(first);
    };
    let (second, ()) = tokio::join!(second, rest);
    assert_eq!(second.status, 200);
    server.wait_for(RUNNING, "", 0.0).await;
    assert_eq!(server.metric(WAITING, "").await, 0.0);
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_ends_its_generation() {
    let server = Server::start(instant()).await;
    let mut response = server.open(CHAT, &[("x-simulate", "token-ms=60000")], &chat(true)).await;
    response.body_mut().frame().await.unwrap().unwrap();
    server.wait_for(RUNNING, "", 1.0).await;
    drop(response);
    server.wait_for(RUNNING, "", 0.0).await;
    server.wait_for(FINISHED, ",finished_reason=\"abort\"", 1.0).await;
    assert_eq!(server.metric("vllm:generation_tokens_total", "").await, 1.0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_ends_its_generation() {
    let server = Server::start(instant()).await;
    let server = &server;
    let body = chat(false);
    let asking = server.open(CHAT, &[("x-simulate", "first-token-ms=60000")], &body);
    tokio::select! {
        _ = asking => panic!("there is no answer yet"),
        () = server.wait_for(RUNNING, "", 1.0) => {}
    }
    server.wait_for(RUNNING, "", 0.0).await;
    server.wait_for(FINISHED, ",finished_reason=\"abort\"", 1.0).await;
}

#[tokio::test]
async fn tokens_calls_and_times_are_counted() {
    let server = Server::start(instant()).await;
    for stream in [false, true] {
        let response = server.open(CHAT, &[("x-simulate", "tokens=5")], &chat(stream)).await;
        read(response).await;
    }
    server.wait_for(FINISHED, ",finished_reason=\"stop\"", 2.0).await;
    assert_eq!(server.metric("vllm:prompt_tokens_total", "").await, 4.0);
    assert_eq!(server.metric("vllm:generation_tokens_total", "").await, 10.0);
    assert_eq!(server.metric("vllm:time_to_first_token_seconds_count", "").await, 2.0);
    assert_eq!(server.metric("vllm:inter_token_latency_seconds_count", "").await, 8.0);
    assert_eq!(server.metric("vllm:e2e_request_latency_seconds_count", "").await, 2.0);
    let text = server.get("/metrics").await;
    assert_eq!(text.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn the_server_ends_when_it_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(simulator::serve(listener, instant(), async {
        let _ = stopped.await;
    }));
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
