use std::collections::BTreeMap;

/// A reading older than this is no longer told as the present, µs.
const PRESENT_US: i64 = 30_000_000;

/// What a sampler reads at one moment at one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// Requests without a status yet.
    Pending {
        /// Those that have no replica.
        waiting: u64,
        /// Those at each replica: every replica that there is, at 0 too.
        by_replica: Vec<(String, u64)>,
    },
    /// Numbers of replicas.
    Replicas {
        /// That answer.
        running: u64,
        /// That there are to be at least.
        min: u64,
        /// That there may be at most.
        max: u64,
    },
    /// What one replica uses.
    Hardware {
        /// The replica.
        replica_id: String,
        /// Processor time, percent of one whole processor.
        cpu_percent: Option<f64>,
        /// Resident memory.
        memory_bytes: Option<u64>,
        /// What it may use at most.
        memory_limit_bytes: Option<u64>,
    },
}

/// What was sampled last, where that is at most 30 s ago.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latest {
    /// Requests without a status yet.
    pub pending: Option<PendingNow>,
    /// Numbers of replicas.
    pub replicas: Option<ReplicasNow>,
    /// What each replica uses.
    pub hardware: BTreeMap<String, HardwareNow>,
}

/// Requests without a status yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNow {
    /// When, µs since 1970-01-01 UTC.
    pub at_us: i64,
    /// Those that have no replica.
    pub waiting: u64,
    /// Those at each replica.
    pub by_replica: BTreeMap<String, u64>,
}

impl PendingNow {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_replica.values().fold(self.waiting, |sum, pending| sum.saturating_add(*pending))
    }
}

/// Numbers of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicasNow {
    /// When, µs since 1970-01-01 UTC.
    pub at_us: i64,
    /// That answer.
    pub running: u64,
    /// That there are to be at least.
    pub min: u64,
    /// That there may be at most.
    pub max: u64,
}

/// What a replica uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardwareNow {
    /// When, µs since 1970-01-01 UTC.
    pub at_us: i64,
    /// Processor time, percent of one whole processor.
    pub cpu_percent: Option<f64>,
    /// Resident memory.
    pub memory_bytes: Option<u64>,
    /// What it may use at most.
    pub memory_limit_bytes: Option<u64>,
}

impl Latest {
    pub(crate) fn record(&mut self, sample: &Sample, at_us: i64) {
        match sample {
            Sample::Pending { waiting, by_replica } => {
                let by_replica = by_replica.iter().cloned().collect();
                self.pending = Some(PendingNow { at_us, waiting: *waiting, by_replica });
            }
            Sample::Replicas { running, min, max } => {
                self.replicas =
                    Some(ReplicasNow { at_us, running: *running, min: *min, max: *max });
            }
            Sample::Hardware { replica_id, cpu_percent, memory_bytes, memory_limit_bytes } => {
                let (cpu_percent, memory_bytes, memory_limit_bytes) =
                    (*cpu_percent, *memory_bytes, *memory_limit_bytes);
                let now = HardwareNow { at_us, cpu_percent, memory_bytes, memory_limit_bytes };
                self.hardware.insert(replica_id.clone(), now);
            }
        }
    }

    /// Leaves out what is too old to be the present.
    pub(crate) fn expire(&mut self, now_us: i64) {
        let floor = now_us.saturating_sub(PRESENT_US);
        self.pending.take_if(|pending| pending.at_us < floor);
        self.replicas.take_if(|replicas| replicas.at_us < floor);
        self.hardware.retain(|_, hardware| hardware.at_us >= floor);
    }
}
