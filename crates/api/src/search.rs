//! OpenObserve's search: SQL in, rows out, whole or as a stream of events.

mod answer;
mod events;

use accounts::Scope;
use axum::body::Body;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use query::{Query, Search, Size, TimeRange};
use schema::Kind;
use serde::Deserialize;
use std::str::FromStr;

pub(crate) use answer::{Answer, Figures, Written};
use events::{Events, body_of};

use crate::body::read_body;
use crate::door::Door;
use crate::trouble::{OpenObserve, Refusal, Trouble};

/// Rows of an answer whose request has neither a size nor a LIMIT.
const DEFAULT_ROWS: usize = 1_000;
/// Most bytes of a request.
const MOST_BYTES: usize = 1 << 20;

#[derive(Clone)]
pub(crate) struct SearchRoutes {
    pub(crate) door: Door,
    pub(crate) query: Query,
}

pub(crate) fn routes(state: SearchRoutes) -> Router {
    Router::new()
        .route("/api/{org}/_search", post(search))
        .route("/api/{org}/_search_stream", post(search_stream))
        .with_state(state)
}

/// The parts of a request that mean something here; the others are read and have no effect.
#[derive(Debug, Deserialize)]
struct Request {
    query: Asked,
    #[serde(default)]
    encoding: String,
}

#[derive(Debug, Deserialize)]
struct Asked {
    sql: String,
    /// µs since 1970-01-01 UTC, inside.
    start_time: i64,
    /// µs since 1970-01-01 UTC, outside.
    end_time: i64,
    #[serde(default)]
    from: i64,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    track_total_hits: bool,
    /// s; 0 for what the range asks for.
    #[serde(default)]
    histogram_interval: i64,
}

#[derive(Debug, Deserialize)]
struct Parameters {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A request that was read, and the page that it asked for as it was written.
struct Wanted {
    search: Search,
    from: i64,
    size: i64,
}

impl SearchRoutes {
    async fn wanted(
        &self,
        org: &str,
        parameters: &Parameters,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Wanted, Trouble> {
        let org = self.door.enter(headers, org, Scope::Read).await?;
        let body = read_body(body, MOST_BYTES).await?;
        let request: Request = serde_json::from_slice(&body)
            .map_err(|error| Trouble::invalid(format!("the body is no search request: {error}")))?;
        let asked = request.query;
        let search = Search {
            org,
            kind: kind(parameters.kind.as_deref())?,
            sql: sql(&request.encoding, asked.sql)?,
            range: range(asked.start_time, asked.end_time)?,
            offset: usize::try_from(asked.from).unwrap_or(0),
            size: match usize::try_from(asked.size) {
                _ if asked.track_total_hits => Size::Count,
                Ok(rows) if rows > 0 => Size::Rows(rows),
                _ => Size::AsWritten { otherwise: DEFAULT_ROWS },
            },
            interval_s: Some(asked.histogram_interval).filter(|interval| *interval > 0),
        };
        Ok(Wanted { search, from: asked.from, size: asked.size })
    }
}

async fn search(
    State(state): State<SearchRoutes>,
    Path(org): Path<String>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal<OpenObserve>> {
    let Wanted { search, from, size } = state.wanted(&org, &parameters, &headers, body).await?;
    let found = state.query.search(&search).await?;
    let written = Written {
        hits: found.json()?,
        total: found.count().unwrap_or(found.rows as u64),
        took: found.took,
        partial: found.partial.clone(),
        scanned: found.scanned,
        about: Some(&found.about),
        from,
        size,
    };
    Ok(Json(Answer::new(written)?).into_response())
}

async fn search_stream(
    State(state): State<SearchRoutes>,
    Path(org): Path<String>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal<OpenObserve>> {
    let Wanted { search, from, size } = state.wanted(&org, &parameters, &headers, body).await?;
    let rows = state.query.stream(&search).await?;
    let counts = search.size == Size::Count;
    let events = Events::new(rows, search.range, (from, size), counts);
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    Ok((headers, body_of(events)).into_response())
}

/// A time range as OpenObserve's requests have it, µs.
pub(crate) fn range(from_us: i64, to_us: i64) -> Result<TimeRange, Trouble> {
    if from_us < to_us {
        Ok(TimeRange { from_us, to_us })
    } else {
        Err(Trouble::invalid("start_time has to be before end_time, both in microseconds"))
    }
}

/// OpenObserve's default kind is logs. A program that asks for a stream without saying its kind means its traces
/// here.
pub(crate) fn kind(text: Option<&str>) -> Result<Kind, Trouble> {
    let text = text.unwrap_or("traces");
    Kind::from_str(text)
        .map_err(|()| Trouble::invalid(format!("type {text:?} is not traces, logs or metrics")))
}

fn sql(encoding: &str, sql: String) -> Result<String, Trouble> {
    match encoding {
        "" => Ok(sql),
        "base64" => {
            let bytes = URL_SAFE
                .decode(&sql)
                .map_err(|error| Trouble::invalid(format!("sql is no base64: {error}")))?;
            String::from_utf8(bytes).map_err(|_| Trouble::invalid("sql is no UTF-8"))
        }
        other => Err(Trouble::invalid(format!("encoding {other:?} is neither empty nor base64"))),
    }
}
