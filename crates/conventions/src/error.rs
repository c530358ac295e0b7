//! Errors in a small closed set of classes: by HTTP status, refined by what the provider said.

/// The class of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    RateLimit,
    Quota,
    Auth,
    Gated,
    Permission,
    NotFound,
    ModelNotSupported,
    ContextLength,
    ContentFilter,
    BadRequest,
    Timeout,
    Overloaded,
    ServerError,
    Connection,
    Cancelled,
    Other,
}

use Class as C;

impl Class {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            C::RateLimit => "rate_limit",
            C::Quota => "quota",
            C::Auth => "auth",
            C::Gated => "gated",
            C::Permission => "permission",
            C::NotFound => "not_found",
            C::ModelNotSupported => "model_not_supported",
            C::ContextLength => "context_length",
            C::ContentFilter => "content_filter",
            C::BadRequest => "bad_request",
            C::Timeout => "timeout",
            C::Overloaded => "overloaded",
            C::ServerError => "server_error",
            C::Connection => "connection",
            C::Cancelled => "cancelled",
            C::Other => "other",
        }
    }
}

/// Lower-case words that decide a class, the most particular first.
const WORDS: &[(Class, &[&str])] = &[
    (
        C::Quota,
        &["insufficient_quota", "exceeded your monthly included credits", "payment required"],
    ),
    (C::ModelNotSupported, &["model_not_supported", "is not supported by any provider"]),
    (
        C::ContextLength,
        &["context_length_exceeded", "maximum context length", "inputs tokens + max_new_tokens"],
    ),
    (C::ContentFilter, &["content_filter", "content_policy_violation"]),
    (
        C::Gated,
        &[
            "gated repo",
            "gatedrepo",
            "not in the authorized list",
            "accept the license",
            "must have access to it and be authenticated",
        ],
    ),
    (C::RateLimit, &["ratelimiterror", "rate limit", "rate_limit", "too many requests"]),
    (
        C::Auth,
        &[
            "authenticationerror",
            "invalid api key",
            "invalid_api_key",
            "invalid username or password",
            "invalid token",
            "invalid credentials",
        ],
    ),
    (C::Permission, &["permissiondeniederror", "sufficient permissions"]),
    (C::NotFound, &["notfounderror", "model_not_found", "reponotfound", "does not exist"]),
    (
        C::Timeout,
        &["apitimeouterror", "readtimeout", "connecttimeout", "timed out", "timeouterror"],
    ),
    (C::Overloaded, &["is currently loading", "overloaded", "serviceunavailable"]),
    (
        C::Connection,
        &[
            "apiconnectionerror",
            "connecterror",
            "connection refused",
            "connection error",
            "connectionerror",
            "connection reset",
            "name or service not known",
            "getaddrinfo",
            "remoteprotocolerror",
        ],
    ),
    (C::Cancelled, &["cancellederror", "generatorexit", "keyboardinterrupt"]),
    (C::ServerError, &["internalservererror"]),
    (C::BadRequest, &["badrequesterror", "unprocessableentityerror"]),
];

/// How much of an error's text is looked at, in bytes.
const LOOKED_AT: usize = 16 << 10;

/// The class of an error with these texts: its type, its message, its code.
pub(crate) fn classify(http_status: Option<i64>, texts: &[&str]) -> Class {
    let mut text = String::new();
    for part in texts {
        let cut = part.floor_char_boundary(part.len().min(LOOKED_AT));
        text.push_str(&part[..cut].to_ascii_lowercase());
        text.push('\n');
    }
    let says = |class| says(class, &text);
    match http_status {
        Some(402) => C::Quota,
        Some(429) if says(C::Quota) => C::Quota,
        Some(429) => C::RateLimit,
        Some(401 | 403) if says(C::Gated) => C::Gated,
        Some(401) => C::Auth,
        Some(403) => C::Permission,
        Some(404) => C::NotFound,
        Some(408 | 504) => C::Timeout,
        Some(503 | 529) => C::Overloaded,
        Some(499) => C::Cancelled,
        Some(500..=599) if says(C::Overloaded) => C::Overloaded,
        Some(500..=599) => C::ServerError,
        Some(400..=499) => {
            let refined = [C::ModelNotSupported, C::ContextLength, C::ContentFilter];
            refined.into_iter().find(|class| says(*class)).unwrap_or(C::BadRequest)
        }
        Some(_) | None => {
            WORDS.iter().map(|(class, _)| *class).find(|class| says(*class)).unwrap_or(C::Other)
        }
    }
}

fn says(class: Class, text: &str) -> bool {
    let words = WORDS.iter().filter(|(of, _)| *of == class).flat_map(|(_, words)| *words);
    // Sentences with a model or a licence's name in the middle.
    let around = |first: &str, second: &str| {
        text.find(first).is_some_and(|at| text[at + first.len()..].contains(second))
    };
    let sentence = class == C::Gated
        && (around("access to model", "is restricted")
            || around("accept the ", "license")
            || around("accept the ", "licence")
            || around("accept its ", "licence")
            || around("accept its ", "license"));
    sentence || words.into_iter().any(|word| text.contains(word))
}

/// The status code that an error's text names, between 400 and 599.
///
/// Only where the words before it say that it is one: three digits elsewhere may be tokens.
pub(crate) fn status_in(text: &str) -> Option<i64> {
    let text = &text[..text.floor_char_boundary(text.len().min(LOOKED_AT))];
    let after = |word: &str, gap: usize| {
        text.match_indices(word).find_map(|(at, _)| {
            let starts_word = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let rest = &text[at + word.len()..];
            let digits =
                rest.find(|c: char| c.is_ascii_digit()).filter(|skipped| *skipped <= gap)?;
            if starts_word { three_digits(&rest[digits..]) } else { None }
        })
    };
    after("Error code:", 4)
        .or_else(|| {
            ["HTTP", "status_code", "status", "Client Error", "Server Error"]
                .into_iter()
                .find_map(|word| after(word, 12))
        })
        .or_else(|| three_digits(text))
        .filter(|code| (400..=599).contains(code))
}

/// Three digits at the start, and no further word character.
fn three_digits(text: &str) -> Option<i64> {
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let ends = !text[3..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    if ends { digits.parse().ok() } else { None }
}

/// The class name with which an error's text begins: `RateLimitError` of `RateLimitError: Error code: 429`.
pub(crate) fn class_before_colon(text: &str) -> Option<&str> {
    let (name, _) = text.split_once(": ")?;
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let ending = ["Error", "Exception", "Timeout"].into_iter().any(|ending| name.ends_with(ending));
    (plain && ending).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_codes_and_words() {
        let cases: &[(&str, Option<i64>, Class)] = &[
            (
                "RateLimitError: Error code: 429 - {'error': {'code': 'rate_limit_exceeded'}}",
                Some(429),
                C::RateLimit,
            ),
            ("Error code: 429 - {'error': {'code': 'insufficient_quota'}}", Some(429), C::Quota),
            (
                "Error code: 402 - You have exceeded your monthly included credits",
                Some(402),
                C::Quota,
            ),
            (
                "AuthenticationError: Error code: 401 - {'error': 'Invalid username or password.'}",
                Some(401),
                C::Auth,
            ),
            (
                "Error code: 403 - Access to model meta-llama/X is restricted and you are not in the authorized list.",
                Some(403),
                C::Gated,
            ),
            ("Error code: 403 - You do not have sufficient permissions", Some(403), C::Permission),
            ("NotFoundError: Error code: 404 - nothing", Some(404), C::NotFound),
            (
                "Error code: 400 - {'error': {'message': \"The requested model 'x/y' is not supported by any provider you have enabled.\", 'code': 'model_not_supported'}}",
                Some(400),
                C::ModelNotSupported,
            ),
            (
                "Error code: 400 - This model's maximum context length is 8192 tokens",
                Some(400),
                C::ContextLength,
            ),
            ("Error code: 400 - content_filter", Some(400), C::ContentFilter),
            ("Error code: 422 - unprocessable", Some(422), C::BadRequest),
            ("Error code: 504", Some(504), C::Timeout),
            ("Error code: 503 - Model is currently loading", Some(503), C::Overloaded),
            ("InternalServerError: Error code: 500 - boom", Some(500), C::ServerError),
            ("APITimeoutError: Request timed out.", None, C::Timeout),
            ("APIConnectionError: Connection error.", None, C::Connection),
            ("asyncio.CancelledError", None, C::Cancelled),
            ("ValueError: no", None, C::Other),
        ];
        for (text, code, class) in cases {
            assert_eq!(status_in(text), *code, "{text}");
            assert_eq!(classify(*code, &[text]), *class, "{text}");
        }
    }

    #[test]
    fn only_codes_that_are_said_to_be_codes_count() {
        assert_eq!(status_in("HTTP/1.1 503 Service Unavailable"), None);
        assert_eq!(status_in("HTTP error 503"), Some(503));
        assert_eq!(status_in("500 Server Error"), Some(500));
        assert_eq!(status_in("status_code=404, body"), Some(404));
        for text in ["used 429 tokens of 500", "Error code: 4290", "500ms", "Error code: 200", "éé"]
        {
            assert_eq!(status_in(text), None, "{text}");
        }
    }

    #[test]
    fn the_class_before_a_message_is_found() {
        assert_eq!(
            class_before_colon("openai.RateLimitError: Error code: 429"),
            Some("openai.RateLimitError")
        );
        assert_eq!(class_before_colon("Request failed: no"), None);
        assert_eq!(class_before_colon("Error code: 401"), None);
    }
}
