use proptest::prelude::*;

use super::*;

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn of(values: &[&str]) -> TraceContext {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(TRACEPARENT, value.parse().unwrap());
    }
    headers.insert(TRACESTATE, "vendor=1".parse().unwrap());
    TraceContext::of_caller(&headers)
}

#[test]
fn a_valid_parent_is_continued_under_an_id_of_our_own() {
    let context = of(&[VALID]);
    assert_eq!(context.trace_id[..2], [0x4b, 0xf9]);
    assert_eq!(context.parent_span_id, Some([0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]));
    assert_eq!((context.flags, context.trace_state.as_str()), (1, "vendor=1"));
    assert_ne!(Some(context.span_id), context.parent_span_id);
}

#[test]
fn anything_else_begins_a_new_trace_without_the_callers_state() {
    let wrong = [
        "",
        "00",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    ];
    for text in wrong {
        let context = of(&[text]);
        assert_eq!((context.parent_span_id, context.trace_state.as_str()), (None, ""), "{text}");
    }
    assert_eq!(of(&[VALID, VALID]).parent_span_id, None, "two headers are none");
    assert_ne!(of(&[]).trace_id, [0; 16]);
}

#[test]
fn a_later_version_may_go_on_after_a_dash() {
    let later = VALID.replacen("00", "cc", 1);
    assert!(of(&[&later]).parent_span_id.is_some());
    assert!(of(&[&format!("{later}-what-comes")]).parent_span_id.is_some());
}

#[test]
fn the_replica_gets_our_span_as_parent_and_keeps_the_callers_state() {
    let mut headers = HeaderMap::new();
    headers.insert(TRACESTATE, "vendor=1".parse().unwrap());
    let context = of(&[VALID]);
    context.inject(&mut headers);
    let sent = parse(headers[TRACEPARENT].as_bytes()).unwrap();
    assert_eq!((sent.trace_id, sent.span_id), (context.trace_id, context.span_id));
    assert_eq!(headers[TRACESTATE], "vendor=1");
    of(&[]).inject(&mut headers);
    assert!(!headers.contains_key(TRACESTATE));
}

proptest! {
    #[test]
    fn any_bytes_are_a_parent_or_none(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&text);
    }

    #[test]
    fn one_changed_byte_never_yields_zero_ids(at in 0_usize..55, byte: u8) {
        let mut text = VALID.as_bytes().to_vec();
        text[at] = byte;
        if let Some(parent) = parse(&text) {
            prop_assert_ne!(parent.trace_id, [0; 16]);
            prop_assert_ne!(parent.span_id, [0; 8]);
        }
    }

    #[test]
    fn what_is_written_is_read_back(trace_id: [u8; 16], span_id: [u8; 8], flags: u8) {
        prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
        let context = TraceContext { trace_id, span_id, parent_span_id: None, flags, trace_state: String::new() };
        let mut headers = HeaderMap::new();
        context.inject(&mut headers);
        prop_assert_eq!(parse(headers[TRACEPARENT].as_bytes()), Some(Parent { trace_id, span_id, flags }));
    }
}
