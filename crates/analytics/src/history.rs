use std::fmt;

use fault::Fault;
use futures::future::BoxFuture;
use schema::{OrgName, Row};

/// The stored rollups: what [`take_rollups`](crate::Analytics::take_rollups) gave and someone stored.
pub trait History: Send + Sync {
    /// The rollup rows of an org with `from_us <= _timestamp < to_us`, in any order; only those of
    /// `endpoint` where one is named.
    fn rollups<'a>(
        &'a self,
        org: &'a OrgName,
        endpoint: Option<&'a str>,
        from_us: i64,
        to_us: i64,
    ) -> BoxFuture<'a, Result<Vec<Row>, HistoryError>>;
}

/// A history of nothing, for a store that is new or not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn rollups<'a>(
        &'a self,
        _org: &'a OrgName,
        _endpoint: Option<&'a str>,
        _from_us: i64,
        _to_us: i64,
    ) -> BoxFuture<'a, Result<Vec<Row>, HistoryError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Why the stored rollups cannot be read, with the fault that the store gave.
pub struct HistoryError {
    fault: Fault,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl HistoryError {
    /// The store's error and what it means.
    #[must_use]
    pub fn new(fault: Fault, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { fault, source: source.into() }
    }

    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Debug for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}
