//! How the end went.

use std::borrow::Cow;

use crate::stage::Stage;

/// Which tasks did not end as they should, by stage and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Still running when their stage's grace was over; they were aborted.
    pub aborted: Vec<(Stage, Cow<'static, str>)>,
    /// Ended by a panic at any time since the start; the earliest ones, should there be many.
    pub panicked: Vec<(Stage, Cow<'static, str>)>,
}

impl Report {
    /// Whether every task ended by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.aborted.is_empty() && self.panicked.is_empty()
    }
}
