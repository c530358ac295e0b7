//! The fleet as the gateway's picker: the two rooms do not know each other.

use std::collections::HashMap;
use std::sync::Arc;

use fleet::{Endpoint, Fleet};
use gateway::{
    Available, Failure, Held, Lease, Model, NoReplica, Picker, Provider, ProviderStatus, Purpose,
    Replica, Route,
};

/// Asks the fleet on the gateway's behalf.
pub(crate) struct FleetPicker {
    fleet: Arc<Fleet>,
    /// Made once: a call must not pay for them.
    routes: HashMap<(String, String), Arc<Route>>,
}

impl FleetPicker {
    pub(crate) fn new(fleet: Arc<Fleet>) -> Self {
        let route = |endpoint: &Arc<Endpoint>| {
            let key = (endpoint.namespace().to_owned(), endpoint.name().to_owned());
            (key, Arc::new(Route::new(endpoint.namespace(), endpoint.name(), endpoint.model())))
        };
        let routes = fleet.endpoints().iter().map(route).collect();
        Self { fleet, routes }
    }

    fn endpoint(&self, route: &Route) -> Option<Arc<Endpoint>> {
        self.fleet.by_name(&route.namespace, &route.endpoint)
    }

    fn route(&self, endpoint: &Endpoint) -> Option<Arc<Route>> {
        self.routes.get(&(endpoint.namespace().to_owned(), endpoint.name().to_owned())).cloned()
    }
}

impl Picker for FleetPicker {
    fn resolve_model(&self, namespace: Option<&str>, model: &str) -> Option<Arc<Route>> {
        self.fleet.by_model(namespace, model).and_then(|endpoint| self.route(&endpoint))
    }

    fn resolve_endpoint(&self, namespace: &str, name: &str) -> Option<Arc<Route>> {
        self.fleet.by_name(namespace, name).and_then(|endpoint| self.route(&endpoint))
    }

    fn models(&self, namespace: Option<&str>) -> Vec<Model> {
        let provider = |endpoint: &Arc<Endpoint>| {
            let live = endpoint.snapshot().running > 0;
            let status = if live { ProviderStatus::Live } else { ProviderStatus::Error };
            Provider { name: endpoint.name().to_owned(), status }
        };
        let model = |model: fleet::Model| Model {
            created_s: model
                .endpoints
                .iter()
                .map(|endpoint| endpoint.created().seconds())
                .min()
                .unwrap_or_default(),
            providers: model.endpoints.iter().map(provider).collect(),
            id: model.id,
        };
        self.fleet.models(namespace).into_iter().map(model).collect()
    }

    fn arrived(&self, route: &Route) -> Held {
        self.endpoint(route).map_or_else(Held::nothing, |endpoint| Held::new(endpoint.arrive()))
    }

    fn pick(&self, route: &Route, tried: &[String], purpose: Purpose) -> Result<Lease, NoReplica> {
        let gone = || NoReplica {
            reason: "the endpoint is gone".to_owned(),
            retry_after: std::time::Duration::from_secs(5),
        };
        let endpoint = self.endpoint(route).ok_or_else(gone)?;
        let picked = match purpose {
            Purpose::Call => endpoint.pick(tried),
            Purpose::Health => endpoint.pick_uncounted(tried),
        };
        let lease = picked.map_err(|none| NoReplica {
            retry_after: none.retry_after(),
            reason: none.to_string(),
        })?;
        let replica =
            Arc::new(Replica { id: lease.replica_id().to_owned(), base: lease.base().clone() });
        Ok(Lease::new(replica, Held::new(lease)))
    }

    fn available<'a>(&'a self, route: &'a Route) -> Available<'a> {
        Box::pin(async move {
            match self.endpoint(route) {
                Some(endpoint) => endpoint.available().await,
                None => std::future::pending().await,
            }
        })
    }

    fn failed(&self, lease: &Lease, failure: Failure) {
        let why = match failure {
            Failure::Connect => "no connection could be made for a call",
            Failure::Reset => "the connection broke before a call was answered",
            Failure::Timeout => "no response head came in time for a call",
        };
        self.fleet.failed(&lease.replica.id, why);
    }
}
