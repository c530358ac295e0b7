//! What of OpenObserve's routes is not spoken, and what does the same here.

use http::Method;

/// Ends of paths with what to do instead; a method of `*` is any.
const UNSPOKEN: [(&str, &str, &str); 16] = [
    ("*", "/_hec", LOGS),
    ("*", "/loki/api/v1/push", LOGS),
    ("*", "/ingest/metrics/_json", METRICS),
    ("*", "/prometheus/api/v1/write", METRICS),
    ("*", "/prometheus/api/v1/query", PROMQL),
    ("*", "/prometheus/api/v1/query_range", PROMQL),
    ("*", "/prometheus/api/v1/series", PROMQL),
    ("*", "/prometheus/api/v1/labels", PROMQL),
    ("*", "/prometheus/api/v1/metadata", PROMQL),
    ("*", "/prometheus/api/v1/format_query", PROMQL),
    (
        "*",
        "/passcode",
        "tokens are shown once, when they are made: POST /scope/v1/orgs/{org}/tokens makes one",
    ),
    ("PUT", "/settings", SETTINGS),
    ("POST", "/settings", SETTINGS),
    ("POST", "/streams", "a stream is made by the first record that is sent to it"),
    (
        "POST",
        "/users",
        "logins are not made by this API: POST /scope/v1/orgs/{org}/tokens makes a token",
    ),
    (
        "*",
        "/llm/models",
        "prices are read at /scope/v1/orgs/{org}/prices and set below it, in overrides",
    ),
];

const LOGS: &str = "this way of sending logs is not spoken: send OTLP to /api/{org}/v1/logs, or JSON to /api/{org}/STREAM/_json, …/_multi or /api/{org}/_bulk";
const METRICS: &str =
    "this way of sending metrics is not spoken: send OTLP to /api/{org}/v1/metrics";
const PROMQL: &str = "PromQL is not spoken: ask by SQL with type=metrics; /v2/endpoint/{org}/{name}/open-metrics is for Prometheus to scrape";
const SETTINGS: &str = "streams have no settings of their own: the configuration's sections storage and query hold for all";
const DELETING: &str = "a stream is not deleted by this API: DELETE /scope/v1/orgs/{org}/traces/ID erases a trace (…/sessions/ID, …/users/ID those of one), and the configuration ends days that are too old";

/// What to say to who asks for a route of OpenObserve that is not spoken; `None` if it is none.
pub(crate) fn instead(method: &Method, path: &str) -> Option<String> {
    let (org, rest) = path.strip_prefix("/api/")?.split_once('/')?;
    let rest = format!("/{rest}");
    if method == Method::DELETE && rest.starts_with("/streams/") {
        return Some(DELETING.replace("{org}", org));
    }
    let found = UNSPOKEN.iter().find(|(asked, end, _)| {
        (*asked == "*" || *asked == method.as_str()) && rest.ends_with(end)
    })?;
    Some(found.2.replace("{org}", org))
}
