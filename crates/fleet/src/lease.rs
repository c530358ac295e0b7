//! Guards that count calls: on an endpoint from their arrival, on a replica from the moment it has them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::Uri;
use url::Url;

use crate::replica::Replica;
use crate::{Endpoint, Engine};

/// The right to send one call to one replica, which counts it as pending from now on.
///
/// Call [`Lease::answered`] as soon as the HTTP status is known, and drop the lease when the call is
/// over; a drop without the former counts as answered.
pub struct Lease {
    replica: Arc<Replica>,
    counting: Counting,
    answered: AtomicBool,
}

/// Whether a lease is a call, which counts, or a health check from outside, which does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    Counted,
    Uncounted,
}

impl Lease {
    pub(crate) fn new(replica: Arc<Replica>, counting: Counting) -> Self {
        if counting == Counting::Counted {
            replica.load.pending.fetch_add(1, Ordering::Relaxed);
            replica.load.open.fetch_add(1, Ordering::Relaxed);
        }
        Self { replica, counting, answered: AtomicBool::new(false) }
    }

    /// The replica's id.
    #[must_use]
    pub fn replica_id(&self) -> &str {
        self.replica.id()
    }

    /// The replica's root url: `/v1/…` is below it.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.replica.url()
    }

    /// The same as what an HTTP client takes; cheap to clone.
    #[must_use]
    pub fn base(&self) -> &Uri {
        self.replica.base()
    }

    /// The software in the replica, when known.
    #[must_use]
    pub fn engine(&self) -> Option<Engine> {
        self.replica.engine()
    }

    /// The HTTP status is known: the call is no longer pending. Only the first call counts.
    pub fn answered(&self) {
        if self.counting == Counting::Counted && !self.answered.swap(true, Ordering::Relaxed) {
            self.replica.load.pending.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The replica failed this call: it gets no more until a later probe finds it healthy.
    ///
    /// `why` ends up in its status message: it must hold nothing of the call's content.
    pub fn failed(&self, why: &str) {
        self.replica.blame(why);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.answered();
        if self.counting == Counting::Counted {
            self.replica.load.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("replica_id", &self.replica_id()).finish_non_exhaustive()
    }
}

/// Counts one call as pending at an endpoint, with or without a replica; dropping it ends that.
#[derive(Debug)]
pub struct Arrival(Arc<AtomicU64>);

impl Arrival {
    pub(crate) fn at(endpoint: &Endpoint) -> Self {
        let counter = endpoint.arrived_counter();
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
