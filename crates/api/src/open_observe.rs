//! What OpenObserve's pages and clients ask beside the search: traces, streams, values, organisations.
//!
//! Shapes and units are OpenObserve's; what it gets wrong is not: absent is null, a call counts once, and a list that
//! was cut says so.

mod organizations;
mod streams;
mod traces;
pub(crate) mod unspoken;
mod values;

use accounts::Scope;
use axum::Router;
use http::HeaderMap;
use query::{Query, TimeRange};
use schema::{Kind, OrgName, Table};
use serde::Deserialize;

use crate::door::Door;
use crate::search::{offset, range};
use crate::trouble::{OpenObserve, Refusal, Trouble};

/// Rows of a page that nobody gave a size for, and the most that one may ask for.
const PAGE: usize = 10;
const LONGEST_PAGE: usize = 1_000;

#[derive(Clone)]
pub(crate) struct Compatible {
    pub(crate) door: Door,
    pub(crate) query: Query,
}

pub(crate) fn routes(state: Compatible) -> Router {
    Router::new()
        .merge(organizations::routes())
        .merge(streams::routes())
        .merge(traces::routes())
        .merge(values::routes())
        .with_state(state)
}

type Answer = Result<axum::response::Response, Refusal<OpenObserve>>;

/// A range and a page of it, as the address has them.
#[derive(Debug, Deserialize)]
struct Paged {
    /// µs since 1970-01-01 UTC, inside.
    start_time: Option<i64>,
    /// µs since 1970-01-01 UTC, outside.
    end_time: Option<i64>,
    #[serde(default)]
    from: i64,
    size: Option<i64>,
    #[serde(default)]
    filter: String,
}

impl Paged {
    fn range(&self) -> Result<TimeRange, Trouble> {
        let from_us = self.start_time.ok_or_else(|| Trouble::invalid("start_time is empty"))?;
        let to_us = self.end_time.ok_or_else(|| Trouble::invalid("end_time is empty"))?;
        range(from_us, to_us)
    }

    fn offset(&self) -> Result<usize, Trouble> {
        offset(self.from)
    }

    fn limit(&self) -> Result<usize, Trouble> {
        match self.size {
            None | Some(-1 | 0) => Ok(PAGE),
            Some(size) => match usize::try_from(size) {
                Ok(size) if size <= LONGEST_PAGE => Ok(size),
                Ok(_) | Err(_) => Err(Trouble::invalid(format!(
                    "size {size} is not 1 to {LONGEST_PAGE}; without one, 0 or -1 it is {PAGE}"
                ))),
            },
        }
    }
}

impl Compatible {
    /// The trace stream of an organisation that the caller may read.
    async fn traces_of(
        &self,
        headers: &HeaderMap,
        org: &str,
        stream: &str,
    ) -> Result<Table, Trouble> {
        let org: OrgName = self.door.enter(headers, org, Scope::Read).await?;
        Ok(Table::new(org, Kind::Traces, stream))
    }
}

/// An id for an answer.
fn answer_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
