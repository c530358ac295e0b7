//! Python's way of writing a dict, which some libraries send where others send JSON.

use serde_json::Value as Json;

/// What `repr` writes for a dict of plain names and values, as JSON: `{'cache_read': 0, 'audio': None}`. `None` for
/// anything else.
pub(crate) fn dict(text: &str) -> Option<Json> {
    if !text.starts_with("{'") || text.contains(['"', '\\']) {
        return None;
    }
    let mut json = String::with_capacity(text.len());
    // Between two quotes stands a text, else a number or a word.
    for (at, part) in text.split('\'').enumerate() {
        if at > 0 {
            json.push('"');
        }
        if at % 2 == 1 {
            json.push_str(part);
        } else {
            let words = part.replace("None", "null").replace("True", "true");
            json.push_str(&words.replace("False", "false"));
        }
    }
    serde_json::from_str(&json).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dict_is_read_and_nothing_else() {
        let read = dict("{'cache_read': 0, 'of': {'None': None, 'a': [True, False, 1.5]}}");
        assert_eq!(
            read,
            Some(json!({ "cache_read": 0, "of": { "None": null, "a": [true, false, 1.5] } }))
        );
        for other in ["", "{}", "{'a'", "{'a': b}", "{'a': 'it\\'s'}", "{'a': \"b\"}", "['a']"] {
            assert_eq!(dict(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            let _ = dict(&text);
            let _ = dict(&format!("{{'{text}"));
        }

        #[test]
        fn what_python_writes_of_counts_reads_back(counts in prop::collection::btree_map("[a-z_]{1,9}", any::<i64>(), 1..5)) {
            let written: Vec<String> = counts.iter().map(|(name, count)| format!("'{name}': {count}")).collect();
            prop_assert_eq!(dict(&format!("{{{}}}", written.join(", "))), Some(json!(counts)));
        }
    }
}
