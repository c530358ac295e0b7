//! Endpoints as Hugging Face's management API shows them.
//!
//! Source: the objects that `huggingface_hub` reads; it demands every field of [`endpoint`] that is not marked
//! as optional there, and times that end in `Z`.

use std::sync::Arc;

use accounts::{Identity, Orgs, Scope};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clock::UnixNanos;
use fleet::{EndpointSnapshot, EndpointState, Fleet};
use http::HeaderMap;
use http::header::HOST;
use serde_json::{Value, json};

use crate::door::Door;
use crate::trouble::{Hub, Refusal, Trouble};

#[derive(Clone)]
pub(crate) struct HubRoutes {
    pub(crate) door: Door,
    pub(crate) fleet: Arc<Fleet>,
}

pub(crate) fn routes(state: HubRoutes) -> Router {
    Router::new()
        .route("/api/whoami-v2", get(whoami))
        .route("/v2/endpoint/{namespace}", get(list))
        .route("/v2/endpoint/{namespace}/{name}", get(one))
        .with_state(state)
}

type Answer = Result<Response, Refusal<Hub>>;

async fn whoami(State(state): State<HubRoutes>, headers: HeaderMap) -> Answer {
    let identity = state.door.caller(&headers).await?;
    let orgs: Vec<Value> =
        orgs(&state.door, &identity).iter().map(|name| json!({ "name": name })).collect();
    Ok(Json(json!({ "type": "user", "name": identity.home().as_str(), "orgs": orgs }))
        .into_response())
}

/// The organisations that a caller may enter.
pub(crate) fn orgs(door: &Door, identity: &Identity) -> Vec<String> {
    match &identity.orgs {
        Orgs::All => door.0.orgs().iter().map(|org| org.as_str().to_owned()).collect(),
        Orgs::One(org) => vec![org.as_str().to_owned()],
    }
}

async fn list(
    State(state): State<HubRoutes>,
    Path(namespace): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &namespace, Scope::Read).await?;
    let items: Vec<Value> = state
        .fleet
        .snapshot()
        .iter()
        .filter(|snapshot| snapshot.namespace == org.as_str())
        .map(|snapshot| endpoint(snapshot, &headers))
        .collect();
    Ok(Json(json!({ "items": items })).into_response())
}

async fn one(
    State(state): State<HubRoutes>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &namespace, Scope::Read).await?;
    let snapshot = find(&state.fleet, org.as_str(), &name)?;
    Ok(Json(endpoint(&snapshot, &headers)).into_response())
}

/// An endpoint of a namespace, as it is now.
pub(crate) fn find(
    fleet: &Fleet,
    namespace: &str,
    name: &str,
) -> Result<EndpointSnapshot, Trouble> {
    let found = fleet.by_name(namespace, name).map(|endpoint| endpoint.snapshot());
    found.ok_or_else(|| {
        Trouble::not_found(format!("there is no endpoint {name:?} in {namespace:?}"))
    })
}

fn endpoint(snapshot: &EndpointSnapshot, headers: &HeaderMap) -> Value {
    let engine = snapshot.engine.map_or("custom", fleet::Engine::as_str);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:5080");
    let url = format!("http://{host}/endpoints/{}/{}", snapshot.namespace, snapshot.name);
    let serving = matches!(
        snapshot.state,
        EndpointState::Running | EndpointState::Initializing | EndpointState::ScaledToZero
    );
    let by = json!({ "id": "inferscope", "name": "inferscope" });
    json!({
        "name": snapshot.name,
        "type": "authenticated",
        "accountId": null,
        "provider": { "vendor": "inferscope", "region": "local" },
        "healthRoute": "/health",
        "compute": {
            "accelerator": "cpu", "instanceType": "local", "instanceSize": "x1",
            "scaling": {
                "minReplica": snapshot.min_replicas, "maxReplica": snapshot.max_replicas,
                "scaleToZeroTimeout": null, "measure": null,
            },
        },
        "model": {
            "repository": snapshot.model, "revision": null, "task": "text-generation", "framework": "custom",
            "image": { engine: {} }, "env": {}, "secrets": {},
        },
        "status": {
            "createdAt": zulu(snapshot.created), "createdBy": by,
            "updatedAt": zulu(snapshot.updated), "updatedBy": by,
            "private": null,
            "state": snapshot.state.as_str(),
            "message": snapshot.message,
            "url": serving.then_some(url),
            "readyReplica": snapshot.running, "targetReplica": snapshot.min_replicas,
        },
        "tags": [],
        "route": { "domain": null, "path": null },
        "cacheHttpResponses": false,
    })
}

/// A time as `huggingface_hub` parses it: UTC, milliseconds, and a `Z`.
fn zulu(at: UnixNanos) -> String {
    let at = chrono::DateTime::from_timestamp_nanos(at.0);
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
