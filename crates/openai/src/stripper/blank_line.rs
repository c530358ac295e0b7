/// Finds where events end, in bytes that arrive in any split; every byte is looked at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BlankLine {
    /// At the beginning of a line.
    #[default]
    LineStart,
    /// In a line that has content.
    InLine,
    /// Behind the CR of a line with content; its LF may follow.
    LineCr,
    /// Behind the CR of a blank line, where an event has ended; its LF may follow.
    BlankCr,
}

impl BlankLine {
    /// How many bytes at the head of a new chunk still belong to the event that ended: 1 for a late LF, or 0.
    pub(crate) fn late_line_feed(&mut self, chunk: &[u8]) -> usize {
        if *self != Self::BlankCr || chunk.is_empty() {
            return 0;
        }
        *self = Self::LineStart;
        usize::from(chunk.starts_with(b"\n"))
    }

    /// The length of `bytes` up to and including the next blank line; none when it has not come yet.
    pub(crate) fn end_of_event(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match *self {
                Self::LineCr => {
                    at += usize::from(bytes[at] == b'\n');
                    *self = Self::LineStart;
                }
                Self::LineStart | Self::BlankCr if is_line_end(bytes[at]) => {
                    return Some(at + self.end_line(&bytes[at..], Self::BlankCr));
                }
                Self::LineStart | Self::BlankCr => *self = Self::InLine,
                Self::InLine => {
                    at += memchr::memchr2(b'\n', b'\r', &bytes[at..])?;
                    at += self.end_line(&bytes[at..], Self::LineCr);
                }
            }
        }
        None
    }

    /// Steps over the line end at the head of `bytes`; `after_cr` is the state when only its CR is there.
    fn end_line(&mut self, bytes: &[u8], after_cr: Self) -> usize {
        *self = if bytes == b"\r" { after_cr } else { Self::LineStart };
        if bytes.starts_with(b"\r\n") { 2 } else { 1 }
    }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
