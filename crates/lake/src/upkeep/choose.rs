//! Which files to merge next.
//!
//! Files of one day are merged when many of about the same size have gathered, so that a row is rewritten a few times
//! in its life and not with every new file: each merge makes a file that is several times as large, until one is
//! large enough. When a day is over and quiet, what is left of it is merged too.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::day::Day;
use crate::file::File;

/// Each size class is so many times as large as the one below.
const STEP: u64 = 8;
/// The number of size classes below the target.
const CLASSES: u32 = 6;
/// Most files of one merge: each is open, with a batch of its rows in memory.
const MOST_FILES: usize = 64;

/// Files of one day that are to become one.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) day: Day,
    /// Those to merge, the oldest rows first.
    pub(crate) inputs: Vec<Arc<File>>,
    /// The day's other files with rows of the same time.
    pub(crate) others: Vec<Arc<File>>,
}

/// When files are merged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The size that a merge aims at, bytes.
    pub(crate) target: u64,
    /// So many files of a size class or below are merged.
    pub(crate) gathered: usize,
    /// A day that ended before and has no file that was flushed since (ms since 1970-01-01 UTC) is merged whole.
    pub(crate) quiet_before_ms: i64,
}

impl Policy {
    /// The next group, if there is one. Files in `left_alone` are in none.
    pub(crate) fn next(&self, files: &[Arc<File>], left_alone: &HashSet<String>) -> Option<Group> {
        let mut days: BTreeMap<Day, Vec<&Arc<File>>> = BTreeMap::new();
        for file in files {
            let small = file.size < self.target / 4 * 3 && !left_alone.contains(&file.path);
            if let (Some(day), true) = (file.day, small) {
                days.entry(day).or_default().push(file);
            }
        }
        // The newest day first: that is where questions are asked.
        days.into_iter().rev().find_map(|(day, mut small)| {
            small.sort_by_key(|file| (file.position(), file.written_ms));
            let inputs = self.of_day(day, &small)?;
            let others = others(files, day, &inputs);
            Some(Group { day, inputs, others })
        })
    }

    fn of_day(&self, day: Day, small: &[&Arc<File>]) -> Option<Vec<Arc<File>>> {
        for class in (0..CLASSES).rev() {
            let below: Vec<_> =
                small.iter().copied().filter(|file| self.class(file) >= class).collect();
            if below.len() >= self.gathered
                && let Some(run) = self.run(&below)
            {
                return Some(run);
            }
        }
        let over = day.end_micros() / 1_000 <= self.quiet_before_ms;
        let quiet =
            small.iter().all(|file| !file.is_flushed() || file.written_ms <= self.quiet_before_ms);
        if over && quiet { self.run(small) } else { None }
    }

    /// 0 is the class next to the target; larger numbers are smaller files.
    fn class(&self, file: &File) -> u32 {
        (0..CLASSES).find(|class| file.size >= self.target / STEP.pow(class + 1)).unwrap_or(CLASSES)
    }

    /// The first neighbours that fit into one file of the target's size, as many as do.
    fn run(&self, files: &[&Arc<File>]) -> Option<Vec<Arc<File>>> {
        (0..files.len()).find_map(|from| {
            let mut bytes = 0;
            let fits = files[from..].iter().take(MOST_FILES).take_while(|file| {
                bytes += file.size;
                bytes <= self.target
            });
            let run: Vec<_> = fits.map(|file| Arc::clone(file)).collect();
            (run.len() >= 2).then_some(run)
        })
    }
}

/// The day's files outside the group that may hold rows of the group's time.
fn others(files: &[Arc<File>], day: Day, inputs: &[Arc<File>]) -> Vec<Arc<File>> {
    let inside: HashSet<&str> = inputs.iter().map(|file| file.path.as_str()).collect();
    let range = span(inputs);
    files
        .iter()
        .filter(|file| file.day == Some(day) && !inside.contains(file.path.as_str()))
        .filter(|file| file.may_hold(range))
        .cloned()
        .collect()
}

/// The smallest and largest time of files, µs; all time if one does not say.
pub(crate) fn span(files: &[Arc<File>]) -> (i64, i64) {
    let times: Option<Vec<(i64, i64)>> = files.iter().map(|file| file.times).collect();
    let whole = (i64::MIN, i64::MAX);
    times.map_or(whole, |times| {
        let first = times.iter().map(|(first, _)| *first).min();
        let last = times.iter().map(|(_, last)| *last).max();
        first.zip(last).unwrap_or(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{FLUSHED, REWRITTEN};

    const KIB: u64 = 1 << 10;

    fn file(kind: &str, position: u64, size: u64, times: (i64, i64)) -> Arc<File> {
        let path = format!("_date=1970-01-01/{kind}{position:020}-0.parquet");
        let day = Some(Day::of_micros(0));
        Arc::new(File { path, size, rows: 1, times: Some(times), written_ms: 5, day })
    }

    fn flushed(positions: std::ops::Range<u64>, size: u64) -> Vec<Arc<File>> {
        positions.map(|position| file(FLUSHED, position, size, (0, 9))).collect()
    }

    fn policy(quiet_before_ms: i64) -> Policy {
        Policy { target: 1 << 20, gathered: 8, quiet_before_ms }
    }

    fn chosen(policy: Policy, files: &[Arc<File>]) -> Option<Vec<u64>> {
        let group = policy.next(files, &HashSet::new())?;
        Some(group.inputs.iter().map(|file| file.position()).collect())
    }

    #[test]
    fn eight_small_files_are_merged_and_seven_wait() {
        assert_eq!(chosen(policy(0), &flushed(0..7, KIB)), None);
        let mut files = flushed(0..8, KIB);
        files.reverse();
        assert_eq!(chosen(policy(0), &files), Some((0..8).collect()), "the oldest first");
    }

    #[test]
    fn a_grown_file_waits_for_others_of_its_size() {
        let mut files = flushed(1..9, KIB);
        files.push(file(REWRITTEN, 0, 200 * KIB, (0, 9)));
        assert_eq!(chosen(policy(0), &files), Some((1..9).collect()));
        let grown: Vec<_> = (0..8).map(|at| file(REWRITTEN, at, 200 * KIB, (0, 9))).collect();
        assert_eq!(chosen(policy(0), &grown), Some((0..5).collect()), "as many as fit the target");
    }

    #[test]
    fn large_files_are_left_as_they_are() {
        assert_eq!(chosen(policy(i64::MAX), &flushed(0..20, 768 * KIB)), None);
        assert_eq!(chosen(policy(i64::MAX), &flushed(0..2, 767 * KIB)), None, "too much for one");
    }

    #[test]
    fn a_day_that_is_over_and_quiet_is_merged_whole() {
        let day_ms = 86_400_000;
        let files = flushed(0..2, KIB);
        assert_eq!(chosen(policy(day_ms - 1), &files), None, "not over");
        assert_eq!(chosen(policy(day_ms), &files), Some(vec![0, 1]));
        assert_eq!(chosen(policy(day_ms), &files[..1]), None, "one file is whole already");
        let late = File { written_ms: day_ms + 1, ..File::clone(&files[0]) };
        assert_eq!(chosen(policy(day_ms), &[files[1].clone(), Arc::new(late)]), None, "not quiet");
    }

    #[test]
    fn files_left_alone_are_in_no_group_and_others_of_the_time_are_named() {
        let mut files = flushed(0..9, KIB);
        files.push(file(REWRITTEN, 20, 900 * KIB, (9, 30)));
        files.push(file(REWRITTEN, 21, 900 * KIB, (10, 30)));
        let bad = HashSet::from([files[0].path.clone()]);
        let group = policy(0).next(&files, &bad).expect("a group");
        let positions = |files: &[Arc<File>]| -> Vec<u64> {
            files.iter().map(|file| file.position()).collect()
        };
        assert_eq!(positions(&group.inputs), (1..9).collect::<Vec<_>>());
        assert_eq!(positions(&group.others), [0, 20]);
    }

    #[test]
    fn merging_comes_to_an_end_with_few_files() {
        let mut files = flushed(0..500, 3 * KIB);
        let mut merges = 0;
        while let Some(group) = policy(86_400_000).next(&files, &HashSet::new()) {
            let gone: HashSet<&str> = group.inputs.iter().map(|file| file.path.as_str()).collect();
            let size = group.inputs.iter().map(|file| file.size).sum();
            let merged = file(REWRITTEN, group.inputs[0].position(), size, (0, 9));
            files.retain(|file| !gone.contains(file.path.as_str()));
            files.push(merged);
            merges += 1;
            assert!(merges < 500);
        }
        assert!(files.len() <= 3, "{} files of 1500 KiB at 1 MiB each", files.len());
    }
}
