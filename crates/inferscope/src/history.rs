//! The lake as analytics' history: the two rooms do not know each other.

use std::sync::Arc;

use analytics::{History, HistoryError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lake::Lake;
use schema::{OrgName, Row, Table};

/// Reads stored rollups.
pub(crate) struct LakeHistory(pub(crate) Arc<Lake>);

impl History for LakeHistory {
    fn rollups<'a>(
        &'a self,
        org: &'a OrgName,
        endpoint: Option<&'a str>,
        from_us: i64,
        to_us: i64,
    ) -> BoxFuture<'a, Result<Vec<Row>, HistoryError>> {
        async move {
            let equal: Vec<(&str, &str)> =
                endpoint.map(|name| ("endpoint", name)).into_iter().collect();
            let rows = self.0.rows(&Table::rollups(org.clone()), from_us, to_us, &equal).await;
            rows.map_err(|error| HistoryError::new(error.fault(), error))
        }
        .boxed()
    }
}
