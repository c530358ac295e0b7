//! Model names as one spelling.

/// Regions that Bedrock puts before the vendor.
const REGIONS: &[&str] = &["us", "eu", "apac", "global", "jp", "au", "ca", "us-gov"];

/// Vendors as Bedrock names them.
const VENDORS: &[&str] = &[
    "anthropic",
    "meta",
    "amazon",
    "mistral",
    "cohere",
    "ai21",
    "deepseek",
    "openai",
    "qwen",
    "google",
    "nvidia",
    "minimax",
    "moonshot",
    "moonshotai",
    "zai",
    "writer",
    "twelvelabs",
];

/// The normalised name of a model: lower case, without organisation, provider, region and revision, with `-` between
/// its parts. Two names of one model have one normalised name; a base model and its instruct version do not.
#[must_use]
pub fn norm(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let (name, of_bedrock) = match without_vendor(name) {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let name = name.split([':', '@']).next().unwrap_or_default();
    let name = if of_bedrock { without_version(name) } else { name };
    plain_llama(&dashed(name))
}

/// What stands behind `vendor.` or `region.vendor.`.
fn without_vendor(name: &str) -> Option<&str> {
    let (first, rest) = name.split_once('.')?;
    if VENDORS.contains(&first) {
        return Some(rest);
    }
    let (second, rest) = rest.split_once('.')?;
    (REGIONS.contains(&first) && VENDORS.contains(&second)).then_some(rest)
}

/// The name without `-v2` at its end.
fn without_version(name: &str) -> &str {
    match name.rsplit_once("-v") {
        Some((rest, digits)) if is_number(digits) => rest,
        Some(_) | None => name,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Runs of `.`, `_`, space and `-` as one `-`; a `p` between digits is a decimal point.
fn dashed(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut before = None;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let digit = |c: &char| c.is_ascii_digit();
        let point =
            c == 'p' && before.as_ref().is_some_and(digit) && rest.peek().is_some_and(digit);
        if point || matches!(c, '.' | '_' | ' ' | '-') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.push(c);
        }
        before = Some(c);
    }
    out
}

/// `meta-llama-3`, `llama3`, `llamav3` and `llama-v3` as `llama-3`.
fn plain_llama(name: &str) -> String {
    let name = match name.strip_prefix("meta-llama-") {
        Some(rest) => format!("llama-{rest}"),
        None => name.to_owned(),
    };
    let Some(rest) = name.strip_prefix("llama") else { return name };
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    if rest.starts_with(|c: char| c.is_ascii_digit()) { format!("llama-{rest}") } else { name }
}

/// The name without a date at its end: `-20240620` or `-2024-06-20`.
pub(crate) fn undated(name: &str) -> Option<&str> {
    let (rest, last) = name.rsplit_once('-')?;
    let of = |text: &str, len: usize| text.len() == len && is_number(text);
    if of(last, 8) {
        return Some(rest).filter(|rest| !rest.is_empty());
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    (of(last, 2) && of(month, 2) && of(year, 4) && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_check_values_of_the_format() {
        for (name, expected) in [
            ("meta-llama/Llama-3.1-8B-Instruct:cerebras", "llama-3-1-8b-instruct"),
            ("accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-3-1-8b-instruct"),
            ("llama3.1-8b", "llama-3-1-8b"),
            ("Meta-Llama-3_3-70B-Instruct", "llama-3-3-70b-instruct"),
            ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", "claude-3-5-sonnet-20240620"),
            ("deepseek-ai/DeepSeek-V3.1", "deepseek-v3-1"),
            ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b-instruct-v0-3"),
        ] {
            assert_eq!(norm(name), expected, "{name}");
        }
    }

    #[test]
    fn edges() {
        for (name, expected) in [
            ("", ""),
            ("  gpt-4o  ", "gpt-4o"),
            ("a/b/", ""),
            ("anthropic.claude-v2:1", "claude"),
            ("claude-v2", "claude-v2"),
            ("llama", "llama"),
            ("llama-guard", "llama-guard"),
            ("llama-v3", "llama-3"),
            ("gpt 3.5__turbo", "gpt-3-5-turbo"),
            ("p4p", "p4p"),
            ("1p2p3", "1-2-3"),
        ] {
            assert_eq!(norm(name), expected, "{name}");
        }
    }

    #[test]
    fn a_date_at_the_end_can_be_left_off_once() {
        assert_eq!(undated("claude-3-5-sonnet-20240620"), Some("claude-3-5-sonnet"));
        assert_eq!(undated("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(undated("gpt-4o"), None);
        assert_eq!(undated("20240620"), None);
        assert_eq!(undated("model-12345678x"), None);
        assert_eq!(undated("llama-3-1-8b"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_a_name_that_stays(text in ".{0,60}") {
            let once = norm(&text);
            prop_assert!(!once.contains("--") && !once.contains(['/', ':', '@', '_', '.']), "{once}");
            let _ = undated(&once);
        }
    }
}
