//! The last lines that a process wrote, bounded in number and length.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most of one line that is kept, in bytes; the rest of the line is dropped.
const LONGEST_LINE: usize = 2_048;

/// What a process wrote to its standard output and error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessOutput {
    /// The last lines, oldest first, each cut at 2 KiB.
    pub lines: Vec<String>,
    /// How many older lines are no longer kept.
    pub dropped: u64,
}

/// The last lines of one process.
pub(crate) struct Output {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    dropped: u64,
}

impl Output {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), kept: Mutex::default() }
    }

    fn add(&self, line: String) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() == self.limit {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
        kept.lines.push_back(line);
    }

    /// The last line that is not blank: most often the reason why a process ended.
    pub(crate) fn last_words(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().rev().find(|line| !line.trim().is_empty()).cloned()
    }

    pub(crate) fn read(&self) -> ProcessOutput {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        ProcessOutput { lines: kept.lines.iter().cloned().collect(), dropped: kept.dropped }
    }

    /// Takes lines from `pipe` until it ends or breaks.
    pub(crate) async fn fill(&self, mut pipe: impl AsyncRead + Unpin) {
        let mut lines = Lines::default();
        let mut buffer = [0; 4_096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            lines.push(&buffer[..read], |line| self.add(line));
        }
        lines.finish(|line| self.add(line));
    }
}

/// Cuts bytes, split anyhow, into lines of a bounded length.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = LONGEST_LINE - self.0.len();
            self.0.extend_from_slice(&text[..text.len().min(room)]);
            if text.len() < piece.len() {
                each(self.take());
            }
        }
    }

    fn finish(mut self, mut each: impl FnMut(String)) {
        if !self.0.is_empty() {
            each(self.take());
        }
    }

    fn take(&mut self) -> String {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        let line = String::from_utf8_lossy(line).into_owned();
        self.0.clear();
        line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        pieces.for_each(|piece| lines.push(piece, |line| found.push(line)));
        lines.finish(|line| found.push(line));
        found
    }

    #[test]
    fn lines_are_cut_at_their_ends_and_at_the_bound() {
        let long = format!("{}\nb", "a".repeat(LONGEST_LINE + 9));
        assert_eq!(cut([long.as_bytes()].into_iter()), ["a".repeat(LONGEST_LINE), "b".into()]);
        assert_eq!(cut([b"a\r\n\nb\n".as_slice()].into_iter()), ["a", "", "b"]);
    }

    #[test]
    fn the_oldest_lines_go_and_are_counted() {
        let output = Output::new(2);
        ["a", "b", " "].iter().for_each(|line| output.add((*line).to_owned()));
        assert_eq!(
            output.read(),
            ProcessOutput { lines: vec!["b".into(), " ".into()], dropped: 1 }
        );
        assert_eq!(output.last_words().as_deref(), Some("b"));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(bytes: Vec<u8>, size in 1usize..9) {
            prop_assert_eq!(cut(bytes.chunks(size)), cut(std::iter::once(bytes.as_slice())));
        }
    }
}
