use std::collections::{HashMap, HashSet};
use std::time::Instant;

use procfs::process::{self, Stat};

use crate::Error;

/// A process's identity for as long as the host runs: process ids come again, with another start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    pid: i32,
    started: u64,
}

/// What one process had used when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Usage {
    parent: i32,
    started: u64,
    ticks: u64,
    resident_bytes: u64,
}

/// All processes of the host at one moment, for any number of meters.
#[derive(Debug)]
pub struct Processes {
    by_pid: HashMap<i32, Usage>,
    at: Instant,
}

impl Processes {
    /// Looks at every process. One that ends meanwhile is left out, and so is one that has ended and
    /// was not waited for.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn read() -> Result<Self, Error> {
        let all = process::all_processes().map_err(Error::proc("the list of processes"))?;
        let stats = all.filter_map(Result::ok).filter_map(|process| process.stat().ok());
        let alive = stats.filter(|stat| !matches!(stat.state, 'Z' | 'X' | 'x'));
        let by_pid = alive.map(|stat| (stat.pid, usage(&stat))).collect();
        Ok(Self { by_pid, at: Instant::now() })
    }

    /// The process of that id and all its descendants.
    fn tree(&self, root: i32) -> Vec<(Identity, Usage)> {
        let mut members: HashSet<i32> = HashSet::from([root]);
        let mut grown = 0;
        while grown < members.len() {
            grown = members.len();
            let children = self.by_pid.iter().filter(|(_, usage)| members.contains(&usage.parent));
            let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
            members.extend(children);
        }
        let known = members.iter().filter_map(|pid| Some((*pid, *self.by_pid.get(pid)?)));
        known.map(|(pid, usage)| (Identity { pid, started: usage.started }, usage)).collect()
    }
}

fn usage(stat: &Stat) -> Usage {
    Usage {
        parent: stat.ppid,
        started: stat.starttime,
        ticks: stat.utime.saturating_add(stat.stime),
        resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
    }
}

/// What a process and its descendants use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessSample {
    /// Processor time used since the sample before, in percent of one whole processor; `None` in the
    /// first sample. Time of a descendant that ended between two samples is missing.
    pub cpu_percent: Option<f64>,
    /// Resident memory. Pages that several of the processes share are counted for each.
    pub memory_bytes: u64,
    /// When it was measured.
    pub at: Instant,
}

/// Measures one process with its descendants, from sample to sample.
#[derive(Debug)]
pub struct ProcessMeter {
    pid: i32,
    started: Option<u64>,
    before: Option<(Instant, HashMap<Identity, u64>)>,
}

impl ProcessMeter {
    /// A meter of the process `pid`.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self { pid: i32::try_from(pid).unwrap_or(i32::MAX), started: None, before: None }
    }

    /// Looks at the process now; `None` once it has ended, also if its id was given to another.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub fn sample(&mut self) -> Result<Option<ProcessSample>, Error> {
        Ok(self.sample_in(&Processes::read()?))
    }

    /// As [`sample`](Self::sample), from processes that were read for several meters.
    pub fn sample_in(&mut self, processes: &Processes) -> Option<ProcessSample> {
        let root = processes.by_pid.get(&self.pid)?;
        if *self.started.get_or_insert(root.started) != root.started {
            return None;
        }
        let tree = processes.tree(self.pid);
        let ticks: HashMap<Identity, u64> =
            tree.iter().map(|(id, usage)| (*id, usage.ticks)).collect();
        let cpu_percent =
            self.before.as_ref().and_then(|before| cpu_percent(before, &ticks, processes.at));
        self.before = Some((processes.at, ticks));
        let memory_bytes = tree.iter().map(|(_, usage)| usage.resident_bytes).sum();
        Some(ProcessSample { cpu_percent, memory_bytes, at: processes.at })
    }
}

/// The share of one processor used between two moments. A process that is new since then used all
/// its time since then.
#[expect(clippy::cast_precision_loss, reason = "ticks of a sampling interval are few")]
fn cpu_percent(
    before: &(Instant, HashMap<Identity, u64>),
    now: &HashMap<Identity, u64>,
    at: Instant,
) -> Option<f64> {
    let seconds = at.saturating_duration_since(before.0).as_secs_f64();
    let used = |(id, ticks): (&Identity, &u64)| {
        ticks.saturating_sub(before.1.get(id).copied().unwrap_or(0))
    };
    let ticks: u64 = now.iter().map(used).sum();
    (seconds > 0.0).then(|| ticks as f64 / procfs::ticks_per_second() as f64 / seconds * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(seconds: f64) {
        let end = Instant::now() + std::time::Duration::from_secs_f64(seconds);
        let mut x = 1_u64;
        while Instant::now() < end {
            x = std::hint::black_box(x.wrapping_mul(31));
        }
    }

    #[test]
    fn this_process_uses_memory_and_then_time() {
        let mut meter = ProcessMeter::new(std::process::id());
        let first = meter.sample().expect("/proc").expect("this process runs");
        assert_eq!(first.cpu_percent, None, "one sample is no interval");
        assert!(first.memory_bytes > 100_000, "{}", first.memory_bytes);
        burn(0.3);
        let second = meter.sample().expect("/proc").expect("this process runs");
        assert!(second.cpu_percent.expect("an interval") > 0.0);
        assert!(second.at > first.at);
    }

    #[test]
    fn children_count_until_they_end_and_then_the_process_is_gone() {
        let mut child =
            std::process::Command::new("sh").args(["-c", "sleep 600 & wait"]).spawn().expect("sh");
        let mut meter = ProcessMeter::new(child.id());
        let pid = i32::try_from(child.id()).expect("a pid");
        while Processes::read().expect("/proc").tree(pid).len() < 2 {
            std::thread::yield_now();
        }
        let tree = Processes::read().expect("/proc").tree(pid);
        assert!(meter.sample().expect("/proc").is_some());
        child.kill().expect("ours");
        child.wait().expect("ours");
        assert_eq!(meter.sample().expect("/proc"), None);
        let orphan = tree.iter().find(|(id, _)| id.pid != pid).expect("sleep").0.pid;
        std::process::Command::new("kill").arg(orphan.to_string()).status().expect("kill");
    }

    #[test]
    fn shares_are_of_one_processor_and_ids_that_come_again_are_others() {
        let start = Instant::now();
        let id = |pid, started| Identity { pid, started };
        let hz = procfs::ticks_per_second();
        let before = (start, HashMap::from([(id(1, 5), 10 * hz), (id(2, 6), hz)]));
        let now = HashMap::from([(id(1, 5), 13 * hz), (id(2, 9), hz), (id(3, 9), hz)]);
        let at = start + std::time::Duration::from_secs(2);
        assert_eq!(cpu_percent(&before, &now, at), Some(250.0), "3 s + 1 s + 1 s in 2 s");
        assert_eq!(cpu_percent(&before, &now, start), None);
    }
}
