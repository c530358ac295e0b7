//! The most frequent values of columns, whole or as events, a column at a time.

use std::time::{Duration, Instant};

use accounts::Scope;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream::{self, StreamExt as _};
use http::HeaderMap;
use query::{About, Query, Scanned, TimeRange, ValueOrder, Values};
use schema::Table;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Compatible, Paged, answer_id};
use crate::body::{object, read_question};
use crate::search::events::{self, Metadata};
use crate::search::{Answer, MOST_BYTES, Parameters, Written, in_json, kind};
use crate::trouble::Trouble;

/// Most columns of one request.
const MOST_FIELDS: usize = 32;

pub(super) fn routes() -> Router<Compatible> {
    Router::new()
        .route("/api/{org}/{stream}/_values", get(values))
        .route("/api/{org}/{stream}/_values_stream", get(values_stream))
        .route("/api/{org}/_values_stream", post(values_posted))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "type", alias = "stream_type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "names")]
    fields: Vec<String>,
    #[serde(default)]
    keyword: String,
    #[serde(default)]
    no_count: bool,
}

/// Names of columns: a text with commas between them, or a list of texts.
fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("names of columns")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(text.split(',').map(str::to_owned).collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(name) = names.next_element()? {
                all.push(name);
            }
            Ok(all)
        }
    }
    from.deserialize_any(Names)
}

/// Without blanks and empty ones; at least one and not too many.
fn checked(names: &[String]) -> Result<Vec<String>, Trouble> {
    let names: Vec<String> =
        names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    if names.is_empty() || names.len() > MOST_FIELDS {
        let text =
            format!("fields has to name 1 to {MOST_FIELDS} columns, with commas between them");
        return Err(Trouble::invalid(text));
    }
    Ok(names)
}

/// A request that was read.
struct Wanted {
    query: Query,
    table: Table,
    fields: Vec<String>,
    range: TimeRange,
    filter: String,
    keyword: String,
    offset: usize,
    limit: usize,
    order: ValueOrder,
    /// `from` as it was asked for.
    from: i64,
}

/// The values of one column.
struct Column {
    hit: Value,
    scanned: Scanned,
    about: About,
}

impl Wanted {
    fn new(query: Query, table: Table, asked: Asked, paged: Paged) -> Result<Self, Trouble> {
        Ok(Self {
            query,
            table,
            fields: checked(&asked.fields)?,
            range: paged.range()?,
            offset: paged.offset()?,
            limit: paged.limit()?,
            order: if asked.no_count { ValueOrder::Alphabetical } else { ValueOrder::Frequent },
            from: paged.from,
            filter: paged.filter,
            keyword: asked.keyword,
        })
    }

    async fn column(&self, field: &str) -> Result<Column, Trouble> {
        let values = Values {
            stream: &self.table,
            range: self.range,
            filter: &self.filter,
            keyword: &self.keyword,
            offset: self.offset,
            limit: self.limit,
            order: self.order,
        };
        let counted = self.query.values(&values, field).await?;
        let found: Vec<Value> = counted
            .values
            .into_iter()
            .map(|(value, count)| json!({ "zo_sql_key": value, "zo_sql_num": count }))
            .collect();
        Ok(Column {
            hit: json!({ "field": field, "values": found }),
            scanned: counted.scanned,
            about: counted.about,
        })
    }

    fn answer(
        &self,
        hits: Vec<Value>,
        took: Duration,
        columns: &[Column],
    ) -> Result<Answer, Trouble> {
        let mut abouts = columns.iter().map(|column| &column.about);
        let about =
            abouts.next().map(|first| abouts.fold(first.clone(), |all, next| all.and(next)));
        Answer::new(Written {
            total: columns.len() as u64,
            hits: Value::from(hits).to_string(),
            took,
            partial: None,
            scanned: columns.iter().fold(Scanned::default(), |all, column| all.and(column.scanned)),
            about: about.as_ref(),
            from: self.from,
            size: i64::try_from(self.limit).unwrap_or(i64::MAX),
        })
    }

    /// The frames of one column, or of what is wrong with it.
    async fn frames(&self, at: usize, id: &str) -> Result<String, Trouble> {
        let started = Instant::now();
        let mut column = self.column(&self.fields[at]).await?;
        let hit = column.hit.take();
        let results = self.answer(Vec::new(), started.elapsed(), &[column])?;
        let percent = (at + 1) * 100 / self.fields.len();
        let mut frames =
            events::frame("search_response_metadata", &Metadata::new(results, id, self.range));
        frames += &events::hits_frame(json!([hit]).to_string())?;
        if at + 1 == self.fields.len() {
            frames += &events::end();
        } else {
            frames += &events::frame("progress", &json!({ "percent": percent }));
        }
        Ok(frames)
    }
}

async fn values(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(asked): Parameters<Asked>,
    Parameters(paged): Parameters<Paged>,
    headers: HeaderMap,
) -> super::Answer {
    let started = Instant::now();
    let wanted = state.wanted(&headers, &org, &stream, asked, paged).await?;
    let mut columns = Vec::with_capacity(wanted.fields.len());
    for field in &wanted.fields {
        columns.push(wanted.column(field).await?);
    }
    let hits = columns.iter_mut().map(|column| column.hit.take()).collect();
    Ok(Json(wanted.answer(hits, started.elapsed(), &columns)?).into_response())
}

async fn values_stream(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(asked): Parameters<Asked>,
    Parameters(paged): Parameters<Paged>,
    headers: HeaderMap,
) -> super::Answer {
    streamed(state.wanted(&headers, &org, &stream, asked, paged).await?).await
}

/// The same with everything in the body.
#[derive(Debug, Deserialize)]
struct Posted {
    stream_name: String,
    #[serde(flatten)]
    asked: Asked,
    #[serde(flatten)]
    paged: Paged,
}

async fn values_posted(
    State(state): State<Compatible>,
    Path(org): Path<String>,
    Parameters(typed): Parameters<Typed>,
    headers: HeaderMap,
    body: Body,
) -> super::Answer {
    state.door.enter(&headers, &org, Scope::Read).await?;
    let body = read_question(body, MOST_BYTES).await?;
    let mut posted: Posted =
        serde_json::from_slice(object(&body, "request for values")?).map_err(|error| {
            Trouble::invalid(format!("the body is no request for values: {}", in_json(&error)))
        })?;
    posted.asked.kind = posted.asked.kind.or(typed.kind);
    streamed(state.wanted(&headers, &org, &posted.stream_name, posted.asked, posted.paged).await?)
        .await
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What fails before the first column is answered with a status.
async fn streamed(wanted: Wanted) -> super::Answer {
    let id = answer_id();
    let first = wanted.frames(0, &id).await?;
    let rest = stream::unfold(Some((1, wanted, id)), |left| async move {
        let (at, wanted, id) = left.filter(|(at, wanted, _)| *at < wanted.fields.len())?;
        Some(match wanted.frames(at, &id).await {
            Ok(frames) => (frames, Some((at + 1, wanted, id))),
            Err(trouble) => (events::failure(&trouble), None),
        })
    });
    Ok(events::response(stream::once(async { first }).chain(rest)))
}

impl Compatible {
    async fn wanted(
        &self,
        headers: &HeaderMap,
        org: &str,
        stream: &str,
        asked: Asked,
        paged: Paged,
    ) -> Result<Wanted, Trouble> {
        let org = self.door.enter(headers, org, Scope::Read).await?;
        let table = Table::new(org, kind(asked.kind.as_deref())?, stream);
        Wanted::new(self.query.clone(), table, asked, paged)
    }
}
