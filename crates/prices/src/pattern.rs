//! Names with `*` for anything.

/// A name with wildcards, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Self {
        Self(pattern.to_lowercase())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// How many characters it names: of two patterns that fit, the one that names more says more.
    pub(crate) fn literal(&self) -> usize {
        self.0.chars().filter(|c| *c != '*').count()
    }

    /// Whether the whole of `text`, which is in lower case, fits. The time is bounded by the product of both lengths.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        let mut rest = rest;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_anything_also_nothing() {
        let fits = |pattern: &str, text: &str| Pattern::new(pattern).fits(text);
        assert!(fits("*.openai.azure.com", "x.openai.azure.com"));
        assert!(!fits("*.openai.azure.com", "openai.azure.com"));
        assert!(fits("bedrock-runtime.*.amazonaws.com", "bedrock-runtime.us-east-1.amazonaws.com"));
        assert!(fits("My-Org/*", "my-org/model"));
        assert!(fits("a*b*c", "abc") && fits("a*b*c", "axbxbxc") && !fits("a*b*c", "acb"));
        assert!(fits("*", "") && fits("**", "x") && fits("", "") && !fits("", "x"));
        assert!(!fits("ab*ba", "aba"), "the ends may not share a character");
        assert_eq!(Pattern::new("a*b*").literal(), 2);
    }

    proptest! {
        #[test]
        fn a_text_fits_itself_with_any_part_starred(text in "[a-c*]{0,12}", from: proptest::sample::Index, to: proptest::sample::Index) {
            let plain = text.replace('*', "d");
            let (a, b) = (from.index(plain.len() + 1), to.index(plain.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            let pattern = format!("{}*{}", &plain[..a], &plain[b..]);
            prop_assert!(Pattern::new(&pattern).fits(&plain), "{pattern} {plain}");
            let _ = Pattern::new(&text).fits(&plain);
        }
    }
}
