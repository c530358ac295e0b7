//! Large JSON texts of which one field is wanted: only that field is parsed, the rest is passed over.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::facts;

/// The outlines of a span's payloads, each made when it is first asked for, and the parts that were parsed.
#[derive(Default)]
pub(crate) struct Outlines<'a> {
    outlines: OnceCell<Box<[OnceCell<Outline<'a>>]>>,
    parts: OnceCell<Box<[OnceCell<Option<Json>>]>>,
}

/// An object's fields, unparsed; none if the text is no JSON object.
struct Outline<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Outlines<'a> {
    /// What stands at `first`, then `rest`, in the JSON of a document; `way` is the place of that way among all.
    pub(crate) fn part(
        &self,
        document: usize,
        way: usize,
        text: &'a str,
        first: &str,
        rest: &[&str],
    ) -> Option<&Json> {
        let outlines = self.outlines.get_or_init(|| empty(facts::document_count()));
        let outline = outlines[document].get_or_init(|| Outline::of(text));
        // Of a field that comes twice the last one counts, as it does for serde_json.
        let (_, raw) = outline.0.iter().rev().find(|(name, _)| name == first)?;
        let parts = self.parts.get_or_init(|| empty(facts::way_count()));
        parts[way].get_or_init(|| parsed(raw, rest)).as_ref()
    }
}

/// Places for so many things, none of them filled.
pub(crate) fn empty<T>(count: usize) -> Box<[OnceCell<T>]> {
    std::iter::repeat_with(OnceCell::new).take(count).collect()
}

fn parsed(raw: &RawValue, steps: &[&str]) -> Option<Json> {
    let mut json: Json = serde_json::from_str(raw.get()).ok()?;
    for step in steps {
        json = json.get_mut(*step)?.take();
    }
    Some(json)
}

impl<'a> Outline<'a> {
    fn of(text: &'a str) -> Self {
        serde_json::from_str(text).unwrap_or(Self(Vec::new()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Outline<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((Key(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Outline(fields))
    }
}

/// A field's name, borrowed unless it is escaped.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, first: &str, rest: &[&str]) -> Option<Json> {
        Outlines::default().part(0, 0, text, first, rest).cloned()
    }

    #[test]
    fn a_field_is_found_at_any_depth_and_the_last_of_its_name_counts() {
        let text = r#" {"id": "a", "usage": {"details": {"n": 7}}, "x": [1], "id": "b"} "#;
        assert_eq!(part(text, "id", &[]), Some(Json::from("b")));
        assert_eq!(part(text, "usage", &["details", "n"]), Some(Json::from(7)));
        assert_eq!(part(text, "usage", &["none", "n"]), None);
        assert_eq!(part(text, "x", &["n"]), None);
        assert_eq!(part("{\"\\u0069d\": 1}", "id", &[]), Some(Json::from(1)));
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in ["", "[1]", "text", "{\"id\": 1", "{\"id\": 1} x", "{\"id\": tru}"] {
            assert_eq!(part(text, "id", &[]), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_fields_or_none(text: String) {
            let _ = part(&text, "id", &["a"]);
            let _ = part(&format!("{{\"id\": {text}}}"), "id", &["a"]);
        }
    }
}
