//! Binary parts of contents, by the SHA-256 that a marker in a row names.

use accounts::Scope;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use blobs::{Address, Blob, Blobs};
use bytes::Bytes;
use futures::stream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::door::Door;
use crate::trouble::{Native, Refusal, Trouble};

/// What is read from the disk at once.
const CHUNK: usize = 64 << 10;

#[derive(Clone)]
pub(crate) struct BlobRoutes {
    pub(crate) door: Door,
    pub(crate) blobs: Blobs,
}

pub(crate) fn routes(state: BlobRoutes) -> Router {
    Router::new().route("/scope/v1/orgs/{org}/blobs/{sha256}", get(one)).with_state(state)
}

async fn one(
    State(state): State<BlobRoutes>,
    Path((org, sha256)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal<Native>> {
    let org = state.door.enter(&headers, &org, Scope::Read).await?;
    let address: Address = sha256.parse().map_err(|()| {
        Trouble::invalid("a binary part is named by its SHA-256, 64 lower-case hex digits")
    })?;
    let found = tokio::task::spawn_blocking(move || state.blobs.get(&org, address)).await;
    let found = found.map_err(|error| {
        Trouble::new(fault::Fault::us(fault::Class::Bug), format!("a part was not read: {error}"))
    })??;
    let Some(blob) = found else {
        return Err(
            Trouble::not_found("the organization has no binary part of that SHA-256").into()
        );
    };
    let etag = format!("\"{address}\"");
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let about = [
        (ETAG, etag.clone()),
        // A name is a part's for ever, but it may be erased, and who asks may have lost the right to see it.
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if known.is_some_and(|known| known == "*" || known.split(',').any(|tag| tag.trim() == etag)) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    // Whoever sent the part decided what is in it: nothing but pictures and sounds is shown, and nothing is run.
    let shown = blob.media_type;
    let disposition = match shown {
        Some(_) => "inline".to_owned(),
        None => format!("attachment; filename=\"{address}\""),
    };
    let about = about.into_iter().chain([
        (CONTENT_TYPE, shown.unwrap_or("application/octet-stream").to_owned()),
        (CONTENT_LENGTH, blob.bytes.to_string()),
        (CONTENT_DISPOSITION, disposition),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ]);
    let mut response = Response::new(body(blob));
    for (name, value) in about {
        let value = value.parse().map_err(|_| Trouble::invalid("no header can say this"))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The bytes as they are read, never all at once.
fn body(blob: Blob) -> Body {
    Body::from_stream(stream::try_unfold(File::from_std(blob.file), |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(chunk), file)))
    }))
}
