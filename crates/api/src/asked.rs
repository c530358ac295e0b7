//! What stands in an address behind the question mark.

use axum::extract::{FromRequestParts, Query};
use clock::SharedClock;
use http::request::Parts;
use serde::de::value::Error as FieldsError;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::trouble::{Native, Refusal, Trouble};

/// Microseconds of an hour.
const HOUR_US: i64 = 3_600_000_000;

/// The parameters of an address; what is wrong with them is said in our own dialect. A parameter that the route does not
/// know is refused: passed over, it would answer another question than the one that was asked.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal<Native>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Query(given) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Trouble::invalid(said(&rejection.body_text())))?;
        let known = fields_of::<T>();
        if let Some((name, _)) = given.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(unknown(name, known).into());
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Trouble::invalid(said(&rejection.body_text())).into()),
        }
    }
}

fn unknown(name: &str, known: &[&str]) -> Trouble {
    let near = query::nearest(name, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
    Trouble::invalid(format!(
        "there is no parameter {name:?}{near}; this route has {}",
        known.join(", ")
    ))
}

/// The names of a struct's fields, as they are written in an address.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It never reads a value: asked for a struct, it notes the fields and gives up.
    let _ = T::deserialize(Fields(&mut fields));
    fields
}

struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = FieldsError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldsError> {
        Err(FieldsError::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, FieldsError> {
        *self.0 = fields;
        Err(FieldsError::custom("only its fields are asked for"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// What the reader of parameters says, in words.
pub(crate) fn said(text: &str) -> String {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    // Only of this the reader does not name the parameter first.
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return format!("parameter {} is there twice", name.trim_matches('`'));
    }
    let Some((name, why)) = text.split_once(": ") else {
        return format!("the address behind the question mark cannot be read: {text}");
    };
    let why = match why {
        "invalid digit found in string" => "is no whole number",
        "cannot parse integer from empty string" => "is empty, leave it out or give a whole number",
        "number too large to fit in target type" | "number too small to fit in target type" => {
            "is too large a number"
        }
        "provided string was not `true` or `false`" => "is neither true nor false",
        other => other,
    };
    format!("parameter {name} {why}")
}

/// How many rows a page has: as asked, else `otherwise`.
pub(crate) fn limit(asked: Option<&str>, otherwise: usize, most: usize) -> Result<usize, Trouble> {
    match asked.filter(|asked| !asked.is_empty()) {
        None => Ok(otherwise),
        Some(text) => match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ => {
                let text =
                    format!("limit has to be a whole number from 1 to {most}, and is {text:?}");
                Err(Trouble::invalid(text))
            }
        },
    }
}

/// A time range as our own routes spell it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Span {
    /// First moment inside, µs since 1970-01-01 UTC; an hour before the end when absent.
    pub(crate) from_us: Option<i64>,
    /// First moment after; now when absent.
    pub(crate) to_us: Option<i64>,
}

impl Span {
    /// Begin and end, µs since 1970-01-01 UTC.
    pub(crate) fn or_last_hour(self, clock: &SharedClock) -> (i64, i64) {
        let to_us = self.to_us.unwrap_or_else(|| clock.now().micros());
        (self.from_us.unwrap_or_else(|| to_us.saturating_sub(HOUR_US)), to_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_not_there_is_named_with_the_nearest_one() {
        assert_eq!(fields_of::<Span>(), ["from_us", "to_us"]);
        let text = unknown("frm_us", fields_of::<Span>()).message;
        assert!(text.contains("\"frm_us\" (did you mean \"from_us\"?)"), "{text}");
        assert!(
            unknown("x", fields_of::<Span>()).message.ends_with("this route has from_us, to_us")
        );
    }

    #[test]
    fn a_limit_out_of_bounds_is_refused_with_the_bounds() {
        assert_eq!(limit(None, 50, 500).expect("is good"), 50);
        assert_eq!(limit(Some("500"), 50, 500).expect("is good"), 500);
        for bad in ["0", "-1", "501", "99999999999999999999999", "ten", "1.5"] {
            let text = limit(Some(bad), 50, 500).expect_err(bad).message;
            assert!(text.contains("from 1 to 500") && text.contains(bad), "{text}");
        }
    }
}
