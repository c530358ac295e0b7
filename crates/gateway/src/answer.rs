//! The answers that the gateway gives itself, in the shapes of Hugging Face's router.

use bytes::Bytes;
use fault::Retry;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::error::Error;
use crate::picker::{Failure, Model, Provider, ProviderStatus};
use crate::relay::GatewayBody;

/// The answer to a call that cannot be passed on.
pub(crate) fn refusal(error: &Error) -> Response<GatewayBody> {
    let mut response = json_answer(status(error), &body(error));
    if let Retry::After(wait) = error.fault().retry {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// The status of a refusal.
pub(crate) fn status(error: &Error) -> StatusCode {
    match error {
        // The request was sent, and may have been worked on.
        Error::Unanswered { failure: Failure::Reset, .. } => StatusCode::BAD_GATEWAY,
        Error::Unanswered { failure: Failure::Timeout, .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::from_u16(error.fault().class.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Errors of the request itself are objects, all others have a text as `error`.
fn body(error: &Error) -> Value {
    let code = match error {
        Error::UnknownModel { .. } => json!("model_not_supported"),
        Error::NoModel | Error::Unreadable(_) => Value::Null,
        Error::UnknownEndpoint { .. }
        | Error::BadPath
        | Error::TooLarge { .. }
        | Error::CallerGone
        | Error::NoReplica { .. }
        | Error::Unanswered { .. } => return json!({ "error": error.to_string() }),
    };
    let param = match error {
        Error::Unreadable(openai::PeekError::Field { field, .. }) => Some(*field),
        Error::Unreadable(_) => None,
        _ => Some("model"),
    };
    json!({"error": {"message": error.to_string(), "type": "invalid_request_error", "param": param, "code": code}})
}

/// The answer to `GET /v1/models`.
pub(crate) fn model_list(models: &[Model]) -> Response<GatewayBody> {
    let data: Vec<Value> = models.iter().map(model_object).collect();
    json_answer(StatusCode::OK, &json!({"object": "list", "data": data}))
}

/// The answer to `GET /v1/models/{id}`; `models` are those that there are.
pub(crate) fn one_model(models: &[Model], id: &str) -> Response<GatewayBody> {
    match models.iter().find(|model| model.id == id) {
        Some(model) => json_answer(StatusCode::OK, &model_object(model)),
        None => json_answer(
            StatusCode::NOT_FOUND,
            &json!({"error": {"message": format!("The model '{id}' does not exist"),
                "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}),
        ),
    }
}

fn model_object(model: &Model) -> Value {
    let owner = model.id.split_once('/').map_or(model.id.as_str(), |(owner, _)| owner);
    let providers: Vec<Value> = model.providers.iter().map(provider_object).collect();
    json!({"id": model.id, "object": "model", "created": model.created_s, "owned_by": owner, "providers": providers})
}

fn provider_object(provider: &Provider) -> Value {
    let status = match provider.status {
        ProviderStatus::Live => "live",
        ProviderStatus::Error => "error",
    };
    json!({"provider": provider.name, "status": status, "is_model_author": false})
}

fn json_answer(status: StatusCode, body: &Value) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::own(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::picker::NoReplica;

    #[test]
    fn an_unknown_model_is_refused_in_the_routers_words() {
        let error = Error::UnknownModel { model: "a/b".to_owned() };
        let expected = json!({"error": {"message": "The requested model 'a/b' is not supported by any provider you have enabled.",
            "type": "invalid_request_error", "param": "model", "code": "model_not_supported"}});
        assert_eq!((status(&error), body(&error)), (StatusCode::BAD_REQUEST, expected));
    }

    #[test]
    fn without_a_replica_the_caller_learns_when_to_come_again() {
        let none = NoReplica {
            reason: "it is starting".to_owned(),
            retry_after: Duration::from_millis(10),
        };
        let error = Error::NoReplica { endpoint: "default/llama".to_owned(), none };
        let response = refusal(&error);
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from_static("1"))
        );
        assert!(body(&error)["error"].is_string());
    }

    #[test]
    fn the_class_of_a_failure_before_the_answer_is_seen_in_the_status() {
        let of = |failure| {
            status(&Error::Unanswered {
                endpoint: String::new(),
                failure,
                attempts: 1,
                detail: String::new(),
            })
            .as_u16()
        };
        assert_eq!(
            [of(Failure::Connect), of(Failure::Reset), of(Failure::Timeout)],
            [503, 502, 504]
        );
    }
}
