//! A table for DataFusion: hot rows and committed files of one view, pruned by time.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use object_store::path::Path;

use crate::batch::widen;
use crate::file::File;
use crate::hot::Hot;
use crate::range::time_range;
use crate::table::View;

/// How much a scan of a view would read, before pruning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Committed files.
    pub files: usize,
    /// Rows in files and in memory.
    pub rows: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// What a column that nobody has sent is taken for, so that a query with it can be planned. Its values are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullAs {
    /// Fits most operators, and no aggregate.
    Anything,
    /// Text.
    Text,
    /// A number.
    Number,
}

impl NullAs {
    const fn data_type(self) -> DataType {
        match self {
            Self::Anything => DataType::Null,
            Self::Text => DataType::Utf8,
            Self::Number => DataType::Float64,
        }
    }
}

/// One consistent view of a table, as DataFusion reads it.
///
/// A column that was asked for and that no row has is null.
#[derive(Debug)]
pub struct TableView {
    view: View,
    folder: PathBuf,
    schema: SchemaRef,
}

impl TableView {
    pub(crate) fn new(view: View, folder: PathBuf, asked: &[String], null_as: NullAs) -> Self {
        let known = view.columns.arrow();
        let unknown = asked.iter().filter(|name| known.column_with_name(name).is_none());
        let nulls = unknown.map(|name| Arc::new(Field::new(name, null_as.data_type(), true)));
        let fields: Vec<_> = known.fields().iter().cloned().chain(nulls).collect();
        Self { view, folder, schema: Arc::new(Schema::new(fields)) }
    }

    /// How much a scan of rows with `from <= _timestamp <= to` (µs) reads.
    #[must_use]
    pub fn extent(&self, range: (i64, i64)) -> Extent {
        let files: Vec<_> = self.view.files.iter().filter(|file| file.may_hold(range)).collect();
        let hot: usize = self.hot(range).map(|hot| hot.batch.num_rows()).sum();
        Extent {
            files: files.len(),
            rows: files.iter().map(|file| file.rows).sum::<u64>() + hot as u64,
            bytes: files.iter().map(|file| file.size).sum(),
        }
    }

    /// The first and the last `_timestamp` of the rows (µs, both inside), as far as they are known.
    #[must_use]
    pub fn times(&self) -> Option<(i64, i64)> {
        let files = self.view.files.iter().filter_map(|file| file.times);
        let all = files.chain(self.view.hot.iter().filter_map(|hot| hot.times));
        all.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
    }

    fn hot(&self, (from, to): (i64, i64)) -> impl Iterator<Item = &Arc<Hot>> {
        let inside = move |hot: &&Arc<Hot>| {
            hot.times.is_none_or(|(first, last)| first <= to && from <= last)
        };
        self.view.hot.iter().filter(inside)
    }

    fn memory(
        &self,
        range: (i64, i64),
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Only what is asked for is widened: a table may have many columns that a query does not name.
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let batches =
            self.hot(range).map(|hot| widen(&hot.batch, &schema)).collect::<Result<Vec<_>, _>>()?;
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema, None)?)
    }

    fn parquet(
        &self,
        state: &dyn Session,
        range: (i64, i64),
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let files: Vec<_> = self.view.files.iter().filter(|file| file.may_hold(range)).collect();
        if files.is_empty() {
            return Ok(None);
        }
        let disk = ObjectStoreUrl::local_filesystem();
        let runtime = state.runtime_env();
        // A file never changes once it has its name, and its footer, of a hundred columns and more, is read by every
        // question about its time: footers are kept, as many as the runtime has room for.
        let readers = CachedParquetFileReaderFactory::new(
            runtime.object_store(&disk)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let mut source = ParquetSource::new(Arc::clone(&self.schema))
            .with_bloom_filter_on_read(true)
            .with_pushdown_filters(state.config_options().execution.parquet.pushdown_filters)
            .with_parquet_file_reader_factory(Arc::new(readers));
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            let schema = DFSchema::try_from(self.schema.as_ref().clone())?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let groups = groups(&self.folder, &files, state.config().target_partitions())?;
        let scan = FileScanConfigBuilder::new(disk, Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(Some(DataSourceExec::from_data_source(scan)))
    }
}

#[async_trait]
impl TableProvider for TableView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let range = time_range(filters);
        let memory = self.memory(range, projection)?;
        match self.parquet(state, range, projection, filters)? {
            Some(parquet) => UnionExec::try_new(vec![memory, parquet]),
            None => Ok(memory),
        }
    }
}

/// The files in up to `most` groups of about equal size, for as many readers.
fn groups(folder: &FsPath, files: &[&Arc<File>], most: usize) -> Result<Vec<FileGroup>> {
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> =
        vec![(0, Vec::new()); most.clamp(1, files.len().max(1))];
    for file in files {
        let path = Path::from_absolute_path(folder.join(&file.path))
            .map_err(|source| DataFusionError::External(source.into()))?;
        let mut part = PartitionedFile::new(String::new(), file.size);
        part.object_meta.location = path;
        let smallest =
            groups.iter_mut().min_by_key(|(size, _)| *size).expect("there is at least one group");
        smallest.0 += file.size;
        smallest.1.push(part);
    }
    Ok(groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect())
}
