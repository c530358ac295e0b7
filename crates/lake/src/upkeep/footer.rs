//! A data file by its footer: what is in it, and whether it can be read at all.

use std::fs;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::columns::TIME;
use crate::error::Error;
use crate::file::{File, MAKER};

/// A file whose footer was read.
pub(crate) struct Opened(ParquetRecordBatchReaderBuilder<fs::File>);

/// Without the Arrow types that its writer may have noted: another program's texts may be of several kinds there, and all
/// are read as ours are.
fn as_parquet_has_it() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

impl Opened {
    /// Opens a file of the table in `folder`, if it is as the table's log says.
    pub(crate) fn any(table: &str, folder: &Path, file: &File) -> Result<Self, Error> {
        let path = folder.join(&file.path);
        let open = || -> Result<_, ParquetError> {
            let found = fs::File::open(&path)?;
            let size = found.metadata()?.len();
            if size != file.size {
                return Err(ParquetError::General(format!(
                    "it has {size} bytes, and the table's log says {}",
                    file.size
                )));
            }
            ParquetRecordBatchReaderBuilder::try_new_with_options(found, as_parquet_has_it())
        };
        open().map(Self).map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// As [`Opened::any`], and only files that this program has written: those are sorted by time.
    pub(crate) fn ours(table: &str, folder: &Path, file: &File) -> Result<Self, Error> {
        let opened = Self::any(table, folder, file)?;
        let maker = opened.metadata().file_metadata().created_by();
        if maker.is_some_and(|maker| maker.starts_with(MAKER)) {
            Ok(opened)
        } else {
            Err(unreadable(table, file, "another program has written it"))
        }
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.0.metadata()
    }

    /// How many row groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// Whether a column may have a value that is not null.
    pub(crate) fn has_values(&self, name: &str) -> bool {
        self.metadata().row_groups().iter().any(|group| {
            column(group, name).is_some_and(|(_, chunk)| {
                let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
                nulls.is_none_or(|nulls| nulls < group.num_rows().unsigned_abs())
            })
        })
    }

    /// What a row takes when it is decoded, bytes, by the average of the heaviest row group.
    pub(crate) fn bytes_per_row(&self) -> usize {
        let per_row = |group: &RowGroupMetaData| {
            let bytes: i64 = group.columns().iter().map(decoded_bytes).sum();
            bytes / group.num_rows().max(1)
        };
        let heaviest = self.metadata().row_groups().iter().map(per_row).max().unwrap_or(0);
        usize::try_from(heaviest).unwrap_or(1)
    }

    /// What some columns take of the file, bytes.
    pub(crate) fn stored_bytes(&self, names: &[&str]) -> u64 {
        let groups = self.metadata().row_groups().iter();
        let chunks = groups.flat_map(|group| names.iter().filter_map(|name| column(group, name)));
        chunks.map(|(_, chunk)| chunk.compressed_size().unsigned_abs()).sum()
    }

    /// Row groups in which a text column may have one of the values, by statistics and bloom filter.
    pub(crate) fn groups_with(&self, name: &str, values: &[&str]) -> Vec<usize> {
        let groups = self.metadata().row_groups().iter().enumerate();
        let may_hold = groups.filter(|(at, group)| {
            let Some((column, chunk)) = column(group, name) else { return false };
            let inside = values.iter().copied().filter(|value| in_range(chunk, value));
            let mut inside = inside.peekable();
            if inside.peek().is_none() {
                return false;
            }
            match self.0.get_row_group_column_bloom_filter(*at, column) {
                Ok(Some(bloom)) => inside.any(|value| bloom.check(value)),
                // A filter that is not there, or cannot be read, rules nothing out.
                Ok(None) | Err(_) => true,
            }
        });
        may_hold.map(|(at, _)| at).collect()
    }

    /// All rows, in batches.
    pub(crate) fn rows(
        self,
        table: &str,
        file: &File,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let reader = self.0.with_batch_size(rows).build();
        reader.map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// Some columns of some row groups.
    pub(crate) fn columns(
        self,
        table: &str,
        file: &File,
        names: &[&str],
        groups: Vec<usize>,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let mask = ProjectionMask::columns(self.0.parquet_schema(), names.iter().copied());
        let part = self.0.with_row_groups(groups).with_projection(mask).with_batch_size(rows);
        part.build().map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// Some columns of the row groups that may have rows of a time, µs, both ends inside.
    pub(crate) fn part(
        self,
        table: &str,
        file: &File,
        names: &[&str],
        (from, to): (i64, i64),
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let groups = self.metadata().row_groups().iter().enumerate().filter(|(_, group)| {
            let times = column(group, TIME).and_then(|(_, chunk)| match chunk.statistics() {
                Some(Statistics::Int64(times)) => times.min_opt().zip(times.max_opt()),
                _ => None,
            });
            times.is_none_or(|(first, last)| *first <= to && from <= *last)
        });
        let groups = groups.map(|(at, _)| at).collect();
        self.columns(table, file, names, groups, rows)
    }
}

fn unreadable(table: &str, file: &File, why: &str) -> Error {
    Error::Unreadable { table: table.to_owned(), path: file.path.clone(), why: why.to_owned() }
}

fn column<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<(usize, &'a ColumnChunkMetaData)> {
    let mut columns = group.columns().iter().enumerate();
    columns.find(|(_, chunk)| chunk.column_path().parts() == [name])
}

/// What a column of a row group takes when it is decoded: texts that repeat are stored once, and not in memory.
fn decoded_bytes(chunk: &ColumnChunkMetaData) -> i64 {
    let texts = chunk.unencoded_byte_array_data_bytes().unwrap_or(0);
    chunk.uncompressed_size().max(texts)
}

/// Whether a text lies between the smallest and the largest of a column of a row group.
fn in_range(chunk: &ColumnChunkMetaData, value: &str) -> bool {
    let Some(Statistics::ByteArray(texts)) = chunk.statistics() else { return true };
    // Bounds may be cut short, and are still bounds.
    let above = texts.min_bytes_opt().is_none_or(|min| min <= value.as_bytes());
    let below = texts.max_bytes_opt().is_none_or(|max| value.as_bytes() <= max);
    above && below
}
