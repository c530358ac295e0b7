//! A data file by its footer: what is in it, and whether it can be read at all.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::columns::TIME;
use crate::error::Error;
use crate::file::{File, MAKER};

/// A file whose footer was read.
pub(crate) struct Opened {
    file: fs::File,
    footer: ArrowReaderMetadata,
}

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
            let footer = ArrowReaderMetadata::load(&found, as_parquet_has_it())?;
            Ok(Self { file: found, footer })
        };
        open().map_err(|error| unreadable(table, file, &error.to_string()))
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
        self.footer.metadata()
    }

    fn reader(&self) -> Result<ParquetRecordBatchReaderBuilder<fs::File>, ParquetError> {
        let file = self.file.try_clone()?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.footer.clone()))
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

    /// What a row, or only some columns of it, takes when it is decoded, bytes, by the average of the heaviest row group.
    pub(crate) fn bytes_per_row(&self, names: Option<&[&str]>) -> usize {
        let is_one = |chunk: &&ColumnChunkMetaData| {
            let path = chunk.column_path().parts();
            names.is_none_or(|names| names.iter().any(|name| path == [*name]))
        };
        let per_row = |group: &RowGroupMetaData| {
            let bytes: i64 = group.columns().iter().filter(is_one).map(decoded_bytes).sum();
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
        let reader = self.reader();
        let groups = self.metadata().row_groups().iter().enumerate();
        let may_hold = groups.filter(|(at, group)| {
            let Some((column, chunk)) = column(group, name) else { return false };
            let inside = values.iter().copied().filter(|value| in_range(chunk, value));
            let mut inside = inside.peekable();
            if inside.peek().is_none() {
                return false;
            }
            let bloom = reader.as_ref().ok().and_then(|reader| {
                reader.get_row_group_column_bloom_filter(*at, column).ok().flatten()
            });
            // A filter that is not there, or cannot be read, rules nothing out.
            bloom.is_none_or(|bloom| inside.any(|value| bloom.check(value)))
        });
        may_hold.map(|(at, _)| at).collect()
    }

    /// All rows, in batches.
    pub(crate) fn rows(
        &self,
        table: &str,
        file: &File,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let reader = self.reader().and_then(|reader| reader.with_batch_size(rows).build());
        reader.map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// Some columns of some row groups.
    pub(crate) fn columns(
        &self,
        table: &str,
        file: &File,
        names: &[&str],
        groups: Vec<usize>,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let reader = self.reader().and_then(|reader| {
            let mask = ProjectionMask::columns(reader.parquet_schema(), names.iter().copied());
            reader.with_row_groups(groups).with_projection(mask).with_batch_size(rows).build()
        });
        reader.map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// Some columns of the rows at these places of the file, in batches of `most`.
    pub(crate) fn slice(
        &self,
        table: &str,
        file: &File,
        names: &[&str],
        places: Range<usize>,
        most: usize,
    ) -> Result<ParquetRecordBatchReader, Error> {
        // Row groups that lie outside are not looked at; of the first one that does not, rows are passed over.
        let (mut groups, mut before, mut skipped) = (Vec::new(), 0, 0);
        for (at, group) in self.metadata().row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            if before + rows <= places.start {
                skipped = before + rows;
            } else if before < places.end {
                groups.push(at);
            }
            before += rows;
        }
        let selection = RowSelection::from(vec![
            RowSelector::skip(places.start - skipped),
            RowSelector::select(places.len()),
        ]);
        let reader = self.reader().and_then(|reader| {
            let mask = ProjectionMask::columns(reader.parquet_schema(), names.iter().copied());
            let part = reader.with_row_groups(groups).with_row_selection(selection);
            part.with_projection(mask).with_batch_size(most).build()
        });
        reader.map_err(|error| unreadable(table, file, &error.to_string()))
    }

    /// Some columns of the row groups that may have rows of a time, µs, both ends inside.
    pub(crate) fn part(
        &self,
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

/// The columns of a table that have a value in a file: one that is null everywhere needs no place.
pub(crate) fn columns_in_use(columns: &SchemaRef, has_values: impl Fn(&str) -> bool) -> SchemaRef {
    let in_use = |name: &str| name == TIME || has_values(name);
    let fields = columns.fields().iter().filter(|field| in_use(field.name()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

pub(crate) fn unreadable(table: &str, file: &File, why: &str) -> Error {
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
