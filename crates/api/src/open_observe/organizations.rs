//! The organisations that a caller may enter, and the logins of one.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Compatible};
use crate::hub::orgs;

pub(super) fn routes() -> Router<Compatible> {
    Router::new().route("/api/organizations", get(list)).route("/api/{org}/users", get(users))
}

/// The root login enters every organisation; tokens are no users.
async fn users(
    State(state): State<Compatible>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Answer {
    state.door.enter(&headers, &org, Scope::Admin).await?;
    let data: Vec<Value> = state
        .door
        .0
        .root_email()
        .await?
        .into_iter()
        .map(|email| {
            json!({
                "email": email, "first_name": "", "last_name": "", "role": "root",
                "is_external": false, "created_at": 0,
            })
        })
        .collect();
    Ok(Json(json!({ "data": data })).into_response())
}

async fn list(State(state): State<Compatible>, headers: HeaderMap) -> Answer {
    let identity = state.door.caller(&headers).await?;
    let data: Vec<Value> = orgs(&state.door, &identity)
        .iter()
        .enumerate()
        .map(|(at, name)| {
            json!({
                "id": at + 1, "identifier": name, "name": name, "type": "default", "plan": 0,
                "user_email": identity.subject,
                "ingest_threshold": null, "search_threshold": null,
                "UserObj": { "first_name": "", "last_name": "", "email": identity.subject },
            })
        })
        .collect();
    Ok(Json(json!({ "data": data })).into_response())
}
