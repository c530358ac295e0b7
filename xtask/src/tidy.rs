//! Runs all checks and says what is to be mended.

use std::path::Path;
use std::process::ExitCode;

use crate::problem::Problem;
use crate::tree::Tree;
use crate::{
    architecture, channels, doors, environment, floors, lengths, metrics, names, spawns, texts,
    unwraps,
};

type Check = fn(&Tree) -> Vec<Problem>;

const CHECKS: &[(&str, Check)] = &[
    ("readable", |tree| tree.unreadable.clone()),
    ("floors", floors::check),
    ("names", names::check),
    ("lengths", lengths::check),
    ("unwraps", unwraps::check),
    ("environment", environment::check),
    ("spawns", spawns::check),
    ("channels", channels::check),
    ("texts", texts::check),
    ("architecture", architecture::check),
    ("doors", doors::check),
    ("metrics", metrics::check),
];

/// Checks this repository and prints every problem as `path:line: problem [check]`, then how many
/// checks passed and failed.
#[expect(clippy::disallowed_methods, reason = "a command of this repository, which cargo runs")]
pub(crate) fn run() -> ExitCode {
    // Asked at run time: clones that share a target folder share this program too.
    let own =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&own).parent().expect("xtask lies in the root");
    let tree = match Tree::read(root) {
        Ok(tree) => tree,
        Err(error) => {
            println!("{error:#}\n0 passed, {} failed", CHECKS.len());
            return ExitCode::FAILURE;
        }
    };
    let (lines, failed) = findings(&tree);
    for line in lines {
        println!("{line}");
    }
    println!("{} passed, {failed} failed", CHECKS.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All problems as lines sorted by place, and how many checks found one.
fn findings(tree: &Tree) -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut failed = 0;
    for (name, check) in CHECKS {
        let problems = check(tree);
        failed += usize::from(!problems.is_empty());
        found.extend(problems.into_iter().map(|problem| (problem, name)));
    }
    found.sort();
    let lines = found.iter().map(|(problem, check)| format!("{problem} [{check}]")).collect();
    (lines, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::files;

    #[test]
    fn all_problems_are_found_at_once_and_name_their_check() {
        let tree = files(&[
            ("crates/a/src/lib.rs", "//! A.\nmod utils;\nfn f() { g().unwrap() }\n"),
            ("crates/a/src/broken.rs", "fn"),
        ]);
        let (lines, failed) = findings(&tree);
        let ends: Vec<_> = lines.iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!((ends, failed), (vec!["[readable]", "[names]", "[unwraps]"], 3));
        assert!(lines[1].starts_with("crates/a/src/lib.rs:2: "), "{}", lines[1]);
    }

    #[test]
    fn a_tidy_tree_passes() {
        let tree = files(&[("crates/a/src/lib.rs", "//! A.\nfn f() {}\n")]);
        assert_eq!(findings(&tree), (Vec::new(), 0));
    }
}
