use std::time::Instant;

use procfs::{Current, CurrentSI, KernelStats, Meminfo};

use crate::Error;

/// What the host uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostSample {
    /// Busy time of all processors since the sample before, in percent of one whole processor: at
    /// most 100 × `cpu_count`. `None` in the first sample.
    pub cpu_percent: Option<f64>,
    /// How many processors are online.
    pub cpu_count: usize,
    /// Memory that programs cannot have without swapping: total less available.
    pub memory_used_bytes: u64,
    /// All memory of the host.
    pub memory_total_bytes: u64,
    /// When it was measured.
    pub at: Instant,
}

/// Measures the host, from sample to sample.
#[derive(Debug, Default)]
pub struct HostMeter {
    before: Option<Ticks>,
}

#[derive(Clone, Copy, Debug)]
struct Ticks {
    busy: u64,
    idle: u64,
}

impl HostMeter {
    /// A meter of this host.
    #[must_use]
    pub const fn new() -> Self {
        Self { before: None }
    }

    /// Looks at the host now.
    ///
    /// # Errors
    /// When `/proc/stat` or `/proc/meminfo` cannot be read.
    pub fn sample(&mut self) -> Result<HostSample, Error> {
        let stat = KernelStats::current().map_err(Error::proc("processor times"))?;
        let memory = Meminfo::current().map_err(Error::proc("memory"))?;
        let ticks = ticks(&stat);
        let cpu_count = stat.cpu_time.len();
        let cpu_percent = self.before.and_then(|before| busy_percent(before, ticks, cpu_count));
        self.before = Some(ticks);
        let available = memory.mem_available.unwrap_or(memory.mem_free);
        Ok(HostSample {
            cpu_percent,
            cpu_count,
            memory_used_bytes: memory.mem_total.saturating_sub(available),
            memory_total_bytes: memory.mem_total,
            at: Instant::now(),
        })
    }
}

/// Guest time is within user time already; waiting for a disk is idle.
fn ticks(stat: &KernelStats) -> Ticks {
    let total = &stat.total;
    let some = |ticks: Option<u64>| ticks.unwrap_or(0);
    let busy = [
        total.user,
        total.nice,
        total.system,
        some(total.irq),
        some(total.softirq),
        some(total.steal),
    ];
    Ticks { busy: busy.iter().sum(), idle: total.idle.saturating_add(some(total.iowait)) }
}

#[expect(clippy::cast_precision_loss, reason = "ticks of a sampling interval are few")]
fn busy_percent(before: Ticks, now: Ticks, cpu_count: usize) -> Option<f64> {
    let busy = now.busy.saturating_sub(before.busy);
    let all = busy.saturating_add(now.idle.saturating_sub(before.idle));
    (all > 0).then(|| busy as f64 / all as f64 * 100.0 * cpu_count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_processors_and_memory() {
        let mut meter = HostMeter::new();
        let sample = meter.sample().expect("/proc");
        assert_eq!(sample.cpu_percent, None, "one sample is no interval");
        assert!(sample.cpu_count > 0);
        assert!(
            sample.memory_used_bytes > 0 && sample.memory_used_bytes < sample.memory_total_bytes
        );
    }

    #[test]
    fn busy_time_is_told_in_processors() {
        let before = Ticks { busy: 100, idle: 100 };
        let now = Ticks { busy: 175, idle: 125 };
        assert_eq!(busy_percent(before, now, 4), Some(300.0), "75 of 100 ticks on 4 processors");
        assert_eq!(busy_percent(now, now, 4), None);
    }
}
