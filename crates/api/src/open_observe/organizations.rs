//! The organisations that a caller may enter.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Compatible};
use crate::hub::orgs;

pub(super) fn routes() -> Router<Compatible> {
    Router::new().route("/api/organizations", get(list))
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
