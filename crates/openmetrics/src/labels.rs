use crate::names::{Colon, is_name};

/// A label's name, checked when the program is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelName(&'static str);

impl LabelName {
    /// The label of that name.
    ///
    /// # Panics
    /// When the name is not `[a-zA-Z_][a-zA-Z0-9_]*`, begins with `__`, or is `quantile` or `le`, which
    /// a page writes itself; in a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(is_name(bytes, Colon::Refused), "a label name is [a-zA-Z_][a-zA-Z0-9_]*");
        assert!(
            !matches!(bytes, [b'_', b'_', ..] | b"quantile" | b"le"),
            "this label name is reserved"
        );
        Self(name)
    }
}

/// The label block of one series, escaped and ready to copy. Labels are in alphabetical order.
///
/// Any text is a label value: backslash, quote and line feed are escaped, all else stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(String);

impl Labels {
    /// No labels.
    pub const NONE: Self = Self(String::new());

    /// These labels. A name that comes twice keeps its last value.
    #[must_use]
    pub fn of(pairs: &[(LabelName, &str)]) -> Self {
        let mut sorted = pairs.to_vec();
        sorted.sort_by_key(|(name, _)| *name); // stable: the last of one name stays last
        let mut block = String::with_capacity(
            pairs.iter().map(|(name, value)| name.0.len() + value.len() + 5).sum(),
        );
        for (at, (name, value)) in sorted.iter().enumerate() {
            if sorted.get(at + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            block.push_str(if block.is_empty() { "" } else { "," });
            block.push_str(name.0);
            block.push_str("=\"");
            escape(&mut block, value, Quote::Escaped);
            block.push('"');
        }
        Self(block)
    }

    /// `a="1",b="2"`, without braces.
    pub(crate) const fn inner(&self) -> &str {
        self.0.as_str()
    }
}

/// Whether a double quote is written as `\"`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quote {
    Escaped,
    Plain,
}

pub(crate) fn escape(out: &mut String, text: &str, quote: Quote) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quote == Quote::Escaped => out.push_str("\\\""),
            plain => out.push(plain),
        }
    }
}
