//! What a replica gets to see.

use gateway::{End, Purpose};

use crate::caller::{call, post};
use crate::fake_replica::{FakeReplica, json, response};
use crate::house::{House, MODEL};

const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";

#[tokio::test]
async fn the_callers_trace_goes_on_through_our_span() {
    let replica = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[&replica.base]).await;
    let body = format!(r#"{{"model":"{MODEL}"}}"#);
    let headers = format!("{PARENT}tracestate: vendor=1\r\nx-request-id: call-7\r\n");
    let said = call(&house.base, "POST /v1/chat/completions", &headers, &body).await;
    assert_eq!(said.header("x-request-id"), Some("call-7"));
    let (heard, record) = (replica.heard().remove(0), house.record().await);
    let span_id: String = record.trace.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span_id}-01");
    assert_eq!(heard.header("traceparent"), Some(expected.as_str()));
    assert_eq!(
        (heard.header("tracestate"), heard.header("x-request-id")),
        (Some("vendor=1"), Some("call-7"))
    );
    assert_eq!(record.trace.parent_span_id, Some([0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]));
}

#[tokio::test]
async fn our_callers_credential_is_neither_passed_on_nor_recorded() {
    let replica = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[&replica.base]).await;
    let headers = "authorization: Bearer isk_secret\r\nte: trailers\r\nx-kept: 1\r\n";
    call(&house.base, "POST /v1/chat/completions", headers, &format!(r#"{{"model":"{MODEL}"}}"#))
        .await;
    let heard = replica.heard().remove(0);
    assert!(!heard.head.contains("isk_secret"), "{}", heard.head);
    assert_eq!(
        (heard.header("te"), heard.header("connection"), heard.header("x-kept")),
        (None, None, Some("1"))
    );
    assert_eq!(heard.header("host").map(|host| format!("http://{host}")), Some(replica.base));
    assert!(!format!("{:?}", house.record().await).contains("isk_secret"));
}

#[tokio::test]
async fn a_policy_or_provider_suffix_chooses_and_is_not_passed_on() {
    let replica = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[&replica.base]).await;
    for suffix in ["fastest", "cheapest", "preferred", "llama"] {
        let said = post(&house.base, &format!(r#"{{"model":"{MODEL}:{suffix}","n":1}}"#)).await;
        assert_eq!(said.status, 200, "{suffix}");
        assert_eq!(house.record().await.model, Some(format!("{MODEL}:{suffix}")));
    }
    assert!(
        replica.heard().iter().all(|heard| heard.body == format!(r#"{{"model":"{MODEL}","n":1}}"#))
    );
    assert_eq!(post(&house.base, &format!(r#"{{"model":"{MODEL}:groq"}}"#)).await.status, 400);
}

#[tokio::test]
async fn an_endpoint_passes_any_path_method_and_model() {
    let replica =
        FakeReplica::answering(response("200 OK", "content-type: text/plain\r\n", "vllm:x 1\n"))
            .await;
    let mut house = House::over(&[&replica.base]).await;
    let base = &house.base.clone();
    assert_eq!(
        call(base, "GET /endpoints/default/llama/metrics?a=%20b", "", "").await.body,
        "vllm:x 1\n"
    );
    call(base, "POST /endpoints/default/llama/v1/chat/completions", "", r#"{"model":"dummy"}"#)
        .await;
    call(base, "PUT /endpoints/default/llama/v1/files", "content-type: text/csv\r\n", "a;b").await;
    let heard = replica.heard();
    let lines: Vec<_> = heard.iter().map(|heard| heard.head.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "GET /metrics?a=%20b HTTP/1.1",
            "POST /v1/chat/completions HTTP/1.1",
            "PUT /v1/files HTTP/1.1"
        ]
    );
    assert_eq!((heard[1].body.as_str(), heard[2].body.as_str()), (r#"{"model":"dummy"}"#, "a;b"));
    assert_eq!(house.record().await.path, "/metrics");
    assert_eq!(house.record().await.model.as_deref(), Some("dummy"));
    assert_eq!(call(base, "GET /endpoints/default/other/metrics", "", "").await.status, 404);
}

#[tokio::test]
async fn a_health_check_passes_without_being_a_call() {
    let replica = FakeReplica::answering(response("200 OK", "", "")).await;
    let house = House::over(&[&replica.base]).await;
    let mut pending = house.picker.watch_pending();
    assert_eq!(call(&house.base, "GET /endpoints/default/llama/health", "", "").await.status, 200);
    assert_eq!(replica.heard().len(), 1);
    assert!(
        !pending.has_changed().unwrap() && *pending.borrow_and_update() == 0,
        "{:?}",
        Purpose::Health
    );
    house.assert_nothing_else_recorded().await;
}

#[tokio::test]
async fn pending_counts_until_the_status_is_known_and_no_longer() {
    let (go, wait) = tokio::sync::watch::channel(0);
    let replica = FakeReplica::start(move |mut talk, _| {
        let mut wait = wait.clone();
        async move {
            talk.hear().await;
            wait.wait_for(|step| *step >= 1).await.unwrap();
            talk.begin_stream().await;
            wait.wait_for(|step| *step >= 2).await.unwrap();
            talk.say_chunk("data: [DONE]\n\n").await;
            talk.say("0\r\n\r\n").await;
        }
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = crate::caller::Caller::connect(&house.base).await;
    caller
        .send_request(
            "POST /v1/chat/completions",
            "",
            &format!(r#"{{"model":"{MODEL}","stream":true}}"#),
        )
        .await;
    house.picker.until_pending(1).await;
    go.send(1).unwrap();
    caller.read_until("\r\n\r\n").await;
    assert_eq!(house.picker.pending(), 0, "the body is still open");
    go.send(2).unwrap();
    assert!(caller.read_all().await.whole);
    assert_eq!(house.record().await.end, End::Complete);
}
