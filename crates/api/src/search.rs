//! OpenObserve's search: SQL in, rows out, whole or as a stream of events.

mod answer;
pub(crate) mod events;
mod parameters;

use accounts::Scope;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderMap;
use query::{Query, Search, Size, TimeRange};
use schema::Kind;
use serde::Deserialize;
use std::str::FromStr;

pub(crate) use answer::{Answer, Figures, Written};
use events::Events;
pub(crate) use parameters::Parameters;

use crate::body::{object, read_question};
use crate::door::Door;
use crate::trouble::{OpenObserve, Refusal, Trouble};

/// Rows of an answer whose request has neither a size nor a LIMIT.
const DEFAULT_ROWS: usize = 1_000;
/// The longest interval of a histogram, s: 3,660 days.
const LONGEST_INTERVAL_S: i64 = 3_660 * 86_400;
/// Most bytes of a request.
pub(crate) const MOST_BYTES: usize = 1 << 20;

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
struct Typed {
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
        parameters: &Typed,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Wanted, Trouble> {
        let org = self.door.enter(headers, org, Scope::Read).await?;
        let body = read_question(body, MOST_BYTES).await?;
        let request: Request =
            serde_json::from_slice(object(&body, "search request")?).map_err(|error| {
                Trouble::invalid(format!("the body is no search request: {}", in_json(&error)))
            })?;
        let asked = request.query;
        let search = Search {
            org,
            kind: kind(parameters.kind.as_deref())?,
            sql: sql(&request.encoding, asked.sql)?,
            range: range(asked.start_time, asked.end_time)?,
            offset: offset(asked.from)?,
            size: match asked.size {
                _ if asked.track_total_hits => Size::Count,
                -1 | 0 => Size::AsWritten { otherwise: DEFAULT_ROWS },
                rows => Size::Rows(usize::try_from(rows).map_err(|_| {
                    Trouble::invalid(format!(
                        "size {rows} is negative: -1 and 0 are what the SQL's LIMIT says"
                    ))
                })?),
            },
            interval_s: interval_s(asked.histogram_interval)?,
            adds_time: true,
        };
        Ok(Wanted { search, from: asked.from, size: asked.size })
    }
}

async fn search(
    State(state): State<SearchRoutes>,
    Path(org): Path<String>,
    Parameters(parameters): Parameters<Typed>,
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
    Parameters(parameters): Parameters<Typed>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal<OpenObserve>> {
    let Wanted { search, from, size } = state.wanted(&org, &parameters, &headers, body).await?;
    let rows = state.query.stream(&search).await?;
    let counts = search.size == Size::Count;
    Ok(events::answer(Events::new(rows, search.range, (from, size), counts)))
}

/// Rows to pass over.
pub(crate) fn offset(from: i64) -> Result<usize, Trouble> {
    usize::try_from(from)
        .map_err(|_| Trouble::invalid(format!("from {from} is negative: it counts rows from 0")))
}

/// 0 is what the range asks for.
fn interval_s(asked: i64) -> Result<Option<i64>, Trouble> {
    match asked {
        0 => Ok(None),
        1..=LONGEST_INTERVAL_S => Ok(Some(asked)),
        _ => Err(Trouble::invalid(format!(
            "histogram_interval {asked} is none: it is 0 to {LONGEST_INTERVAL_S} seconds"
        ))),
    }
}

/// What the reader of JSON says, without the names of this program's types.
pub(crate) fn in_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.replace("EOF while parsing", "it ends inside of")
        .replace("expected i64", "expected a whole number")
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
                .map_err(|error| Trouble::invalid(format!("sql is no URL-safe base64: {error}")))?;
            String::from_utf8(bytes).map_err(|_| Trouble::invalid("sql is no UTF-8"))
        }
        other => Err(Trouble::invalid(format!("encoding {other:?} is neither empty nor base64"))),
    }
}
