//! One data file: a sorted batch as Parquet bytes, and what the table's log says of it.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{Int64Type, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::chunk::{self, Mirrors};
use crate::columns::TIME;
use crate::day::Day;

/// Columns that are looked up by exact value, and whose values are many.
const BLOOMED: [&str; 5] = ["trace_id", "span_id", "session_id", "user_id", "gen_ai_response_id"];
pub(crate) const ROWS_PER_GROUP: usize = 128 * 1024;
/// The level of zstd: what comes in all the time is written quickly, and is a few percent larger for it than at level 3.
const FRESH_LEVEL: i32 = 1;
/// The level for what is written once more, to stay.
const LASTING_LEVEL: i32 = 3;
/// A row group is held in memory, encoded, until it is written, bytes.
pub(crate) const BYTES_PER_GROUP: usize = 32 << 20;
/// A page, or a dictionary, is read and decoded whole, by whoever wants one row of it and for each file that is being merged.
const PAGE_BYTES: usize = 256 << 10;
const PAGE_ROWS: usize = 4 * 1024;
/// Rows after which it is asked whether the page is full: with a thousand, a page of prompts had megabytes.
const ROWS_AT_ONCE: usize = 128;
/// What files of ours say of who made them, before the version.
pub(crate) const MAKER: &str = "inferscope ";
/// How the name of a file begins that a flush has written.
pub(crate) const FLUSHED: &str = "part-";
/// How the name of a file begins that upkeep has written.
pub(crate) const REWRITTEN: &str = "merged-";

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
    /// The UTC day of its rows; `None` if somebody else has put it into no day.
    pub(crate) day: Option<Day>,
}

impl File {
    /// Whether the file may hold a row with `from <= _timestamp <= to`.
    pub(crate) fn may_hold(&self, (from, to): (i64, i64)) -> bool {
        self.times.is_none_or(|(first, last)| first <= to && from <= last)
    }

    /// Its name, without its folder.
    fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }

    /// Whether a flush has written it, and nothing has merged it since.
    pub(crate) fn is_flushed(&self) -> bool {
        self.name().starts_with(FLUSHED)
    }

    /// The log position that its name tells, of its oldest rows; 0 for a file that is not ours.
    pub(crate) fn position(&self) -> u64 {
        let name = self.name();
        let rest = name.strip_prefix(FLUSHED).or_else(|| name.strip_prefix(REWRITTEN));
        let digits = rest.and_then(|rest| rest.split('-').next());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// A new file's path below the table's folder: nobody has had it before. `kind` is [`FLUSHED`] or [`REWRITTEN`].
pub(crate) fn fresh_path(kind: &str, day: Day, position: u64) -> String {
    let partition = crate::columns::DAY;
    format!("{partition}={day}/{kind}{position:020}-{:016x}.parquet", rand::random::<u64>())
}

/// The smallest and largest time of a batch, µs.
pub(crate) fn times(batch: &RecordBatch) -> Option<(i64, i64)> {
    let times = batch.column_by_name(TIME)?.as_primitive_opt::<Int64Type>()?;
    min(times).zip(max(times))
}

/// What so many of a file's rows take of some bytes of it.
pub(crate) fn share(bytes: u64, rows: usize, file: &File) -> u64 {
    let part = u128::from(bytes) * rows as u128 / u128::from(file.rows.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// The range that has both.
pub(crate) fn both(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
        (known, more) => known.or(more),
    }
}

/// The batch as a Parquet file. Columns that are one array are encoded once.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Bytes, ParquetError> {
    let schema = batch.schema_ref();
    let properties = properties(schema, batch.num_rows(), FRESH_LEVEL)?;
    let mut out = Vec::new();
    let writer = ArrowWriter::try_new(&mut out, Arc::clone(schema), Some(properties))?;
    let (mut file, mut factory) = writer.into_serialized_writer()?;
    let mirrors = Mirrors::of(batch, |name| BLOOMED.contains(&name));
    for from in (0..batch.num_rows()).step_by(ROWS_PER_GROUP) {
        let part = batch.slice(from, ROWS_PER_GROUP.min(batch.num_rows() - from));
        factory = chunk::write_row_group(&mut file, factory, &part, &mirrors)?;
    }
    file.close()?;
    Ok(out.into())
}

/// Writes a Parquet file of about `rows` rows that come sorted by time and are to stay.
pub(crate) fn writer<W: Write + Send>(
    out: W,
    schema: &SchemaRef,
    rows: usize,
) -> Result<ArrowWriter<W>, ParquetError> {
    ArrowWriter::try_new(out, Arc::clone(schema), Some(properties(schema, rows, LASTING_LEVEL)?))
}

/// How files are written: zstd of that level, statistics per page, bloom filters on ids.
fn properties(
    schema: &SchemaRef,
    rows: usize,
    level: i32,
) -> Result<WriterProperties, ParquetError> {
    let time = schema.index_of(TIME).ok().and_then(|at| i32::try_from(at).ok());
    let sorting = time.map(|column_idx| {
        vec![SortingColumn { column_idx, descending: false, nulls_first: false }]
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_write_batch_size(ROWS_AT_ONCE)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_max_row_group_bytes(Some(BYTES_PER_GROUP))
        .set_sorting_columns(sorting)
        .set_created_by(format!("{MAKER}{}", env!("CARGO_PKG_VERSION")));
    for name in BLOOMED.into_iter().filter(|name| schema.column_with_name(name).is_some()) {
        let distinct = u64::try_from(rows.clamp(1, ROWS_PER_GROUP)).unwrap_or(u64::MAX);
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(name), true)
            .set_column_bloom_filter_max_ndv(ColumnPath::from(name), distinct);
    }
    Ok(properties.build())
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
        let file =
            |times| File { path: String::new(), size: 0, rows: 0, times, written_ms: 0, day: None };
        assert!(file(None).may_hold((0, 1)));
        assert!(file(Some((5, 9))).may_hold((9, 20)));
        assert!(!file(Some((5, 9))).may_hold((10, 20)));
    }

    #[test]
    fn names_tell_who_wrote_a_file_and_how_old_its_rows_are() {
        let file = |path: &str| File {
            path: path.to_owned(),
            size: 0,
            rows: 0,
            times: None,
            written_ms: 0,
            day: None,
        };
        let flushed = file(&fresh_path(FLUSHED, Day::of_micros(0), 17));
        assert!(flushed.path.starts_with("_date=1970-01-01/part-00000000000000000017-"));
        assert_eq!((flushed.is_flushed(), flushed.position()), (true, 17));
        let merged = file(&fresh_path(REWRITTEN, Day::of_micros(0), 4));
        assert_eq!((merged.is_flushed(), merged.position()), (false, 4));
        let foreign = file("_date=1970-01-01/0-part-17.parquet");
        assert_eq!((foreign.is_flushed(), foreign.position()), (false, 0));
    }
}
