//! What stands in an address behind the question mark, for OpenObserve's routes.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::asked::said;
use crate::trouble::{OpenObserve, Refusal, Trouble};

/// The parameters of an address; what is wrong with one is said with its name, in OpenObserve's form.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal<OpenObserve>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Trouble::invalid(said(&rejection.body_text())).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::{any, proptest};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its types matter")]
    struct Asked {
        #[serde(default)]
        size: i64,
        #[serde(default)]
        no_count: bool,
    }

    fn refused(query: &str) -> Option<String> {
        let uri: Uri = format!("/x?{query}").parse().ok()?;
        Query::<Asked>::try_from_uri(&uri).err().map(|rejection| said(&rejection.body_text()))
    }

    #[test]
    fn what_is_wrong_is_said_with_the_parameter_s_name() {
        for (query, expected) in [
            ("size=x", "parameter size is no whole number"),
            ("size=", "parameter size is empty, leave it out or give a whole number"),
            ("size=99999999999999999999", "parameter size is too large a number"),
            ("size=1&size=2", "parameter size is there twice"),
            ("no_count=maybe", "parameter no_count is neither true nor false"),
        ] {
            assert_eq!(refused(query).as_deref(), Some(expected), "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_address_is_read_or_refused_in_words(query in any::<String>()) {
            if let Some(text) = refused(&query) {
                assert!(!text.contains("deserialize"), "{text}");
            }
        }
    }
}
