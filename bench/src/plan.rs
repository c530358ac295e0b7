//! How much is measured.

use std::time::Duration;

/// How long everything takes, in rounds in which the peers take turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Calls by which each way is warmed up.
    pub(crate) warm_up: usize,
    /// Rounds of G1, and the calls of each way in a round.
    pub(crate) latency: (usize, usize),
    /// Rounds of G2, and how long each peer is called in a round.
    pub(crate) per_call: (usize, Duration),
    /// Rounds of G3; each way streams once in a round.
    pub(crate) pace: usize,
    /// Rounds of G4; each peer streams once in a round.
    pub(crate) per_frame: usize,
    /// Rounds of G6 and G7, and how long each way is written to in a round.
    pub(crate) ingest: (usize, Duration),
    /// How long the server may take to bring all it has into files.
    pub(crate) settle: Duration,
    /// Spans of the large table.
    pub(crate) rows: usize,
    /// How long its rows may take to become files, and these to be merged.
    pub(crate) merged: Duration,
    /// How often each question is asked of it.
    pub(crate) questions: usize,
    /// G8: how often one span is looked for; how often many are, and how many.
    pub(crate) fresh: (usize, usize, usize),
    /// How long it may take to come to rest between two rounds.
    pub(crate) rest: Duration,
}

impl Plan {
    /// About two minutes and a half.
    pub(crate) const FULL: Self = Self {
        warm_up: 500,
        latency: (60, 300),
        per_call: (4, Duration::from_secs(3)),
        pace: 12,
        per_frame: 6,
        ingest: (3, Duration::from_secs(4)),
        settle: Duration::from_secs(15),
        rows: 1_000_000,
        merged: Duration::from_secs(180),
        questions: 25,
        fresh: (50, 2, 5_000),
        rest: Duration::from_secs(4),
    };

    /// Under a minute: shows that everything works, no more.
    pub(crate) const QUICK: Self = Self {
        warm_up: 100,
        latency: (10, 100),
        per_call: (2, Duration::from_secs(1)),
        pace: 3,
        per_frame: 1,
        ingest: (1, Duration::from_millis(1500)),
        settle: Duration::from_secs(6),
        rows: 50_000,
        merged: Duration::from_secs(15),
        questions: 3,
        fresh: (5, 1, 1_000),
        rest: Duration::from_secs(1),
    };
}
