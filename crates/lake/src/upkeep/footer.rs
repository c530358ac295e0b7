//! A data file by its footer: what is in it, and whether it can be read at all.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
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

/// What the batches of files that are read together may take when they are decoded, bytes.
const BATCHES: usize = 16 << 20;
/// Most rows of such a batch.
pub(crate) const MOST_ROWS: usize = 8 * 1024;

/// How many rows of each of some files may be in memory, if a row takes so many bytes.
pub(crate) fn rows_at_once(files: usize, bytes_per_row: usize) -> usize {
    (BATCHES / files.max(1) / bytes_per_row.max(1)).clamp(1, MOST_ROWS)
}

/// A file whose footer was read.
pub(crate) struct Opened {
    file: fs::File,
    footer: ArrowReaderMetadata,
    /// Where each column stands, by its name; those that are no flat columns are not read.
    places: HashMap<String, usize>,
}

type Builder = ParquetRecordBatchReaderBuilder<fs::File>;

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
            let columns = footer.metadata().file_metadata().schema_descr().columns().iter();
            let names = columns.map(|column| column.path().parts()).zip(0..);
            let flat = names.filter_map(|(name, place)| match name {
                [name] => Some((name.clone(), place)),
                _ => None,
            });
            let places = flat.collect();
            Ok(Self { file: found, footer, places })
        };
        readable(table, file, open())
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

    fn builder(&self) -> Result<Builder, ParquetError> {
        Ok(Builder::new_with_metadata(self.file.try_clone()?, self.footer.clone()))
    }

    /// Its rows, narrowed, in batches of so many.
    fn read(
        &self,
        (table, file): (&str, &File),
        rows: usize,
        narrowed: impl FnOnce(Builder) -> Builder,
    ) -> Result<Batches, Error> {
        let builder = self.builder();
        let reader = builder.and_then(|all| narrowed(all).with_batch_size(rows).build());
        Ok(Batches(Some(readable(table, file, reader)?)))
    }

    /// How many row groups it has.
    pub(crate) fn groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// The chunks of some columns in a row group.
    fn chunks<'a>(
        &'a self,
        group: &'a RowGroupMetaData,
        names: &'a [&str],
    ) -> impl Iterator<Item = &'a ColumnChunkMetaData> {
        names.iter().filter_map(|name| Some(group.column(*self.places.get(*name)?)))
    }

    /// Whether a column may have a value that is not null.
    pub(crate) fn has_values(&self, name: &str) -> bool {
        self.metadata().row_groups().iter().any(|group| {
            self.chunks(group, &[name]).any(|chunk| {
                let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
                nulls.is_none_or(|nulls| nulls < group.num_rows().unsigned_abs())
            })
        })
    }

    /// What a row takes when it is decoded, bytes, by the average of the heaviest row group.
    pub(crate) fn bytes_per_row(&self) -> usize {
        self.heaviest(|group| group.columns().iter().map(decoded_bytes).sum())
    }

    /// What some columns of a row take when they are decoded, bytes, by the average of the heaviest row group.
    pub(crate) fn bytes_per_row_of(&self, names: &[&str]) -> usize {
        self.heaviest(|group| self.chunks(group, names).map(decoded_bytes).sum())
    }

    fn heaviest(&self, bytes: impl Fn(&RowGroupMetaData) -> i64) -> usize {
        let groups = self.metadata().row_groups().iter();
        let heaviest = groups.map(|group| bytes(group) / group.num_rows().max(1)).max();
        usize::try_from(heaviest.unwrap_or(0)).unwrap_or(1)
    }

    /// What some columns take of the file, bytes.
    pub(crate) fn stored_bytes(&self, names: &[&str]) -> u64 {
        let groups = self.metadata().row_groups().iter();
        let chunks = groups.flat_map(|group| self.chunks(group, names));
        chunks.map(|chunk| chunk.compressed_size().unsigned_abs()).sum()
    }

    /// The columns of these names, as far as the file has them. (The library's own way takes a dot for a level.)
    fn mask(&self, names: &[&str]) -> ProjectionMask {
        let places = names.iter().filter_map(|name| self.places.get(*name).copied());
        ProjectionMask::leaves(self.metadata().file_metadata().schema_descr(), places)
    }

    /// Row groups in which a text column may have one of the values, by statistics and bloom filter.
    pub(crate) fn groups_with(&self, name: &str, values: &[&str]) -> Vec<usize> {
        let builder = self.builder();
        let groups = self.metadata().row_groups().iter().enumerate();
        let may_hold = groups.filter(|(at, group)| {
            let Some(&column) = self.places.get(name) else { return false };
            let chunk = group.column(column);
            let inside = values.iter().copied().filter(|value| in_range(chunk, value));
            let mut inside = inside.peekable();
            if inside.peek().is_none() {
                return false;
            }
            let bloom = builder.as_ref().ok().and_then(|builder| {
                builder.get_row_group_column_bloom_filter(*at, column).ok().flatten()
            });
            // A filter that is not there, or cannot be read, rules nothing out.
            bloom.is_none_or(|bloom| inside.any(|value| bloom.check(value)))
        });
        may_hold.map(|(at, _)| at).collect()
    }

    /// All rows, in batches.
    pub(crate) fn rows(&self, table: &str, file: &File, rows: usize) -> Result<Batches, Error> {
        self.read((table, file), rows, |all| all)
    }

    /// Some columns of some row groups.
    pub(crate) fn columns(
        &self,
        table: &str,
        file: &File,
        names: &[&str],
        groups: Vec<usize>,
        rows: usize,
    ) -> Result<Batches, Error> {
        let mask = self.mask(names);
        self.read((table, file), rows, |all| all.with_row_groups(groups).with_projection(mask))
    }

    /// Some columns of the rows at these places of the file, in batches of `most`.
    pub(crate) fn slice(
        &self,
        table: &str,
        file: &File,
        names: &[&str],
        places: Range<usize>,
        most: usize,
    ) -> Result<Batches, Error> {
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
        let mask = self.mask(names);
        self.read((table, file), most, |all| {
            all.with_row_groups(groups).with_row_selection(selection).with_projection(mask)
        })
    }

    /// Some columns of the row groups that may have rows of a time, µs, both ends inside.
    pub(crate) fn part(
        &self,
        table: &str,
        file: &File,
        names: &[&str],
        (from, to): (i64, i64),
        rows: usize,
    ) -> Result<Batches, Error> {
        let groups = self.metadata().row_groups().iter().enumerate().filter(|(_, group)| {
            let times =
                self.chunks(group, &[TIME]).next().and_then(|chunk| match chunk.statistics() {
                    Some(Statistics::Int64(times)) => times.min_opt().zip(times.max_opt()),
                    _ => None,
                });
            times.is_none_or(|(first, last)| *first <= to && from <= *last)
        });
        let groups = groups.map(|(at, _)| at).collect();
        self.columns(table, file, names, groups, rows)
    }
}

/// The rows of a file in batches. Bytes that are damaged are an error also where the library breaks down over them.
pub(crate) struct Batches(Option<ParquetRecordBatchReader>);

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        // After a breakdown nobody uses the reader again.
        let mut reader = self.0.take()?;
        let Ok(batch) = catch_unwind(AssertUnwindSafe(|| reader.next())) else {
            let why = "its decoder broke down over what it has".to_owned();
            return Some(Err(ArrowError::ParquetError(why)));
        };
        self.0 = Some(reader);
        batch
    }
}

/// The columns of a table that have a value in a file: one that is null everywhere needs no place.
pub(crate) fn columns_in_use(columns: &SchemaRef, has_values: impl Fn(&str) -> bool) -> SchemaRef {
    let in_use = |name: &str| name == TIME || has_values(name);
    let fields = columns.fields().iter().filter(|field| in_use(field.name()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

/// What was read of a file, or which file could not be read.
pub(crate) fn readable<T, E: Display>(
    table: &str,
    file: &File,
    read: Result<T, E>,
) -> Result<T, Error> {
    read.map_err(|error| unreadable(table, file, &error.to_string()))
}

pub(crate) fn unreadable(table: &str, file: &File, why: &str) -> Error {
    Error::Unreadable { table: table.to_owned(), path: file.path.clone(), why: why.to_owned() }
}

/// What a column of a row group takes when it is decoded: texts that repeat are stored once, and not in memory, and even
/// a null takes the place of a number or of where a text ends.
fn decoded_bytes(chunk: &ColumnChunkMetaData) -> i64 {
    let texts = chunk.unencoded_byte_array_data_bytes().unwrap_or(0);
    chunk.uncompressed_size().max(texts + 8 * chunk.num_values())
}

/// Whether a text lies between the smallest and the largest of a column of a row group.
fn in_range(chunk: &ColumnChunkMetaData, value: &str) -> bool {
    let Some(Statistics::ByteArray(texts)) = chunk.statistics() else { return true };
    // Bounds may be cut short, and are still bounds.
    let above = texts.min_bytes_opt().is_none_or(|min| min <= value.as_bytes());
    let below = texts.max_bytes_opt().is_none_or(|max| value.as_bytes() <= max);
    above && below
}
