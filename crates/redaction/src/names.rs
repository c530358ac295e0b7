//! Names of attributes, headers and JSON fields that say what their value is.

/// What a value is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It lets somebody in: the value of an `Authorization` header and the like. It is never kept.
    Authorization,
    /// It is a password or a key. Rules take it out.
    Secret,
}

impl Named {
    /// What stands for such a value.
    #[must_use]
    pub const fn marker(self) -> &'static str {
        match self {
            Self::Authorization => "[redacted:authorization]",
            Self::Secret => "[redacted:secret]",
        }
    }
}

/// What a name ends in that says so, in lower case and without separators.
const AUTHORIZATIONS: &[&str] = &["authorization"];

/// Whole names, likewise.
const HEADERS: &[&str] = &[
    "cookie",
    "setcookie",
    "apikey",
    "xapikey",
    "xgoogapikey",
    "xamzsecuritytoken",
    "ocpapimsubscriptionkey",
];

const SECRET_ENDS: &[&str] = &[
    "apikey",
    "password",
    "passwd",
    "passphrase",
    "secretkey",
    "privatekey",
    "accesskey",
    "secretaccesskey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "authtoken",
    "sessiontoken",
    "clientsecret",
    "connectionstring",
];

const SECRETS: &[&str] = &["secret", "pwd", "credential", "credentials", "bearer"];

/// Longest part of a name that is looked at.
pub(crate) const LONGEST: usize = 64;

/// What the value of an attribute, header or field of this name is: `authorization`, `x-api-key`, `clientSecret` and the
/// like, in any case, with `-`, `_` or nothing between words, and as the last part of a dotted name
/// (`http.request.header.authorization`).
#[must_use]
pub fn named(name: &str) -> Option<Named> {
    let last = name.rsplit(['.', '/', ':']).next().unwrap_or_default();
    // Asked of every attribute: only what ends like one of them is looked at.
    let ends = last.bytes().next_back().map(|byte| byte.to_ascii_lowercase())?;
    if !b"ndyetsgrl".contains(&ends) || last.len() > LONGEST {
        return None;
    }
    let mut letters = [0; LONGEST];
    let mut length = 0;
    for byte in last.bytes().filter(|byte| !matches!(byte, b'-' | b'_' | b' ')) {
        letters[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &letters[..length];
    let ends_in = |ends: &[&str]| ends.iter().any(|end| plain.ends_with(end.as_bytes()));
    let is_one = |names: &[&str]| names.iter().any(|name| plain == name.as_bytes());
    if ends_in(AUTHORIZATIONS) || is_one(HEADERS) {
        Some(Named::Authorization)
    } else if ends_in(SECRET_ENDS) || is_one(SECRETS) {
        Some(Named::Secret)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_spelling() {
        for name in [
            "Authorization",
            "http.request.header.authorization",
            "http.request.header.proxy_authorization",
            "X-Api-Key",
            "apiKey",
            "metadata.headers.cookie",
            "set-cookie",
            "Ocp-Apim-Subscription-Key",
        ] {
            assert_eq!(named(name), Some(Named::Authorization), "{name}");
        }
        for name in [
            "password",
            "db.PASSWORD",
            "OPENAI_API_KEY",
            "clientSecret",
            "aws_secret_access_key",
            "access-token",
            "secret",
            "pwd",
        ] {
            assert_eq!(named(name), Some(Named::Secret), "{name}");
        }
        for name in [
            "",
            "author",
            "authorization.url",
            "api",
            "llm.token_count.prompt",
            "max_tokens",
            "token",
            "key",
            "secretary",
            "password_policy",
            "_",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn every_name_of_the_tables_is_found() {
        for name in AUTHORIZATIONS.iter().chain(HEADERS) {
            assert_eq!(named(name), Some(Named::Authorization), "{name}");
        }
        for name in SECRET_ENDS.iter().filter(|name| !HEADERS.contains(name)).chain(SECRETS) {
            assert_eq!(named(name), Some(Named::Secret), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_looked_at(name in ".{0,80}|[-_. a-zA-Z]{0,80}") {
            let spaced = name.replace('_', "-").to_uppercase();
            if name.is_ascii() {
                prop_assert_eq!(named(&name), named(&spaced));
            }
        }
    }
}
