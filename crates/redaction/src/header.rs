/// Last parts of names whose value lets somebody in.
const NAMES: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-authorization",
    "cookie",
    "set-cookie",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "x-amz-security-token",
    "ocp-apim-subscription-key",
];

/// Whether an attribute or header of this name holds a credential: `authorization`, `x-api-key` and the like, in any
/// case, with `_` for `-`, and also as the last part of a dotted name (`http.request.header.authorization`).
#[must_use]
pub fn is_authorization(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    let same = |known: &str| {
        known.len() == last.len()
            && known.bytes().zip(last.bytes()).all(|(known, byte)| {
                known == byte.to_ascii_lowercase() || (known == b'-' && byte == b'_')
            })
    };
    NAMES.iter().any(|known| same(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_let_somebody_in_are_known_in_any_spelling() {
        for name in [
            "Authorization",
            "http.request.header.authorization",
            "http.request.header.proxy_authorization",
            "X-Api-Key",
            "metadata.headers.cookie",
            "set-cookie",
        ] {
            assert!(is_authorization(name), "{name}");
        }
        for name in ["", "author", "authorization.url", "api", "llm.token_count.prompt", "key"] {
            assert!(!is_authorization(name), "{name}");
        }
    }
}
