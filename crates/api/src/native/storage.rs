//! How an organisation's rows are kept, and erasing some of them.

use std::sync::Arc;

use accounts::{Orgs, Scope};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use lake::{Erasure, ErasureState, Lake, Space, StreamStorage, Subject, WhenFull};
use serde_json::{Value, json};

use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

#[derive(Clone)]
pub(crate) struct StorageRoutes {
    pub(crate) door: Door,
    pub(crate) lake: Arc<Lake>,
}

pub(crate) fn routes(state: StorageRoutes) -> Router {
    Router::new()
        .route("/scope/v1/orgs/{org}/storage", get(storage))
        .route("/scope/v1/orgs/{org}/traces/{trace_id}", delete(erase_trace))
        .route("/scope/v1/orgs/{org}/sessions/{session_id}", delete(erase_session))
        .route("/scope/v1/orgs/{org}/users/{user_id}", delete(erase_user))
        .route("/scope/v1/orgs/{org}/erasures", get(erasures))
        .route("/scope/v1/orgs/{org}/erasures/{id}", get(one_erasure))
        .with_state(state)
}

type Answer = Result<Response, Refusal<Native>>;

async fn storage(
    State(state): State<StorageRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let streams: Vec<Value> = state.lake.streams(Some(&org)).iter().map(stream).collect();
    // What all organisations take together is the operator's to know.
    let all = matches!(state.door.caller(&headers).await?.orgs, Orgs::All);
    let space = all.then(|| space(&state.lake.space()));
    Ok(Json(json!({ "streams": streams, "data_folder": space })).into_response())
}

fn stream(stream: &StreamStorage) -> Value {
    // What storage says names folders of this server: that is for its log.
    let unreadable: Vec<&String> = stream.unreadable.iter().map(|(file, _)| file).collect();
    let failed_at = stream.last_error.as_ref().map(|(at, _)| at.micros());
    json!({
        "kind": stream.table.kind.as_str(),
        "stream": stream.table.stream,
        "rows": stream.rows,
        "hot_rows": stream.hot_rows,
        "hot_bytes": stream.hot_bytes,
        "files": stream.files,
        "bytes": stream.bytes,
        "oldest_day": stream.oldest_day,
        "newest_day": stream.newest_day,
        "retention_days": stream.retention_days,
        "unreferenced_bytes": stream.unreferenced_bytes,
        "unreadable_files": unreadable,
        "damaged": stream.damaged,
        "last_merge_us": stream.last_merge.map(clock::UnixNanos::micros),
        "last_error_us": failed_at,
    })
}

fn space(space: &Space) -> Value {
    json!({
        "bytes": space.bytes,
        "to_come_back_bytes": space.to_come_back,
        "max_bytes": space.most_bytes,
        "when_full": match space.when_full {
            WhenFull::Refuse => "refuse",
            WhenFull::DropOldest => "drop-oldest",
        },
        "full": space.full,
        "bytes_per_day": space.bytes_per_day,
        "days_until_full": space.days_until_full,
    })
}

async fn erase_trace(
    State(state): State<StorageRoutes>,
    Path((org, trace)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let trace = trace.to_ascii_lowercase();
    if trace.len() != 32 || !trace.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Trouble::invalid("a trace id is 32 hex digits").into());
    }
    state.erase(&headers, &org, Subject::Trace(trace)).await
}

async fn erase_session(
    State(state): State<StorageRoutes>,
    Path((org, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    state.erase(&headers, &org, Subject::Session(session)).await
}

async fn erase_user(
    State(state): State<StorageRoutes>,
    Path((org, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    state.erase(&headers, &org, Subject::User(user)).await
}

impl StorageRoutes {
    async fn erase(&self, headers: &HeaderMap, org: &str, subject: Subject) -> Answer {
        let org = self.door.enter(headers, org, Scope::Admin).await?;
        let who = self.door.caller(headers).await?;
        let of = subject.kind();
        let erasure = self.lake.erase(&org, subject).await?;
        // Whose rows go is not told: that is what is to be forgotten.
        tracing::info!(target: "audit", by = who.subject, %org, of, id = erasure.id, "audit: an erasure was asked for");
        let place = format!("/scope/v1/orgs/{org}/erasures/{}", erasure.id);
        let headers = [(http::header::LOCATION, place)];
        Ok((StatusCode::ACCEPTED, headers, Json(view(&erasure))).into_response())
    }
}

async fn erasures(
    State(state): State<StorageRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Admin).await?;
    let erasures: Vec<Value> = state.lake.erasures(&org).iter().map(view).collect();
    Ok(Json(json!({ "erasures": erasures })).into_response())
}

async fn one_erasure(
    State(state): State<StorageRoutes>,
    Path((org, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Admin).await?;
    let found = state.lake.erasures(&org).into_iter().find(|erasure| erasure.id == id);
    let found = found.ok_or_else(|| Trouble::not_found("there is no such erasure"))?;
    Ok(Json(view(&found)).into_response())
}

fn view(erasure: &Erasure) -> Value {
    json!({
        "id": erasure.id,
        "of": erasure.of,
        "state": match erasure.state {
            ErasureState::Waiting => "waiting",
            ErasureState::Running => "running",
            ErasureState::Done => "done",
        },
        "rows": erasure.rows,
        "files": erasure.files,
        "asked_us": erasure.asked.micros(),
        "ended_us": erasure.ended.map(clock::UnixNanos::micros),
        // What storage says names folders of this server: that is for its log.
        "failed": erasure.error.is_some(),
    })
}
