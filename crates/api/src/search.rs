//! OpenObserve's search: SQL in, rows out.

use accounts::Scope;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderMap;
use query::{Found, Query, Search, Size, TimeRange};
use schema::Kind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::str::FromStr;

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
    Router::new().route("/api/{org}/_search", post(search)).with_state(state)
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
}

#[derive(Debug, Deserialize)]
struct Parameters {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The answer, field for field as OpenObserve's clients read it, plus `unknown_columns`.
#[derive(Debug, Serialize)]
struct Answer {
    took: u64,
    took_detail: Took,
    columns: [(); 0],
    hits: Box<RawValue>,
    total: u64,
    from: i64,
    size: i64,
    cached_ratio: u8,
    /// MB.
    scan_size: f64,
    idx_scan_size: u8,
    scan_records: u64,
    trace_id: String,
    is_partial: bool,
    result_cache_ratio: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    function_error: Vec<String>,
    /// Columns that the SQL names and nobody has sent yet: they read as null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_columns: Vec<String>,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct Took {
    total: u64,
    cache_took: u8,
    file_list_took: u8,
    wait_in_queue: u8,
    idx_took: u8,
    search_took: u64,
}

async fn search(
    State(state): State<SearchRoutes>,
    Path(org): Path<String>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, Refusal<OpenObserve>> {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let body = read_body(body, MOST_BYTES).await?;
    let request: Request = serde_json::from_slice(&body)
        .map_err(|error| Trouble::invalid(format!("the body is no search request: {error}")))?;
    let kind = kind(parameters.kind.as_deref())?;
    let asked = request.query;
    if asked.start_time >= asked.end_time {
        return Err(
            Trouble::invalid("start_time has to be before end_time, both in microseconds").into()
        );
    }
    let search = Search {
        org,
        kind,
        sql: sql(&request.encoding, asked.sql)?,
        range: TimeRange { from_us: asked.start_time, to_us: asked.end_time },
        offset: usize::try_from(asked.from).unwrap_or(0),
        size: match usize::try_from(asked.size) {
            _ if asked.track_total_hits => Size::Count,
            Ok(rows) if rows > 0 => Size::Rows(rows),
            _ => Size::AsWritten { otherwise: DEFAULT_ROWS },
        },
    };
    let found = state.query.search(&search).await?;
    Ok(Json(answer(&found, asked.from, asked.size)?).into_response())
}

/// OpenObserve's default kind is logs. A program that asks for a stream without saying its kind means its traces
/// here.
fn kind(text: Option<&str>) -> Result<Kind, Trouble> {
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

fn answer(found: &Found, from: i64, size: i64) -> Result<Answer, Trouble> {
    let took = u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX);
    let hits = RawValue::from_string(found.json()?)
        .map_err(|error| Trouble::invalid(error.to_string()))?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
    let scan_size = found.extent.bytes as f64 / 1e6;
    Ok(Answer {
        took,
        took_detail: Took {
            total: took,
            cache_took: 0,
            file_list_took: 0,
            wait_in_queue: 0,
            idx_took: 0,
            search_took: took,
        },
        columns: [],
        hits,
        total: found.count().unwrap_or(found.rows as u64),
        from,
        size,
        cached_ratio: 0,
        scan_size,
        idx_scan_size: 0,
        scan_records: found.extent.rows,
        trace_id: format!("{:032x}", rand::random::<u128>()),
        is_partial: found.partial.is_some(),
        result_cache_ratio: 0,
        order_by: found.newest_first.then_some("desc"),
        function_error: found.partial.clone().into_iter().collect(),
        unknown_columns: found.unknown.clone(),
    })
}
