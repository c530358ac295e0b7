//! The calls that are made, and what the replica answers: always the same bytes.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

/// The model that all calls ask for.
pub(crate) const MODEL: &str = "bench/one-kilobyte";
/// Frames with content in a streamed answer.
pub(crate) const FRAMES: usize = 50;
/// From one frame to the next.
pub(crate) const PACE: Duration = Duration::from_millis(10);

/// Bytes of a request, and of an answer that is not streamed.
const SIZE: usize = 1024;

/// Whether the answer comes at once or in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Streamed,
}

/// A chat call of 1 KB. A streamed one does not ask for usage, as most callers do not.
pub(crate) fn request(delivery: Delivery) -> Bytes {
    let stream = delivery == Delivery::Streamed;
    padded(|text| {
        json!({ "model": MODEL, "stream": stream, "max_tokens": 100, "temperature": 0.7, "messages": [
            { "role": "system", "content": "You answer briefly." },
            { "role": "user", "content": text },
        ]})
        .to_string()
    })
}

/// The answer that comes at once, 1 KB.
pub(crate) fn answer() -> Bytes {
    padded(|text| {
        json!({ "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_764_000_000, "model": "one-kilobyte",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "logprobs": null,
                "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 180, "completion_tokens": 120, "total_tokens": 300,
                "prompt_tokens_details": { "cached_tokens": 0 } },
        })
        .to_string()
    })
}

/// One frame of content.
pub(crate) fn frame(index: usize) -> Bytes {
    let finish = (index + 1 == FRAMES).then_some("stop");
    event(&chunk(
        json!([{ "index": 0, "delta": { "content": format!(" token{index:02}") }, "logprobs": null,
        "finish_reason": finish }]),
    ))
}

/// The frame that only those get who ask for usage.
pub(crate) fn usage_frame() -> Bytes {
    let mut usage = chunk(json!([]));
    usage["usage"] =
        json!({ "prompt_tokens": 180, "completion_tokens": FRAMES, "total_tokens": 180 + FRAMES });
    event(&usage)
}

/// The end of a stream.
pub(crate) fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

fn chunk(choices: serde_json::Value) -> serde_json::Value {
    json!({ "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_764_000_000,
        "model": "one-kilobyte", "choices": choices })
}

fn event(chunk: &serde_json::Value) -> Bytes {
    format!("data: {chunk}\n\n").into()
}

/// What `write` makes of a text of such a length that it is `SIZE` bytes.
fn padded(write: impl Fn(&str) -> String) -> Bytes {
    const WORDS: &str =
        "every call is seen from the line of code that made it to the replica that answered it ";
    let room = SIZE - write("").len();
    let text: String = WORDS.chars().cycle().take(room).collect();
    write(&text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_answers_are_one_kilobyte_of_json() {
        for bytes in [request(Delivery::Whole), request(Delivery::Streamed), answer()] {
            assert_eq!(bytes.len(), SIZE);
            serde_json::from_slice::<serde_json::Value>(&bytes).expect("is JSON");
        }
    }

    #[test]
    fn a_frame_is_one_event() {
        for bytes in [frame(0), frame(FRAMES - 1), usage_frame(), done()] {
            assert!(bytes.starts_with(b"data: ") && bytes.ends_with(b"\n\n"));
            assert_eq!(bytes.windows(2).filter(|pair| pair == b"\n\n").count(), 1);
        }
    }
}
