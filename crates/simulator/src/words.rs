use crate::dice::Dice;

/// How many words a text has: what stands between white space. This is the simulator's token.
pub(crate) fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// What the model will say, word by word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The words, the reasoning first.
    pub(crate) words: Vec<&'static str>,
    /// How many of them are reasoning.
    pub(crate) reasoning: usize,
    /// `stop`, or `length` when the caller's limit came first.
    pub(crate) finish_reason: &'static str,
}

/// What a script depends on.
pub(crate) struct Order<'a> {
    pub(crate) seed: u64,
    pub(crate) model: &'a str,
    pub(crate) prompt: &'a str,
    /// The caller's limit.
    pub(crate) max_tokens: Option<usize>,
    /// The exact length, where the caller asked for one.
    pub(crate) tokens: Option<usize>,
}

impl Script {
    pub(crate) fn write(order: &Order<'_>) -> Self {
        let mut dice = Dice::of_text(order.seed, &format!("{}\n{}", order.model, order.prompt));
        let reasoning = if order.model.contains("R1") { REASONING.len() } else { 0 };
        let natural = SHORTEST + dice.below(LONGEST - SHORTEST + 1);
        let wanted = order.tokens.map_or(natural, |tokens| tokens.min(LIMIT)).max(1);
        let length = order.max_tokens.map_or(wanted, |limit| wanted.min(limit));
        let text = std::iter::once("[simulator]")
            .chain(std::iter::repeat_with(|| WORDS[dice.below(WORDS.len())]));
        Self {
            words: REASONING.into_iter().take(reasoning).chain(text).take(length).collect(),
            reasoning: reasoning.min(length),
            finish_reason: if length < wanted { "length" } else { "stop" },
        }
    }

    /// The reasoning as one text.
    pub(crate) fn reasoning_text(&self) -> String {
        self.words[..self.reasoning].join(" ")
    }

    /// The answer as one text.
    pub(crate) fn answer_text(&self) -> String {
        self.words[self.reasoning..].join(" ")
    }
}

const SHORTEST: usize = 16;
const LONGEST: usize = 80;
/// The most words that a caller can ask for.
const LIMIT: usize = 16_384;

const REASONING: [&str; 8] =
    ["[simulator]", "let", "me", "pretend", "to", "think", "about", "this."];

const WORDS: [&str; 32] = [
    "the", "quiet", "replica", "answers", "without", "knowing", "why,", "and", "each", "token",
    "falls", "in", "its", "place", "like", "rain", "on", "a", "tin", "roof;", "no", "model", "was",
    "asked", "here,", "only", "dice", "that", "count", "to", "three.", "So",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn script(model: &str, max_tokens: Option<usize>, tokens: Option<usize>) -> Script {
        Script::write(&Order { seed: 1, model, prompt: "hi", max_tokens, tokens })
    }

    #[test]
    fn the_text_says_what_it_is_and_repeats_itself() {
        let first = script("a/b", None, None);
        assert_eq!(first, script("a/b", None, None));
        assert!(first.answer_text().starts_with("[simulator] "));
        assert!((SHORTEST..=LONGEST).contains(&first.words.len()));
        assert_eq!(count(&first.answer_text()), first.words.len());
    }

    #[test]
    fn the_callers_limit_is_kept() {
        let cut = script("a/b", Some(3), None);
        assert_eq!((cut.words.len(), cut.finish_reason), (3, "length"));
        let exact = script("a/b", Some(3), Some(3));
        assert_eq!((exact.words.len(), exact.finish_reason), (3, "stop"));
    }

    #[test]
    fn reasoning_comes_first_and_counts() {
        let script = script("deepseek-ai/DeepSeek-R1", None, Some(10));
        assert_eq!((script.words.len(), script.reasoning), (10, 8));
        assert_eq!(count(&script.answer_text()), 2);
    }
}
