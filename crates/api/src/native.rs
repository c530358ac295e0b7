//! Our own API, which the web pages use: `/scope/v1/…`.

pub(crate) mod blobs;
pub(crate) mod endpoints;
pub(crate) mod explain;
pub(crate) mod models;
pub(crate) mod prices;
pub(crate) mod privacy;
pub(crate) mod question;
pub(crate) mod reprices;
pub(crate) mod sessions;
pub(crate) mod sql;
pub(crate) mod storage;
pub(crate) mod tokens;
pub(crate) mod traces;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::json;

use crate::door::Door;
use crate::hub::orgs;
use crate::trouble::{Native, Refusal};

#[derive(Clone)]
pub(crate) struct AboutRoutes {
    pub(crate) door: Door,
    pub(crate) version: &'static str,
}

pub(crate) fn routes(state: AboutRoutes) -> Router {
    Router::new().route("/scope/v1/whoami", get(whoami)).with_state(state)
}

async fn whoami(
    State(state): State<AboutRoutes>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Native>> {
    let identity = state.door.caller(&headers).await?;
    let orgs = orgs(&state.door, &identity);
    Ok(Json(json!({ "subject": identity.subject, "orgs": orgs, "version": state.version }))
        .into_response())
}
