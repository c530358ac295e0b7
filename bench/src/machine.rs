//! Where the numbers were taken.

use std::path::Path;

use serde_json::{Value, json};

/// What is said of the machine: name and value, in order.
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// Of this machine now; the data lies below `folder`.
    pub(crate) fn read(folder: &Path, inferscope: &Path, nginx: String) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let build = if cfg!(debug_assertions) { "debug: not to be quoted" } else { "release" };
        let inferscope = inferscope.display().to_string();
        Self(vec![
            ("cores", cores.to_string()),
            ("processor", model(&read("/proc/cpuinfo"))),
            ("memory", format!("{} GiB", memory_gib(&read("/proc/meminfo")))),
            ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
            ("load at start", load(&read("/proc/loadavg"), cores)),
            ("file system", file_system(&read("/proc/self/mounts"), folder)),
            ("inferscope", inferscope),
            ("bench", build.to_owned()),
            ("peer", nginx),
        ])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    pub(crate) fn json(&self) -> Value {
        let facts = self.0.iter().map(|(name, value)| (name.replace(' ', "_"), json!(value)));
        json!({ "machine": facts.collect::<serde_json::Map<_, _>>() })
    }
}

/// The averages of 1, 5 and 15 minutes. Who measures on a busy machine measures what else runs there.
fn load(loadavg: &str, cores: usize) -> String {
    let averages: Vec<&str> = loadavg.split(' ').take(3).collect();
    let now: Option<f64> = averages.first().and_then(|average| average.parse().ok());
    let busy = now.is_some_and(|now| now > cores as f64 / 2.0);
    let warning = if busy { ": BUSY, so no number here is to be quoted" } else { "" };
    format!("{}{warning}", averages.join(" "))
}

fn model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':'])).to_owned()
}

fn memory_gib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 20
}

/// Kind and place of the file system that holds `folder`. In memory a sync costs nothing, so that is said loudly.
fn file_system(mounts: &str, folder: &Path) -> String {
    let holding = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        folder.starts_with(place).then_some((place, kind))
    });
    match holding.max_by_key(|(place, _)| place.len()) {
        Some((place, kind @ ("tmpfs" | "ramfs"))) => {
            format!("{kind} at {place}: IN MEMORY, so G6 and G7 say nothing")
        }
        Some((place, kind)) => format!("{kind} at {place}"),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_is_the_one_that_holds_a_folder() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/data/x")), "ext4 at /");
        assert!(file_system(mounts, Path::new("/tmp/x")).contains("IN MEMORY"));
    }

    #[test]
    fn a_busy_machine_is_called_so() {
        assert_eq!(load("0.40 1.00 2.00 1/100 77\n", 2), "0.40 1.00 2.00");
        assert!(load("1.20 1.00 2.00 1/100 77\n", 2).contains("BUSY"));
    }

    #[test]
    fn the_kernel_s_tables_are_read() {
        assert_eq!(model("a : b\nmodel name\t: A 64-core\nmodel name\t: B\n"), "A 64-core");
        assert_eq!(memory_gib("MemTotal:       16384000 kB\n"), 15);
    }
}
