//! How long each stage gets to end by itself.

use std::time::Duration;

use crate::stage::Stage;

/// The time that each stage gets, after its cancellation, before its tasks are aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace([Duration; Stage::ORDER.len()]);

impl Grace {
    /// The same time for each stage.
    #[must_use]
    pub const fn each(time: Duration) -> Self {
        Self([time; Stage::ORDER.len()])
    }

    /// The same, but `time` for `stage`.
    #[must_use]
    pub const fn with(mut self, stage: Stage, time: Duration) -> Self {
        self.0[stage.index()] = time;
        self
    }

    /// What `stage` gets.
    #[must_use]
    pub const fn of(&self, stage: Stage) -> Duration {
        self.0[stage.index()]
    }
}
