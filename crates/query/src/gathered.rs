//! Many scans as one leaf of a plan.
//!
//! What plans a question looks at each of its nodes again and again, and a question may read its streams in ten places:
//! with twenty streams it would plan for longer than it reads.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

/// All rows of some scans of one schema, read by as many readers as are wanted: each has its share of the scans'
/// partitions, and reads one after the other.
#[derive(Debug)]
pub(crate) struct Gathered {
    scans: Vec<Arc<dyn ExecutionPlan>>,
    /// Rows of all, before any filter.
    rows: usize,
    properties: Arc<PlanProperties>,
}

impl Gathered {
    /// `scans` of this schema for so many readers.
    pub(crate) fn new(
        schema: SchemaRef,
        scans: Vec<Arc<dyn ExecutionPlan>>,
        rows: usize,
        readers: usize,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(readers.max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            scans,
            rows,
            properties: Arc::new(properties.with_scheduling_type(SchedulingType::NonCooperative)),
        }
    }

    /// The scans' partitions that a reader has: which scan, and which of its partitions.
    fn share(&self, reader: usize) -> Vec<(Arc<dyn ExecutionPlan>, usize)> {
        let readers = self.properties.partitioning.partition_count();
        let all = self.scans.iter().flat_map(|scan| {
            let partitions = scan.output_partitioning().partition_count();
            (0..partitions).map(|partition| (Arc::clone(scan), partition))
        });
        all.skip(reader).step_by(readers).collect()
    }
}

impl DisplayAs for Gathered {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gathered: scans={}", self.scans.len())
    }
}

impl ExecutionPlan for Gathered {
    fn name(&self) -> &'static str {
        "Gathered"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let batches = stream::iter(self.share(partition))
            .map(move |(scan, partition)| scan.execute(partition, Arc::clone(&context)))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    /// Those of all nodes of all scans, layer upon layer.
    fn metrics(&self) -> Option<MetricsSet> {
        fn add(plan: &Arc<dyn ExecutionPlan>, all: &mut MetricsSet) {
            for metric in plan.metrics().iter().flat_map(MetricsSet::iter) {
                all.push(Arc::clone(metric));
            }
            for child in plan.children() {
                add(child, all);
            }
        }
        let mut all = MetricsSet::new();
        for scan in &self.scans {
            add(scan, &mut all);
        }
        Some(all)
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let readers = self.properties.partitioning.partition_count();
        let rows = if args.partition().is_some() { self.rows / readers } else { self.rows };
        let unknown = Statistics::new_unknown(&self.schema());
        Ok(Arc::new(unknown.with_num_rows(Precision::Inexact(rows))))
    }
}
