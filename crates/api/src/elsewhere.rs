//! What an address gets that is none of ours, or that is asked by another method, in the dialect of its family.

use axum::response::{IntoResponse, Response};
use fault::{Class, Fault};
use http::{Method, Uri};

use crate::open_observe::unspoken;
use crate::trouble::{Hub, Native, OpenObserve, Refusal, Trouble};

pub(crate) async fn nothing(method: Method, uri: Uri) -> Response {
    let instead = unspoken::instead(&method, uri.path());
    let message = instead.unwrap_or_else(|| format!("there is no route {method} {}", uri.path()));
    answer(&uri, Trouble::not_found(message))
}

pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = unspoken::instead(&method, uri.path()).unwrap_or_else(|| {
        format!("{} does not take {method}: the header allow has what it takes", uri.path())
    });
    answer(&uri, Trouble::new(Fault::caller(Class::WrongMethod), message))
}

fn answer(uri: &Uri, trouble: Trouble) -> Response {
    let path = uri.path();
    if path.starts_with("/v2/") || path.starts_with("/api/whoami") {
        Refusal::<Hub>::from(trouble).into_response()
    } else if path.starts_with("/api/") {
        Refusal::<OpenObserve>::from(trouble).into_response()
    } else {
        Refusal::<Native>::from(trouble).into_response()
    }
}
