//! What a pattern cannot say: whether a match is more than it looks like.

/// What has to hold of a match beside its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspect {
    /// Nothing.
    Always,
    /// It does not begin inside a word.
    WordStart,
    /// The same, and it does not look like plain words: it holds a digit, or letters of both cases, or is long.
    Secret,
    /// It is a number by itself, of 13 to 19 digits, that passes the check sum of payment cards.
    Card,
}

/// No word is so long, bytes.
const LONG: usize = 32;

impl Suspect {
    pub(crate) fn holds(self, text: &str, start: usize, end: usize) -> bool {
        let found = &text[start..end];
        match self {
            Self::Always => true,
            Self::WordStart => begins_word(text, start),
            Self::Secret => {
                let has = |kind: fn(&u8) -> bool| found.bytes().any(|byte| kind(&byte));
                let both_cases = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
                let wild = has(u8::is_ascii_digit) || both_cases || found.len() >= LONG;
                begins_word(text, start) && wild
            }
            Self::Card => stands_alone(text, start, end) && passes_luhn(found),
        }
    }
}

/// Whether no word goes on at `start`. In JSON inside a string, the `n` of `\n` is no word.
fn begins_word(text: &str, start: usize) -> bool {
    let before = &text[..start];
    let in_word = before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    !in_word || escape_length(before) > 0
}

/// How many bytes the JSON escape has that `before` ends with: 2 for `\n`, 6 for `\u001b`; else 0.
pub(crate) fn escape_length(before: &str) -> usize {
    let bytes = before.as_bytes();
    let opens = |at: usize| {
        let backslashes = bytes[..=at].iter().rev().take_while(|byte| **byte == b'\\').count();
        backslashes % 2 == 1
    };
    match bytes {
        [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f'] if opens(bytes.len() - 2) => 2,
        [.., b'\\', b'u', a, b, c, d]
            if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) && opens(bytes.len() - 6) =>
        {
            6
        }
        _ => 0,
    }
}

/// Whether the digits are no part of a longer number, nor the fraction of one.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+');
    let free_before = before.is_none_or(|c| !part(c)) || escape_length(&text[..start]) > 0;
    let ends_sentence =
        text[end..].starts_with('.') && !text[end + 1..].starts_with(|c: char| c.is_ascii_digit());
    free_before && (after.is_none_or(|c| !part(c)) || ends_sentence)
}

fn passes_luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => *digit,
            _ if digit * 2 > 9 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_pass_their_check_sum() {
        // Test numbers that card companies publish.
        for card in ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"] {
            assert!(passes_luhn(card), "{card}");
        }
        assert!(!passes_luhn("4111 1111 1111 1112") && !passes_luhn("0") && !passes_luhn(""));
    }

    #[test]
    fn an_escape_is_no_part_of_a_word() {
        assert_eq!(escape_length(r"a\n"), 2);
        assert_eq!(escape_length(r"a\\n"), 0, "an escaped backslash, then an n");
        assert_eq!(escape_length(r"\\\n"), 2);
        assert_eq!(escape_length(r"\u001b"), 6);
        assert_eq!(escape_length("é"), 0);
        assert!(begins_word(r"x\n", 3) && begins_word("", 0) && !begins_word("ta", 2));
    }
}
