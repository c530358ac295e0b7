//! Only the binary reads the environment and the command line.

use crate::problem::Problem;
use crate::source::Purpose;
use crate::tree::Tree;

/// `std::env` in any form, and what reads it for us.
const READS: &[&str] =
    &["std : : env", "env : :", "std : : { env", "from_default_env", "try_from_default_env"];

/// Anything but the binary, tests, benches, examples, build scripts and this program.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.forbid(
        READS,
        "reads the environment: only `inferscope` does; take the value as an argument",
        |source| {
            source.purpose == Purpose::Product && !source.path.starts_with("crates/inferscope/")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    #[test]
    fn reading_the_environment_fails_outside_the_binary() {
        let text = "fn f() {\n let a = std::env::var(\"A\");\n let b = env!(\"B\");\n}\n";
        let tree = files(&[
            ("crates/wal/src/lib.rs", text),
            ("crates/lake/src/lib.rs", "use std::{env, io};\nfn f() { env::vars(); }\n"),
            ("crates/inferscope/src/main.rs", text),
            ("crates/wal/build.rs", text),
            ("crates/wal/examples/a.rs", text),
            ("tests/src/a.rs", text),
            ("bench/src/main.rs", text),
            ("xtask/src/main.rs", text),
        ]);
        assert_eq!(
            places(&check(&tree)),
            [
                ("crates/lake/src/lib.rs", 1),
                ("crates/lake/src/lib.rs", 2),
                ("crates/wal/src/lib.rs", 2)
            ]
        );
    }
}
