//! One data file: a sorted batch as Parquet bytes, and what the table's log says of it.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::chunk::{self, Mirrors};
use crate::columns::TIME;

/// Columns that are looked up by exact value, and whose values are many.
const BLOOMED: [&str; 4] = ["trace_id", "span_id", "session_id", "gen_ai_response_id"];
const ROWS_PER_GROUP: usize = 128 * 1024;
/// The level of zstd: what comes in all the time is written quickly, and is a few percent larger for it than at level 3.
const FRESH_LEVEL: i32 = 1;

/// A committed data file, as queries need to know it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Path below the table's folder.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Rows.
    pub(crate) rows: u64,
    /// Smallest and largest `_timestamp`, µs; `None` if the log does not say.
    pub(crate) times: Option<(i64, i64)>,
    /// When it was written, ms since 1970-01-01 UTC.
    pub(crate) written_ms: i64,
}

impl File {
    /// Whether the file may hold a row with `from <= _timestamp <= to`.
    pub(crate) fn may_hold(&self, (from, to): (i64, i64)) -> bool {
        self.times.is_none_or(|(first, last)| first <= to && from <= last)
    }
}

/// The smallest and largest time of a batch, µs.
pub(crate) fn times(batch: &RecordBatch) -> Option<(i64, i64)> {
    let times = batch.column_by_name(TIME)?.as_primitive_opt::<Int64Type>()?;
    min(times).zip(max(times))
}

/// The batch as a Parquet file: zstd, statistics per page, bloom filters on ids. Columns that are one array are
/// encoded once.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Bytes, ParquetError> {
    let time = batch.schema_ref().index_of(TIME).ok().and_then(|at| i32::try_from(at).ok());
    let sorting = time.map(|column_idx| {
        vec![SortingColumn { column_idx, descending: false, nulls_first: false }]
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(FRESH_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(sorting)
        .set_created_by(concat!("inferscope ", env!("CARGO_PKG_VERSION")).to_owned());
    for name in BLOOMED.into_iter().filter(|name| batch.column_by_name(name).is_some()) {
        let distinct = u64::try_from(batch.num_rows().min(ROWS_PER_GROUP)).unwrap_or(u64::MAX);
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(name), true)
            .set_column_bloom_filter_max_ndv(ColumnPath::from(name), distinct);
    }
    let mut out = Vec::new();
    let writer =
        ArrowWriter::try_new(&mut out, Arc::clone(batch.schema_ref()), Some(properties.build()))?;
    let (mut file, mut factory) = writer.into_serialized_writer()?;
    let mirrors = Mirrors::of(batch, |name| BLOOMED.contains(&name));
    for from in (0..batch.num_rows()).step_by(ROWS_PER_GROUP) {
        let part = batch.slice(from, ROWS_PER_GROUP.min(batch.num_rows() - from));
        factory = chunk::write_row_group(&mut file, factory, &part, &mirrors)?;
    }
    file.close()?;
    Ok(out.into())
}

/// Delta's statistics of a file: the row count, and the range of its times.
/// Source: Delta protocol, "Per-file Statistics".
pub(crate) fn statistics(rows: usize, times: Option<(i64, i64)>) -> String {
    let of = |value: Option<i64>| {
        value.map_or_else(|| serde_json::json!({}), |value| serde_json::json!({ TIME: value }))
    };
    serde_json::json!({
        "numRecords": rows,
        "minValues": of(times.map(|(first, _)| first)),
        "maxValues": of(times.map(|(_, last)| last)),
        "nullCount": {},
    })
    .to_string()
}

/// Reads back the row count and the times of [`statistics`].
pub(crate) fn read_statistics(text: &str) -> (u64, Option<(i64, i64)>) {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let time = |which: &str| json[which][TIME].as_i64();
    (json["numRecords"].as_u64().unwrap_or(0), time("minValues").zip(time("maxValues")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_read_back() {
        assert_eq!(read_statistics(&statistics(3, Some((-5, 9)))), (3, Some((-5, 9))));
        assert_eq!(read_statistics(&statistics(0, None)), (0, None));
        assert_eq!(read_statistics("not json"), (0, None));
    }

    #[test]
    fn a_file_without_known_times_may_hold_anything() {
        let file = |times| File { path: String::new(), size: 0, rows: 0, times, written_ms: 0 };
        assert!(file(None).may_hold((0, 1)));
        assert!(file(Some((5, 9))).may_hold((9, 20)));
        assert!(!file(Some((5, 9))).may_hold((10, 20)));
    }
}
