//! What people read does not speak of the place where it was written.

use crate::problem::Problem;
use crate::tree::Tree;

/// Paths that exist on a builder's machine only. In parts, so that this file does not hold them.
const PRIVATE: &[&str] = &[concat!("/wo", "rk/"), concat!("../sha", "red"), concat!("/fa", "rm/")];

/// Looks at every text file, comments and strings included.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for document in &tree.documents {
        for (number, line) in (1..).zip(document.text.lines()) {
            for text in PRIVATE.iter().filter(|text| line.contains(**text)) {
                let complaint = format!("\"{text}\" exists on the author's machine only");
                problems.push(Problem::new(&document.path, number, complaint));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    #[test]
    fn private_paths_fail_in_prose_and_code() {
        let code = format!("fn f() {{}}\n// see {}design.md\n", PRIVATE[0]);
        let tree = files(&[
            ("README.md", &format!("{}/reference\n", PRIVATE[1])),
            ("crates/a/src/lib.rs", &code),
            ("web/src/a.ts", "// work/shared effort\n"),
        ]);
        assert_eq!(places(&check(&tree)), [("README.md", 1), ("crates/a/src/lib.rs", 2)]);
    }
}
