//! What stands in an address behind the question mark.

use axum::extract::{FromRequestParts, Query};
use clock::SharedClock;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::trouble::{Native, Refusal, Trouble};

/// Microseconds of an hour.
const HOUR_US: i64 = 3_600_000_000;

/// The parameters of an address; what is wrong with them is said in our own dialect.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal<Native>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Trouble::invalid(rejection.body_text()).into()),
        }
    }
}

/// A time range as our own routes spell it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Span {
    /// First moment inside, µs since 1970-01-01 UTC; an hour before the end when absent.
    pub(crate) from_us: Option<i64>,
    /// First moment after; now when absent.
    pub(crate) to_us: Option<i64>,
}

impl Span {
    /// Begin and end, µs since 1970-01-01 UTC.
    pub(crate) fn or_last_hour(self, clock: &SharedClock) -> (i64, i64) {
        let to_us = self.to_us.unwrap_or_else(|| clock.now().micros());
        (self.from_us.unwrap_or_else(|| to_us.saturating_sub(HOUR_US)), to_us)
    }
}
