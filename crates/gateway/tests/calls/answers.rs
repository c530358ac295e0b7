//! What comes back untouched, and what we say ourselves.

use gateway::{End, GatewayConfig, RecordingConfig};

use crate::caller::{Caller, call, post};
use crate::fake_replica::{FakeReplica, json, response};
use crate::house::{House, MODEL};

#[tokio::test]
async fn an_answer_comes_back_as_it_was_and_is_recorded() {
    let body = r#"{"id":"c-1","model":"llama3.1-8b","choices":[],  "odd":1}"#;
    let replica = FakeReplica::answering(json(body)).await;
    let mut house = House::over(&[&replica.base]).await;
    let asked = format!(r#"{{"model":"{MODEL}","messages":[]}}"#);
    let said = post(&house.base, &asked).await;
    assert_eq!((said.status, said.body.as_str()), (200, body));
    assert_eq!(said.header("content-type"), Some("application/json"));
    assert!(said.header("x-request-id").is_some());
    let record = house.record().await;
    assert_eq!((record.end, record.status, record.attempts), (End::Complete, Some(200), 1));
    assert_eq!(
        (&record.request.head[..], &record.response.head[..]),
        (asked.as_bytes(), body.as_bytes())
    );
    assert!(record.head_after <= record.first_byte_after && record.first_content_after.is_none());
    assert!(record.first_byte_after <= Some(record.duration));
}

#[tokio::test]
async fn calls_on_one_connection_are_each_recorded_whole() {
    let replica = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[&replica.base]).await;
    let mut caller = Caller::connect(&house.base).await;
    for number in 0..3 {
        let body = format!(r#"{{"model":"{MODEL}","n":{number}}}"#);
        let length = body.len();
        caller.send(&format!("POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let record = house.record().await;
        assert_eq!((record.end, &record.request.head[..]), (End::Complete, body.as_bytes()));
    }
}

#[tokio::test]
async fn an_empty_answer_is_complete() {
    for answer in ["HTTP/1.1 204 No Content\r\n\r\n".to_owned(), response("200 OK", "", "")] {
        let replica = FakeReplica::answering(answer).await;
        let mut house = House::over(&[&replica.base]).await;
        call(&house.base, "DELETE /endpoints/default/llama/v1/x", "", "").await;
        assert_eq!(house.record().await.end, End::Complete);
    }
}

#[tokio::test]
async fn a_rate_limit_passes_through_untouched() {
    let body = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    let limit =
        response("429 Too Many Requests", "retry-after: 17\r\nx-ratelimit-remaining: 0\r\n", body);
    let replica = FakeReplica::answering(limit).await;
    let mut house = House::over(&[&replica.base, &replica.base]).await;
    let said = post(&house.base, &format!(r#"{{"model":"{MODEL}"}}"#)).await;
    assert_eq!((said.status, said.body.as_str()), (429, body));
    assert_eq!(
        (said.header("retry-after"), said.header("x-ratelimit-remaining")),
        (Some("17"), Some("0"))
    );
    let record = house.record().await;
    assert_eq!((record.end, record.status, record.attempts), (End::Complete, Some(429), 1));
}

#[tokio::test]
async fn an_unknown_model_is_refused_as_the_router_does() {
    let mut house = House::over(&[]).await;
    let said = post(&house.base, r#"{"model":"no/such:fastest"}"#).await;
    assert_eq!(said.status, 400);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&said.body).unwrap(),
        serde_json::json!({"error": {"message": "The requested model 'no/such:fastest' is not supported by any provider you have enabled.",
            "type": "invalid_request_error", "param": "model", "code": "model_not_supported"}})
    );
    let record = house.record().await;
    assert_eq!((record.end, record.status, record.attempts), (End::Refused, Some(400), 0));
    assert_eq!(record.model.as_deref(), Some("no/such:fastest"));
}

#[tokio::test]
async fn a_body_that_names_no_model_is_refused_with_a_reason() {
    let house = House::over(&[]).await;
    for (body, reason) in [
        ("", "names no"),
        ("{}", "names no"),
        ("{\"model\"", "not valid JSON"),
        ("[1]", "JSON object"),
    ] {
        let said = post(&house.base, body).await;
        assert!(said.status == 400 && said.body.contains(reason), "{body}: {said:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let replica = FakeReplica::answering(json("{}")).await;
    let body = format!(r#"{{"model":"{MODEL}"}}"#);
    let config = GatewayConfig { max_request_bytes: body.len(), ..GatewayConfig::default() };
    let mut house = House::with(&[&replica.base], config, RecordingConfig::default()).await;
    assert_eq!(post(&house.base, &body).await.status, 200);
    house.record().await;
    let said = post(&house.base, &format!("{body} ")).await;
    assert!(
        said.status == 413 && said.body.contains(&format!("larger than {} bytes", body.len())),
        "{said:?}"
    );
    assert_eq!(house.record().await.end, End::Refused);
    let mut caller = Caller::connect(&house.base).await;
    caller.send("POST /v1/completions HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n").await;
    caller.send(&format!("{:x}\r\n{body} \r\n", body.len() + 1)).await;
    assert_eq!(caller.read_all().await.status, 413);
}

#[tokio::test]
async fn without_a_replica_the_caller_hears_when_to_come_again() {
    let mut house = House::over(&[]).await;
    let said = post(&house.base, &format!(r#"{{"model":"{MODEL}"}}"#)).await;
    assert_eq!((said.status, said.header("retry-after")), (503, Some("7")));
    assert!(said.body.contains("none is ready"), "{said:?}");
    assert_eq!(house.record().await.end, End::Refused);
}

#[tokio::test]
async fn a_caller_that_waits_is_held_until_a_replica_is_there() {
    let replica = FakeReplica::answering(json("{}")).await;
    let mut house = House::over(&[]).await;
    let mut caller = Caller::connect(&house.base).await;
    let body = format!(r#"{{"model":"{MODEL}"}}"#);
    caller.send_request("POST /v1/chat/completions", "x-scale-up-timeout: 600\r\n", &body).await;
    house.picker.add(&replica.base);
    assert_eq!(caller.read_all().await.status, 200);
    assert_eq!(replica.heard()[0].header("x-scale-up-timeout"), None);
    assert_eq!(house.record().await.attempts, 1);
    let said = call(
        &House::over(&[]).await.base,
        "POST /v1/chat/completions",
        "x-scale-up-timeout: 0\r\n",
        &body,
    )
    .await;
    assert_eq!(said.status, 503);
}

#[tokio::test]
async fn models_are_listed_in_the_routers_shape_and_not_recorded() {
    let house = House::over(&[]).await;
    let list = call(&house.base, "GET /v1/models", "", "").await;
    let model = serde_json::json!({"id": MODEL, "object": "model", "created": 1_776_837_885, "owned_by": "meta-llama",
        "providers": [{"provider": "llama", "status": "live", "is_model_author": false}]});
    let read = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap();
    assert_eq!(read(&list.body), serde_json::json!({"object": "list", "data": [model]}));
    for id in [MODEL.to_owned(), MODEL.replace('/', "%2F")] {
        assert_eq!(
            read(&call(&house.base, &format!("GET /v1/models/{id}"), "", "").await.body),
            model
        );
    }
    assert_eq!(call(&house.base, "GET /v1/models/no/such", "", "").await.status, 404);
    house.assert_nothing_else_recorded().await;
}
