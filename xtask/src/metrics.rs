//! Every metric of our own is explained to those who look at it.

use std::collections::BTreeSet;

use crate::problem::Problem;
use crate::source::Purpose;
use crate::tree::Tree;

const PAGE: &str = "docs/metrics.md";
const PREFIX: &str = "inferscope_";
/// The room that names the columns: they share the prefix and are no metrics.
const COLUMNS: &str = "crates/schema/";

/// Compares string literals that are metric names with the page, once there is one.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(page) = tree.document(PAGE) else { return Vec::new() };
    let explained: BTreeSet<&str> =
        page.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let shipped = || tree.sources.iter().filter(|source| source.purpose == Purpose::Product);
    let columns: BTreeSet<&str> = shipped()
        .filter(|source| source.path.starts_with(COLUMNS))
        .flat_map(|source| source.strings().map(|(text, _)| text))
        .collect();
    let mut problems = Vec::new();
    for source in shipped().filter(|source| !source.path.starts_with(COLUMNS)) {
        for (name, line) in source.strings().filter(|(text, _)| is_name(text)) {
            let known = explained.contains(name)
                || explained.contains(format!("{name}_total").as_str())
                || columns.contains(name);
            if !known {
                let text = format!("metric `{name}` is not explained in {PAGE}");
                problems.push(Problem::new(&source.path, line, text));
            }
        }
    }
    problems
}

fn is_name(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    #[test]
    fn a_metric_that_the_page_leaves_out_fails_and_a_column_is_none() {
        let code = "const A: &str = \"inferscope_wal_bytes\";\nconst B: &str = \"inferscope_calls\";\n\
                    const C: &str = \"inferscope_new\";\nconst D: &str = \"inferscope_endpoint\";\n\
                    const E: &str = \"inferscope_ = no name\";\n";
        let page = "| `inferscope_wal_bytes` | size |\n| `inferscope_calls_total` | calls |\n";
        let schema = ("crates/schema/src/lib.rs", "const E: &str = \"inferscope_endpoint\";\n");
        let tree = files(&[("crates/api/src/a.rs", code), schema, (PAGE, page)]);
        assert_eq!(places(&check(&tree)), [("crates/api/src/a.rs", 3)]);
        assert_eq!(check(&files(&[("crates/api/src/a.rs", code)])), []);
    }
}
