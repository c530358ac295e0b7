use proptest::prelude::*;

use super::*;

type Owned = (Option<String>, String);

fn owned(event: SseEvent<'_>) -> Owned {
    (event.name.map(str::to_owned), String::from_utf8_lossy(event.data).into_owned())
}

/// Every event of the chunks, and whether the decoder broke or found the end cut.
fn decode(chunks: &[&[u8]], limit: usize) -> (Vec<Owned>, Result<(), TooLong>, bool) {
    let mut events = Vec::new();
    let mut decoder = SseDecoder::new(limit);
    for chunk in chunks {
        if let Err(error) = decoder.push(chunk, |event| events.push(owned(event))) {
            return (events, Err(error), false);
        }
    }
    let cut = decoder.finish(|event| events.push(owned(event))).is_err();
    (events, Ok(()), cut)
}

fn all(text: &str) -> Vec<Owned> {
    decode(&[text.as_bytes()], 1000).0
}

fn plain(data: &str) -> Owned {
    (None, data.to_owned())
}

#[test]
fn events_of_all_line_ends_and_spellings_are_found() {
    assert_eq!(all("data: a\n\ndata:b\r\n\r\ndata:  c\r\r"), [plain("a"), plain("b"), plain(" c")]);
    assert_eq!(all("data: a\ndata: b\n\n"), [plain("a\nb")]);
    assert_eq!(all("event: x\nid: 7\nretry: 5\ndata: a\n\n"), [(Some("x".into()), "a".into())]);
    assert_eq!(all("\u{feff}data: a\n\n"), [plain("a")]);
    assert_eq!(all("data\n\n"), [plain("")]);
}

#[test]
fn comments_and_events_without_data_are_no_events() {
    assert_eq!(all(": ping\n\n\n\nevent: x\n\ndata: a\n\n"), [plain("a")]);
}

#[test]
fn an_end_without_a_blank_line_still_counts() {
    assert_eq!(decode(&[b"data: [DONE]\n"], 99), (vec![plain("[DONE]")], Ok(()), false));
    assert_eq!(decode(&[b"data: [DONE]"], 99), (vec![plain("[DONE]")], Ok(()), true));
    assert_eq!(decode(&[b"data: a\n\n"], 99), (vec![plain("a")], Ok(()), false));
}

#[test]
fn done_is_known_with_and_without_its_space() {
    assert!(SseEvent { name: None, data: b"[DONE]" }.is_done());
    assert!(!SseEvent { name: None, data: b"{\"a\":\"[DONE]\"}" }.is_done());
}

#[test]
fn an_event_of_the_limit_passes_and_one_more_byte_breaks_for_good() {
    assert_eq!(decode(&[b"data: 1234\n\n"], 10).0, [plain("1234")]);
    let mut decoder = SseDecoder::new(10);
    assert_eq!(
        decoder.push(b"data: 12345\n\n", |_| panic!("no event")),
        Err(TooLong { limit: 10 })
    );
    assert_eq!(decoder.push(b"data: 1\n\n", |_| panic!("no event")), Err(TooLong { limit: 10 }));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(
        pieces in prop::collection::vec(
            prop_oneof![
                Just("data: {\"a\":1}"), Just("data"), Just("data:"), Just("event: e"), Just(": c"), Just("é"),
                Just("\n"), Just("\r"), Just("\r\n"), Just("\n\n"), Just("\r\n\r\n"), Just("[DONE]"), Just("\u{feff}"),
            ], 0..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        limit in prop_oneof![Just(20_usize), Just(100_000)],
    ) {
        let bytes = pieces.concat().into_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let whole = decode(&[&bytes], limit);
        prop_assert_eq!(&decode(&chunks, limit), &whole);
        prop_assert_eq!(&decode(&single, limit), &whole);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&[&bytes], 100);
    }

    #[test]
    fn what_was_written_is_read(texts in prop::collection::vec("[^\r\n]*", 0..10)) {
        let body: String = texts.iter().map(|text| format!("data: {text}\n\n")).collect();
        let read: Vec<String> = decode(&[body.as_bytes()], 100_000).0.into_iter().map(|(_, data)| data).collect();
        prop_assert_eq!(read, texts);
    }
}
