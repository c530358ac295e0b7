//! Crates, modules and files are named by what they are about.

use std::collections::BTreeSet;

use crate::problem::Problem;
use crate::tree::Tree;

/// Words that say nothing about what is inside.
const EMPTY_WORDS: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];

/// Endings of files whose name is the name of a module.
const MODULES: &[&str] = &["py", "rs", "ts", "tsx"];

/// Looks at crate names, module declarations, and the names of source files and their folders.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = BTreeSet::new();
    for member in &tree.crates {
        if let Some(word) = empty_word(&member.name) {
            problems.insert(Problem::new(
                &member.manifest,
                1,
                complaint("crate", &member.name, word),
            ));
        }
    }
    for source in &tree.sources {
        for (module, line) in &source.modules {
            if let Some(word) = empty_word(module) {
                problems.insert(Problem::new(
                    &source.path,
                    *line,
                    complaint("module", module, word),
                ));
            }
        }
    }
    for document in &tree.documents {
        let Some((stem, ending)) = document.path.rsplit_once('.') else { continue };
        if !MODULES.contains(&ending) {
            continue;
        }
        for part in stem.split('/') {
            if let Some(word) = empty_word(part) {
                problems.insert(Problem::new(
                    &document.path,
                    1,
                    complaint("file or folder", part, word),
                ));
            }
        }
    }
    problems.into_iter().collect()
}

fn complaint(what: &str, name: &str, word: &str) -> String {
    format!("{what} `{name}`: \"{word}\" does not say what is inside; name the noun")
}

fn empty_word(name: &str) -> Option<&'static str> {
    let mut words = name.split(['_', '-', '.']);
    words.find_map(|part| EMPTY_WORDS.iter().copied().find(|word| part.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, member, places};

    #[test]
    fn names_without_meaning_fail_wherever_they_stand() {
        let mut tree = files(&[
            (
                "crates/a/src/lib.rs",
                "//! A.\nmod sse;\nmod string_utils;\nmod inner { mod misc {} }\n",
            ),
            ("crates/a/src/helpers/one.rs", ""),
            ("web/src/common.ts", ""),
            ("docs/common.md", ""),
            ("crates/a/src/utility.rs", ""),
        ]);
        tree.crates = vec![member("a", &[]), member("queue-manager", &[])];
        let problems = check(&tree);
        assert_eq!(
            places(&problems),
            [
                ("crates/a/src/helpers/one.rs", 1),
                ("crates/a/src/lib.rs", 3),
                ("crates/a/src/lib.rs", 4),
                ("crates/queue-manager/Cargo.toml", 1),
                ("web/src/common.ts", 1),
            ]
        );
    }
}
