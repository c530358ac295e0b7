use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::capture::Captured;
use crate::picker::{Replica, Route};
use crate::record::{AnswerForm, Trouble};

const REQUEST: &str = r#"{"model":"meta-llama/Llama-3.1-8B-Instruct","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}"#;
const ANSWER: &str = r#"{"id":"chatcmpl-1","model":"llama3.1-8b","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}"#;

fn captured(body: &str) -> Captured {
    Captured::of(&Bytes::from(body.to_owned()), 1 << 20)
}

fn record(request: &str, response: &str) -> CallRecord {
    let replica =
        Replica { id: "fqwg7eri-hskoj".to_owned(), base: "http://10.0.0.7:9001".parse().unwrap() };
    CallRecord {
        route: Some(Arc::new(Route::new("default", "llama", "meta-llama/Llama-3.1-8B-Instruct"))),
        replica: Some(Arc::new(replica)),
        attempts: 1,
        model: Some("meta-llama/Llama-3.1-8B-Instruct".to_owned()),
        request: captured(request),
        response: captured(response),
        ..CallRecord::sample()
    }
}

fn get<'a>(span: &'a Span, key: &str) -> Option<&'a AnyValue> {
    span.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn text<'a>(span: &'a Span, key: &str) -> &'a str {
    match get(span, key) {
        Some(AnyValue::Text(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

fn int(span: &Span, key: &str) -> Option<i64> {
    match get(span, key) {
        Some(AnyValue::Int(number)) => Some(*number),
        None => None,
        other => panic!("{key}: {other:?}"),
    }
}

fn assert_no_tokens(span: &Span) {
    for key in [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.total_tokens",
        "gen_ai.response.model",
    ] {
        assert_eq!(get(span, key), None, "{key}");
    }
}

#[test]
fn an_answered_call_says_who_asked_what_of_which_replica() {
    let span = into_span(record(REQUEST, ANSWER));
    assert_eq!((span.name.as_str(), span.kind), ("chat meta-llama/Llama-3.1-8B-Instruct", 3));
    assert_eq!((span.start_ns, span.end_ns), (1_000, 5_001_000));
    assert_eq!(span.status, None);
    assert_eq!(text(&span, "gen_ai.operation.name"), "chat");
    assert_eq!(text(&span, "gen_ai.response.model"), "llama3.1-8b");
    assert_eq!(text(&span, "gen_ai.response.id"), "chatcmpl-1");
    assert_eq!(int(&span, "gen_ai.request.max_tokens"), Some(100));
    assert_eq!(int(&span, "gen_ai.usage.input_tokens"), Some(3));
    assert_eq!(int(&span, "gen_ai.usage.output_tokens"), Some(1));
    assert_eq!(int(&span, "gen_ai.usage.cache_read.input_tokens"), Some(2));
    assert_eq!(int(&span, "gen_ai.usage.reasoning.output_tokens"), None);
    assert!(text(&span, "gen_ai.input.messages").contains(r#""content":"Hi""#));
    assert!(text(&span, "gen_ai.output.messages").contains(r#""content":"Hello""#));
    assert_eq!(text(&span, "inferscope.endpoint"), "llama");
    assert_eq!(text(&span, "inferscope.replica_id"), "fqwg7eri-hskoj");
    assert_eq!(
        (text(&span, "inferscope.end"), int(&span, "inferscope.attempts")),
        ("complete", Some(1))
    );
    assert_eq!(
        (text(&span, "server.address"), int(&span, "server.port")),
        ("10.0.0.7", Some(9001))
    );
    assert_eq!(int(&span, "http.response.status_code"), Some(200));
    assert_eq!(get(&span, "gen_ai.response.time_to_first_chunk"), None, "it was not streamed");
}

#[test]
fn a_refused_call_keeps_the_replicas_words_and_no_tokens() {
    let mut record = record(
        REQUEST,
        r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#,
    );
    record.status = Some(429);
    let span = into_span(record);
    assert_eq!(span.status, Some(Status { code: 2, message: "slow down".to_owned() }));
    assert_eq!(text(&span, "error.type"), "rate_limit_exceeded");
    assert_eq!(text(&span, "inferscope.end"), "complete");
    assert_no_tokens(&span);
}

#[test]
fn an_error_without_words_is_named_by_its_status() {
    let mut record = record(REQUEST, "<html>");
    record.status = Some(502);
    let span = into_span(record);
    assert_eq!(
        (text(&span, "error.type"), span.status.as_ref().unwrap().message.as_str()),
        ("502", "Bad Gateway")
    );
}

#[test]
fn an_error_inside_a_stream_is_a_failure_of_the_replica_under_status_200() {
    let stream = "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"par\"}}]}\n\ndata: {\"error\":{\"message\":\"overloaded\",\"type\":\"overloaded\"}}\n\ndata: [DONE]\n\n";
    let mut record = record(REQUEST, stream);
    record.answer = AnswerForm::Events;
    let span = into_span(record);
    assert_eq!(int(&span, "http.response.status_code"), Some(200));
    assert_eq!(
        (text(&span, "inferscope.end"), text(&span, "error.type")),
        ("upstream_failed", "overloaded")
    );
    assert!(text(&span, "gen_ai.output.messages").contains("par"));
    assert_no_tokens(&span);
}

#[test]
fn a_call_that_broke_off_keeps_the_text_that_came() {
    let mut record = record(
        REQUEST,
        "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"par\"}}]}\n\ndata: {\"cho",
    );
    record.answer = AnswerForm::Events;
    record.end = End::UpstreamFailed;
    record.trouble = Some(Trouble { kind: "connection", message: "broken".to_owned() });
    let span = into_span(record);
    assert_eq!(
        (text(&span, "error.type"), text(&span, "inferscope.end")),
        ("connection", "upstream_failed")
    );
    assert!(text(&span, "gen_ai.output.messages").contains("par"));
    assert_no_tokens(&span);
}

#[test]
fn a_caller_that_left_makes_a_cancelled_call() {
    let mut record = record(REQUEST, "");
    (record.end, record.status) = (End::ClientLeft, None);
    let span = into_span(record);
    assert_eq!(
        (text(&span, "error.type"), text(&span, "inferscope.end")),
        ("CancelledError", "client_left")
    );
    assert_eq!(get(&span, "http.response.status_code"), None);
}

#[test]
fn the_usage_of_a_long_answer_is_found_at_its_end() {
    let filler = "x".repeat(100_000);
    let stream = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{filler}\"}}}}]}}\n\ndata: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":7}}}}\n\ndata: [DONE]\n\n"
    );
    let whole =
        format!("{{\"data\":[\"{filler}\"],\"usage\":{{\"prompt_tokens\":7,\"total_tokens\":7}}}}");
    for (body, form) in [(stream, AnswerForm::Events), (whole, AnswerForm::Whole)] {
        let mut record = record(REQUEST, "");
        record.response = Captured::of(&Bytes::from(body), 1000);
        record.answer = form;
        let span = into_span(record);
        assert_eq!(int(&span, "gen_ai.usage.input_tokens"), Some(7), "{form:?}");
        assert_eq!(get(&span, "inferscope.response_cut"), Some(&AnyValue::Bool(true)));
    }
}

#[test]
fn a_path_that_is_no_model_call_has_no_such_attributes() {
    let mut record = record("", "ok");
    (record.operation, record.model) = (Operation::Other, None);
    (record.method, record.path) = (http::Method::GET, "/metrics".to_owned());
    let span = into_span(record);
    assert_eq!(span.name, "GET /metrics");
    assert!(span.attributes.iter().all(|(key, _)| !key.starts_with("gen_ai.")));
}
