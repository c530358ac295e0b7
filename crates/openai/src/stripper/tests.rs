use proptest::prelude::*;

use super::*;

const CONTENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn strip(chunks: &[&[u8]]) -> (Vec<u8>, u64) {
    let mut stripper = UsageStripper::new();
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&stripper.push(Bytes::copy_from_slice(chunk)));
    }
    let stripped = stripper.stripped();
    out.extend_from_slice(&stripper.finish());
    (out, stripped)
}

fn stripped(text: &str) -> String {
    String::from_utf8(strip(&[text.as_bytes()]).0).unwrap()
}

#[test]
fn only_the_extra_chunk_goes() {
    assert_eq!(stripped(&[CONTENT, USAGE, DONE].concat()), [CONTENT, DONE].concat());
    let spaced = "data: { \"usage\" : {\"a\":1} , \"choices\" : [ ] }\r\n\r\n";
    assert_eq!(stripped(&[CONTENT, spaced, DONE].concat()), [CONTENT, DONE].concat());
}

#[test]
fn chunks_that_only_look_alike_stay() {
    for event in [
        "data: {\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":3}}\n\n",
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":3}}\n\n",
        "data: {\"choices\":[],\"usage\":{\n\n",
        ": \"usage\":{ \"choices\":[]\n\n",
    ] {
        assert_eq!(stripped(event), event);
    }
}

#[test]
fn a_chunk_of_whole_events_passes_without_a_copy() {
    let chunk = Bytes::from([CONTENT, CONTENT].concat());
    let out = UsageStripper::new().push(chunk.clone());
    assert_eq!((out.as_ptr(), out.len()), (chunk.as_ptr(), chunk.len()));
}

#[test]
fn an_event_longer_than_the_bound_passes_as_it_comes() {
    let head =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}", "x".repeat(HELD_LIMIT));
    let mut stripper = UsageStripper::new();
    assert_eq!(stripper.push(Bytes::from(head.clone())), head);
    assert_eq!(stripper.push(Bytes::from_static(b"y")), "y");
    assert_eq!(stripper.push(Bytes::from_static(b"\"}}]}\n")), "\"}}]}\n");
    assert_eq!(stripper.push(Bytes::from(["\n", USAGE, DONE].concat())), ["\n", DONE].concat());
}

#[test]
fn half_an_event_at_the_end_is_not_lost() {
    assert_eq!(
        stripped("data: {\"choices\":[],\"usage\":{}}"),
        "data: {\"choices\":[],\"usage\":{}}"
    );
}

fn piece() -> impl Strategy<Value = (String, bool)> {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let cr = |text: &str| text.replace('\n', "\r");
    prop_oneof![
        Just((CONTENT.to_owned(), false)),
        Just((DONE.to_owned(), false)),
        Just((crlf(CONTENT), false)),
        Just((cr(CONTENT), false)),
        Just((": ping\n\n".to_owned(), false)),
        Just((USAGE.to_owned(), true)),
        Just((crlf(USAGE), true)),
        Just((format!("event: x\n{USAGE}"), true)),
        "[ -~]{1,9}\n\n".prop_map(|text| (text, false)),
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_stream_without_its_usage_chunks(
        pieces in prop::collection::vec(piece(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let bytes: Vec<u8> = pieces.iter().flat_map(|(text, _)| text.bytes()).collect();
        let kept: Vec<u8> = pieces.iter().filter(|(_, usage)| !usage).flat_map(|(text, _)| text.bytes()).collect();
        let expected = (kept, pieces.iter().filter(|(_, usage)| *usage).count() as u64);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(&strip(&chunks), &expected);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&strip(&single), &expected);
    }

    #[test]
    fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(strip(&[&bytes]), (bytes.clone(), 0));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(strip(&single), (bytes.clone(), 0));
    }
}
