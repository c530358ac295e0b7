//! Streams and their schemas.

use accounts::Scope;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use query::StreamInfo;
use schema::{Kind, Table};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Compatible};
use crate::search::{Parameters, kind};
use crate::trouble::Trouble;

pub(super) fn routes() -> Router<Compatible> {
    Router::new()
        .route("/api/{org}/streams", get(list))
        .route("/api/{org}/streams/{stream}/schema", get(one))
}

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    keyword: String,
    #[serde(default)]
    offset: i64,
    #[serde(default)]
    limit: i64,
    #[serde(default)]
    sort: String,
    asc: Option<bool>,
    #[serde(rename = "fetchSchema", default)]
    fetch_schema: bool,
}

async fn list(
    State(state): State<Compatible>,
    Path(org): Path<String>,
    Parameters(asked): Parameters<Listed>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let wanted = asked.kind.as_deref().filter(|kind| !kind.is_empty());
    let wanted = wanted.map(|name| kind(Some(name))).transpose()?;
    let mut streams = state.query.streams(&org, wanted);
    let keyword = asked.keyword.to_lowercase();
    streams.retain(|stream| stream.table.stream.contains(&keyword));
    sort(&mut streams, &asked.sort)?;
    if asked.asc == Some(false) {
        streams.reverse();
    }
    let total = streams.len();
    let counted = |name: &str, number: i64| {
        usize::try_from(number).map_err(|_| {
            Trouble::invalid(format!("{name} {number} is negative: it counts streams"))
        })
    };
    // 0 is all of them.
    let limit = match counted("limit", asked.limit)? {
        0 => usize::MAX,
        limit => limit,
    };
    let page = streams.iter().skip(counted("offset", asked.offset)?).take(limit);
    let list: Vec<Value> = page
        .map(|stream| {
            let mut shown = shown(stream);
            if !asked.fetch_schema {
                shown["schema"] = json!([]);
            }
            shown
        })
        .collect();
    Ok(Json(json!({ "list": list, "total": total })).into_response())
}

fn sort(streams: &mut [StreamInfo], by: &str) -> Result<(), Trouble> {
    match by {
        "" | "name" => streams.sort_by(|a, b| a.table.stream.cmp(&b.table.stream)),
        "doc_num" => streams.sort_by_key(|stream| stream.rows),
        "storage_size" | "compressed_size" => streams.sort_by_key(|stream| stream.bytes),
        other => {
            return Err(Trouble::invalid(format!(
                "sort {other:?} is not name, doc_num, storage_size or compressed_size"
            )));
        }
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: Option<String>,
}

async fn one(
    State(state): State<Compatible>,
    Path((org, stream)): Path<(String, String)>,
    Parameters(asked): Parameters<Named>,
    headers: HeaderMap,
) -> Answer {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let table = Table::new(org, kind(asked.kind.as_deref())?, &stream);
    let stream = state.query.stream_info(&table)?;
    let stream = stream.ok_or_else(|| Trouble::not_found("stream not found"))?;
    Ok(Json(shown(&stream)).into_response())
}

fn shown(stream: &StreamInfo) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
    let megabytes = stream.bytes as f64 / 1e6;
    let schema: Vec<Value> =
        stream.columns.iter().map(|(name, ty)| json!({ "name": name, "type": ty })).collect();
    let total = schema.len();
    let is_traces = stream.table.kind == Kind::Traces;
    json!({
        "name": stream.table.stream,
        "storage_type": "disk",
        "stream_type": stream.table.kind.as_str(),
        "stats": {
            // Nobody wrote down when a stream was made: its first row is the nearest that is known.
            "created_at": stream.times.map(|(first, _)| first),
            "doc_time_min": stream.times.map(|(first, _)| first),
            "doc_time_max": stream.times.map(|(_, last)| last),
            "doc_num": stream.rows,
            "file_num": stream.files,
            "storage_size": megabytes,
            "compressed_size": megabytes,
            "index_size": 0,
        },
        "schema": schema,
        "settings": {
            "partition_keys": [],
            "full_text_search_keys": if is_traces { json!(["llm_input", "llm_output"]) } else { json!([]) },
            "index_fields": [],
            "bloom_filter_fields":
                if is_traces { json!(["trace_id", "span_id", "session_id", "gen_ai_response_id"]) } else { json!([]) },
            "defined_schema_fields": [],
            "data_retention": null,
            "max_query_range": 0,
            "is_llm_stream": is_traces,
        },
        "total_fields": total,
    })
}
