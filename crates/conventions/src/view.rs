//! A span as the tables see it: a fact is asked for, the first place that holds it answers.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;

use otlp::{AnyValue, Event, Span};
use serde_json::Value as Json;
use text::Text;

use crate::attribute::{Known, Origin, look_up_all};
use crate::facts::{self, Fact, Family, Path, Source};
use crate::outline::{self, Outlines};
use crate::payload;
use crate::python;

/// Marks a key that the span does not have.
const ABSENT: u16 = u16::MAX;

/// Whether a call's whole input and output are opened for facts that are nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payloads {
    /// They are read, each at most once.
    Read,
    /// They are left closed: what a chain or a tool passes on says nothing about a model call.
    Skip,
}

pub(crate) struct View<'a> {
    pub(crate) span: &'a Span,
    known: Vec<Rc<Known>>,
    /// For each key of the tables, the place of the first attribute of that key.
    places: Vec<u16>,
    /// Each attribute that the tables read as JSON, parsed when it is first asked for.
    documents: OnceCell<Box<[OnceCell<Option<Json>>]>>,
    outlines: Outlines<'a>,
    payloads: Payloads,
}

/// A value that a place holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'v> {
    Attribute(&'v AnyValue),
    Json(&'v Json),
}

impl<'a> View<'a> {
    pub(crate) fn new(span: &'a Span) -> Self {
        let known = look_up_all(Origin::Span, &span.attributes);
        let mut places = vec![ABSENT; facts::key_count()];
        for (at, known) in known.iter().enumerate() {
            let (Some(key), Ok(at)) = (known.key, u16::try_from(at)) else { continue };
            let place = &mut places[key.index()];
            *place = (*place).min(at);
        }
        let (documents, outlines) = (OnceCell::new(), Outlines::default());
        Self { span, known, places, documents, outlines, payloads: Payloads::Skip }
    }

    pub(crate) fn read_payloads(&mut self, payloads: Payloads) {
        self.payloads = payloads;
    }

    pub(crate) fn into_known(self) -> Vec<Rc<Known>> {
        self.known
    }

    /// Whether an attribute says that the span is about an LLM.
    pub(crate) fn is_about_llm(&self) -> bool {
        self.known.iter().any(|known| known.about_llm)
    }

    pub(crate) fn scope_name(&self) -> &'a str {
        &self.span.scope.name
    }

    /// What the places of a fact hold, best first, with the key of each.
    pub(crate) fn all(&self, fact: Fact) -> impl Iterator<Item = (Found<'_>, &'static str)> {
        facts::sources(fact).iter().filter_map(|source| Some((self.found(source)?, source.name)))
    }

    /// The places of a fact that are filled, best first, with what they hold.
    pub(crate) fn filled(&self, fact: Fact) -> impl Iterator<Item = (&'static Source, Found<'_>)> {
        facts::sources(fact).iter().filter_map(|source| Some((source, self.found(source)?)))
    }

    /// The filled places of a fact that are attributes themselves: no JSON is opened.
    pub(crate) fn plain(&self, fact: Fact) -> impl Iterator<Item = (&'static Source, Found<'_>)> {
        let plain = facts::sources(fact).iter().filter(|source| source.json.is_none());
        plain.filter_map(|source| Some((source, self.found(source)?)))
    }

    /// The first place of a fact that is there, whatever it holds.
    pub(crate) fn present(&self, fact: Fact) -> Option<&'static Source> {
        facts::sources(fact).iter().find(|source| self.attribute(source).is_some())
    }

    /// The first place of a fact from which `read` can make something.
    pub(crate) fn first<'v, T: 'v>(
        &'v self,
        fact: Fact,
        read: impl Fn(Found<'v>) -> Option<T>,
    ) -> Option<T> {
        facts::sources(fact).iter().find_map(|source| read(self.found(source)?))
    }

    pub(crate) fn text(&self, fact: Fact) -> Option<Cow<'_, str>> {
        self.first(fact, Found::text)
    }

    /// As [`View::text`], in the memory of the attribute where it is one.
    pub(crate) fn shared(&self, fact: Fact) -> Option<Text> {
        self.first(fact, Found::shared)
    }

    pub(crate) fn count(&self, fact: Fact) -> Option<i64> {
        self.first(fact, Found::count)
    }

    pub(crate) fn number(&self, fact: Fact) -> Option<f64> {
        self.first(fact, Found::number)
    }

    pub(crate) fn truth(&self, fact: Fact) -> Option<bool> {
        self.first(fact, Found::truth)
    }

    /// A fact whose place holds a JSON list or object.
    pub(crate) fn json(&self, fact: Fact) -> Option<&Json> {
        self.first(fact, |found| match found {
            Found::Json(json) => Some(json),
            Found::Attribute(_) => None,
        })
    }

    /// A fact's JSON as text: as it was sent where the whole attribute is meant.
    pub(crate) fn json_text(&self, fact: Fact) -> Option<Text> {
        facts::sources(fact).iter().find_map(|source| {
            let found = self.found(source)?;
            let whole = source.json.as_ref().is_some_and(|path| path.steps.is_empty());
            if whole {
                Found::Attribute(self.attribute(source)?).shared_content()
            } else {
                found.shared_content()
            }
        })
    }

    /// Whether a place of the fact is filled, whatever it holds.
    pub(crate) fn has(&self, fact: Fact) -> bool {
        facts::sources(fact).iter().any(|source| self.attribute(source).is_some())
    }

    /// The attributes of a family, without their common beginning, in the order they were sent.
    pub(crate) fn family(&self, family: Family) -> impl Iterator<Item = (&'a str, &'a AnyValue)> {
        let members = self.span.attributes.iter().zip(&self.known);
        members
            .filter(move |(_, known)| known.family == Some(family))
            .map(move |((key, value), _)| (&key[family.prefix().len()..], value))
    }

    fn attribute(&self, source: &Source) -> Option<&'a AnyValue> {
        let place = self.places[source.key.index()];
        (place != ABSENT).then(|| &self.span.attributes[usize::from(place)].1)
    }

    fn found(&self, source: &Source) -> Option<Found<'_>> {
        let value = self.attribute(source)?;
        let Some(Path { document, steps, way }) = &source.json else {
            return Some(Found::Attribute(value));
        };
        if source.payload && self.payloads == Payloads::Skip {
            return None;
        }
        let documents = self.documents.get_or_init(|| outline::empty(facts::document_count()));
        let parsed = &documents[*document];
        if let (true, [first, rest @ ..], AnyValue::Text(text), None) =
            (source.payload, steps.as_slice(), value, parsed.get())
        {
            return self.outlines.part(*document, *way, text, first, rest).map(Found::Json);
        }
        let document = parsed.get_or_init(|| document_of(value)).as_ref()?;
        let json = steps.iter().try_fold(document, |json, step| json.get(*step))?;
        Some(Found::Json(json))
    }
}

fn document_of(value: &AnyValue) -> Option<Json> {
    match value {
        AnyValue::Text(text) => serde_json::from_str(text).ok().or_else(|| python::dict(text)),
        AnyValue::Null => None,
        AnyValue::Bool(_)
        | AnyValue::Int(_)
        | AnyValue::Double(_)
        | AnyValue::Bytes(_)
        | AnyValue::Array(_)
        | AnyValue::Map(_) => Some(payload::json(value)),
    }
}

impl<'v> Found<'v> {
    /// A text's text.
    fn plain(self) -> Option<&'v str> {
        match self {
            Self::Attribute(AnyValue::Text(text)) => Some(text),
            Self::Json(Json::String(text)) => Some(text),
            Self::Attribute(_) | Self::Json(_) => None,
        }
    }

    /// As [`Found::text`], in the memory of the attribute where it is one.
    pub(crate) fn shared(self) -> Option<Text> {
        match self {
            Self::Attribute(AnyValue::Text(text)) => telling(text).map(|_| text.clone()),
            Self::Attribute(_) | Self::Json(_) => self.text().map(Text::from),
        }
    }

    /// As [`Found::content`], in the memory of the attribute where it is one.
    pub(crate) fn shared_content(self) -> Option<Text> {
        match self {
            Self::Attribute(AnyValue::Text(_)) => self.shared(),
            Self::Attribute(_) | Self::Json(_) => self.content().map(Text::from),
        }
    }

    /// A text that says something: not empty, and not a printed null.
    pub(crate) fn text(self) -> Option<Cow<'v, str>> {
        match self {
            Self::Attribute(AnyValue::Text(text)) => telling(text).map(Cow::Borrowed),
            Self::Json(Json::String(text)) => telling(text).map(Cow::Borrowed),
            Self::Attribute(AnyValue::Int(int)) => Some(int.to_string().into()),
            Self::Attribute(AnyValue::Double(float)) => Some(float.to_string().into()),
            Self::Attribute(AnyValue::Bool(bool)) | Self::Json(Json::Bool(bool)) => {
                Some(bool.to_string().into())
            }
            Self::Json(Json::Number(number)) => Some(number.to_string().into()),
            Self::Attribute(
                AnyValue::Null | AnyValue::Bytes(_) | AnyValue::Array(_) | AnyValue::Map(_),
            )
            | Self::Json(Json::Null | Json::Array(_) | Json::Object(_)) => None,
        }
    }

    /// A text as it is, or anything structured as JSON text.
    pub(crate) fn content(self) -> Option<Cow<'v, str>> {
        match self {
            Self::Attribute(value @ (AnyValue::Array(_) | AnyValue::Map(_))) => {
                Some(payload::json_text(value).into())
            }
            Self::Json(json @ (Json::Array(_) | Json::Object(_))) => Some(json.to_string().into()),
            Self::Attribute(_) | Self::Json(_) => self.text(),
        }
    }

    /// An integer: a number without a fraction, or decimal text.
    pub(crate) fn int(self) -> Option<i64> {
        match self {
            Self::Attribute(AnyValue::Int(int)) => Some(*int),
            Self::Attribute(AnyValue::Double(float)) => whole(*float),
            Self::Json(Json::Number(number)) => {
                number.as_i64().or_else(|| number.as_f64().and_then(whole))
            }
            Self::Attribute(AnyValue::Text(_)) | Self::Json(Json::String(_)) => {
                self.plain()?.trim().parse().ok()
            }
            Self::Attribute(
                AnyValue::Null
                | AnyValue::Bool(_)
                | AnyValue::Bytes(_)
                | AnyValue::Array(_)
                | AnyValue::Map(_),
            )
            | Self::Json(Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) => None,
        }
    }

    /// An integer that counts something: not negative.
    pub(crate) fn count(self) -> Option<i64> {
        self.int().filter(|count| *count >= 0)
    }

    /// A finite number.
    pub(crate) fn number(self) -> Option<f64> {
        let number = match self {
            Self::Attribute(AnyValue::Double(float)) => Some(*float),
            Self::Json(Json::Number(number)) => number.as_f64(),
            Self::Attribute(AnyValue::Text(_)) | Self::Json(Json::String(_)) => {
                self.plain()?.trim().parse().ok()
            }
            #[expect(
                clippy::cast_precision_loss,
                reason = "a parameter or a price, far below 2^53"
            )]
            Self::Attribute(_) | Self::Json(_) => self.int().map(|int| int as f64),
        };
        number.filter(|number| number.is_finite())
    }

    /// A truth value, also as the text that Python and JavaScript print.
    pub(crate) fn truth(self) -> Option<bool> {
        match self {
            Self::Attribute(AnyValue::Bool(bool)) | Self::Json(Json::Bool(bool)) => Some(*bool),
            Self::Attribute(_) | Self::Json(_) => match self.plain()? {
                "true" | "True" => Some(true),
                "false" | "False" => Some(false),
                _ => None,
            },
        }
    }
}

/// The text, if it says something.
fn telling(text: &str) -> Option<&str> {
    (!matches!(text.trim(), "" | "null" | "None")).then_some(text)
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < 9.0e18).then_some(float as i64)
}

/// An attribute of an event or a link.
pub(crate) fn attribute<'a>(attributes: &'a [(Text, AnyValue)], key: &str) -> Option<Found<'a>> {
    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| Found::Attribute(value))
}

/// An attribute of an event, as text.
pub(crate) fn event_text<'a>(event: &'a Event, key: &str) -> Option<Cow<'a, str>> {
    attribute(&event.attributes, key).and_then(Found::text)
}
