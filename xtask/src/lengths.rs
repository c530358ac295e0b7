//! Long files and functions are answered: made shorter, or recorded with a reason.

use serde::Deserialize;

use crate::problem::Problem;
use crate::tree::Tree;

/// Lines of a file, tests not counted.
const FILE: usize = 500;
/// Lines of a function outside tests, from its signature to its closing brace.
const FUNCTION: usize = 90;

const RECORDS: &str = "xtask/lengths.toml";

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Records {
    #[serde(default)]
    long: Vec<Record>,
}

/// A long thing that someone looked at and left as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    path: String,
    /// Absent: the file itself.
    function: Option<String>,
    reason: String,
}

/// A long thing that was found.
struct Long<'a> {
    path: &'a str,
    function: Option<&'a str>,
    line: usize,
    text: String,
}

impl Long<'_> {
    fn is(&self, record: &Record) -> bool {
        self.path == record.path && self.function == record.function.as_deref()
    }
}

/// Compares what is long with what is recorded; a record of what is no longer long fails too.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let text = tree.document(RECORDS).map_or("", |document| document.text.as_str());
    let records = match toml::from_str::<Records>(text) {
        Ok(records) => records.long,
        Err(error) => return vec![Problem::new(RECORDS, 1, error.message())],
    };
    let found: Vec<Long<'_>> = functions(tree).chain(files(tree)).collect();
    let unanswered = found
        .iter()
        .filter(|long| !records.iter().any(|record| long.is(record)))
        .map(|long| Problem::new(long.path, long.line, &*long.text));
    let stale = records.iter().filter(|record| !found.iter().any(|long| long.is(record)));
    let stale = stale.map(|record| (record, "is recorded and no longer long: remove the record"));
    let bare = records.iter().filter(|record| record.reason.trim().is_empty());
    let bare = bare.map(|record| (record, "is recorded without a reason"));
    let at_record = stale.chain(bare).map(|(record, complaint)| {
        let name = record.function.as_ref().unwrap_or(&record.path);
        Problem::new(RECORDS, line_of(text, record), format!("`{name}` {complaint}"))
    });
    unanswered.chain(at_record).collect()
}

fn functions(tree: &Tree) -> impl Iterator<Item = Long<'_>> {
    tree.sources.iter().flat_map(|source| {
        let long = source.functions.iter().filter(|function| {
            function.lines > FUNCTION && !source.is_test(function.line)
        });
        long.map(|function| Long {
            path: &source.path,
            function: Some(&function.name),
            line: function.line,
            text: format!(
                "function `{}` has {} lines, more than {FUNCTION}: split it or record why not in {RECORDS}",
                function.name, function.lines
            ),
        })
    })
}

fn files(tree: &Tree) -> impl Iterator<Item = Long<'_>> {
    let rust = tree.sources.iter().map(|source| (&source.path, source.lines_without_tests()));
    let other = tree.documents.iter().filter(|document| is_program(&document.path));
    let other = other.map(|document| (&document.path, document.text.lines().count()));
    rust.chain(other).filter(|(_, lines)| *lines > FILE).map(|(path, lines)| Long {
        path,
        function: None,
        line: 1,
        text: format!(
            "file has {lines} lines, more than {FILE}: split it or record why not in {RECORDS}"
        ),
    })
}

/// Programs beside Rust that are not tests.
fn is_program(path: &str) -> bool {
    let program = [".py", ".ts", ".tsx"].iter().any(|ending| path.ends_with(ending));
    let test = path.contains(".test.") || path.split('/').any(|part| part == "tests");
    program && !test
}

fn line_of(text: &str, record: &Record) -> usize {
    let names = |line: &str| match &record.function {
        Some(function) => line.starts_with("function") && line.contains(&format!("\"{function}\"")),
        None => line.starts_with("path") && line.contains(&format!("\"{}\"", record.path)),
    };
    text.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    fn long_function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    f();\n".repeat(lines - 2))
    }

    #[test]
    fn a_long_function_fails_unless_it_is_a_test() {
        let (at, over) = (long_function(FUNCTION), long_function(FUNCTION + 1));
        let test = format!("#[cfg(test)]\nmod tests {{\n{over}}}\n");
        let tree = files(&[("a.rs", &at), ("b.rs", &over), ("c.rs", &test), ("tests/d.rs", &over)]);
        assert_eq!(places(&check(&tree)), [("b.rs", 1)]);
    }

    #[test]
    fn a_long_file_fails_counted_without_its_tests() {
        let at = "use a;\n".repeat(FILE);
        let over = "use a;\n".repeat(FILE + 1);
        let tests = format!("{at}#[cfg(test)]\nmod tests {{\n{at}}}\n");
        let script = "x\n".repeat(FILE + 1);
        let tree = files(&[
            ("a.rs", &at),
            ("b.rs", &over),
            ("c.rs", &tests),
            ("web/src/d.tsx", &script),
            ("web/src/d.test.tsx", &script),
            ("docs/e.md", &script),
        ]);
        assert_eq!(places(&check(&tree)), [("b.rs", 1), ("web/src/d.tsx", 1)]);
    }

    #[test]
    fn a_record_answers_and_a_stale_bare_or_broken_one_fails() {
        let over = long_function(FUNCTION + 1);
        let answered = "[[long]]\npath = \"b.rs\"\nfunction = \"long\"\nreason = \"a sequence\"\n";
        assert_eq!(places(&check(&files(&[("b.rs", &over), (RECORDS, answered)]))), []);
        assert_eq!(places(&check(&files(&[(RECORDS, answered)]))), [(RECORDS, 3)]);

        let bare = answered.replace("a sequence", " ");
        assert_eq!(places(&check(&files(&[("b.rs", &over), (RECORDS, &bare)]))), [(RECORDS, 3)]);
        let broken = answered.replace("reason", "because");
        assert_eq!(places(&check(&files(&[("b.rs", &over), (RECORDS, &broken)]))), [(RECORDS, 1)]);
    }
}
