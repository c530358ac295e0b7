use std::collections::HashMap;
use std::sync::Arc;

/// What models and replicas beyond the budget are called.
pub const OTHER: &str = "__other__";

/// The longest model or replica that gets a label of its own, in bytes.
const LONGEST: usize = 256;

/// A model or a replica, shared by all windows that name it.
pub(crate) type Label = Arc<str>;

/// The labels of one kind that an endpoint has: at most `limit`, the rest is [`OTHER`].
#[derive(Debug)]
pub(crate) struct Labels {
    limit: usize,
    used: HashMap<Label, i64>,
    other: Label,
    folded: u64,
}

impl Labels {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: HashMap::new(), other: OTHER.into(), folded: 0 }
    }

    /// The label of `text`, last used at `now_us`; [`OTHER`] when the budget is spent.
    pub(crate) fn get(&mut self, text: &str, now_us: i64) -> Label {
        if let Some((label, _)) = self.used.get_key_value(text) {
            let label = Arc::clone(label);
            self.restore(&label, now_us);
            return label;
        }
        if text.len() > LONGEST || self.used.len() >= self.limit {
            self.folded += 1;
            return Arc::clone(&self.other);
        }
        let label: Label = text.into();
        self.restore(&label, now_us);
        label
    }

    /// Takes in a label as it was stored, whatever the budget says.
    pub(crate) fn restore(&mut self, label: &Label, used_us: i64) {
        let last = self.used.entry(Arc::clone(label)).or_insert(used_us);
        *last = used_us.max(*last);
    }

    /// Gives back the room of labels that were not used since `floor_us`.
    pub(crate) fn forget_before(&mut self, floor_us: i64) {
        self.used.retain(|_, last| *last >= floor_us);
    }

    /// How many times a label was folded.
    pub(crate) const fn folded(&self) -> u64 {
        self.folded
    }
}
