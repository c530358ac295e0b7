//! What is known about an attribute's key: its column, its place in the tables. Worked out once a key and thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use otlp::AnyValue;
use schema::Name;
use text::Text;

use crate::column::Column;
use crate::facts::{self, Family, Key};

/// Most keys that a thread remembers; when there are more, it forgets all and starts again.
const CACHED_KEYS: usize = 8192;

/// How many keys of the last list of attributes a thread remembers by place.
const LAST_KEYS: usize = 256;

/// Longest column name that an attribute can get; longer ones go to the overflow column.
const NAME_BYTES: usize = 200;

/// Where an attribute was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Span,
    Resource,
    Scope,
    /// A parameter of the request, by its name in the request.
    Parameter,
}

/// How many origins there are.
const ORIGINS: usize = 4;

/// What is known about a key.
#[derive(Debug)]
pub(crate) struct Known {
    /// The key.
    text: Box<str>,
    /// The column that the attribute asks for; `None` if its name would be empty or too long.
    pub(crate) name: Option<Name>,
    /// The promised column of that name.
    pub(crate) column: Option<Column>,
    /// Whether only our own gateway may set that column.
    pub(crate) reserved: bool,
    /// Its place in the tables.
    pub(crate) key: Option<Key>,
    /// The numbered or open-ended list of keys that it belongs to.
    pub(crate) family: Option<Family>,
    /// Whether a span with this key is about an LLM.
    pub(crate) about_llm: bool,
}

/// What a thread remembers of one origin.
#[derive(Default)]
struct Cache {
    by_key: HashMap<String, Rc<Known>>,
    /// The keys of the last list: mostly the next list has the same ones at the same places.
    last: Vec<Rc<Known>>,
}

thread_local! {
    static CACHE: RefCell<[Cache; ORIGINS]> = RefCell::default();
}

/// What is known about `key`.
pub(crate) fn look_up(origin: Origin, key: &str) -> Rc<Known> {
    CACHE.with_borrow_mut(|caches| caches[origin as usize].look_up(origin, key))
}

/// What is known about the keys of a list of attributes, in its order.
pub(crate) fn look_up_all(origin: Origin, attributes: &[(Text, AnyValue)]) -> Vec<Rc<Known>> {
    CACHE.with_borrow_mut(|caches| {
        let cache = &mut caches[origin as usize];
        let mut all = Vec::with_capacity(attributes.len());
        for (at, (key, _)) in attributes.iter().enumerate() {
            all.push(match cache.last.get(at) {
                Some(known) if *known.text == **key => Rc::clone(known),
                Some(_) | None => cache.look_up(origin, key),
            });
        }
        cache.last.clear();
        cache.last.extend(all.iter().take(LAST_KEYS).cloned());
        all
    })
}

impl Cache {
    fn look_up(&mut self, origin: Origin, key: &str) -> Rc<Known> {
        if let Some(known) = self.by_key.get(key) {
            return Rc::clone(known);
        }
        let known = Rc::new(Known::of(origin, key));
        if self.by_key.len() >= CACHED_KEYS {
            self.by_key.clear();
        }
        if key.len() <= NAME_BYTES {
            self.by_key.insert(key.to_owned(), Rc::clone(&known));
        }
        known
    }
}

/// The column of an attribute's key: in lower case, every character outside `a-z 0-9 _` as `_`. `None` if that is empty
/// or longer than 200 bytes.
#[must_use]
pub fn column_name(key: &str) -> Option<Name> {
    look_up(Origin::Span, key).name.clone()
}

impl Known {
    fn of(origin: Origin, key: &str) -> Self {
        let text = match origin {
            Origin::Span => flatten("", key),
            Origin::Resource if key == "service.name" => "service_name".to_owned(),
            Origin::Resource => flatten("service_", key),
            Origin::Scope => flatten("scope_", key),
            Origin::Parameter => flatten("llm_request_parameters_", key),
        };
        let from_span = origin == Origin::Span;
        let column = Column::find(&text);
        let reserved = text.starts_with("inferscope_");
        let name = match column {
            Some(column) => Some(column.name()),
            None => (1..=NAME_BYTES).contains(&text.len()).then(|| Name::from(text)),
        };
        Self {
            text: key.into(),
            name,
            column,
            reserved,
            key: if from_span { facts::key(key) } else { None },
            family: if from_span { Family::of(key) } else { None },
            about_llm: from_span && facts::about_llm(key),
        }
    }
}

/// A key as a column's name: lower case, every character outside `a-z 0-9 _` as `_`.
pub(crate) fn flatten(prefix: &str, key: &str) -> String {
    let mut name = String::with_capacity(prefix.len() + key.len());
    name.push_str(prefix);
    name.extend(key.chars().map(|c| match c {
        'a'..='z' | '0'..='9' | '_' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '_',
    }));
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_column_names() {
        assert_eq!(
            flatten("", "llm.token_count.prompt_details.cache_read"),
            "llm_token_count_prompt_details_cache_read"
        );
        assert_eq!(flatten("service_", "K8s.Pod-Name"), "service_k8s_pod_name");
        assert_eq!(flatten("", "prix en €"), "prix_en__");
    }

    #[test]
    fn names_that_would_be_empty_or_endless_get_no_column() {
        assert_eq!(look_up(Origin::Span, "").name, None);
        assert_eq!(look_up(Origin::Span, &"a".repeat(201)).name, None);
        assert!(look_up(Origin::Span, &"a".repeat(200)).name.is_some());
    }

    #[test]
    fn keys_are_known_by_name_also_where_the_last_list_had_another_at_their_place() {
        let list = |keys: &[&str]| -> Vec<Option<String>> {
            let attributes: Vec<_> =
                keys.iter().map(|key| (Text::from(*key), AnyValue::Int(1))).collect();
            let known = look_up_all(Origin::Span, &attributes);
            known.iter().map(|known| known.name.as_ref().map(ToString::to_string)).collect()
        };
        let named = |names: &[&str]| -> Vec<Option<String>> {
            names.iter().map(|name| Some((*name).to_owned())).collect()
        };
        assert_eq!(list(&["a.b", "c"]), named(&["a_b", "c"]));
        assert_eq!(list(&["a.b", "d", "c"]), named(&["a_b", "d", "c"]));
        assert_eq!(list(&["c"]), named(&["c"]));
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_the_cache() {
        for at in 0..3 * CACHED_KEYS {
            look_up(Origin::Scope, &format!("k{at}"));
        }
        CACHE.with_borrow(|caches| {
            assert!(caches[Origin::Scope as usize].by_key.len() <= CACHED_KEYS)
        });
    }
}
