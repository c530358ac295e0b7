use std::collections::HashMap;

use schema::Row;

use crate::labels::Label;
use crate::rollup::Folded;

/// How many series an endpoint's totals have at most; past that the one unused for longest goes.
const MOST: usize = 2_000;

/// How many calls a replica answered with a status, since the first start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The endpoint.
    pub endpoint: String,
    /// The replica; `None` where none took the call.
    pub replica_id: Option<String>,
    /// The HTTP status; `None` where the caller got none.
    pub status: Option<u16>,
    /// Finished calls.
    pub requests: u64,
    /// Start of the window of the last one, µs since 1970-01-01 UTC.
    pub last_us: i64,
}

/// The totals of stored rollup rows, which must be all rows of an org.
///
/// The same by SQL: `sum(requests), max(_timestamp)` over `measure = 'calls'`, grouped by `endpoint`,
/// `replica_id` and `status`.
#[must_use]
pub fn totals_of(rows: &[Row]) -> Vec<Total> {
    let folded = Folded::of(rows);
    let mut all: Vec<Total> = Vec::new();
    for (name, endpoint) in folded.endpoints {
        let mut totals = Totals::default();
        for (start, window) in endpoint.windows {
            for (key, calls) in window.calls {
                totals.add(key.replica, key.status, calls.requests, start);
            }
        }
        all.extend(totals.list(&name));
    }
    all.sort_by(|a, b| {
        (&a.endpoint, &a.replica_id, a.status).cmp(&(&b.endpoint, &b.replica_id, b.status))
    });
    all
}

/// The totals of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    series: HashMap<(Option<Label>, Option<u16>), Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    requests: u64,
    last_us: i64,
}

impl Totals {
    pub(crate) fn add(
        &mut self,
        replica: Option<Label>,
        status: Option<u16>,
        requests: u64,
        window: i64,
    ) {
        let tally = self.series.entry((replica, status)).or_default();
        tally.requests = tally.requests.saturating_add(requests);
        tally.last_us = tally.last_us.max(window);
        if self.series.len() > MOST {
            self.drop_oldest();
        }
    }

    pub(crate) fn list(&self, endpoint: &str) -> Vec<Total> {
        let series = self.series.iter().map(|((replica, status), tally)| Total {
            endpoint: endpoint.to_owned(),
            replica_id: replica.as_deref().map(str::to_owned),
            status: *status,
            requests: tally.requests,
            last_us: tally.last_us,
        });
        let mut all: Vec<Total> = series.collect();
        all.sort_by(|a, b| (&a.replica_id, a.status).cmp(&(&b.replica_id, b.status)));
        all
    }

    fn drop_oldest(&mut self) {
        let oldest =
            self.series.iter().min_by_key(|(_, tally)| tally.last_us).map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.series.remove(&key);
        }
    }
}
