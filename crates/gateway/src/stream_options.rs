use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::picker::Route;

/// The endpoints whose engine refused `stream_options`; they are not asked for usage again until a restart.
#[derive(Debug, Default)]
pub(crate) struct StreamOptions {
    refused: RwLock<HashSet<(String, String)>>,
}

/// More endpoints than anyone configures; beyond it, each of their calls is refused once and sent again.
const MOST: usize = 10_000;

impl StreamOptions {
    pub(crate) fn are_refused(&self, route: &Route) -> bool {
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        !refused.is_empty() && refused.contains(&key(route))
    }

    pub(crate) fn note_refused(&self, route: &Route) {
        let mut refused = self.refused.write().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < MOST && refused.insert(key(route)) {
            tracing::info!(
                namespace = route.namespace,
                endpoint = route.endpoint,
                "the engine refuses stream_options; streams of this endpoint will have no token counts"
            );
        }
    }
}

fn key(route: &Route) -> (String, String) {
    (route.namespace.clone(), route.endpoint.clone())
}
