use bytes::Bytes;

/// What is kept of a body: its beginning up to a limit and, beyond it, its last bytes.
///
/// The end is kept because that is where the usage of a long answer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes.
    pub head: Bytes,
    /// The last bytes, where the head is not the whole body; what lies between was not kept.
    pub tail: Bytes,
    /// Length of the whole body in bytes, as far as it came.
    pub total: u64,
}

const TAIL: usize = 16 * 1024;

/// Bodies up to this many bytes are copied: a clone would keep the connection's read buffer alive, which can
/// be many times larger and which the queue's bound does not see.
const SMALL: usize = 64 * 1024;

impl Captured {
    /// What is kept of a body that is at hand.
    pub(crate) fn of(body: &Bytes, limit: usize) -> Self {
        let total = body.len() as u64;
        if body.len() <= limit {
            let head =
                if body.len() <= SMALL { Bytes::copy_from_slice(body) } else { body.clone() };
            return Self { head, tail: Bytes::new(), total };
        }
        // Copies, so that a record does not keep the whole body alive.
        let tail = &body[limit.max(body.len().saturating_sub(TAIL))..];
        let head = Bytes::copy_from_slice(&body[..limit]);
        Self { head, tail: Bytes::copy_from_slice(tail), total }
    }

    /// Whether the head is the whole body.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.head.len() as u64 == self.total
    }

    /// Bytes held in memory.
    pub(crate) fn held(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// Captures a body that comes in pieces.
///
/// The bytes are copied: a piece of a stream is small, and a clone would keep the much larger read buffer
/// alive that it was cut from.
#[derive(Debug)]
pub(crate) struct Capture {
    limit: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
}

impl Capture {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { limit, head: Vec::new(), tail: Vec::new(), total: 0 }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        let (head, beyond) = piece.split_at(piece.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(head);
        if beyond.is_empty() || self.limit == 0 {
            return;
        }
        self.tail.extend_from_slice(&beyond[beyond.len().saturating_sub(TAIL)..]);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Whether the bytes so far end with `word`, white space aside.
    pub(crate) fn ends_with(&self, word: &[u8]) -> bool {
        let last = if self.tail.is_empty() { &self.head } else { &self.tail };
        last.trim_ascii_end().ends_with(word)
    }

    pub(crate) fn finish(self) -> Captured {
        let tail = self.tail[self.tail.len().saturating_sub(TAIL)..].to_vec();
        Captured { head: self.head.into(), tail: tail.into(), total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_of_zero_keeps_nothing_and_counts() {
        let mut capture = Capture::new(0);
        capture.push(b"abc");
        assert_eq!(capture.finish(), Captured { total: 3, ..Captured::default() });
    }

    proptest! {
        #[test]
        fn pieces_are_captured_like_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30_000), 0..6),
            limit in 1_usize..50_000,
        ) {
            let mut capture = Capture::new(limit);
            for piece in &pieces {
                capture.push(piece);
            }
            let whole = Bytes::from(pieces.concat());
            let captured = capture.finish();
            prop_assert_eq!(captured.is_whole(), whole.len() <= limit);
            prop_assert!(captured.held() <= limit + TAIL);
            prop_assert_eq!(captured, Captured::of(&whole, limit));
        }
    }
}
