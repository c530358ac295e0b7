use proptest::prelude::*;
use serde_json::json;

use super::*;

fn asked(body: &str) -> Option<String> {
    with_include_usage(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn model_and_stream_are_found_behind_a_long_prompt() {
    let body = br#"{"messages":[{"model":"inner"}], "stream" : true,"model":"a/B"}"#;
    let request = peek(body).unwrap();
    assert!(matches!(&request.model, Some(Cow::Borrowed("a/B"))));
    assert!(request.stream);
    assert_eq!(request.include_usage, None);
}

#[test]
fn escapes_nulls_and_doubled_keys_are_read_as_engines_do() {
    let request = peek(br#"{"model":"x","model":"a\/b","stream":null}"#).unwrap();
    assert_eq!(request.model.as_deref(), Some("a/b"));
    assert!(!request.stream);
    assert_eq!(peek(b"{}").unwrap(), Request::default());
    assert_eq!(peek(br#"{"model":null}"#).unwrap().model, None);
}

#[test]
fn include_usage_is_what_the_caller_said() {
    let said = |body: &str| peek(body.as_bytes()).unwrap().include_usage;
    assert_eq!(said(r#"{"stream_options":{"include_usage":false}}"#), Some(false));
    assert_eq!(said(r#"{"stream_options":{"include_usage":true,"x":1}}"#), Some(true));
    assert_eq!(said(r#"{"stream_options":null}"#), None);
}

#[test]
fn a_wrong_body_is_named() {
    assert_eq!(peek(b"[1]"), Err(PeekError::NotObject));
    assert!(matches!(peek(b"{\"model\":"), Err(PeekError::NotJson { line: 1, .. })));
    assert!(matches!(peek(b""), Err(PeekError::NotJson { .. })));
    assert_eq!(peek(br#"{"model":7}"#), Err(PeekError::Field { field: "model", expected: "text" }));
    assert!(matches!(peek(br#"{"stream":"yes"}"#), Err(PeekError::Field { field: "stream", .. })));
}

#[test]
fn asking_for_usage_changes_nothing_else() {
    assert_eq!(
        asked(r#" {"stream": true, "n":1.0}"#).as_deref(),
        Some(r#" {"stream_options":{"include_usage":true},"stream": true, "n":1.0}"#)
    );
    assert_eq!(
        asked(r#"{"stream":true,"stream_options": {"include_usage":false} ,"n":1}"#).as_deref(),
        Some(r#"{"stream":true,"stream_options": {"include_usage":true} ,"n":1}"#)
    );
    assert_eq!(
        asked(r#"{"stream_options":null,"stream":true}"#).as_deref(),
        Some(r#"{"stream_options":{"include_usage":true},"stream":true}"#)
    );
}

#[test]
fn nothing_is_asked_where_it_makes_no_sense() {
    assert_eq!(asked(r#"{"stream":false}"#), None);
    assert_eq!(asked(r#"{"model":"x"}"#), None);
    assert_eq!(asked(r#"{"stream":true,"stream_options":{"include_usage":true}}"#), None);
    assert_eq!(asked(r#"{"stream":true,"stream_options":[]}"#), None);
    assert_eq!(asked("not json"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = peek(&body);
        let _ = with_include_usage(&body);
    }

    #[test]
    fn the_fast_reader_agrees_with_the_full_tree(
        model in prop::option::of(".*"), stream in any::<bool>(), prompt in ".*",
        usage in prop::option::of(any::<bool>()), extra in any::<i64>(),
    ) {
        let mut tree = json!({"messages": [{"role": "user", "content": prompt}], "stream": stream, "x": extra});
        if let Some(model) = &model { tree["model"] = json!(model); }
        if let Some(usage) = usage { tree["stream_options"] = json!({"include_usage": usage, "y": 1}); }
        let body = tree.to_string();
        let request = peek(body.as_bytes()).unwrap();
        prop_assert_eq!(request.model.as_deref(), model.as_deref());
        prop_assert_eq!(request.stream, stream);
        prop_assert_eq!(request.include_usage, usage);
        let asked = with_include_usage(body.as_bytes());
        prop_assert_eq!(asked.is_some(), stream && usage != Some(true));
        if let Some(asked) = asked {
            tree["stream_options"]["include_usage"] = json!(true);
            prop_assert_eq!(serde_json::from_slice::<Value>(&asked).unwrap(), tree);
        }
    }
}
