//! The scalars of protobuf's JSON mapping, each in every spelling that the mapping allows.

use std::fmt;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a field where `null` means its default.
pub(super) fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The bytes of hex digits of either case; `None` if it is not that.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// A signed integer: a number, or the same as text.
#[derive(Default)]
pub(super) struct Int(pub(super) i64);

/// An unsigned integer: a number, or the same as text.
#[derive(Default)]
pub(super) struct Uint(pub(super) u64);

/// A float: a number, the same as text, or `NaN`, `Infinity`, `-Infinity`.
#[derive(Default)]
pub(super) struct Float(pub(super) f64);

/// A span's kind: its number, or its name.
#[derive(Default)]
pub(super) struct SpanKind(pub(super) i32);

/// A status code: its number, or its name.
#[derive(Default)]
pub(super) struct StatusCode(pub(super) i32);

/// A log record's severity: its number, or its name.
#[derive(Default)]
pub(super) struct Severity(pub(super) i32);

/// What a metric's numbers count from: its number, or its name.
#[derive(Default)]
pub(super) struct Temporality(pub(super) i32);

/// Bytes in base64, standard or URL-safe, padded or not.
pub(super) struct Base64(pub(super) Vec<u8>);

impl Int {
    /// The value of a field that has 32 bits.
    pub(super) fn clamped_to_32_bits(&self) -> i32 {
        let [least, most] = [i32::MIN, i32::MAX].map(i64::from);
        i32::try_from(self.0.clamp(least, most)).unwrap_or(0)
    }
}

impl Uint {
    /// The value of a field that has 32 bits.
    pub(super) fn low_32_bits(&self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

/// Reads a number or a text, and lets `read` decide on it.
struct Scalar<F> {
    expected: &'static str,
    read: F,
}

enum Token<'a> {
    Int(i128),
    Float(f64),
    Text(&'a str),
}

impl<T, F: FnOnce(Token<'_>) -> Option<T>> Visitor<'_> for Scalar<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<T, E> {
        (self.read)(Token::Int(int.into()))
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(int), &self.expected))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<T, E> {
        (self.read)(Token::Int(int.into()))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(int), &self.expected))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<T, E> {
        (self.read)(Token::Float(float))
            .ok_or_else(|| E::invalid_value(Unexpected::Float(float), &self.expected))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(Token::Text(text))
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self.expected))
    }
}

/// An integer in any spelling: `5`, `"5"`, `5.0`, `5e0`.
fn integer(token: &Token<'_>) -> Option<i128> {
    let whole = |float: f64| {
        (float.fract() == 0.0 && float.abs() < 2_f64.powi(64)).then_some(float as i128)
    };
    match token {
        Token::Int(int) => Some(*int),
        Token::Float(float) => whole(*float),
        Token::Text(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JSON has one kind of number; a float field takes the nearest"
)]
fn float(token: &Token<'_>) -> Option<f64> {
    match token {
        Token::Int(int) => Some(*int as f64),
        Token::Float(float) => Some(*float),
        Token::Text(text) => text.parse().ok(),
    }
}

fn number_of(names: &'static [&'static str], token: &Token<'_>) -> Option<i32> {
    let named = |text: &str| {
        names.iter().position(|name| *name == text).and_then(|at| i32::try_from(at).ok())
    };
    match token {
        // A name that this version does not know is the default, as an unknown field is.
        Token::Text(text) => {
            integer(token).map_or(Some(named(text).unwrap_or(0)), |int| i32::try_from(int).ok())
        }
        Token::Int(_) | Token::Float(_) => integer(token).and_then(|int| i32::try_from(int).ok()),
    }
}

const KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
const SEVERITIES: &[&str] = &[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];
const CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

macro_rules! scalar {
    ($type:ident, $expected:literal, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Scalar { expected: $expected, read: $read }).map($type)
            }
        }
    };
}

scalar!(Int, "a 64-bit integer, as a number or as text", |token: Token<'_>| integer(&token)?
    .try_into()
    .ok());
scalar!(Uint, "an unsigned integer, as a number or as text", |token: Token<'_>| integer(&token)?
    .try_into()
    .ok());
scalar!(Float, "a number", |token: Token<'_>| float(&token));
scalar!(SpanKind, "a span kind, as a number or by name", |token: Token<'_>| number_of(
    KINDS, &token
));
scalar!(StatusCode, "a status code, as a number or by name", |token: Token<'_>| number_of(
    CODES, &token
));
scalar!(Severity, "a severity, as a number or by name", |token: Token<'_>| number_of(
    SEVERITIES, &token
));
scalar!(Temporality, "a temporality, as a number or by name", |token: Token<'_>| number_of(
    TEMPORALITIES,
    &token
));
scalar!(Base64, "bytes in base64", |token: Token<'_>| match token {
    Token::Text(text) => base64(text),
    Token::Int(_) | Token::Float(_) => None,
});

fn base64(text: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [STANDARD, URL_SAFE].map(|alphabet| GeneralPurpose::new(&alphabet, config));
    engines.iter().find_map(|engine| engine.decode(text).ok())
}
