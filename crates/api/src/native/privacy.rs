//! What an organisation keeps of contents: its own settings, the operator's below them, and a box to try a text in.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use ingest::Ingest;
use privacy::{Kept, Privacy, Written};
use redaction::Setting;
use schema::{OrgName, stream_name};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::{json as json_of, object, read_body};
use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request: a hundred rules of the longest pattern.
const MOST_BYTES: usize = 512 * 1024;

#[derive(Clone)]
pub(crate) struct PrivacyRoutes {
    pub(crate) door: Door,
    pub(crate) privacy: Privacy,
    pub(crate) ingest: Ingest,
}

pub(crate) fn routes(state: PrivacyRoutes) -> Router {
    let of_stream = get(one_stream).put(put_stream).delete(remove_stream);
    Router::new()
        .route("/scope/v1/orgs/{org}/privacy", get(all).put(put_all).delete(remove_all))
        .route("/scope/v1/orgs/{org}/privacy/streams/{stream}", of_stream)
        .route("/scope/v1/orgs/{org}/privacy/test", post(test))
        .with_state(state)
}

type Answer = Result<Response, Refusal<Native>>;
type Of = State<PrivacyRoutes>;

async fn all(State(state): Of, Path(org): Path<String>, headers: HeaderMap) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let (own, streams) = state.privacy.of(&org).await;
    let policies = state.privacy.policies();
    let streams: Vec<Value> =
        streams.iter().map(|(stream, kept)| state.json(&org, Some(stream), Some(kept))).collect();
    let mut answer = state.json(&org, None, own.as_ref());
    answer["operator"] = json!({
        "capture": policies.floor(&org, None).as_str(),
        "rules": policies.operator().rules,
    });
    answer["streams"] = streams.into();
    Ok(Json(answer).into_response())
}

async fn one_stream(
    State(state): Of,
    Path((org, stream)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let stream = stream_name(&stream);
    let (_, streams) = state.privacy.of(&org).await;
    let own = streams.iter().find(|(name, _)| *name == stream).map(|(_, kept)| kept);
    Ok(Json(state.json(&org, Some(&stream), own)).into_response())
}

async fn put_all(
    State(state): Of,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    state.put(&org, None, &headers, body).await
}

async fn put_stream(
    State(state): Of,
    Path((org, stream)): Path<(String, String)>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    state.put(&org, Some(&stream), &headers, body).await
}

async fn remove_all(State(state): Of, Path(org): Path<String>, headers: HeaderMap) -> Answer {
    state.remove(&org, None, &headers).await
}

async fn remove_stream(
    State(state): Of,
    Path((org, stream)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    state.remove(&org, Some(&stream), &headers).await
}

impl PrivacyRoutes {
    async fn put(
        &self,
        org: &str,
        stream: Option<&str>,
        headers: &HeaderMap,
        body: axum::body::Body,
    ) -> Answer {
        let org = self.door.enter(headers, org, Scope::Admin).await?;
        let who = self.door.caller(headers).await?;
        let body = read_body(body, MOST_BYTES).await?;
        let json = object(&body, "privacy setting")?;
        let (own, written) = self.privacy.put(&org, stream, json, &who.subject).await?;
        let status = match written {
            Written::New => StatusCode::CREATED,
            Written::Replaced => StatusCode::OK,
        };
        let stream = stream.map(stream_name);
        Ok((status, Json(self.json(&org, stream.as_deref(), Some(&own)))).into_response())
    }

    async fn remove(&self, org: &str, stream: Option<&str>, headers: &HeaderMap) -> Answer {
        let org = self.door.enter(headers, org, Scope::Admin).await?;
        let who = self.door.caller(headers).await?;
        if self.privacy.remove(&org, stream, &who.subject).await? {
            Ok(StatusCode::NO_CONTENT.into_response())
        } else {
            Err(Trouble::not_found("there is no such privacy setting").into())
        }
    }

    /// A setting, and what holds with it.
    fn json(&self, org: &OrgName, stream: Option<&str>, own: Option<&Kept>) -> Value {
        let policies = self.privacy.policies();
        json!({
            "stream": stream,
            "setting": own.map(|own| &own.setting),
            "changed_us": own.map(|own| own.changed_us),
            "changed_by": own.map(|own| &own.changed_by),
            "floor": policies.floor(org, stream).as_str(),
            "capture": policies.of_stream(org, stream).capture.as_str(),
        })
    }
}

/// A text to be tried, as the value of an attribute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tried {
    text: String,
    /// The attribute; that of a prompt when absent.
    #[serde(default = "prompt")]
    key: String,
    #[serde(default = "default_stream")]
    stream: String,
    /// A setting to be tried in the place of the stream's own; what holds when absent.
    setting: Option<Setting>,
}

fn prompt() -> String {
    "input.value".to_owned()
}

fn default_stream() -> String {
    schema::DEFAULT_STREAM.to_owned()
}

async fn test(
    State(state): Of,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let body = read_body(body, MOST_BYTES).await?;
    let tried: Tried = json_of(&body, "text to try")?;
    let stream = stream_name(&tried.stream);
    let policy = match &tried.setting {
        Some(setting) => state.privacy.tried(&org, Some(&stream), setting).await?,
        None => state.privacy.policies().of_stream(&org, Some(&stream)),
    };
    let (ingest, of_trial) = (state.ingest.clone(), policy.clone());
    let left =
        tokio::task::spawn_blocking(move || ingest.tried(&of_trial, &tried.key, &tried.text));
    let left = left.await.map_err(|error| {
        Trouble::new(fault::Fault::us(fault::Class::Bug), format!("the trial broke off: {error}"))
    })?;
    let stored: Map<String, Value> = left.columns.into_iter().collect();
    Ok(Json(json!({
        "capture": policy.capture.as_str(),
        "stored": stored,
        "redacted": left.redacted,
        "authorizations": left.authorizations,
    }))
    .into_response())
}
