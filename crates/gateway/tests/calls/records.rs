//! Recording never hurts a call.

use std::sync::Arc;

use bytes::Bytes;
use gateway::{Call, End, Gateway, GatewayConfig, RecordingConfig, Target, recording};
use http_body_util::{BodyExt, Full};

use crate::caller::post;
use crate::fake_replica::{FakeReplica, json};
use crate::house::{House, MODEL};

#[tokio::test]
async fn a_full_queue_drops_the_record_and_not_the_call() {
    let replica = FakeReplica::answering(json("{\"ok\":1}")).await;
    let queue = RecordingConfig { items: 1, ..RecordingConfig::default() };
    let house = House::with(&[&replica.base], GatewayConfig::default(), queue).await;
    for _ in 0..3 {
        let said = post(&house.base, &format!(r#"{{"model":"{MODEL}"}}"#)).await;
        assert_eq!((said.status, said.body.as_str()), (200, "{\"ok\":1}"));
    }
    assert_eq!(house.recording.dropped(), 2);
}

#[tokio::test]
async fn a_long_answer_passes_whole_and_is_kept_up_to_the_limit() {
    let long = format!(r#"{{"data":"{}","usage":{{"prompt_tokens":7}}}}"#, "x".repeat(3_000_000));
    let replica = FakeReplica::answering(json(&long)).await;
    let config = GatewayConfig { capture_bytes: 1000, ..GatewayConfig::default() };
    let mut house = House::with(&[&replica.base], config, RecordingConfig::default()).await;
    let said = post(&house.base, &format!(r#"{{"model":"{MODEL}"}}"#)).await;
    assert_eq!(said.body, long);
    let record = house.record().await;
    assert_eq!((record.end, record.response.total), (End::Complete, long.len() as u64));
    assert_eq!(
        (&record.response.head[..], record.response.is_whole()),
        (&long.as_bytes()[..1000], false)
    );
    assert!(
        long.as_bytes().ends_with(&record.response.tail) && record.response.tail.len() < 20_000
    );
}

#[tokio::test]
async fn any_kind_of_body_can_be_passed_on() {
    let replica = FakeReplica::answering(json("{}")).await;
    let house = House::over(&[&replica.base]).await;
    let (sender, mut records) = recording(RecordingConfig::default());
    let clock = Arc::new(clock::ManualClock::at(clock::UnixNanos(42)));
    let gateway = Gateway::new(house.picker.clone(), sender, clock, GatewayConfig::default());
    let request = http::Request::post("/v1/embeddings")
        .body(Full::from(format!(r#"{{"model":"{MODEL}"}}"#)))
        .unwrap();
    let call = Call { request, target: Target::Model { namespace: None }, org: "team".to_owned() };
    let answer = gateway.handle(call).await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), Bytes::from_static(b"{}"));
    let record = records.recv_many(9).await.remove(0);
    assert_eq!((record.org.as_str(), record.started.0, record.end), ("team", 42, End::Complete));
}
