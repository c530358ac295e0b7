//! One row of a book: which calls it is about, what they cost, and when.

use serde::{Deserialize, Serialize};

use crate::money::{MOST_PER_MILLION, MOST_PER_PIECE, Rate, Usd};
use crate::norm::norm;
use crate::pattern::Pattern;
use crate::provider::OWN;
use crate::validity::{Validity, moment};

/// Longest text of a row, bytes.
const LONGEST: usize = 200;

/// A price: the models that it is for, by id or pattern, and what their tokens, calls or hours cost.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Row {
    raw: Raw,
    norm: Option<String>,
    pattern: Option<Pattern>,
    validity: Validity,
    prices: Prices,
}

/// The row word for word, as docs/prices.md describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    key: Option<String>,
    id: Option<String>,
    pattern: Option<String>,
    hub_id: Option<String>,
    norm: Option<String>,
    provider: Option<String>,
    endpoint: Option<String>,
    mode: Option<Mode>,
    input: Option<f64>,
    output: Option<f64>,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    cache_write_1h: Option<f64>,
    reasoning: Option<f64>,
    audio_input: Option<f64>,
    audio_output: Option<f64>,
    per_call: Option<f64>,
    per_hour: Option<f64>,
    tiers: Vec<RawTier>,
    context_window: Option<u64>,
    max_output: Option<u64>,
    dimensions: Option<u64>,
    valid_from: Option<String>,
    valid_to: Option<String>,
    deprecated: Option<String>,
    as_of: Option<String>,
    source: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Chat,
    Completion,
    Responses,
    Embedding,
    Rerank,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    above_input_tokens: i64,
    input: Option<f64>,
    output: Option<f64>,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
}

/// Prices of tokens; `None` is not published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) input: Option<Rate>,
    pub(crate) output: Option<Rate>,
    pub(crate) cached_input: Option<Rate>,
    pub(crate) cache_write: Option<Rate>,
    pub(crate) reasoning: Option<Rate>,
    pub(crate) audio_input: Option<Rate>,
    pub(crate) audio_output: Option<Rate>,
}

/// Other prices for a call whose prompt is longer than `above` tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tier {
    above: i64,
    rates: Rates,
}

/// All prices of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prices {
    base: Rates,
    /// Longest prompts last.
    tiers: Vec<Tier>,
    pub(crate) per_call: Option<Usd>,
    pub(crate) per_hour: Option<Usd>,
}

impl Prices {
    /// The prices of a call with so many input tokens: those of the highest tier that it passes; what a tier does not
    /// name is as it is without.
    pub(crate) fn of(&self, prompt: i64) -> Rates {
        let Some(tier) = self.tiers.iter().rev().find(|tier| prompt > tier.above) else {
            return self.base;
        };
        Rates {
            input: tier.rates.input.or(self.base.input),
            output: tier.rates.output.or(self.base.output),
            cached_input: tier.rates.cached_input.or(self.base.cached_input),
            cache_write: tier.rates.cache_write.or(self.base.cache_write),
            ..self.base
        }
    }

    /// Whether anything but hours is priced.
    pub(crate) const fn is_per_use(&self) -> bool {
        self.base.input.is_some() || self.per_call.is_some()
    }

    /// How a typical call compares; only differences count.
    pub(crate) fn blended(&self) -> u64 {
        let rate = |rate: Option<Rate>| rate.unwrap_or(Rate::FREE);
        Rate::blended(rate(self.base.input), rate(self.base.output))
    }

    /// Whether a call that these prices are for costs nothing, however long it is.
    pub(crate) fn is_free(&self) -> bool {
        let Rates {
            input,
            output,
            cached_input,
            cache_write,
            reasoning,
            audio_input,
            audio_output,
        } = self.base;
        let rates =
            [input, output, cached_input, cache_write, reasoning, audio_input, audio_output];
        let dear = rates.into_iter().flatten().any(|rate| !rate.is_free());
        !dear && self.tiers.is_empty() && self.per_call.is_none_or(|usd| usd == Usd::ZERO)
    }
}

/// Why something is no row of a book.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RowError {
    /// Nothing says which calls the row is about.
    #[error("a row needs an `id`, a `pattern` or an `endpoint`")]
    NoModel,
    /// An exact name and a pattern at once.
    #[error("a row has either an `id` or a `pattern`, not both")]
    TwoModels,
    /// A text is empty, too long or has control characters.
    #[error("`{field}` needs 1 to {LONGEST} bytes of plain text")]
    BadText {
        /// The field.
        field: &'static str,
    },
    /// A number is no price.
    #[error("`{field}` = {value} is no price; give US dollars from 0 to {most}")]
    BadPrice {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
        /// The highest price that is believed.
        most: f64,
    },
    /// The row prices nothing.
    #[error("a row needs a price: `input` (and `output`), `per_call` or `per_hour`")]
    NoPrice,
    /// A price of output without one of input.
    #[error("`{field}` is given and `input` is not; write 0 if input is free")]
    NoInput {
        /// The field.
        field: &'static str,
    },
    /// A machine's price without a machine.
    #[error(
        "`per_hour` is the price of an own machine: give its `endpoint`, or provider = \"{OWN}\""
    )]
    HourOfNobody,
    /// Two tiers begin at one length, or one below 0.
    #[error("`tiers` need `above_input_tokens` of 0 or more, each another")]
    BadTiers,
    /// A time cannot be read.
    #[error(
        "`{field}` = {value:?} is neither a day (2026-11-24) nor a moment (2026-11-24T12:00:00Z)"
    )]
    BadTime {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
    },
    /// The row is never in force.
    #[error("`valid_to` has to be after `valid_from`")]
    NeverValid,
    /// The normalised name is not that of the id.
    #[error("`norm` = {given:?} is not the normalised name of the id, which is {right:?}")]
    WrongNorm {
        /// What the row says.
        given: String,
        /// What the rule says.
        right: String,
    },
}

impl TryFrom<Raw> for Row {
    type Error = RowError;

    fn try_from(raw: Raw) -> Result<Self, RowError> {
        raw.check_texts()?;
        match (&raw.id, &raw.pattern, &raw.endpoint) {
            (Some(_), Some(_), _) => return Err(RowError::TwoModels),
            (None, None, None) => return Err(RowError::NoModel),
            (Some(_), None, _) | (None, Some(_), _) | (None, None, Some(_)) => {}
        }
        let own = raw.endpoint.is_some() || raw.provider.as_deref() == Some(OWN);
        if raw.per_hour.is_some() && !own {
            return Err(RowError::HourOfNobody);
        }
        let right = raw.id.as_deref().map(norm).filter(|norm| !norm.is_empty());
        if let (Some(given), Some(right)) = (&raw.norm, &right)
            && given != right
        {
            return Err(RowError::WrongNorm { given: given.clone(), right: right.clone() });
        }
        Ok(Self {
            norm: right,
            pattern: raw.pattern.as_deref().map(Pattern::new),
            validity: raw.validity()?,
            prices: raw.prices()?,
            raw,
        })
    }
}

impl Raw {
    fn check_texts(&self) -> Result<(), RowError> {
        let texts = [
            ("key", &self.key),
            ("id", &self.id),
            ("pattern", &self.pattern),
            ("hub_id", &self.hub_id),
            ("norm", &self.norm),
            ("provider", &self.provider),
            ("endpoint", &self.endpoint),
            ("deprecated", &self.deprecated),
            ("as_of", &self.as_of),
            ("source", &self.source),
        ];
        for (field, text) in texts {
            let good = |text: &String| {
                (1..=LONGEST).contains(&text.trim().len())
                    && text.len() <= LONGEST
                    && !text.contains(char::is_control)
            };
            if !text.as_ref().is_none_or(good) {
                return Err(RowError::BadText { field });
            }
        }
        Ok(())
    }

    fn validity(&self) -> Result<Validity, RowError> {
        let read = |field, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => moment(text)
                .map(Some)
                .ok_or_else(|| RowError::BadTime { field, value: text.clone() }),
        };
        let validity = Validity {
            from: read("valid_from", &self.valid_from)?,
            to: read("valid_to", &self.valid_to)?,
        };
        match (validity.from, validity.to) {
            (Some(from), Some(to)) if to <= from => Err(RowError::NeverValid),
            (Some(_) | None, Some(_) | None) => Ok(validity),
        }
    }

    fn prices(&self) -> Result<Prices, RowError> {
        let base = Rates {
            input: rate("input", self.input)?,
            output: rate("output", self.output)?,
            cached_input: rate("cached_input", self.cached_input)?,
            cache_write: rate("cache_write", self.cache_write)?,
            reasoning: rate("reasoning", self.reasoning)?,
            audio_input: rate("audio_input", self.audio_input)?,
            audio_output: rate("audio_output", self.audio_output)?,
        };
        rate("cache_write_1h", self.cache_write_1h)?;
        let per_call = piece("per_call", self.per_call)?;
        let per_hour = piece("per_hour", self.per_hour)?;
        if base.input.is_none() {
            let beside = [
                ("output", base.output.is_some()),
                ("cached_input", base.cached_input.is_some()),
                ("cache_write", base.cache_write.is_some()),
                ("reasoning", base.reasoning.is_some()),
                ("audio_input", base.audio_input.is_some()),
                ("audio_output", base.audio_output.is_some()),
                ("tiers", !self.tiers.is_empty()),
            ];
            if let Some((field, _)) = beside.into_iter().find(|(_, given)| *given) {
                return Err(RowError::NoInput { field });
            }
            if per_call.is_none() && per_hour.is_none() {
                return Err(RowError::NoPrice);
            }
        }
        Ok(Prices { base, tiers: self.tiers()?, per_call, per_hour })
    }

    fn tiers(&self) -> Result<Vec<Tier>, RowError> {
        let tier = |tier: &RawTier| {
            let rates = Rates {
                input: rate("tiers.input", tier.input)?,
                output: rate("tiers.output", tier.output)?,
                cached_input: rate("tiers.cached_input", tier.cached_input)?,
                cache_write: rate("tiers.cache_write", tier.cache_write)?,
                ..Rates::default()
            };
            Ok(Tier { above: tier.above_input_tokens, rates })
        };
        let mut tiers = self.tiers.iter().map(tier).collect::<Result<Vec<_>, RowError>>()?;
        tiers.sort_by_key(|tier| tier.above);
        let twice = tiers.windows(2).any(|pair| pair[0].above == pair[1].above);
        if twice || tiers.iter().any(|tier| tier.above < 0) {
            return Err(RowError::BadTiers);
        }
        Ok(tiers)
    }
}

fn rate(field: &'static str, usd: Option<f64>) -> Result<Option<Rate>, RowError> {
    let bad = |value| RowError::BadPrice { field, value, most: MOST_PER_MILLION };
    usd.map(|usd| Rate::of_million(usd).ok_or_else(|| bad(usd))).transpose()
}

fn piece(field: &'static str, usd: Option<f64>) -> Result<Option<Usd>, RowError> {
    let bad = |value| RowError::BadPrice { field, value, most: MOST_PER_PIECE };
    usd.map(|usd| Usd::of_dollars(usd).ok_or_else(|| bad(usd))).transpose()
}

impl Row {
    /// A row from JSON.
    ///
    /// # Errors
    /// When the text is no row.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The row in the format that [`Row::parse`] reads; fields without a value are left out.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::to_value(&self.raw).unwrap_or_default();
        if let Some(fields) = json.as_object_mut() {
            fields.retain(|_, value| {
                !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
            });
        }
        json
    }

    /// The key that the row itself names.
    #[must_use]
    pub fn own_key(&self) -> Option<&str> {
        self.raw.key.as_deref()
    }

    /// The same row under another key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.raw.key = Some(key.to_owned());
        self
    }

    /// What the row is called within its layer: its `key`, else provider, model and the day from which it holds. An id
    /// that begins with its provider says both.
    #[must_use]
    pub fn key(&self) -> String {
        if let Some(key) = &self.raw.key {
            return key.clone();
        }
        let Raw { id, pattern, provider, endpoint, valid_from, .. } = &self.raw;
        let model = id.as_ref().or(pattern.as_ref()).or(endpoint.as_ref());
        let mut key = model.cloned().unwrap_or_default();
        if let Some(provider) = provider.as_ref().filter(|name| !key.starts_with(name.as_str())) {
            key = format!("{provider}:{key}");
        }
        match valid_from {
            Some(from) => format!("{key}@{from}"),
            None => key,
        }
    }

    /// The model's id at its provider.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.raw.id.as_deref()
    }

    /// The model's id on the Hugging Face Hub.
    #[must_use]
    pub fn hub_id(&self) -> Option<&str> {
        self.raw.hub_id.as_deref()
    }

    /// The model's id without the provider segment that it may begin with.
    pub(crate) fn short_id(&self) -> Option<&str> {
        self.id().map(|id| id.split_once('/').map_or(id, |(_, rest)| rest))
    }

    pub(crate) fn norm(&self) -> Option<&str> {
        self.norm.as_deref()
    }

    pub(crate) const fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Who serves the models at this price, as the row spells it.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.raw.provider.as_deref()
    }

    /// The own endpoint that the price is for.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.raw.endpoint.as_deref()
    }

    /// What an own machine costs an hour, US dollars.
    #[must_use]
    pub fn per_hour(&self) -> Option<f64> {
        self.raw.per_hour
    }

    /// Whether the row is for an embedding or reranking model, which has no output tokens.
    pub(crate) fn is_input_only(&self) -> bool {
        matches!(self.raw.mode, Some(Mode::Embedding | Mode::Rerank))
    }

    pub(crate) const fn prices(&self) -> &Prices {
        &self.prices
    }

    pub(crate) const fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether any of the row's names holds `part`, which is in lower case.
    #[must_use]
    pub fn mentions(&self, part: &str) -> bool {
        let Raw { key, id, pattern, hub_id, provider, endpoint, .. } = &self.raw;
        let names = [key, id, pattern, hub_id, provider, endpoint];
        names.into_iter().flatten().any(|name| name.to_lowercase().contains(part))
    }
}

#[cfg(test)]
mod tests;
