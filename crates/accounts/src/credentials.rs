use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::{Error, Secret};

/// Longest `Authorization` value that is read, in bytes.
const MAX_HEADER: usize = 8 * 1024;

/// Base64 with or without its padding: people cut the `=` off when they copy.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a caller shows to prove who they are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A user's name and password, or any name and a token.
    Basic {
        /// The user's e-mail address.
        user: String,
        /// The password or token.
        password: Secret,
    },
    /// A token. A login that comes as `Bearer` in its Basic form is read as [`Credentials::Basic`].
    Bearer(Secret),
}

impl Credentials {
    /// Reads the value of an `Authorization` header or of the gRPC metadata of that name.
    ///
    /// # Errors
    /// When there is none, or it is neither `Basic` nor `Bearer` in their standard forms.
    pub fn from_authorization(value: Option<&[u8]>) -> Result<Self, Error> {
        let value = value.ok_or(Error::NoCredentials)?;
        if value.len() > MAX_HEADER {
            return Err(Error::BadHeader { why: "it is longer than 8 KiB" });
        }
        let text =
            std::str::from_utf8(value).map_err(|_| Error::BadHeader { why: "it is not UTF-8" })?;
        let (scheme, rest) =
            text.trim().split_once(' ').ok_or(Error::BadHeader { why: UNKNOWN_SCHEME })?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            Self::bearer(rest)
        } else if scheme.eq_ignore_ascii_case("basic") {
            Self::basic(rest)
        } else {
            Err(Error::BadHeader { why: UNKNOWN_SCHEME })
        }
    }

    fn bearer(token: &str) -> Result<Self, Error> {
        if token.is_empty() {
            return Err(Error::BadHeader { why: "the token is empty" });
        }
        // A client that can send nothing but a bearer token may send a login in its Basic form. No token
        // of ours reads as one: they have an underscore, which this base64 has not.
        Ok(Self::basic(token).unwrap_or_else(|_| Self::Bearer(Secret::new(token.to_owned()))))
    }

    fn basic(encoded: &str) -> Result<Self, Error> {
        let bytes =
            BASE64.decode(encoded).map_err(|_| Error::BadHeader { why: "Basic is not base64" })?;
        let text =
            String::from_utf8(bytes).map_err(|_| Error::BadHeader { why: "Basic is not UTF-8" })?;
        let (user, password) = text
            .split_once(':')
            .ok_or(Error::BadHeader { why: "Basic has no ':' after the user's name" })?;
        Ok(Self::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) })
    }

    /// The `Authorization` value that reads as a user's name and password.
    pub(crate) fn basic_authorization(user: &str, password: &Secret) -> Secret {
        Secret::new(format!("Basic {}", BASE64.encode(format!("{user}:{}", password.expose()))))
    }
}

const UNKNOWN_SCHEME: &str = "it begins with neither 'Basic ' nor 'Bearer '";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Result<(String, String), Error> {
        match Credentials::from_authorization(Some(value.as_bytes()))? {
            Credentials::Basic { user, password } => Ok((user, password.expose().to_owned())),
            Credentials::Bearer(token) => Ok((String::new(), token.expose().to_owned())),
        }
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.to_owned(), password.to_owned())
    }

    #[test]
    fn the_forms_that_clients_send_are_read() {
        assert_eq!(read("Basic YTpiOmM=").expect("reads"), pair("a", "b:c"));
        assert_eq!(read("basic  YTpiOmM").expect("reads"), pair("a", "b:c"));
        assert_eq!(read("Bearer isk_x ").expect("reads"), pair("", "isk_x"));
        assert_eq!(read("Bearer YTpiOmM=").expect("reads"), pair("a", "b:c"));
    }

    #[test]
    fn what_cannot_be_read_says_why_and_shows_nothing() {
        for bad in [
            "",
            "Basic",
            "Basic %",
            "Basic YQ==",
            "Bearer ",
            "Digest abc",
            "isk_abc",
            "Basic /////w==",
        ] {
            let error = read(bad).expect_err(bad);
            assert!(matches!(error, Error::BadHeader { .. }), "{bad}: {error:?}");
        }
        assert!(matches!(Credentials::from_authorization(None), Err(Error::NoCredentials)));
        let long = format!("Bearer {}", "x".repeat(MAX_HEADER));
        assert!(read(&long).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_credentials_or_an_error(bytes: Vec<u8>) {
            let _ = Credentials::from_authorization(Some(&bytes));
            let _ = Credentials::from_authorization(Some(&[b"Basic ".as_slice(), &bytes].concat()));
        }

        #[test]
        fn a_name_and_password_come_back_as_they_went(user in "[^:]{0,20}", password in ".{0,40}") {
            let header = Credentials::basic_authorization(&user, &Secret::new(password.clone()));
            prop_assert_eq!(read(header.expose()).expect("reads"), (user, password));
        }
    }
}
