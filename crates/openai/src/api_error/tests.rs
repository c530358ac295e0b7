use proptest::prelude::*;

use super::*;

/// Message, kind, code, param and status of a body, `-` for none.
fn read_all(body: &str) -> String {
    let Some(error) = parse_error(body.as_bytes()) else { return "none".to_owned() };
    let status = error.status.map(|status| status.to_string());
    [error.message, error.kind, error.code, error.param, status]
        .map(|field| field.unwrap_or_else(|| "-".to_owned()))
        .join(" | ")
}

#[test]
fn every_shape_in_use_is_read() {
    for (body, expected) in [
        (
            r#"{"error":{"message":"The model","type":"invalid_request_error","param":"model","code":"model_not_supported"}}"#,
            "The model | invalid_request_error | model_not_supported | model | -",
        ),
        (
            r#"{"error":"Invalid credentials in Authorization header"}"#,
            "Invalid credentials in Authorization header | - | - | - | -",
        ),
        (
            r#"{"error":{"message":"too long","type":"BadRequestError","param":null,"code":400}}"#,
            "too long | BadRequestError | 400 | - | 400",
        ),
        (
            r#"{"object":"error","message":"gone","type":"NotFoundError","param":null,"code":404}"#,
            "gone | NotFoundError | 404 | - | 404",
        ),
        (
            r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
            "Model is overloaded | overloaded | - | - | -",
        ),
        (r#"{"error":{"message":"bad","http_status_code":422}}"#, "bad | - | - | - | 422"),
        (
            r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#,
            "Invalid API Key | authentication_error | 401 | - | 401",
        ),
        (
            r#"{"error":{"message":"x","type":"api_error","param":null,"code":null}}"#,
            "x | api_error | - | - | -",
        ),
        (r#"{"detail":"Not Found"}"#, "Not Found | - | - | - | -"),
        (
            r#"{"detail":[{"loc":["body"],"msg":"field required","type":"missing"},{"msg":"too big"}]}"#,
            "field required; too big | - | - | - | -",
        ),
        (r#"{"message":"no such route"}"#, "no such route | - | - | - | -"),
        (r#"{"error":["a","b"]}"#, "a; b | - | - | - | -"),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "Overloaded | overloaded_error | - | - | -",
        ),
        (
            r#"[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}]"#,
            "quota | - | 429 | - | 429",
        ),
        (r#"{"error":{"error":{"message":"inner","code":"c"}}}"#, "inner | - | c | - | -"),
        ("upstream connect error\n", "upstream connect error | - | - | - | -"),
    ] {
        assert_eq!(read_all(body), expected, "{body}");
    }
}

#[test]
fn a_body_that_says_nothing_is_none() {
    for body in [
        "",
        "{}",
        "<html>504</html>",
        "[]",
        "null",
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        "{\"error\":",
    ] {
        assert_eq!(read_all(body), "none", "{body}");
    }
}

#[test]
fn only_marked_answers_are_errors_under_http_200() {
    let marked = |body: &str| in_band_error(&serde_json::from_str(body).unwrap()).is_some();
    assert!(marked(r#"{"error":{"message":"x"}}"#));
    assert!(marked(r#"{"object":"error","message":"x"}"#));
    assert!(marked(r#"{"type":"response.failed","response":{"error":{"message":"x"}}}"#));
    assert!(!marked(r#"{"object":"chat.completion","error":null,"message":"x"}"#));
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let error = parse_error(format!(r#"{{"error":"{}"}}"#, "é".repeat(4000)).as_bytes()).unwrap();
    assert_eq!(error.message.unwrap().len(), MESSAGE_LIMIT);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_error(&body);
    }

    #[test]
    fn any_json_error_is_read_without_panic(body in r#"\{"(error|detail|message)":(\[|\{|")[a-z":,{}\[\]0-9]{0,30}"#) {
        let _ = parse_error(body.as_bytes());
    }
}
