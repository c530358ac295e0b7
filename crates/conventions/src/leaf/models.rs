//! Model names, compared as people mean them.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The names that a span gives to its model: as it was asked for, and as it answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Models([Option<u64>; 2]);

impl Models {
    pub(super) fn of(requested: Option<&str>, answered: Option<&str>) -> Self {
        Self([requested, answered].map(|name| name.map(|name| hash(&plain(name)))))
    }

    /// Whether it names one.
    pub(super) const fn any(self) -> bool {
        matches!(self.0, [Some(_), _] | [_, Some(_)])
    }

    /// Whether the two have a name in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0.iter().flatten().any(|name| other.0.iter().flatten().any(|other| name == other))
    }
}

/// Texts are compared by hash, so that what is remembered of a span has a bound.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A model's name without maker, policy suffix and the ways of writing its version:
/// `meta-llama/Llama-3.1-8B-Instruct:cerebras` as `llama-3-1-8b-instruct`.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    let mut plain = String::with_capacity(name.len() + 1);
    for c in name.chars() {
        let c = if matches!(c, '.' | '_' | ' ') { '-' } else { c };
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    let rest = plain.strip_prefix("meta-").unwrap_or(&plain);
    match rest.strip_prefix("llama") {
        Some(rest) => {
            let version = rest.trim_start_matches('-').trim_start_matches('v');
            if version.starts_with(|c: char| c.is_ascii_digit()) {
                format!("llama-{version}")
            } else {
                format!("llama{rest}")
            }
        }
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_one_plain_name() {
        let same = [
            ("meta-llama/Llama-3.1-8B-Instruct:cerebras", "llama-3-1-8b-instruct"),
            ("Meta-Llama-3_1-8B-Instruct", "llama-3-1-8b-instruct"),
            ("llama3.1-8b", "llama-3-1-8b"),
            ("openai/gpt-4o-mini", "gpt-4o-mini"),
            ("Llama Guard", "llama-guard"),
            ("", ""),
        ];
        for (name, expected) in same {
            assert_eq!(plain(name), expected);
        }
    }

    #[test]
    fn models_meet_by_either_name() {
        let asked = Models::of(Some("openai/gpt-4o"), None);
        assert!(asked.meets(Models::of(Some("x"), Some("gpt-4o"))));
        assert!(!asked.meets(Models::of(Some("gpt-4o-mini"), None)));
        assert!(!Models::default().meets(Models::default()), "two unknown models are not one");
    }
}
