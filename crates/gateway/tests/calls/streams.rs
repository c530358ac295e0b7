//! Event streams: untouched, at once, and with usage that only we see.

use gateway::{AnswerForm, End, into_span};
use otlp::AnyValue;

use crate::caller::{Caller, post};
use crate::fake_replica::{FakeReplica, Heard, response, stream};
use crate::house::{House, MODEL};

const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const HELLO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const WORLD: &str = ": ping\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" world\"},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn asks_for_usage(heard: &Heard) -> bool {
    heard.body.contains(r#""include_usage":true"#)
}

/// An engine that reports usage when it is asked to.
async fn engine() -> FakeReplica {
    FakeReplica::start(|mut talk, _| async move {
        while let Some(heard) = talk.hear().await {
            let usage = if asks_for_usage(&heard) { USAGE } else { "" };
            let frames = [ROLE, HELLO, WORLD, usage, DONE];
            let frames: Vec<&str> = frames.into_iter().filter(|frame| !frame.is_empty()).collect();
            talk.say(&stream(&frames)).await;
        }
    })
    .await
}

fn body(options: &str) -> String {
    format!(r#"{{"model":"{MODEL}","stream":true{options},"messages":[]}}"#)
}

#[tokio::test]
async fn a_stream_is_the_same_as_without_us_and_its_usage_is_known_all_the_same() {
    let replica = engine().await;
    let mut house = House::over(&[&replica.base]).await;
    for options in [
        "",
        r#","stream_options":{"include_usage":false}"#,
        r#","stream_options":{"include_usage":true}"#,
    ] {
        let direct = post(&replica.base, &body(options)).await;
        let through = post(&house.base, &body(options)).await;
        assert_eq!((&through.body, through.whole), (&direct.body, true), "{options}");
        assert_eq!(through.body.contains("usage"), options.contains("true"));
        let record = house.record().await;
        assert_eq!((record.end, record.answer), (End::Complete, AnswerForm::Events));
        assert!(record.first_byte_after <= record.first_content_after);
        let span = into_span(record);
        assert!(span.attributes.contains(&("gen_ai.usage.output_tokens".into(), AnyValue::Int(2))));
    }
}

#[tokio::test]
async fn an_engine_that_refuses_stream_options_works_as_without_us() {
    let refusal =
        response("422 Unprocessable Entity", "", r#"{"error":"unknown field stream_options"}"#);
    let replica = FakeReplica::start(move |mut talk, _| {
        let refusal = refusal.clone();
        async move {
            while let Some(heard) = talk.hear().await {
                let answer =
                    if asks_for_usage(&heard) { refusal.clone() } else { stream(&[HELLO, DONE]) };
                talk.say(&answer).await;
            }
        }
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    for asked in [2, 3] {
        let said = post(&house.base, &body("")).await;
        assert_eq!((said.status, said.body), (200, format!("{HELLO}{DONE}")));
        assert_eq!(replica.heard().len(), asked, "the second call is not tried with usage");
        assert_eq!(house.record().await.attempts, 1);
    }
}

#[tokio::test]
async fn each_frame_comes_as_soon_as_it_is_sent() {
    let (seen, wait) = tokio::sync::watch::channel(0);
    let replica = FakeReplica::start(move |mut talk, _| {
        let mut wait = wait.clone();
        async move {
            talk.hear().await;
            talk.begin_stream().await;
            for number in 0..20 {
                talk.say_chunk(&format!("data: {{\"n\":{number}}}\n\n")).await;
                wait.wait_for(|seen| *seen > number).await.unwrap();
            }
            talk.say("0\r\n\r\n").await;
        }
    })
    .await;
    let house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    caller.send_request("POST /v1/chat/completions", "", &body("")).await;
    for number in 0..20 {
        caller.read_until(&format!("{{\"n\":{number}}}")).await;
        seen.send(number + 1).unwrap();
    }
    assert!(caller.read_all().await.whole);
}

#[tokio::test]
async fn a_slow_first_token_is_measured_as_such() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let replica = FakeReplica::start(move |mut talk, _| {
        let mut wait = wait.clone();
        async move {
            talk.hear().await;
            talk.begin_stream().await;
            talk.say_chunk(ROLE).await;
            wait.wait_for(|go| *go).await.unwrap();
            talk.say_chunk(HELLO).await;
            talk.say_chunk(DONE).await;
            talk.say("0\r\n\r\n").await;
        }
    })
    .await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    let started = std::time::Instant::now();
    caller.send_request("POST /v1/chat/completions", "", &body("")).await;
    caller.read_until("assistant").await;
    let role_seen = started.elapsed();
    go.send(true).unwrap();
    caller.read_all().await;
    let record = house.record().await;
    assert!(record.first_byte_after.unwrap() <= role_seen);
    assert!(record.first_content_after > record.first_byte_after);
    assert!(record.first_content_after.unwrap() <= record.duration);
}
