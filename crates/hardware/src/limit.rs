use std::fs;
use std::path::{Path, PathBuf};

use procfs::process::Process;
use procfs::{Current, Meminfo, ProcessCGroup};

use crate::Error;

const CGROUPS: &str = "/sys/fs/cgroup";

/// How much memory the process `pid` may use: the tightest limit of its control groups, else all
/// memory of the host.
///
/// # Errors
/// When the host's memory cannot be read. A process that has ended has the host's limit.
pub fn memory_limit(pid: u32) -> Result<u64, Error> {
    let total = Meminfo::current().map_err(Error::proc("memory"))?.mem_total;
    Ok(group_limit(pid).map_or(total, |limit| limit.min(total)))
}

fn group_limit(pid: u32) -> Option<u64> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let groups = process.cgroups().ok()?;
    groups.into_iter().filter_map(|group| tightest(Path::new(CGROUPS), &group)).min()
}

/// The tightest limit from a group up to the root of its tree: a limit holds for all groups within.
/// In a container the group's own path may not be visible; the root then stands for it.
fn tightest(mount: &Path, group: &ProcessCGroup) -> Option<u64> {
    let unified = group.hierarchy == 0;
    if !unified && !group.controllers.iter().any(|controller| controller == "memory") {
        return None;
    }
    let (root, file) = if unified {
        (mount.to_owned(), "memory.max")
    } else {
        (mount.join("memory"), "memory.limit_in_bytes")
    };
    let path = PathBuf::from(group.pathname.trim_start_matches('/'));
    path.ancestors().filter_map(|part| read_limit(&root.join(part).join(file))).min()
}

/// `max` and what is no number are no limit.
fn read_limit(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(hierarchy: u32, controllers: &[&str], pathname: &str) -> ProcessCGroup {
        let controllers = controllers.iter().map(ToString::to_string).collect();
        ProcessCGroup { hierarchy, controllers, pathname: pathname.to_owned() }
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_holds() {
        let mount = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("a/memory.max", "2000\n");
        write("a/b/memory.max", "max\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(tightest(mount.path(), &group(0, &[], "/a/b")), Some(2_000));
        assert_eq!(tightest(mount.path(), &group(0, &[], "/")), None);
        assert_eq!(
            tightest(mount.path(), &group(4, &["memory"], "/not/visible")),
            Some(9_223_372_036_854_771_712)
        );
        assert_eq!(tightest(mount.path(), &group(5, &["cpu"], "/a/b")), None);
    }

    #[test]
    fn this_process_has_a_limit_within_the_host() {
        let total = Meminfo::current().expect("/proc").mem_total;
        let limit = memory_limit(std::process::id()).expect("/proc");
        assert!(limit > 0 && limit <= total);
        assert_eq!(memory_limit(u32::MAX).expect("/proc"), total);
    }
}
