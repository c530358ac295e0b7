//! Access tokens of an organisation: made, listed, revoked.

use accounts::{Scope, Scopes, TokenInfo};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::str::FromStr;

use crate::body::{json as json_of, read_body};
use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request.
const MOST_BYTES: usize = 16 * 1024;

pub(crate) fn routes(door: Door) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/tokens", get(list).post(create))
        .route("/scope/v1/orgs/{org}/tokens/{id}", delete(revoke))
        .with_state(door)
}

type Answer = Result<Response, Refusal<Native>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    /// `ingest`, `read`, `call`, `admin`.
    scopes: Vec<String>,
}

async fn create(
    State(door): State<Door>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    let org = door.enter(&headers, &org, Scope::Admin).await?;
    let wanted: Wanted = json_of(&read_body(body, MOST_BYTES).await?, "token request")?;
    let mut scopes = Scopes::default();
    for scope in &wanted.scopes {
        scopes = scopes
            .with(Scope::from_str(scope).map_err(|error| Trouble::invalid(error.to_string()))?);
    }
    let (id, secret) = door.0.create_token(&org, &wanted.name, scopes, None).await?;
    // The secret is told here and never again.
    let token = json!({ "id": id.as_str(), "token": secret.expose(), "name": wanted.name, "scopes": words(scopes) });
    Ok((StatusCode::CREATED, Json(token)).into_response())
}

async fn list(State(door): State<Door>, Path(org): Path<String>, headers: HeaderMap) -> Answer {
    let org = door.enter(&headers, &org, Scope::Admin).await?;
    let tokens: Vec<Value> = door.0.tokens(&org).await?.iter().map(token).collect();
    Ok(Json(json!({ "tokens": tokens })).into_response())
}

async fn revoke(
    State(door): State<Door>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = door.enter(&headers, &org, Scope::Admin).await?;
    if door.0.revoke_token(&org, &id).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Trouble::not_found("there is no such token").into())
    }
}

fn token(token: &TokenInfo) -> Value {
    json!({
        "id": token.id.as_str(),
        "name": token.name,
        "scopes": words(token.scopes),
        "created_us": token.created.micros(),
        "expires_us": token.expires.map(clock::UnixNanos::micros),
        "last_used_us": token.last_used.map(clock::UnixNanos::micros),
    })
}

fn words(scopes: Scopes) -> Vec<&'static str> {
    scopes.iter().map(Scope::as_str).collect()
}
