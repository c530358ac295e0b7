//! Which headers go on: all, but for those that speak of one connection and those that are ours.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};
use openai::Operation;

use crate::picker::Authorization;

/// The longest time to wait for a replica, in seconds; a caller's wish to us.
pub(crate) const SCALE_UP_TIMEOUT: HeaderName = HeaderName::from_static("x-scale-up-timeout");
/// The id of a call, chosen by the caller or by us.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Takes out what speaks of one connection only, as RFC 9110 section 7.6.1 says.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

/// Turns the caller's headers into the replica's, but for trace and request id.
pub(crate) fn make_outgoing(
    headers: &mut HeaderMap,
    authorization: &Authorization,
    operation: Operation,
) {
    remove_hop_by_hop(headers);
    for name in [HOST, CONTENT_LENGTH, EXPECT, SCALE_UP_TIMEOUT] {
        headers.remove(name); // the client sets the first two itself
    }
    match authorization {
        Authorization::Drop => {
            headers.remove(AUTHORIZATION);
        }
        Authorization::Forward => {}
        Authorization::Replace(value) => {
            headers.insert(AUTHORIZATION, value.clone());
        }
    }
    // A compressed answer could be passed on, but neither filtered nor recorded.
    match operation {
        Operation::Chat
        | Operation::TextCompletion
        | Operation::Embeddings
        | Operation::Responses => {
            headers.remove(ACCEPT_ENCODING);
        }
        Operation::Other => {}
    }
}

/// The caller's request id where it is short and plain, else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        let mut text = [0; 32];
        crate::trace::write_hex(&rand::random::<[u8; 16]>(), &mut text);
        HeaderValue::from_bytes(&text).expect("hex digits may stand in a header")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn headers_of_one_connection_stay_on_it() {
        let mut map = headers(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("x-kept", "1"),
        ]);
        remove_hop_by_hop(&mut map);
        assert_eq!(names(&map), ["x-kept"]);
    }

    #[test]
    fn our_callers_credential_goes_nowhere_unless_the_route_says_so() {
        let sent = |authorization| {
            let mut map = headers(&[
                ("authorization", "Bearer ours"),
                ("host", "h"),
                ("content-length", "3"),
            ]);
            make_outgoing(&mut map, &authorization, Operation::Chat);
            map.get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(Authorization::Drop), None);
        assert_eq!(sent(Authorization::Forward).as_deref(), Some("Bearer ours"));
        let replaced = Authorization::bearer("theirs").unwrap();
        assert!(!format!("{replaced:?}").contains("theirs"));
        assert_eq!(sent(replaced).as_deref(), Some("Bearer theirs"));
    }

    #[test]
    fn compression_is_asked_for_only_where_nothing_is_read() {
        let asked = |operation| {
            let mut map = headers(&[("accept-encoding", "gzip")]);
            make_outgoing(&mut map, &Authorization::Drop, operation);
            map.contains_key(ACCEPT_ENCODING)
        };
        assert!(!asked(Operation::Chat));
        assert!(asked(Operation::Other));
    }

    #[test]
    fn a_wild_request_id_is_replaced() {
        assert_eq!(request_id(&headers(&[("x-request-id", "abc-1")])), "abc-1");
        for wild in ["", "two words"] {
            assert_eq!(request_id(&headers(&[("x-request-id", wild)])).len(), 32);
        }
    }
}
