//! Processor time and memory of a program with all its processes.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use procfs::process::{Stat, all_processes};

/// Seconds of processor time, user and system, that the process `root` and its living descendants have used since they
/// began. The kernel counts in steps of 10 ms.
pub(crate) fn seconds_of_tree(root: u32) -> anyhow::Result<f64> {
    let ticks: u64 = stats_of_tree(root)?.iter().map(|stat| stat.utime + stat.stime).sum();
    Ok(ticks as f64 / procfs::ticks_per_second() as f64)
}

/// Memory that the process `root` and its living descendants have in RAM; MiB.
pub(crate) fn resident_mib_of_tree(root: u32) -> anyhow::Result<f64> {
    let pages: u64 = stats_of_tree(root)?.iter().map(|stat| stat.rss).sum();
    Ok((pages * procfs::page_size()) as f64 / (1 << 20) as f64)
}

fn stats_of_tree(root: u32) -> anyhow::Result<Vec<Stat>> {
    let root = i32::try_from(root).context("a process id")?;
    let processes = all_processes().context("cannot list /proc")?;
    let mut stats: Vec<Stat> =
        processes.filter_map(Result::ok).filter_map(|process| process.stat().ok()).collect();
    let tree = tree(root, &stats.iter().map(|stat| (stat.pid, stat.ppid)).collect::<Vec<_>>());
    stats.retain(|stat| tree.contains(&stat.pid));
    ensure!(stats.iter().any(|stat| stat.pid == root), "process {root} has ended");
    Ok(stats)
}

/// The ids of `root` and its descendants among (process, parent).
fn tree(root: i32, parents: &[(i32, i32)]) -> HashSet<i32> {
    let mut members = HashSet::from([root]);
    let mut grown = 0;
    while grown < members.len() {
        grown = members.len();
        let children = parents.iter().filter(|(_, parent)| members.contains(parent));
        let children: Vec<i32> = children.map(|(pid, _)| *pid).collect();
        members.extend(children);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_belong_to_the_tree_and_others_do_not() {
        let parents = [(4, 3), (3, 2), (2, 1), (9, 1)];
        assert_eq!(tree(2, &parents), HashSet::from([2, 3, 4]));
    }

    #[test]
    fn this_process_has_used_time_and_one_that_is_gone_is_an_error() {
        assert!(seconds_of_tree(std::process::id()).expect("we run") >= 0.0);
        assert!(resident_mib_of_tree(std::process::id()).expect("we run") > 1.0);
        assert!(seconds_of_tree(i32::MAX.unsigned_abs()).is_err());
    }
}
