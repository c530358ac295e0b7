//! Every task has a name, a stage and someone who joins it.

use crate::problem::Problem;
use crate::source::{Purpose, Source};
use crate::tree::Tree;

const SPAWNS: &[&str] =
    &["tokio : : spawn", "task : : spawn (", "task : : spawn_local (", "tokio : : { spawn"];

/// Files that may spawn by themselves, and why.
const ALLOWED: &[(&str, &str)] = &[];

/// Anything but the `tasks` crate, the simulator, tests, benches and the files that are allowed.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    against(tree, ALLOWED)
}

fn against(tree: &Tree, allowed: &[(&str, &str)]) -> Vec<Problem> {
    let covered = |source: &Source| {
        let free = ["crates/tasks/", "crates/simulator/"];
        matches!(source.purpose, Purpose::Product | Purpose::Example | Purpose::Tool)
            && !free.iter().any(|folder| source.path.starts_with(folder))
    };
    let found =
        tree.forbid(SPAWNS, "spawns a task that nobody joins: use `tasks::Tasks::spawn`", covered);
    let stale = allowed.iter().filter(|(path, why)| {
        why.trim().is_empty() || !found.iter().any(|problem| problem.path == *path)
    });
    let stale: Vec<Problem> = stale
        .map(|(path, _)| {
            let text = format!("`{path}` is allowed to spawn without a reason or a need");
            Problem::new("xtask/src/spawns.rs", 1, text)
        })
        .collect();
    let unanswered =
        found.into_iter().filter(|problem| !allowed.iter().any(|(path, _)| *path == problem.path));
    unanswered.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    const TEXT: &str = "use tokio::task;\nfn f() {\n tokio::spawn(g());\n task::spawn(g());\n tasks.spawn(g());\n}\n";

    #[test]
    fn a_bare_spawn_fails_outside_the_rooms_that_may() {
        let tree = files(&[
            ("crates/api/src/lib.rs", TEXT),
            ("crates/tasks/src/room.rs", TEXT),
            ("crates/simulator/src/lib.rs", TEXT),
            ("crates/api/tests/a.rs", TEXT),
            ("bench/src/main.rs", TEXT),
        ]);
        assert_eq!(
            places(&against(&tree, &[])),
            [("crates/api/src/lib.rs", 3), ("crates/api/src/lib.rs", 4)]
        );
    }

    #[test]
    fn an_allowed_file_passes_and_a_stale_allowance_fails() {
        let tree = files(&[("crates/api/src/lib.rs", TEXT)]);
        assert_eq!(against(&tree, &[("crates/api/src/lib.rs", "it joins")]), []);
        let stale =
            [("crates/api/src/lib.rs", "it joins"), ("crates/api/src/gone.rs", "it joined")];
        assert_eq!(places(&against(&tree, &stale)), [("xtask/src/spawns.rs", 1)]);
    }
}
