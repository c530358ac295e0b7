//! One Rust file, read once for all checks: its tokens, functions and modules, and which are tests.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::problem::Problem;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Part of what is shipped.
    Product,
    Test,
    Example,
    Bench,
    BuildScript,
    /// This program.
    Tool,
}

impl Purpose {
    /// By where the file lies.
    fn of(path: &str) -> Self {
        let folders: Vec<&str> = path.split('/').collect();
        let (file, folders) = folders.split_last().expect("splitting yields at least one part");
        let inside = |name: &str| folders.contains(&name);
        match file {
            _ if inside("tests") || *file == "tests.rs" || inside("testkit") => Self::Test,
            _ if inside("examples") => Self::Example,
            _ if inside("bench") || inside("benches") => Self::Bench,
            _ if inside("xtask") => Self::Tool,
            &"build.rs" if !inside("src") => Self::BuildScript,
            _ => Self::Product,
        }
    }
}

/// A token as text (a string literal in double quotes, its blanks trimmed) and its line.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A function and the lines from its signature to its closing brace.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// One parsed file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) purpose: Purpose,
    pub(crate) lines: usize,
    pub(crate) functions: Vec<Function>,
    /// Declared modules and their lines.
    pub(crate) modules: Vec<(String, usize)>,
    pieces: Vec<Piece>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        let unreadable = |line: usize, error: String| {
            Problem::new(path, line, format!("does not parse as Rust: {error}"))
        };
        let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
            unreadable(error.span().start().line, error.to_string())
        })?;
        let file: syn::File = syn::parse2(tokens.clone())
            .map_err(|error| unreadable(error.span().start().line, error.to_string()))?;
        let mut outline = Outline::default();
        outline.visit_file(&file);
        let mut pieces = Vec::new();
        flatten(tokens, &mut pieces);
        Ok(Self {
            path: path.to_owned(),
            purpose: Purpose::of(path),
            lines: text.lines().count(),
            functions: outline.functions,
            modules: outline.modules,
            pieces,
            tests: outline.tests,
        })
    }

    /// Whether `line` is test code.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.purpose == Purpose::Test || self.tests.iter().any(|range| range.contains(&line))
    }

    /// Lines that are not test code.
    pub(crate) fn lines_without_tests(&self) -> usize {
        (1..=self.lines).filter(|line| !self.is_test(*line)).count()
    }

    /// The lines outside tests where these tokens follow each other. `pattern` has blanks between
    /// tokens, as in `. unwrap ( )`; comments and the insides of strings are no tokens.
    pub(crate) fn find(&self, pattern: &str) -> Vec<usize> {
        let wanted: Vec<&str> = pattern.split(' ').collect();
        self.pieces
            .windows(wanted.len())
            .filter(|window| {
                window.iter().map(|piece| piece.text.as_str()).eq(wanted.iter().copied())
            })
            .map(|window| window[0].line)
            .filter(|line| !self.is_test(*line))
            .collect()
    }

    /// String literals outside tests, with their lines.
    pub(crate) fn strings(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pieces.iter().filter(|piece| !self.is_test(piece.line)).filter_map(|piece| {
            Some((piece.text.strip_prefix('"')?.strip_suffix('"')?, piece.line))
        })
    }
}

fn flatten(tokens: TokenStream, pieces: &mut Vec<Piece>) {
    for token in tokens {
        let line = token.span().start().line;
        let mut push = |text: String| pieces.push(Piece { text, line });
        match token {
            TokenTree::Ident(word) => push(word.to_string()),
            TokenTree::Punct(mark) => push(mark.as_char().to_string()),
            TokenTree::Literal(literal) => match syn::Lit::new(literal) {
                syn::Lit::Str(text) => push(format!("\"{}\"", text.value().trim())),
                other => push(other.span().source_text().unwrap_or_default()),
            },
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned());
                flatten(group.stream(), pieces);
                let line = group.span_close().end().line;
                pieces.push(Piece { text: close.to_owned(), line });
            }
        }
    }
}

#[derive(Default)]
struct Outline {
    functions: Vec<Function>,
    modules: Vec<(String, usize)>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Outline {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.span().start().line;
        let lines = block.brace_token.span.close().end().line - line + 1;
        self.functions.push(Function { name: signature.ident.to_string(), line, lines });
    }

    fn note_tests(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) {
        if attributes.iter().any(marks_a_test) {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(any(test, …))]`.
fn marks_a_test(attribute: &syn::Attribute) -> bool {
    let last = attribute.path().segments.last().map(|segment| segment.ident.to_string());
    match (last.as_deref(), &attribute.meta) {
        (Some("test"), _) => true,
        (Some("cfg"), syn::Meta::List(list)) => {
            let mut pieces = Vec::new();
            flatten(list.tokens.clone(), &mut pieces);
            let has = |word: &str| pieces.iter().any(|piece| piece.text == word);
            has("test") && !has("not")
        }
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Outline {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.note_tests(&item.attrs, item);
        self.modules.push((item.ident.to_string(), item.ident.span().start().line));
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_tests(&item.attrs, item);
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note_tests(&item.attrs, item);
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note_tests(&item.attrs, item);
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
mod inner { pub(crate) fn short() {} }

fn long(
    a: u8,
) {
    // .unwrap() in a comment
    let _ = format!("{} .unwrap()", inner::short().unwrap());
}

#[cfg(test)]
mod tests {
    #[test]
    fn case() { None::<u8>.unwrap(); }
}

#[cfg(not(test))]
fn shipped() {}
"#;

    #[test]
    fn tokens_are_found_inside_macros_and_not_in_comments_strings_or_tests() {
        let source = Source::parse("crates/a/src/lib.rs", TEXT).unwrap();
        assert_eq!(source.find(". unwrap ( )"), [8]);
        assert_eq!(source.strings().collect::<Vec<_>>(), [("{} .unwrap()", 8)]);
    }

    #[test]
    fn functions_modules_and_tests_are_outlined() {
        let source = Source::parse("crates/a/src/lib.rs", TEXT).unwrap();
        let functions: Vec<_> =
            source.functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(
            functions,
            [("short", 2, 1), ("long", 4, 6), ("case", 14, 1), ("shipped", 18, 1)]
        );
        assert_eq!(source.modules, [("inner".to_owned(), 2), ("tests".to_owned(), 12)]);
        assert!(source.is_test(11) && source.is_test(15));
        assert!(!source.is_test(10) && !source.is_test(18));
        assert_eq!(source.lines_without_tests(), 18 - 5);
    }

    #[test]
    fn where_a_file_lies_says_what_it_is_for() {
        for (path, purpose) in [
            ("crates/a/src/b.rs", Purpose::Product),
            ("crates/a/src/build.rs", Purpose::Product),
            ("crates/a/src/b/tests.rs", Purpose::Test),
            ("crates/a/tests/b/c.rs", Purpose::Test),
            ("crates/a/examples/b.rs", Purpose::Example),
            ("crates/a/build.rs", Purpose::BuildScript),
            ("bench/src/main.rs", Purpose::Bench),
            ("xtask/src/main.rs", Purpose::Tool),
        ] {
            assert_eq!(Purpose::of(path), purpose, "{path}");
        }
    }

    #[test]
    fn a_file_that_is_no_rust_is_a_problem_with_a_line() {
        let problem = Source::parse("a.rs", "fn a() {}\nfn fn").unwrap_err();
        assert_eq!((problem.path.as_str(), problem.line), ("a.rs", 2));
    }
}
