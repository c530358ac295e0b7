//! Every queue has a bound.

use crate::problem::Problem;
use crate::tree::Tree;

/// Tokio's, the standard library's and other crates' queues without a bound.
const UNBOUNDED: &[&str] = &["unbounded_channel", "mpsc : : channel ( )", ": : unbounded ("];

/// Anywhere outside tests.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    tree.forbid(
        UNBOUNDED,
        "a queue without a bound: give it a capacity, what happens when it is full, and a counter",
        |_| true,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::files;

    #[test]
    fn queues_without_a_bound_fail() {
        let text = "fn f() {\n let a = tokio::sync::mpsc::unbounded_channel();\n \
                    let b = std::sync::mpsc::channel();\n let c = flume::unbounded();\n \
                    let d = mpsc::channel(16);\n}\n";
        let problems = check(&files(&[("crates/a/src/lib.rs", text)]));
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
