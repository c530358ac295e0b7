use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use blank_line::BlankLine;

mod blank_line;

/// Passes the bytes of an event stream through unchanged, without the usage chunk that only we asked for.
///
/// That chunk is an event with an empty `choices` and a `usage` object. The bytes of an event that has not
/// ended are held back until its end comes; an event of more than 16 KiB passes as it comes, since a usage
/// chunk is far shorter. What arrives as whole events passes without a copy.
#[derive(Debug, Default)]
pub struct UsageStripper {
    scanner: BlankLine,
    held: BytesMut,
    event: Event,
    last: Fate,
    stripped: u64,
}

/// The event that is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Event {
    /// Its bytes are held until its end.
    #[default]
    Held,
    /// It is too long to be the usage chunk: its bytes pass.
    Passing,
}

/// What happened to the last whole event; a line feed that comes late shares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Passed,
    Stripped,
}

const HELD_LIMIT: usize = 16 * 1024;

impl UsageStripper {
    /// A filter for one stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives those that the caller may see now; they can be none.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        let mut out = Output::of(&chunk);
        let mut start = self.scanner.late_line_feed(&chunk);
        if self.last == Fate::Passed {
            out.pass(0..start);
        }
        while let Some(length) = self.scanner.end_of_event(&chunk[start..]) {
            self.end_event(start..start + length, &mut out);
            start += length;
        }
        self.hold(start..chunk.len(), &mut out);
        out.finish()
    }

    /// The stream is over: what was held back.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.held.freeze()
    }

    /// How many usage chunks were taken out so far.
    #[must_use]
    pub const fn stripped(&self) -> u64 {
        self.stripped
    }

    /// Decides on the event that ends with `tail`.
    fn end_event(&mut self, tail: Range<usize>, out: &mut Output<'_>) {
        self.last = Fate::Passed;
        if std::mem::take(&mut self.event) == Event::Passing {
            out.pass(tail);
        } else if self.is_usage_chunk(&out.chunk[tail.clone()]) {
            self.held.clear();
            self.last = Fate::Stripped;
            self.stripped += 1;
        } else {
            out.pass_held(&mut self.held);
            out.pass(tail);
        }
    }

    /// Keeps the beginning of an event, as long as it can still be the usage chunk.
    fn hold(&mut self, part: Range<usize>, out: &mut Output<'_>) {
        if self.event == Event::Held && self.held.len() + part.len() > HELD_LIMIT {
            self.event = Event::Passing;
            out.pass_held(&mut self.held);
        }
        match self.event {
            Event::Passing => out.pass(part),
            Event::Held => self.held.extend_from_slice(&out.chunk[part]),
        }
    }

    fn is_usage_chunk(&mut self, tail: &[u8]) -> bool {
        if self.held.is_empty() {
            return is_usage_chunk(tail);
        }
        let start = self.held.len();
        self.held.extend_from_slice(tail);
        let answer = is_usage_chunk(&self.held);
        self.held.truncate(start);
        answer
    }
}

/// The bytes to pass on: one slice of the chunk as long as possible, a copy where it is not.
struct Output<'a> {
    chunk: &'a Bytes,
    copied: BytesMut,
    run: Range<usize>,
}

impl<'a> Output<'a> {
    fn of(chunk: &'a Bytes) -> Self {
        Self { chunk, copied: BytesMut::new(), run: 0..0 }
    }

    fn pass(&mut self, range: Range<usize>) {
        if self.run.end == range.start {
            self.run.end = range.end;
        } else {
            self.copy_run();
            self.run = range;
        }
    }

    fn pass_held(&mut self, held: &mut BytesMut) {
        if !held.is_empty() {
            self.copy_run();
            self.copied.extend_from_slice(held);
            held.clear();
        }
    }

    fn copy_run(&mut self) {
        self.copied.extend_from_slice(&self.chunk[self.run.clone()]);
        self.run.start = self.run.end;
    }

    fn finish(mut self) -> Bytes {
        if self.copied.is_empty() {
            return self.chunk.slice(self.run);
        }
        self.copy_run();
        self.copied.freeze()
    }
}

#[derive(Deserialize)]
struct Chunk<'a> {
    choices: Vec<IgnoredAny>,
    #[serde(borrow)]
    usage: &'a RawValue,
}

/// Whether an event is the extra chunk: no choices, and a usage object. The text is searched first, because
/// every other event of the stream comes by here too.
fn is_usage_chunk(event: &[u8]) -> bool {
    if !names_a_usage_object(event) {
        return false;
    }
    let mut lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    let Some(data) = lines.find_map(|line| line.strip_prefix(b"data:")) else { return false };
    serde_json::from_slice::<Chunk<'_>>(data)
        .is_ok_and(|chunk| chunk.choices.is_empty() && chunk.usage.get().starts_with('{'))
}

fn names_a_usage_object(event: &[u8]) -> bool {
    const KEY: &[u8] = b"\"usage\"";
    memchr::memmem::find_iter(event, KEY).any(|at| {
        let value = event[at + KEY.len()..].trim_ascii_start().strip_prefix(b":");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b"{"))
    })
}

#[cfg(test)]
mod tests;
