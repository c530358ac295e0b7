//! Where the log stood when, to keep as much of it as helps to recognise repeats after a restart.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::config::IngestConfig;

/// Where the log stood when, newest last.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<VecDeque<Mark>>);

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    /// All below was committed.
    position: u64,
    /// Bytes logged until then, since the start.
    bytes: u64,
}

impl Marks {
    /// Notes that all below `committed` is committed now, and answers where the log stood `remembered_for` ago, or
    /// later if it has grown beyond `remembered_bytes` since.
    pub(crate) fn remembered_from(
        &self,
        committed: u64,
        log: &wal::Stats,
        config: &IngestConfig,
    ) -> u64 {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push_back(Mark { at: Instant::now(), position: committed, bytes: log.bytes });
        let enough = |mark: &Mark| {
            mark.at.elapsed() >= config.remembered_for
                || log.bytes.saturating_sub(mark.bytes) >= config.remembered_bytes
        };
        // The newest mark that goes back far enough is the one to keep from.
        while marks.len() > 1 && enough(&marks[1]) {
            marks.pop_front();
        }
        let large = log.log_bytes > config.remembered_bytes;
        match marks.front() {
            Some(mark) if enough(mark) => mark.position,
            // What an earlier life of this process left is not in the marks.
            Some(mark) if large => mark.position,
            Some(_) | None => 0,
        }
    }
}
