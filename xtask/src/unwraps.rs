//! Outside tests nothing is unwrapped, and an `expect` says why it cannot fail.

use crate::problem::Problem;
use crate::tree::Tree;

/// Looks inside macros too, where the compiler's lint does not always.
pub(crate) fn check(tree: &Tree) -> Vec<Problem> {
    let unwraps = tree.forbid(
        &[". unwrap ( )", ". unwrap_err ( )"],
        "unwrap outside tests: return an error, or `expect` with why it cannot fail",
        |_| true,
    );
    let expects = tree.forbid(
        &[". expect ( \"\" )", ". expect_err ( \"\" )"],
        "expect without a message: say why it cannot fail",
        |_| true,
    );
    unwraps.into_iter().chain(expects).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::fixtures::{files, places};

    #[test]
    fn unwraps_and_mute_expects_fail_outside_tests() {
        let text = "fn f() {\n a().unwrap();\n b\n  .expect(\" \");\n c().expect(\"why\");\n \
                    println!(\"{}\", d().unwrap());\n e().unwrap_or(1);\n}\n\
                    #[test]\nfn t() { a().unwrap() }\n";
        let tree = files(&[("crates/a/src/lib.rs", text), ("crates/a/tests/t.rs", text)]);
        let at = |line| ("crates/a/src/lib.rs", line);
        assert_eq!(places(&check(&tree)), [at(2), at(6), at(4)]);
    }
}
