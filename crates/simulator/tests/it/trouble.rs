use serde_json::{Value, json};
use simulator::{FailureRates, SimulatorConfig};

use crate::server::{LLAMA, Reply, Server, instant};

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

async fn ask(model: &str, headers: &[(&str, &str)]) -> Reply {
    Server::start(instant()).await.post_with(CHAT, headers, &chat(model)).await
}

#[tokio::test]
async fn an_unknown_model_is_refused_as_the_router_does() {
    let reply = ask("nobody/Nothing", &[]).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.json(),
        json!({"error": {
            "message": "The requested model 'nobody/Nothing' is not supported by any provider you have enabled.",
            "type": "invalid_request_error", "param": "model", "code": "model_not_supported"}})
    );
}

#[tokio::test]
async fn a_gated_model_and_a_bad_key_get_plain_string_errors() {
    let gated = ask("gated/Model", &[]).await;
    assert_eq!(gated.status, 403);
    assert!(
        gated.json()["error"]
            .as_str()
            .unwrap()
            .starts_with("Access to model gated/Model is restricted.")
    );
    let key = ask(LLAMA, &[("authorization", "Bearer hf_bad_key")]).await;
    assert_eq!(key.status, 401);
    assert_eq!(key.json(), json!({"error": "Invalid credentials in Authorization header"}));
    assert_eq!(ask(LLAMA, &[("authorization", "Bearer hf_good_key")]).await.status, 200);
}

#[tokio::test]
async fn limits_and_server_errors_come_on_demand() {
    let limited = ask("ratelimited/x", &[]).await;
    assert_eq!(
        (limited.status.as_u16(), &limited.headers["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(limited.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(ask("boom/x", &[]).await.status, 500);
    let loading = ask("loading/x", &[]).await;
    assert_eq!((loading.status.as_u16(), &loading.json()["estimated_time"]), (503, &json!(20.0)));
    let header = ask(LLAMA, &[("x-simulate", "status=429; retry-after=7")]).await;
    assert_eq!(
        (header.status.as_u16(), &header.headers["retry-after"]),
        (429, &"7".parse().unwrap())
    );
}

#[tokio::test]
async fn a_wrong_header_and_a_wrong_body_are_named() {
    let header = ask(LLAMA, &[("x-simulate", "stauts=429")]).await;
    assert_eq!(header.status, 400);
    assert!(header.json()["error"]["message"].as_str().unwrap().contains("stauts=429"));
    let server = Server::start(instant()).await;
    let body = server.post(CHAT, &json!({"model": LLAMA})).await;
    assert_eq!(
        (body.status.as_u16(), &body.json()["error"]["message"]),
        (400, &json!("`messages` is missing"))
    );
}

#[tokio::test]
async fn a_cut_stream_breaks_after_three_tokens() {
    let mut body = chat("cut/x");
    body["stream"] = json!(true);
    let reply = Server::start(instant()).await.post(CHAT, &body).await;
    assert_eq!((reply.status.as_u16(), reply.broken), (200, true));
    assert_eq!(reply.events().len(), 1 + 3);
}

#[tokio::test]
async fn a_cut_answer_breaks_in_the_middle() {
    let reply = ask("cut/x", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.broken), (200, true));
    let promised: usize = reply.headers["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(reply.body.len(), promised / 2);
}

#[tokio::test]
async fn an_error_can_come_inside_a_stream() {
    let mut body = chat("inband/x");
    body["stream"] = json!(true);
    let reply = Server::start(instant()).await.post(CHAT, &body).await;
    assert_eq!((reply.status.as_u16(), reply.broken), (200, false));
    let events = reply.events();
    assert_eq!(events.len(), 1 + 3 + 1);
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], 500);
}

#[tokio::test]
async fn chance_follows_the_seed() {
    let failures = FailureRates { server_error: 0.3, rate_limit: 0.3, cut: 0.0 };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let server = Server::start(SimulatorConfig { failures, seed: 5, ..instant() }).await;
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(server.post(CHAT, &chat(LLAMA)).await.status.as_u16());
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    for status in [200, 429, 500] {
        assert!(runs[0].contains(&status), "{:?}", runs[0]);
    }
}
