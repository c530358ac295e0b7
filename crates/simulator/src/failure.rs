use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::ask::AskError;
use crate::behaviour::{NotUnderstood, Refusal};
use crate::queue::LineFull;

/// Why a call got no answer; its text and shape are those of the software that would say it.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The key is the bad one: the Hub router's 401.
    BadKey,
    /// The engine still starts.
    Starting,
    /// The request is wrong: vLLM's 400.
    BadRequest(String),
    /// Nobody serves this model: the Hub router's 400.
    ModelNotSupported(String),
    /// Too many wait already.
    LineFull,
    /// The call asked for this error, or the dice brought it.
    Asked(Refusal, String),
}

impl From<AskError> for Refused {
    fn from(error: AskError) -> Self {
        Self::BadRequest(error.to_string())
    }
}

impl From<NotUnderstood> for Refused {
    fn from(error: NotUnderstood) -> Self {
        Self::BadRequest(error.to_string())
    }
}

impl From<LineFull> for Refused {
    fn from(LineFull: LineFull) -> Self {
        Self::LineFull
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::BadKey => answer(401, &asked_body(401, ""), None),
            Self::Starting => {
                answer(503, &engine_error("Loading model", "unavailable_error", 503), Some(1))
            }
            Self::BadRequest(message) => {
                answer(400, &engine_error(&message, "BadRequestError", 400), None)
            }
            Self::ModelNotSupported(model) => answer(400, &not_supported(&model), None),
            Self::LineFull => {
                let message = "The waiting line is full";
                answer(503, &engine_error(message, "ServiceUnavailableError", 503), Some(1))
            }
            Self::Asked(asked, model) => {
                answer(asked.status, &asked_body(asked.status, &model), asked.retry_after)
            }
        }
    }
}

fn not_supported(model: &str) -> Value {
    let message =
        format!("The requested model '{model}' is not supported by any provider you have enabled.");
    json!({"error": {"message": message, "type": "invalid_request_error", "param": "model",
        "code": "model_not_supported"}})
}

fn asked_body(status: u16, model: &str) -> Value {
    match status {
        401 => json!({"error": "Invalid credentials in Authorization header"}),
        402 => json!({"error": "You have depleted your monthly included credits."}),
        403 => {
            json!({"error": format!("Access to model {model} is restricted. You must accept the license \
            of the model on its page and be authenticated to access it.")})
        }
        429 => json!({"error": {"message": format!("Rate limit reached for {model}"),
            "type": "rate_limit_error", "param": null, "code": "rate_limit_exceeded"}}),
        503 => {
            json!({"error": format!("Model {model} is currently loading"), "estimated_time": 20.0})
        }
        400..500 => engine_error("Simulated request error", "BadRequestError", status),
        _ => engine_error("Simulated server error", "InternalServerError", status),
    }
}

/// The error event inside a stream.
pub(crate) fn in_band() -> Value {
    engine_error("Simulated server error in mid-stream", "InternalServerError", 500)
}

fn engine_error(message: &str, kind: &str, code: u16) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn answer(status: u16, body: &Value, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
