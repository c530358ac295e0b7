//! ARCHITECTURE.md can be read in ten minutes and leaves no room out.

use crate::problem::Problem;
use crate::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";
const LINES: usize = 300;

/// Checks the page once there is one.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(page) = tree.document(PAGE) else { return Vec::new() };
    let mut problems = Vec::new();
    let lines = page.text.lines().count();
    if lines > LINES {
        problems.push(Problem::new(PAGE, lines, format!("has {lines} lines, more than {LINES}")));
    }
    for member in &tree.crates {
        let name = &member.name;
        let named = [format!("`{name}`"), format!("`crates/{name}`"), format!("`{name}/`")];
        if !named.iter().any(|form| page.text.contains(form)) {
            problems.push(Problem::new(PAGE, 1, format!("does not say what `{name}` is about")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, member, places};

    #[test]
    fn a_page_that_is_too_long_or_leaves_a_crate_out_fails() {
        let page = format!("`wal` appends.\n`crates/lake` keeps.\nquery\n{}", "\n".repeat(LINES));
        let mut tree = files(&[(PAGE, &page)]);
        tree.crates = ["wal", "lake", "query"].iter().map(|name| member(name, &[])).collect();
        let problems = check(&tree);
        assert_eq!(places(&problems), [(PAGE, LINES + 3), (PAGE, 1)]);
        assert!(problems[1].text.contains("`query`"));
        assert_eq!(check(&Tree { documents: Vec::new(), ..tree }), []);
    }
}
