/// A metric family's name, help and unit, checked when the program is compiled.
///
/// Meant for constants: a bad name in a `const` does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: Option<&'static str>,
}

impl Family {
    /// A family without a unit. A counter may be named with or without `_total`.
    ///
    /// # Panics
    /// When the name is not `[a-zA-Z_:][a-zA-Z0-9_:]*`; in a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        assert!(
            is_name(name.as_bytes(), Colon::Allowed),
            "a metric name is [a-zA-Z_:][a-zA-Z0-9_:]*"
        );
        Self { name, help, unit: None }
    }

    /// The same family with a unit, which gets a `# UNIT` line.
    ///
    /// # Panics
    /// When the name, less a `_total`, does not end in `_` and the unit; in a constant that is a
    /// compile error.
    #[must_use]
    pub const fn with_unit(mut self, unit: &'static str) -> Self {
        assert!(
            !unit.is_empty() && is_name(unit.as_bytes(), Colon::Refused),
            "a unit is a plain word"
        );
        let stem = without_total(self.name.as_bytes());
        assert!(ends_in_word(stem, unit.as_bytes()), "a name ends in its unit");
        self.unit = Some(unit);
        self
    }

    /// The name less a `_total`.
    pub(crate) fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

/// Whether a name may have a colon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colon {
    Allowed,
    Refused,
}

pub(crate) const fn is_name(name: &[u8], colon: Colon) -> bool {
    let mut at = 0;
    while at < name.len() {
        let byte = name[at];
        let digit = byte.is_ascii_digit() && at > 0;
        let colon = byte == b':' && matches!(colon, Colon::Allowed);
        if !(byte.is_ascii_alphabetic() || byte == b'_' || digit || colon) {
            return false;
        }
        at += 1;
    }
    at > 0
}

const fn without_total(name: &[u8]) -> &[u8] {
    if ends_in_word(name, b"total") { name.split_at(name.len() - 6).0 } else { name }
}

const fn ends_in_word(name: &[u8], word: &[u8]) -> bool {
    if name.len() <= word.len() {
        return false;
    }
    let (head, tail) = name.split_at(name.len() - word.len());
    let mut at = 0;
    while at < tail.len() {
        if tail[at] != word[at] {
            return false;
        }
        at += 1;
    }
    head[head.len() - 1] == b'_'
}
