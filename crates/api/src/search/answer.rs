//! The answer to a search, field for field as OpenObserve's clients read it.

use std::time::Duration;

use query::{About, Scanned};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::trouble::Trouble;

/// The answer, plus what OpenObserve has no field for: `unknown_columns`, `hint` and `scanned`.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    took: u64,
    took_detail: Took,
    columns: [(); 0],
    hits: Box<RawValue>,
    total: u64,
    from: i64,
    size: i64,
    cached_ratio: u8,
    /// MB.
    scan_size: f64,
    idx_scan_size: u8,
    scan_records: u64,
    trace_id: String,
    is_partial: bool,
    result_cache_ratio: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<[String; 1]>,
    /// s.
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram_interval: Option<i64>,
    /// Columns that the SQL names and nobody has sent yet: they read as null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    scanned: Figures,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct Took {
    total: u64,
    cache_took: u8,
    file_list_took: u8,
    wait_in_queue: u8,
    idx_took: u8,
    search_took: u64,
}

/// What was read for an answer, and what did not have to be.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    files: usize,
    files_pruned: usize,
    row_groups_pruned: u64,
    rows: u64,
    bytes: u64,
    bytes_read: u64,
    bytes_spilled: u64,
}

impl From<Scanned> for Figures {
    fn from(scanned: Scanned) -> Self {
        Self {
            files: scanned.files,
            files_pruned: scanned.files_pruned,
            row_groups_pruned: scanned.row_groups_pruned,
            rows: scanned.rows,
            bytes: scanned.bytes,
            bytes_read: scanned.bytes_read,
            bytes_spilled: scanned.bytes_spilled,
        }
    }
}

/// What an answer is made of.
pub(crate) struct Written<'a> {
    /// A JSON array.
    pub(crate) hits: String,
    pub(crate) total: u64,
    pub(crate) took: Duration,
    /// Why it is not whole.
    pub(crate) partial: Option<String>,
    pub(crate) scanned: Scanned,
    pub(crate) about: Option<&'a About>,
    pub(crate) from: i64,
    pub(crate) size: i64,
}

impl Answer {
    pub(crate) fn new(written: Written<'_>) -> Result<Self, Trouble> {
        let took = u64::try_from(written.took.as_millis()).unwrap_or(u64::MAX);
        let hits = RawValue::from_string(written.hits)
            .map_err(|error| Trouble::invalid(error.to_string()))?;
        let about = written.about;
        #[expect(clippy::cast_precision_loss, reason = "megabytes for people")]
        let scan_size = written.scanned.bytes as f64 / 1e6;
        Ok(Self {
            took,
            took_detail: Took {
                total: took,
                cache_took: 0,
                file_list_took: 0,
                wait_in_queue: 0,
                idx_took: 0,
                search_took: took,
            },
            columns: [],
            hits,
            total: written.total,
            from: written.from,
            size: written.size,
            cached_ratio: 0,
            scan_size,
            idx_scan_size: 0,
            scan_records: written.scanned.rows,
            trace_id: format!("{:032x}", rand::random::<u128>()),
            is_partial: written.partial.is_some(),
            result_cache_ratio: 0,
            order_by: about.is_some_and(|about| about.newest_first).then_some("desc"),
            function_error: written.partial.map(|why| [why]),
            histogram_interval: about.and_then(|about| about.interval_s),
            unknown_columns: about.map(|about| about.unknown.clone()).unwrap_or_default(),
            hint: about.and_then(|about| about.hint.clone()),
            scanned: written.scanned.into(),
        })
    }
}
