//! The most frequent values of columns.

use std::time::Instant;

use accounts::Scope;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::{Scanned, ValueOrder, Values};
use schema::Table;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Compatible, Paged};
use crate::search::{Answer, Written, kind};
use crate::trouble::Trouble;

/// Most columns of one request.
const MOST_FIELDS: usize = 32;

pub(super) fn routes() -> Router<Compatible> {
    Router::new().route("/api/{org}/{stream}/_values", get(values))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    fields: String,
    #[serde(default)]
    keyword: String,
    #[serde(default)]
    no_count: bool,
}

async fn values(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    UrlQuery(asked): UrlQuery<Asked>,
    UrlQuery(paged): UrlQuery<Paged>,
    headers: HeaderMap,
) -> super::Answer {
    let started = Instant::now();
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let table = Table::new(org, kind(asked.kind.as_deref())?, &stream);
    let fields: Vec<&str> =
        asked.fields.split(',').map(str::trim).filter(|f| !f.is_empty()).collect();
    if fields.is_empty() || fields.len() > MOST_FIELDS {
        let text =
            format!("fields has to name 1 to {MOST_FIELDS} columns, with commas between them");
        return Err(Trouble::invalid(text).into());
    }
    let values = Values {
        stream: &table,
        range: paged.range()?,
        filter: &paged.filter,
        keyword: &asked.keyword,
        offset: paged.offset(),
        limit: paged.limit(),
        order: if asked.no_count { ValueOrder::Alphabetical } else { ValueOrder::Frequent },
    };
    let mut hits = Vec::with_capacity(fields.len());
    for field in fields {
        let found: Vec<Value> = state
            .query
            .values(&values, field)
            .await?
            .into_iter()
            .map(|(value, count)| json!({ "zo_sql_key": value, "zo_sql_num": count }))
            .collect();
        hits.push(json!({ "field": field, "values": found }));
    }
    let total = hits.len() as u64;
    let answer = Answer::new(Written {
        hits: Value::from(hits).to_string(),
        total,
        took: started.elapsed(),
        partial: None,
        scanned: Scanned::default(),
        about: None,
        from: paged.from,
        size: paged.size.unwrap_or(super::PAGE as i64),
    })?;
    Ok(Json(answer).into_response())
}
