//! SQL in, rows out as JSON, JSON lines, CSV or an Arrow stream, written as they are found.

use accounts::Scope;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use query::{Encoder, Format, Piece, Query, Rows, Search, Size};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::{object, read_question};
use crate::door::Door;
use crate::native::question::within;
use crate::search::{Figures, in_json, kind};
use crate::trouble::{Native, Refusal, Trouble};

/// Most bytes of a request.
const MOST_BYTES: usize = 1 << 20;

/// About how many bytes of rows are written at once.
const CHUNK_BYTES: usize = 1 << 18;

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
    let body = read_question(body, MOST_BYTES).await?;
    let wanted: Wanted =
        serde_json::from_slice(object(&body, "SQL request")?).map_err(|error| {
            Trouble::invalid(format!("the body is no SQL request: {}", in_json(&error)))
        })?;
    let range = within((wanted.from_us.unwrap_or(i64::MIN), wanted.to_us.unwrap_or(i64::MAX)))?;
    let search = Search {
        org,
        kind: kind(wanted.kind.as_deref())?,
        sql: wanted.sql,
        range,
        offset: 0,
        size: Size::AsWritten { otherwise: usize::MAX },
        interval_s: None,
        adds_time: false,
    };
    let mut rows = state.query.stream(&search).await?;
    let encoder = rows.encoder(format)?;
    // What fails before the first row is answered with a status, not with half a body.
    let first = rows.next(CHUNK_BYTES).await?;
    let written = Written { rows, encoder: Some(encoder), format, next: first, begun: false };
    let body = Body::from_stream(futures::stream::try_unfold(written, step));
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], body).into_response())
}

/// The format that the header likes best, of those there are; JSON if none is asked for. Source: RFC 9110, section
/// 12.5.1.
fn format_of(headers: &HeaderMap) -> Result<Format, Trouble> {
    let mut ranges = Vec::new();
    for accept in headers.get_all(ACCEPT) {
        let text = accept.to_str().map_err(|_| Trouble::invalid("accept is no ASCII text"))?;
        for range in text.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            ranges.push(liked(range)?);
        }
    }
    if ranges.is_empty() {
        return Ok(Format::Json);
    }
    // Of ranges that name a format, the narrowest counts; of formats that are liked alike, what was named first.
    let weighed = FORMATS.iter().filter_map(|(names, format)| {
        let fits = |range: &str| breadth(range, names);
        let named = ranges
            .iter()
            .enumerate()
            .filter_map(|(at, (range, liking))| fits(range).map(|breadth| (breadth, at, *liking)));
        let (_, at, liking) = named.min_by_key(|(breadth, at, _)| (*breadth, *at))?;
        (liking > 0).then_some((liking, at, *format))
    });
    let best = weighed.min_by_key(|(liking, at, _)| (u16::MAX - liking, *at));
    best.map(|(_, _, format)| format).ok_or_else(|| {
        Trouble::invalid(
            "accept wants none of application/json, application/x-ndjson, text/csv, application/vnd.apache.arrow.stream",
        )
    })
}

/// The formats with their names, in the order in which `*/*` takes them.
const FORMATS: [(&[&str], Format); 4] = [
    (&["application/json"], Format::Json),
    (&["text/csv"], Format::Csv),
    (&["application/x-ndjson", "application/jsonl", "application/ndjson"], Format::Lines),
    (&["application/vnd.apache.arrow.stream"], Format::Arrow),
];

/// A media range and its weight in thousandths.
fn liked(range: &str) -> Result<(&str, u16), Trouble> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let liking = match weight.map(str::parse::<f32>) {
        None => 1_000,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is 0 to 1000"
        )]
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => (weight * 1_000.0).round() as u16,
        Some(_) => {
            return Err(Trouble::invalid(format!(
                "accept: q of {range:?} is no number from 0 to 1"
            )));
        }
    };
    Ok((media, liking))
}

/// How wide a media range is that has one of the names in it: the name itself, its type, anything.
fn breadth(range: &str, names: &[&str]) -> Option<u8> {
    let range = range.to_ascii_lowercase();
    let is_type = |name: &&str| {
        range
            .strip_suffix("/*")
            .is_some_and(|ty| name.starts_with(ty) && name[ty.len()..].starts_with('/'))
    };
    if names.contains(&range.as_str()) {
        Some(0)
    } else if names.iter().any(is_type) {
        Some(1)
    } else {
        (range == "*/*").then_some(2)
    }
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
        written.next = written.rows.next(CHUNK_BYTES).await?;
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
    fn the_format_that_is_liked_best_is_taken() {
        for (accept, expected) in [
            ("text/html, text/csv;q=0.9, */*;q=0.8", Some(Format::Csv)),
            ("text/csv;q=0.1, application/x-ndjson;q=0.9", Some(Format::Lines)),
            ("application/vnd.apache.arrow.stream", Some(Format::Arrow)),
            ("application/JSON", Some(Format::Json)),
            ("*/*", Some(Format::Json)),
            ("text/*", Some(Format::Csv)),
            // Not JSON, but anything else.
            ("application/json;q=0, */*", Some(Format::Csv)),
            ("text/csv;q=0", None),
            ("image/png", None),
            ("text/csv;q=2", None),
            ("text/csv;q=x", None),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }
        assert_eq!(format_of(&HeaderMap::new()).ok(), Some(Format::Json));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read(accept in "[ -~]{0,60}") {
            let _ = format(&accept);
        }
    }
}
