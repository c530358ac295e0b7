//! SQL in, rows out as JSON, JSON lines, CSV or an Arrow stream, written as they are found.

use accounts::Scope;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use query::{Encoder, Format, Piece, Query, Rows, Search, Size, TimeRange};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::read_body;
use crate::door::Door;
use crate::search::{Figures, kind};
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request.
const MOST_BYTES: usize = 1 << 20;

#[derive(Clone)]
pub(crate) struct SqlRoutes {
    pub(crate) door: Door,
    pub(crate) query: Query,
}

pub(crate) fn routes(state: SqlRoutes) -> Router {
    Router::new().route("/scope/v1/orgs/{org}/sql", post(sql)).with_state(state)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sql: String,
    /// First moment inside, µs since 1970-01-01 UTC; all of time before the end when absent.
    from_us: Option<i64>,
    /// First moment after, µs since 1970-01-01 UTC.
    to_us: Option<i64>,
    /// The kind of a stream that the SQL names without one.
    kind: Option<String>,
}

async fn sql(
    State(state): State<SqlRoutes>,
    Path(org): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal<Native>> {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let format = format_of(&headers)?;
    let body = read_body(body, MOST_BYTES).await?;
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|error| Trouble::invalid(format!("the body is no SQL request: {error}")))?;
    let range = TimeRange {
        from_us: wanted.from_us.unwrap_or(i64::MIN),
        to_us: wanted.to_us.unwrap_or(i64::MAX),
    };
    if range.from_us >= range.to_us {
        return Err(Trouble::invalid("from_us has to be before to_us, both in microseconds").into());
    }
    let search = Search {
        org,
        kind: kind(wanted.kind.as_deref())?,
        sql: wanted.sql,
        range,
        offset: 0,
        size: Size::AsWritten { otherwise: usize::MAX },
        interval_s: None,
    };
    let mut rows = state.query.stream(&search).await?;
    let encoder = rows.encoder(format)?;
    // What fails before the first row is answered with a status, not with half a body.
    let first = rows.next().await?;
    let written = Written { rows, encoder: Some(encoder), format, next: first, begun: false };
    let body = Body::from_stream(futures::stream::try_unfold(written, step));
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response())
}

/// The first format of the header that there is; JSON if none is asked for.
fn format_of(headers: &HeaderMap) -> Result<Format, Trouble> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
    let format = |media: &str| match media.split(';').next().unwrap_or_default().trim() {
        "*/*" | "application/*" | "application/json" => Some(Format::Json),
        "text/csv" | "text/*" => Some(Format::Csv),
        "application/x-ndjson" | "application/jsonl" | "application/ndjson" => Some(Format::Lines),
        "application/vnd.apache.arrow.stream" => Some(Format::Arrow),
        _ => None,
    };
    accept.split(',').find_map(format).ok_or_else(|| {
        Trouble::invalid(
            "accept has none of application/json, application/x-ndjson, text/csv, application/vnd.apache.arrow.stream",
        )
    })
}

/// An answer on its way out.
struct Written {
    rows: Rows,
    /// `None` once the end was written.
    encoder: Option<Encoder>,
    format: Format,
    next: Option<Piece>,
    begun: bool,
}

/// The next bytes. An answer that does not come to its end breaks the body off: nobody can take it for whole. Only JSON
/// has a place to say that a limit cut it short.
async fn step(mut written: Written) -> Result<Option<(Bytes, Written)>, Error> {
    let mut bytes = Vec::new();
    if !std::mem::replace(&mut written.begun, true) && written.format == Format::Json {
        bytes.extend_from_slice(head(&written.rows).as_bytes());
    }
    if let Some(piece) = written.next.take() {
        if let Some(encoder) = &mut written.encoder {
            bytes.extend(encoder.rows(&piece)?);
        }
        written.next = written.rows.next().await?;
        return Ok(Some((bytes.into(), written)));
    }
    let Some(encoder) = written.encoder.take() else { return Ok(None) };
    match (written.format, written.rows.partial()) {
        (Format::Lines | Format::Csv | Format::Arrow, Some(why)) => Err(Error(why.to_owned())),
        (Format::Lines | Format::Csv | Format::Arrow, None) => {
            bytes.extend(encoder.end()?);
            Ok(Some((bytes.into(), written)))
        }
        (Format::Json, _) => {
            bytes.extend_from_slice(tail(&written.rows).as_bytes());
            Ok(Some((bytes.into(), written)))
        }
    }
}

/// Why a body was broken off.
#[derive(Debug)]
struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        tracing::debug!(%error, "a streamed answer was broken off");
        Self(error.to_string())
    }
}

fn head(rows: &Rows) -> String {
    let columns: Vec<Value> =
        rows.about().columns().map(|(name, ty)| json!({ "name": name, "type": ty })).collect();
    format!("{{\"columns\":{},\"rows\":[", Value::from(columns))
}

fn tail(rows: &Rows) -> String {
    let (about, ended) = (rows.about(), rows.ended());
    let took_ms = u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX);
    let said = json!({
        "row_count": ended.rows,
        "took_ms": took_ms,
        "partial": ended.partial,
        "unknown_columns": about.unknown,
        "hint": about.hint,
        "histogram_interval_s": about.interval_s,
        "scanned": Figures::from(ended.scanned),
    });
    let said = said.to_string();
    format!("],{}", said.strip_prefix('{').unwrap_or(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).expect("is a header"));
        format_of(&headers).ok()
    }

    #[test]
    fn the_first_format_that_there_is_is_taken() {
        assert_eq!(format("text/html, text/csv;q=0.9, */*"), Some(Format::Csv));
        assert_eq!(format("application/vnd.apache.arrow.stream"), Some(Format::Arrow));
        assert_eq!(format("*/*"), Some(Format::Json));
        assert_eq!(format("image/png"), None);
        assert_eq!(format_of(&HeaderMap::new()).ok(), Some(Format::Json));
    }
}
