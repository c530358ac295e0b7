use proptest::prelude::*;

use super::*;

fn redacted(text: &str) -> String {
    Rules::built_in().redact(text).text.into_owned()
}

#[test]
fn secrets_and_personal_data_are_replaced_by_what_they_were() {
    let cases = [
        ("key hf_abcdefghijklmnop1234 end", "key [redacted:api-key] end"),
        ("OPENAI_API_KEY=sk-proj-abcdefghij0123456789", "OPENAI_API_KEY=[redacted:api-key]"),
        ("AKIAIOSFODNN7EXAMPLE.", "[redacted:aws-key]."),
        ("Authorization: Basic dXNlcjpwYXNz", "[redacted:authorization]"),
        ("sent Bearer abcdef123456 along", "sent [redacted:bearer] along"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.abc_DEF", "[redacted:jwt]"),
        ("mail ann.lee+x@mail.example.org, please", "mail [redacted:email], please"),
        ("pay with 4111 1111 1111 1111.", "pay with [redacted:card]."),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- after",
            "[redacted:private-key] after",
        ),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted:api-key]"),
        ("two a@b.de and c@d.fr", "two [redacted:email] and [redacted:email]"),
    ];
    for (text, expected) in cases {
        assert_eq!(redacted(text), expected);
    }
}

#[test]
fn what_only_looks_alike_stays() {
    let rules = Rules::built_in();
    for text in [
        "",
        "a task-management-framework-for-you, risk-aversion-and-more-things",
        "the bearer certificates of 1900",
        "0.4111111111111111 and 14111111111111111",
        "1795477976875666739",
        "4111 1111 1111 1112",
        "call me @home, or a@b",
        "meta-llama/Llama-3.1-8B-Instruct",
        "eyJust.a.word",
        "[redacted:email]",
    ] {
        let left = rules.redact(text);
        assert_eq!((&*left.text, left.replaced), (text, 0));
        assert!(matches!(left.text, Cow::Borrowed(_)), "{text} is not copied");
    }
}

#[test]
fn what_was_json_stays_json() {
    let texts = [
        r#"{"a":"line\nann@example.org","b":[4111111111111111,1]}"#,
        r#"{"a":"tab\thf_abcdefghijklmnop1234\n","card": 4111111111111111 }"#,
        r#"["\u001bann@example.org\\nx@y.zz"]"#,
        r#"{"headers":{"Authorization":"Bearer abcdef123456"}}"#,
    ];
    for text in texts {
        let left = redacted(text);
        assert!(is_json(&left), "{text} became {left}");
        assert!(left.contains("[redacted:") && !left.contains("ann@") && !left.contains("hf_"));
    }
}

/// As much of JSON as these tests need: brackets outside of strings match, escapes are escapes.
fn is_json(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (Vec::new(), false, false);
    for c in text.chars() {
        match (in_string, escaped, c) {
            (true, true, c) => {
                if !"\"\\/bfnrtu".contains(c) {
                    return false;
                }
                escaped = false;
            }
            (true, false, '\\') => escaped = true,
            (_, _, '"') => in_string = !in_string,
            (false, _, '{' | '[') => depth.push(c),
            (false, _, '}') if depth.pop() != Some('{') => return false,
            (false, _, ']') if depth.pop() != Some('[') => return false,
            _ => {}
        }
    }
    depth.is_empty() && !in_string
}

#[test]
fn own_rules_are_checked_and_used() {
    let own = |name: &str, pattern: &str| Rules::with(&[(name.to_owned(), pattern.to_owned())]);
    let rules = own("project", "(?i)project [a-z]+").expect("is good");
    assert_eq!(
        rules.redact("on Project Zeus, a@b.de").text,
        "on [redacted:project], [redacted:email]"
    );
    assert!(matches!(own("a", "("), Err(RuleError::Pattern { .. })));
    assert!(matches!(own("a", "\\w{1000}{1000}"), Err(RuleError::Pattern { .. })));
    assert!(matches!(own("a", "x*"), Err(RuleError::Empty { .. })));
    assert!(matches!(own("A b", "x"), Err(RuleError::Name { .. })));
    assert!(matches!(own("a", &"x".repeat(5000)), Err(RuleError::Pattern { .. })));
    let many = vec![("a".to_owned(), "x".to_owned()); 101];
    assert_eq!(Rules::with(&many).map(|_| ()), Err(RuleError::TooMany));
    // A rule that finds what we write ourselves comes to an end.
    assert_eq!(
        own("a", "redacted|e").expect("is good").redact("see").text,
        "s[redacted:a][redacted:a]"
    );
    assert_eq!(
        own("a", "[a-z:\\]\\[]+").expect("is good").redact("see me").text,
        "[redacted:a] [redacted:a]"
    );
}

/// Texts that may hold secrets: pieces of them, around them, and anything.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "hf_[A-Za-z0-9]{12,24}",
        "sk-[a-z0-9-]{10,24}",
        "AKIA[0-9A-Z]{16}",
        "[a-z]{1,5}@[a-z]{1,5}\\.[a-z]{1,3}",
        "4111 ?1111-?1111 ?1111",
        "eyJ[a-z]{6}\\.[a-z]{6}\\.[a-z]{0,3}",
        "[Bb]earer [a-z0-9]{6,10}",
        "\\\\[ntu\\\\\"]",
        "[{}\\[\\]:, ._@\\\\\"-]{0,3}",
        ".{0,6}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_that_a_rule_finds_survives(text in text()) {
        let rules = Rules::built_in();
        let left = rules.redact(&text);
        prop_assert_eq!(rules.found(&left.text), vec![], "{} became {}", text, left.text);
        prop_assert_eq!(left.replaced == 0, left.text == text);
        prop_assert_eq!(matches!(left.text, Cow::Borrowed(_)), left.replaced == 0 || left.text == "[redacted]");
    }

    #[test]
    fn nothing_that_an_own_rule_finds_survives(text in "[ab:\\[\\]redct ]{0,40}", pattern in "[abc]{1,3}[+?]?|[ab]\\[|d\\]") {
        let Ok(rules) = Rules::with(&[("c".to_owned(), pattern)]) else { return Ok(()) };
        let left = rules.redact(&text);
        prop_assert_eq!(rules.found(&left.text), vec![], "{} became {}", text, left.text);
    }
}
