use std::collections::{BTreeMap, HashMap};

use schema::{OrgName, Row};

use crate::call::Call;
use crate::endpoint::{Endpoint, Taking};
use crate::rollup::Folded;
use crate::totals::Total;

/// All orgs.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) orgs: HashMap<OrgName, Org>,
    /// When the replicas' statuses are told again, µs since 1970-01-01 UTC.
    pub(crate) next_snapshot_us: i64,
}

/// What is known of one org.
#[derive(Debug, Default)]
pub(crate) struct Org {
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    /// The last position of the log whose calls were counted.
    position: Option<u64>,
    /// The position up to which calls were counted by the process before.
    pub(crate) checkpoint: Option<u64>,
    pub(crate) out_of_order: u64,
    pub(crate) damaged: u64,
}

impl Org {
    /// Whether calls of that position are to be counted; if so, it becomes the last one.
    pub(crate) fn passes(&mut self, position: u64) -> bool {
        if self.checkpoint.is_some_and(|checkpoint| position <= checkpoint) {
            return false;
        }
        if self.position.is_some_and(|last| position < last) {
            self.out_of_order += 1;
        }
        self.position = self.position.max(Some(position));
        true
    }

    pub(crate) fn count(&mut self, call: &Call<'_>, label_budget: usize, now_us: i64) {
        self.endpoint(call.endpoint, label_budget).count(call, now_us);
    }

    pub(crate) fn endpoint(&mut self, name: &str, label_budget: usize) -> &mut Endpoint {
        if !self.endpoints.contains_key(name) {
            self.endpoints.insert(name.to_owned(), Endpoint::new(label_budget));
        }
        self.endpoints.get_mut(name).expect("it was just put there")
    }

    pub(crate) fn take(&mut self, taking: Taking) -> Vec<Row> {
        let mut rows = Vec::new();
        let taking = Taking { position: self.position.max(self.checkpoint), ..taking };
        for (name, endpoint) in &mut self.endpoints {
            endpoint.take(name, taking, &mut rows);
        }
        rows
    }

    pub(crate) fn restore(&mut self, folded: Folded, totals: Vec<Total>, at: Restoring) {
        self.checkpoint = self.checkpoint.max(folded.checkpoint);
        self.damaged += folded.damaged;
        for (name, endpoint) in folded.endpoints {
            self.endpoint(&name, at.label_budget).restore(endpoint, at.floor_us, at.now_us);
        }
        for total in totals {
            self.endpoint(&total.endpoint, at.label_budget).restore_total(total);
        }
    }
}

/// What is needed to take in stored rows.
#[derive(Clone, Copy)]
pub(crate) struct Restoring {
    pub(crate) label_budget: usize,
    pub(crate) floor_us: i64,
    pub(crate) now_us: i64,
}
