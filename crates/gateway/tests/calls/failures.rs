//! Replicas that die, callers that leave.

use std::time::Duration;

use gateway::{End, Failure, GatewayConfig, RecordingConfig, into_span};

use crate::caller::{Caller, call, post};
use crate::fake_replica::{FakeReplica, json, nowhere, response};
use crate::house::{House, MODEL};

const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";

fn body() -> String {
    format!(r#"{{"model":"{MODEL}","stream":true}}"#)
}

#[tokio::test]
async fn a_replica_that_dies_before_its_answer_is_reported_and_another_one_answers() {
    let good = FakeReplica::answering(json("{}")).await;
    let (reset, refused) = (FakeReplica::silent().await.base, nowhere().await);
    let garbage = FakeReplica::answering("SSH-2.0-hello\r\n\r\n").await.base;
    for (bad, failure) in
        [(reset, Failure::Reset), (refused, Failure::Connect), (garbage, Failure::Reset)]
    {
        let mut house = House::over(&[&bad, &good.base]).await;
        assert_eq!(post(&house.base, &body()).await.status, 200, "{failure:?}");
        assert_eq!(house.picker.failed(), [("deploymt-rep0a".to_owned(), failure)]);
        let record = house.record().await;
        assert_eq!((record.end, record.attempts), (End::Complete, 2));
        assert_eq!(record.replica.unwrap().id, "deploymt-rep1a");
    }
}

#[tokio::test]
async fn when_all_replicas_fail_the_caller_hears_of_it_within_the_budget() {
    let bad = FakeReplica::silent().await;
    let bases = [bad.base.as_str(); 5];
    let mut house = House::over(&bases).await;
    let said = post(&house.base, &body()).await;
    assert_eq!((said.status, bad.heard().len()), (502, 3));
    assert!(!said.body.contains("127.0.0.1"), "{said:?}");
    let record = house.record().await;
    assert_eq!((record.end, record.attempts, record.status), (End::UpstreamFailed, 3, Some(502)));
    assert_eq!(record.trouble.unwrap().kind, "connection");
    assert_eq!(house.picker.pending(), 0);
    let house = House::over(&[&nowhere().await]).await;
    let said = post(&house.base, &body()).await;
    assert_eq!((said.status, said.header("retry-after")), (503, Some("2")));
}

#[tokio::test]
async fn a_replica_without_an_answer_in_time_ends_the_call() {
    let never = FakeReplica::start(|mut talk, _| async move {
        talk.hear().await;
        talk.until_closed().await;
    })
    .await;
    let config =
        GatewayConfig { head_timeout: Duration::from_millis(50), ..GatewayConfig::default() };
    let mut house =
        House::with(&[&never.base, &never.base], config, RecordingConfig::default()).await;
    assert_eq!(post(&house.base, &body()).await.status, 504);
    assert_eq!(house.picker.failed(), [("deploymt-rep0a".to_owned(), Failure::Timeout)]);
    assert_eq!(house.record().await.trouble.unwrap().kind, "timeout");
}

#[tokio::test]
async fn a_kept_connection_that_broke_is_no_failure_of_the_replica() {
    let replica = FakeReplica::start(|mut talk, _| async move {
        talk.hear().await;
        talk.say(&json("{}")).await;
        talk.hear().await; // and closes, as a server does whose keep-alive time has just passed
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    for attempts in [1, 2] {
        assert_eq!(post(&house.base, &body()).await.status, 200);
        assert_eq!(house.record().await.attempts, attempts);
    }
    assert_eq!(house.picker.failed(), []);
}

#[tokio::test]
async fn a_busy_replica_is_left_for_a_free_one_and_believed_without() {
    let busy =
        FakeReplica::answering(response("503 Service Unavailable", "retry-after: 3\r\n", "busy"))
            .await;
    let free = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[&busy.base, &free.base]).await;
    assert_eq!(post(&house.base, &body()).await.status, 200);
    assert_eq!((house.record().await.attempts, house.picker.failed().len()), (2, 0));
    let mut house = House::over(&[&busy.base]).await;
    let said = post(&house.base, &body()).await;
    assert_eq!(
        (said.status, said.body.as_str(), said.header("retry-after")),
        (503, "busy", Some("3"))
    );
    assert_eq!(house.record().await.end, End::Complete);
}

#[tokio::test]
async fn a_replica_that_dies_in_mid_stream_breaks_the_answer_and_is_not_asked_again() {
    let (seen, wait) = tokio::sync::watch::channel(false);
    let replica = FakeReplica::start(move |mut talk, _| {
        let mut wait = wait.clone();
        async move {
            talk.hear().await;
            talk.begin_stream().await;
            talk.say_chunk(HELLO).await;
            talk.say("30\r\ndata: {\"cho").await;
            wait.wait_for(|seen| *seen).await.unwrap();
        }
    })
    .await;
    let mut house = House::over(&[&replica.base, &replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    caller.send_request("POST /v1/chat/completions", "", &body()).await;
    caller.read_until("Hello").await;
    seen.send(true).unwrap();
    let said = caller.read_all().await;
    assert_eq!((said.status, said.whole), (200, false));
    assert!(said.body.starts_with(HELLO), "{said:?}");
    let record = house.record().await;
    assert_eq!((record.end, record.status, record.attempts), (End::UpstreamFailed, Some(200), 1));
    assert!(record.response.head.starts_with(HELLO.as_bytes()));
    let span = into_span(record);
    assert!(span.status.unwrap().message.starts_with("connection error"));
    assert!(span.attributes.iter().any(|(key, value)| {
        key == "gen_ai.output.messages" && format!("{value:?}").contains("Hello")
    }));
}

#[tokio::test]
async fn a_caller_that_leaves_in_mid_stream_ends_the_call_upstream() {
    let (closed, mut until_closed) = tokio::sync::watch::channel(false);
    let replica = FakeReplica::start(move |mut talk, _| {
        let closed = closed.clone();
        async move {
            talk.hear().await;
            talk.begin_stream().await;
            talk.say_chunk(HELLO).await;
            talk.until_closed().await;
            closed.send(true).unwrap();
        }
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    caller.send_request("POST /v1/chat/completions", "", &body()).await;
    caller.read_until("Hello").await;
    drop(caller);
    until_closed.wait_for(|closed| *closed).await.unwrap();
    let record = house.record().await;
    assert_eq!((record.end, record.status), (End::ClientLeft, Some(200)));
    assert_eq!(record.response.head, HELLO.as_bytes());
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_answer_ends_the_call_upstream() {
    let (closed, mut until_closed) = tokio::sync::watch::channel(false);
    let replica = FakeReplica::start(move |mut talk, _| {
        let closed = closed.clone();
        async move {
            talk.hear().await;
            talk.until_closed().await;
            closed.send(true).unwrap();
        }
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    caller.send_request("POST /v1/chat/completions", "", &body()).await;
    house.picker.until_pending(1).await;
    drop(caller);
    until_closed.wait_for(|closed| *closed).await.unwrap();
    house.picker.until_pending(0).await;
    let record = house.record().await;
    assert_eq!((record.end, record.status), (End::ClientLeft, None));
}

#[tokio::test]
async fn a_caller_that_leaves_after_the_done_got_everything() {
    let replica = FakeReplica::start(|mut talk, _| async move {
        talk.hear().await;
        talk.begin_stream().await;
        talk.say_chunk(HELLO).await;
        talk.say_chunk("data: [DONE]\n\n").await;
        talk.until_closed().await; // the body's own end never comes
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    caller.send_request("POST /v1/chat/completions", "", &body()).await;
    caller.read_until("[DONE]").await;
    drop(caller);
    assert_eq!(house.record().await.end, End::Complete);
}

#[tokio::test]
async fn a_replica_that_does_not_speak_tls_is_unreachable() {
    let plain = FakeReplica::start(|mut talk, _| async move {
        talk.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        talk.until_closed().await;
    });
    let mute = FakeReplica::start(|talk, _| async move { talk.until_closed().await });
    let config =
        GatewayConfig { connect_timeout: Duration::from_millis(50), ..GatewayConfig::default() };
    for replica in [plain.await, mute.await] {
        let base = replica.base.replace("http:", "https:");
        let mut house = House::with(&[&base], config.clone(), RecordingConfig::default()).await;
        assert_eq!(call(&house.base, "GET /endpoints/default/llama/", "", "").await.status, 503);
        assert_eq!(house.picker.failed(), [("deploymt-rep0a".to_owned(), Failure::Connect)]);
        assert_eq!(house.record().await.end, End::UpstreamFailed);
    }
}
