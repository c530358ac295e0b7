use crate::error::{TooLong, Truncated};

/// Finds whole server-sent events in bytes that arrive in any split; the split never shows in the events.
///
/// Lines may end in LF, CR LF or CR; comments, `id` and `retry` are skipped; an event without data is none.
/// At most `limit` bytes of one event are kept. After a [`TooLong`] the decoder stays broken: every further
/// push answers the same error and keeps nothing.
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    line: Vec<u8>,
    name: String,
    data: Vec<u8>,
    data_lines: usize,
    position: Position,
}

/// What the next byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Nothing has come yet: a byte order mark may stand here.
    Start,
    /// Somewhere in the stream.
    Within,
    /// A CR has just ended a line: an LF now belongs to it.
    AfterCr,
    /// An event was too long.
    Broken,
}

/// One event: its name, if it has one, and its data, lines joined by LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The `event:` field; none when the stream does not name its events.
    pub name: Option<&'a str>,
    /// The `data:` fields.
    pub data: &'a [u8],
}

impl SseEvent<'_> {
    /// Whether this is the dialect's closing `[DONE]`.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.data.trim_ascii_start().starts_with(b"[DONE]")
    }
}

impl Default for SseDecoder {
    /// A decoder for events of up to 1 MiB.
    fn default() -> Self {
        Self::new(1 << 20)
    }
}

impl SseDecoder {
    /// A decoder that keeps at most `limit` bytes of an event.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let (line, name, data) = (Vec::new(), String::new(), Vec::new());
        Self { limit, line, name, data, data_lines: 0, position: Position::Start }
    }

    /// Takes the next bytes and hands each event that they complete to `each`.
    ///
    /// # Errors
    /// When an event is longer than the limit; the events before it have been handed out.
    pub fn push(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(SseEvent<'_>),
    ) -> Result<(), TooLong> {
        let mut rest = chunk;
        if self.position == Position::AfterCr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.position = Position::Within;
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            self.keep(&rest[..end])?;
            self.end_line(&mut each);
            rest = self.after_line_end(&rest[end..]);
        }
        self.keep(rest)
    }

    /// The stream is over: hands out the event that lacks only its closing blank line.
    ///
    /// # Errors
    /// When the last line has no end either. What it held was handed out all the same: some engines close with
    /// a bare `data: [DONE]`.
    pub fn finish(mut self, mut each: impl FnMut(SseEvent<'_>)) -> Result<(), Truncated> {
        let cut = !self.line.is_empty();
        if cut {
            self.end_line(&mut each);
        }
        self.end_event(&mut each);
        if cut { Err(Truncated) } else { Ok(()) }
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let held = self.data.len() + self.line.len() + part.len();
        if self.position == Position::Broken || held > self.limit {
            self.position = Position::Broken;
            (self.line, self.data) = (Vec::new(), Vec::new());
            return Err(TooLong { limit: self.limit });
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Skips the line end at the head of `rest`, noting a CR whose LF may come with the next chunk.
    fn after_line_end<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.position = Position::Within;
        match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [b'\r'] => {
                self.position = Position::AfterCr;
                &[]
            }
            [_, rest @ ..] => rest,
            [] => &[],
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(SseEvent<'_>)) {
        let mut line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.end_event(each);
        } else {
            let start = if self.position == Position::Start && line.starts_with(BOM) {
                BOM.len()
            } else {
                0
            };
            self.field(&line[start..]);
        }
        line.clear();
        self.line = line; // its room serves the next line
    }

    fn field(&mut self, line: &[u8]) {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.data_lines > 0 {
                    self.data.push(b'\n');
                }
                self.data_lines += 1;
                self.data.extend_from_slice(value);
            }
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
    }

    fn end_event(&mut self, each: &mut impl FnMut(SseEvent<'_>)) {
        if self.data_lines > 0 {
            let name = Some(self.name.as_str()).filter(|name| !name.is_empty());
            each(SseEvent { name, data: &self.data });
        }
        self.name.clear();
        self.data.clear();
        self.data_lines = 0;
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests;
