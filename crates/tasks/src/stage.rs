//! The order in which things end.

/// When a task ends, relative to others: whoever produces ends before whoever takes it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Takes new connections and calls.
    Accept,
    /// Serves calls that are under way.
    Streams,
    /// Takes records from calls and hands them on.
    Ingest,
    /// Makes records durable.
    Wal,
    /// Tidies up what is durable.
    Maintenance,
}

impl Stage {
    /// All stages, the first to end first.
    pub const ORDER: [Self; 5] =
        [Self::Accept, Self::Streams, Self::Ingest, Self::Wal, Self::Maintenance];

    /// Its place in [`Stage::ORDER`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Its name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Streams => "streams",
            Self::Ingest => "ingest",
            Self::Wal => "wal",
            Self::Maintenance => "maintenance",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_declared_one() {
        assert!(Stage::ORDER.is_sorted());
        assert!(Stage::ORDER.iter().enumerate().all(|(index, stage)| stage.index() == index));
    }
}
