//! Errors of every room to statuses and bodies: the only place that knows both.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use fault::{Class, Fault, Retry};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// An error on its way out: what it answers, and what it says.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) fault: Fault,
    pub(crate) message: String,
    /// OpenObserve's number of a search error.
    search_code: Option<u32>,
}

impl Trouble {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), search_code: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Fault::caller(Class::Invalid), message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Fault::caller(Class::NotFound), message)
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.fault.class.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same for gRPC. Source: OTLP specification, "Failures"; what passes is what exporters try again.
    pub(crate) fn grpc(&self) -> tonic::Status {
        let code = match self.fault.class {
            Class::Invalid | Class::Conflict => tonic::Code::InvalidArgument,
            Class::TooLarge => tonic::Code::OutOfRange,
            Class::Unauthenticated => tonic::Code::Unauthenticated,
            Class::Forbidden => tonic::Code::PermissionDenied,
            Class::NotFound => tonic::Code::NotFound,
            Class::WrongMethod => tonic::Code::Unimplemented,
            Class::Overloaded | Class::Unavailable => tonic::Code::Unavailable,
            Class::Timeout => tonic::Code::DeadlineExceeded,
            Class::Bug => tonic::Code::Internal,
        };
        tonic::Status::new(code, self.message.clone())
    }

    /// The word for the class in our own API.
    const fn word(&self) -> &'static str {
        match self.fault.class {
            Class::Invalid => "invalid",
            Class::TooLarge => "too_large",
            Class::Unauthenticated => "unauthenticated",
            Class::Forbidden => "forbidden",
            Class::NotFound => "not_found",
            Class::WrongMethod => "wrong_method",
            Class::Conflict => "conflict",
            Class::Overloaded => "overloaded",
            Class::Timeout => "timeout",
            Class::Unavailable => "unavailable",
            Class::Bug => "internal",
        }
    }
}

/// Errors of the rooms: each answers its own fault and says its own text.
macro_rules! from_rooms {
    ($($error:ty),+) => {$(
        impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Self::new(error.fault(), error.to_string())
            }
        }
    )+};
}

from_rooms!(
    accounts::Error,
    blobs::Error,
    privacy::Error,
    ingest::Error,
    otlp::DecodeError,
    analytics::Error,
    tariffs::Error
);

impl From<query::Error> for Trouble {
    fn from(error: query::Error) -> Self {
        if let query::Error::Lake(error) = &error {
            // What storage says names folders of this server: that is for its log.
            tracing::warn!(%error, "a table could not be read");
            return Self::new(
                error.fault(),
                "the table cannot be read now; the server's log says why",
            );
        }
        match &error {
            query::Error::File(why) => tracing::warn!(why, "a data file could not be read"),
            query::Error::Broken(why) => tracing::error!(why, "work on a question broke down"),
            _ => {}
        }
        Self { search_code: Some(error.code()), ..Self::new(error.fault(), error.to_string()) }
    }
}

impl From<lake::Error> for Trouble {
    fn from(error: lake::Error) -> Self {
        // What storage says names folders of this server: that is for its log.
        tracing::warn!(%error, "storage did not do what was asked");
        Self::new(error.fault(), "storage cannot do this now; the server's log says why")
    }
}

impl From<schema::OrgNameError> for Trouble {
    fn from(error: schema::OrgNameError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// How a family of routes says that something went wrong.
pub(crate) trait Dialect {
    fn body(trouble: &Trouble, status: StatusCode) -> Response;
}

/// OpenObserve's: `{"code":…,"message":…}`, plain text for 401 and 403.
#[derive(Debug)]
pub(crate) struct OpenObserve;

impl Dialect for OpenObserve {
    fn body(trouble: &Trouble, status: StatusCode) -> Response {
        match status {
            StatusCode::UNAUTHORIZED => "Unauthorized Access".into_response(),
            StatusCode::FORBIDDEN => trouble.message.clone().into_response(),
            _ => {
                let mut body = search_error(trouble);
                match trouble.search_code {
                    Some(_) => body["trace_id"] = json!(format!("{:032x}", rand::random::<u128>())),
                    None => body = json!({ "code": body["code"], "message": body["message"] }),
                }
                let mut response = axum::Json(body).into_response();
                if let (Some(code), headers) = (trouble.search_code, response.headers_mut()) {
                    headers.insert("x-error-message", HeaderValue::from(code));
                }
                response
            }
        }
    }
}

/// An error as OpenObserve writes it, also in the middle of a stream of events.
pub(crate) fn search_error(trouble: &Trouble) -> serde_json::Value {
    let code = trouble.search_code.unwrap_or_else(|| u32::from(trouble.status().as_u16()));
    json!({ "code": code, "message": trouble.message, "error_detail": "" })
}

/// The Hugging Face hub's and router's for accounts: a string under `error`.
#[derive(Debug)]
pub(crate) struct Hub;

impl Dialect for Hub {
    fn body(trouble: &Trouble, status: StatusCode) -> Response {
        let text = match status {
            StatusCode::UNAUTHORIZED => "Invalid credentials in Authorization header".to_owned(),
            _ => trouble.message.clone(),
        };
        let mut response = axum::Json(json!({ "error": text })).into_response();
        if let Ok(text) = HeaderValue::from_str(&text) {
            response.headers_mut().insert("x-error-message", text);
        }
        response
    }
}

/// Our own API's: `{"error":{"code":…,"message":…,"request_id":…}}`.
#[derive(Debug)]
pub(crate) struct Native;

impl Dialect for Native {
    fn body(trouble: &Trouble, _: StatusCode) -> Response {
        let request_id = format!("{:016x}", rand::random::<u64>());
        tracing::debug!(
            request_id,
            class = trouble.word(),
            message = trouble.message,
            "a request was refused"
        );
        let error =
            json!({ "code": trouble.word(), "message": trouble.message, "request_id": request_id });
        axum::Json(json!({ "error": error })).into_response()
    }
}

/// A handler's error in a family's dialect; any room's error becomes one with `?`.
#[derive(Debug)]
pub(crate) struct Refusal<D> {
    pub(crate) trouble: Trouble,
    dialect: PhantomData<D>,
}

impl<D, E: Into<Trouble>> From<E> for Refusal<D> {
    fn from(error: E) -> Self {
        Self { trouble: error.into(), dialect: PhantomData }
    }
}

impl<D: Dialect> IntoResponse for Refusal<D> {
    fn into_response(self) -> Response {
        let status = self.trouble.status();
        if self.trouble.fault.class == Class::Bug {
            tracing::error!(message = self.trouble.message, "a request failed by our own fault");
        }
        let mut response = D::body(&self.trouble, status);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if let Retry::After(wait) = self.trouble.fault.retry {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"inferscope\""));
        }
        debug_assert!(headers.contains_key(CONTENT_TYPE));
        response
    }
}
