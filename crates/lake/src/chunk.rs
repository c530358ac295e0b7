//! Column chunks of a Parquet file, one encoding for columns that are one array.
//!
//! Many columns of a trace table mirror another one, prompts and answers among them. Such a chunk is written a second
//! time as the bytes that it was encoded to: to compress them again would cost more than the rest of a flush.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, PageKey, PageStore, PageStoreArgs,
    PageStoreFactory, compute_leaves,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;

/// Which columns are one array, and are encoded in the same way.
pub(crate) struct Mirrors {
    /// For each column the first one that it mirrors: itself, if it is none's mirror.
    first: Vec<usize>,
    /// Whether a later column mirrors this one.
    repeated: Vec<bool>,
}

impl Mirrors {
    /// Of a batch, with `differs` for what else tells the encodings of two columns apart.
    pub(crate) fn of(batch: &RecordBatch, differs: impl Fn(&str) -> bool) -> Self {
        let mut firsts: HashMap<(*const (), bool), usize> = HashMap::new();
        let mut mirrors = Self { first: Vec::new(), repeated: vec![false; batch.num_columns()] };
        let schema = batch.schema_ref();
        for (column, (array, field)) in batch.columns().iter().zip(schema.fields()).enumerate() {
            let key = (Arc::as_ptr(array).cast(), differs(field.name()));
            let first = *firsts.entry(key).or_insert(column);
            mirrors.first.push(first);
            mirrors.repeated[first] |= first != column;
        }
        mirrors
    }
}

/// Writes a row group that holds the whole batch, of which the mirrors are known. All columns are flat: one chunk each.
pub(crate) fn write_row_group<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    batch: &RecordBatch,
    mirrors: &Mirrors,
) -> Result<ArrowRowGroupWriterFactory> {
    let pages = Kept { wanted: mirrors.repeated.clone(), chunks: Chunks::default() };
    let chunks = Arc::clone(&pages.chunks);
    let factory = factory.with_page_store_factory(Arc::new(pages));
    let descriptors: Vec<ColumnDescPtr> = file.schema_descr().columns().to_vec();
    let writers = factory.create_column_writers(file.flushed_row_groups().len())?;
    let mut group = file.next_row_group()?;
    let mut encoded: HashMap<usize, ColumnCloseResult> = HashMap::new();
    for (column, writer) in writers.into_iter().enumerate() {
        let first = mirrors.first[column];
        if let Some(close) = encoded.get(&first) {
            let close = renamed(close.clone(), Arc::clone(&descriptors[column]))?;
            group.append_column(&bytes_of(&chunks, first), close)?;
            continue;
        }
        let close = write_chunk(&mut group, writer, &batch.schema(), column, batch.column(column))?;
        // Where its pages lie is said there; without it, a mirror is encoded like any other column.
        if mirrors.repeated[column] && close.offset_index.is_some() {
            encoded.insert(column, close);
        }
    }
    group.close()?;
    Ok(factory)
}

/// Encodes a column and appends its chunk; answers what the file's footer has to say of it.
fn write_chunk<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    mut writer: ArrowColumnWriter,
    schema: &Schema,
    column: usize,
    array: &ArrayRef,
) -> Result<ColumnCloseResult> {
    for leaf in compute_leaves(schema.field(column), array)? {
        writer.write(&leaf)?;
    }
    let chunk = writer.close()?;
    let close = chunk.close().clone();
    chunk.append_to_row_group(group)?;
    Ok(close)
}

/// What the footer says of a chunk, said of another column whose bytes are the same.
fn renamed(close: ColumnCloseResult, descriptor: ColumnDescPtr) -> Result<ColumnCloseResult> {
    let data: i64 = close
        .offset_index
        .iter()
        .flat_map(|index| &index.page_locations)
        .map(|page| i64::from(page.compressed_page_size))
        .sum();
    // The writer puts the dictionary before the data, and knows its length; we have it from what is left.
    let dictionary = match close.metadata.dictionary_page_offset() {
        Some(_) => usize::try_from(close.metadata.compressed_size() - data)
            .map_err(|_| ParquetError::General("a chunk is shorter than its pages".to_owned()))?,
        None => 0,
    };
    let mut close = close.update_dictionary_location(dictionary)?;
    let said = &close.metadata;
    let mut builder = ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(said.compression_codec())
        .set_encodings_mask(*said.encodings_mask())
        .set_total_compressed_size(said.compressed_size())
        .set_total_uncompressed_size(said.uncompressed_size())
        .set_num_values(said.num_values())
        .set_data_page_offset(said.data_page_offset())
        .set_dictionary_page_offset(said.dictionary_page_offset())
        .set_unencoded_byte_array_data_bytes(said.unencoded_byte_array_data_bytes())
        .set_repetition_level_histogram(said.repetition_level_histogram().cloned())
        .set_definition_level_histogram(said.definition_level_histogram().cloned());
    if let Some(statistics) = said.statistics() {
        builder = builder.set_statistics(statistics.clone());
    }
    if let Some(pages) = said.page_encoding_stats() {
        builder = builder.set_page_encoding_stats(pages.clone());
    }
    close.metadata = builder.build()?;
    Ok(close)
}

/// The pages of appended chunks by column, in the order in which the file has them.
type Chunks = Arc<Mutex<HashMap<usize, Vec<Bytes>>>>;

fn bytes_of(chunks: &Chunks, column: usize) -> Bytes {
    let chunks = chunks.lock().unwrap_or_else(PoisonError::into_inner);
    chunks.get(&column).map(|pages| pages.concat()).unwrap_or_default().into()
}

/// Keeps the pages of the columns that come again.
#[derive(Debug)]
struct Kept {
    wanted: Vec<bool>,
    chunks: Chunks,
}

impl PageStoreFactory for Kept {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let column = args.column_index();
        let wanted = self.wanted.get(column).is_some_and(|wanted| *wanted);
        let kept = wanted.then(|| (column, Arc::clone(&self.chunks)));
        Ok(Box::new(Pages { pages: Vec::new(), kept }))
    }
}

/// The pages of one chunk while it is encoded.
struct Pages {
    pages: Vec<Bytes>,
    kept: Option<(usize, Chunks)>,
}

impl PageStore for Pages {
    fn put(&mut self, page: Bytes) -> Result<PageKey> {
        self.pages.push(page);
        Ok(PageKey::new(self.pages.len() as u64 - 1))
    }

    /// Pages are taken in the order in which the file has them, the dictionary first.
    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let place = usize::try_from(key.get()).ok().and_then(|at| self.pages.get_mut(at));
        let page = std::mem::take(
            place.ok_or_else(|| ParquetError::General("a page was never put".to_owned()))?,
        );
        if let Some((column, chunks)) = &self.kept {
            let mut chunks = chunks.lock().unwrap_or_else(PoisonError::into_inner);
            chunks.entry(*column).or_default().push(page.clone());
        }
        Ok(page)
    }

    fn memory_size(&self) -> usize {
        self.pages.iter().map(Bytes::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, StringArray};
    use arrow::datatypes::{DataType, Field};
    use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use parquet::file::metadata::PageIndexPolicy;

    use super::*;
    use crate::file;

    /// Texts that become dictionary pages, and some that make the writer give its dictionary up.
    fn texts(rows: usize, len: usize) -> ArrayRef {
        let text = |at: usize| (!at.is_multiple_of(7)).then(|| format!("{at:0len$}"));
        Arc::new((0..rows).map(text).collect::<StringArray>())
    }

    fn read(bytes: Bytes) -> (Vec<RecordBatch>, Vec<i64>) {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
            .expect("is a Parquet file");
        let groups = builder.metadata().row_groups();
        let sizes =
            groups.iter().flat_map(|group| group.columns()).map(|column| column.compressed_size());
        let sizes = sizes.collect();
        (builder.build().expect("opens").map(|batch| batch.expect("reads")).collect(), sizes)
    }

    #[test]
    fn a_mirror_is_the_same_bytes_under_another_name_and_reads_back() {
        for (rows, len) in [(1, 8), (5_000, 8), (5_000, 700), (130_000, 20)] {
            let (same, other) = (texts(rows, len), texts(rows, len + 1));
            let field = |name: &str| Field::new(name, DataType::Utf8, true);
            let schema = Schema::new(["a", "b", "c", "session_id"].map(field).to_vec());
            let columns = vec![same.clone(), other.clone(), same.clone(), same.clone()];
            let batch = RecordBatch::try_new(Arc::new(schema), columns).expect("a batch");
            let mirrors = Mirrors::of(&batch, |name| name == "session_id");
            assert_eq!((mirrors.first, &mirrors.repeated[..1]), (vec![0, 1, 0, 3], &[true][..]));
            let (batches, sizes) = read(file::encode(&batch).expect("encodes"));
            assert_eq!(sizes[0], sizes[2]);
            for (column, expected) in
                [("a", &same), ("b", &other), ("c", &same), ("session_id", &same)]
            {
                let mut at = 0;
                for batch in &batches {
                    let part = expected.slice(at, batch.num_rows());
                    assert_eq!(
                        batch[column].as_string::<i32>(),
                        part.as_string::<i32>(),
                        "{column}"
                    );
                    at += batch.num_rows();
                }
                assert_eq!(at, expected.len());
            }
        }
    }
}
