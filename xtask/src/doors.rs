//! Every crate's front page begins with its promise.

use crate::problem::Problem;
use crate::tree::Tree;

/// Looks at the first line of every `lib.rs`, and of `main.rs` where there is none.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let doors = tree.documents.iter().filter(|document| {
        document.path.ends_with("src/lib.rs") || document.path.ends_with("src/main.rs")
    });
    let mute = doors.filter(|door| {
        let first = door.text.lines().next().and_then(|line| line.strip_prefix("//! "));
        !first.is_some_and(|sentence| sentence.starts_with(|first: char| first.is_alphanumeric()))
    });
    let complaint = "begins without a `//!` sentence that says what the crate promises";
    mute.map(|door| Problem::new(&door.path, 1, complaint)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    #[test]
    fn a_front_page_without_a_sentence_fails() {
        let tree = files(&[
            ("crates/a/src/lib.rs", "//! Keeps records.\n"),
            ("crates/b/src/lib.rs", "mod c;\n"),
            ("crates/c/src/lib.rs", "//! \nmod c;\n"),
            ("crates/d/src/main.rs", ""),
            ("crates/a/src/other.rs", "mod c;\n"),
        ]);
        assert_eq!(
            places(&check(&tree)),
            [("crates/b/src/lib.rs", 1), ("crates/c/src/lib.rs", 1), ("crates/d/src/main.rs", 1)]
        );
    }
}
