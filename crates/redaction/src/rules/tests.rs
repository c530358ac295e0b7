use proptest::prelude::*;

use super::*;

fn rule(name: &str, pattern: &str) -> OwnRule {
    OwnRule { name: name.to_owned(), pattern: pattern.to_owned() }
}

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
        assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok(), "{text} became {left}");
        assert!(left.contains("[redacted:") && !left.contains("ann@") && !left.contains("hf_"));
    }
}

#[test]
fn json_is_looked_at_by_text_and_by_name() {
    let cases = [
        (
            r#"{"headers":"{\"Authorization\":\"Bearer x\",\"n\":1.0}","password":"p","n":1.50}"#,
            r#"{"headers":"{\"Authorization\":\"[redacted:authorization]\",\"n\":1.0}","password":"[redacted:secret]","n":1.50}"#,
        ),
        // Hidden by an escape.
        (r#"["ann\u0040example.org"]"#, r#"["[redacted:email]"]"#),
        (r#"{"a@b.de":4111111111111111}"#, r#"{"[redacted:email]":"[redacted:card]"}"#),
        // Lines of JSON.
        (
            "{\"pwd\":\"a\"}\n{\"to\":\"a@b.de\"}",
            "{\"pwd\":\"[redacted:secret]\"}\n{\"to\":\"[redacted:email]\"}",
        ),
        // Cut off.
        (
            r#"{"pwd":"a","to":"a@b.de, and"#,
            r#"{"pwd":"[redacted:secret]","to":"[redacted:email], and"#,
        ),
        ("[INFO] mail to a@b.de", "[INFO] mail to [redacted:email]"),
    ];
    for (text, expected) in cases {
        assert_eq!(redacted(text), expected, "{text}");
    }
    let left = Rules::built_in().redact(r#"{"cookie":"a","secret":"b","to":"a@b.de"}"#);
    assert_eq!((left.authorizations, left.replaced), (1, 2));
    let whole = r#"{"secret": "b", "n": 1.0, "to": "a@b.de"}"#;
    assert_eq!(without_authorizations(whole), Redacted::whole(whole));
    let left = without_authorizations(r#"{"h":"{\"X-Api-Key\": \"a\"}", "to": "a@b.de"}"#);
    assert_eq!(
        left.text,
        r#"{"h":"{\"X-Api-Key\": \"[redacted:authorization]\"}", "to": "a@b.de"}"#
    );
    assert_eq!(left.authorizations, 1);
}

#[test]
fn very_many_matches_take_no_longer_each_than_few() {
    // With a look at every marker for each match, this would take minutes.
    let many = 100_000;
    let text = "a@b.de [redacted:email] ".repeat(many);
    let left = Rules::built_in().redact(&text);
    assert_eq!(left.replaced, many as u64);
    assert_eq!(left.text, "[redacted:email] [redacted:email] ".repeat(many));
    let list = format!("[{}\"\"]", "\"a@b.de\",".repeat(many));
    assert_eq!(Rules::built_in().redact(&list).replaced, many as u64);
}

#[test]
fn own_rules_are_checked_and_used() {
    let own = |name: &str, pattern: &str| Rules::built_in().and(&[rule(name, pattern)]);
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
    let many = vec![rule("a", "x"); 101];
    assert_eq!(Rules::built_in().and(&many).map(|_| ()), Err(RuleError::TooMany));
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

/// What rules still find in a text, looked at as they look at it.
fn still_found(rules: &Rules, text: &str) -> Vec<String> {
    struct All<'r>(&'r Rules, Vec<String>);
    impl Judge for All<'_> {
        fn field(&mut self, _: Named) -> Option<&'static str> {
            None
        }
        fn value(&mut self, text: &str) -> Option<String> {
            self.1.extend(still_found(self.0, text));
            None
        }
    }
    if may_be_json(text) && is_json(text) {
        let mut all = All(rules, Vec::new());
        judged(text, &mut all);
        return all.1;
    }
    rules.found(text).iter().map(|found| text[found.range.clone()].to_owned()).collect()
}

proptest! {
    #[test]
    fn nothing_that_a_rule_finds_survives(text in text()) {
        let rules = Rules::built_in();
        let left = rules.redact(&text);
        prop_assert_eq!(still_found(&rules, &left.text), Vec::<String>::new(), "{} became {}", text, left.text);
        prop_assert_eq!(left.replaced + left.authorizations == 0, left.text == text);
        prop_assert_eq!(matches!(left.text, Cow::Borrowed(_)), left.text == text || left.text == "[redacted]");
    }

    #[test]
    fn what_is_json_stays_json(texts in prop::collection::vec(text(), 0..4), names in prop::collection::vec("a|password|authorization", 4)) {
        let fields: Vec<_> = names.iter().zip(&texts).map(|(name, text)| serde_json::json!({ name: text })).collect();
        let text = serde_json::to_string(&fields).expect("is JSON");
        for left in [Rules::built_in().redact(&text), without_authorizations(&text)] {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&left.text).is_ok(), "{} became {}", text, left.text);
        }
    }

    #[test]
    fn nothing_that_an_own_rule_finds_survives(text in "[ab:\\[\\]redct ]{0,40}", pattern in "[abc]{1,3}[+?]?|[ab]\\[|d\\]") {
        let Ok(rules) = Rules::built_in().and(&[rule("c", &pattern)]) else { return Ok(()) };
        let left = rules.redact(&text);
        prop_assert_eq!(still_found(&rules, &left.text), Vec::<String>::new(), "{} became {}", text, left.text);
    }
}
