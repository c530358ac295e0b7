//! The web pages: files that the binary carries, and one page for every address that is no file.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{StatusCode, Uri};

/// A file of the web pages.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The file's bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its MIME type.
    pub mime: String,
}

/// Finds a file by its path, without a leading slash.
pub type Assets = Arc<dyn Fn(&str) -> Option<Asset> + Send + Sync>;

/// Everything comes from this server, and nothing else is asked.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
     object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

pub(crate) fn routes(assets: Assets) -> Router {
    let page = get(page);
    Router::new()
        .route("/", page.clone())
        .route("/login", page.clone())
        .route("/o/{*rest}", page)
        .route("/assets/{*rest}", get(file))
        .route("/favicon.svg", get(file))
        .route("/favicon.ico", get(|| async { Redirect::permanent("/favicon.svg") }))
        .with_state(assets)
}

async fn page(State(assets): State<Assets>) -> Response {
    match assets("index.html") {
        Some(asset) => {
            ([(CACHE_CONTROL, "no-cache"), (CONTENT_SECURITY_POLICY, POLICY)], respond(asset))
                .into_response()
        }
        None => {
            let text = "this build carries no web pages: run `make build`, or `npm run build` in web/ before cargo build";
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

async fn file(State(assets): State<Assets>, uri: Uri) -> Response {
    match assets(uri.path().trim_start_matches('/')) {
        // The names of built files carry a hash of their content.
        Some(asset) => ([(CACHE_CONTROL, "public, max-age=31536000, immutable")], respond(asset))
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn respond(asset: Asset) -> Response {
    let headers = [(CONTENT_TYPE, asset.mime), (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned())];
    (headers, asset.bytes.into_owned()).into_response()
}
