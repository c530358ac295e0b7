//! The arithmetic: counts times prices.

use crate::call::Call;
use crate::money::{Rate, Usd};
use crate::quote::Unpriced;
use crate::row::Row;

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Its input tokens.
    pub input: Usd,
    /// Its output tokens.
    pub output: Usd,
    /// The call itself.
    pub call: Usd,
}

impl Cost {
    /// All of it.
    #[must_use]
    pub fn total(self) -> Usd {
        self.input + self.output + self.call
    }
}

/// One line of the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// What is paid for.
    pub what: &'static str,
    /// How many tokens; `None` if it is not tokens.
    pub tokens: Option<i64>,
    /// Their price, US dollars a million tokens; a call's price, US dollars, if it is not tokens.
    pub price: f64,
    /// What they cost.
    pub usd: Usd,
}

/// What a call costs by a row; `line` sees each step.
pub(crate) fn cost(
    call: &Call<'_>,
    row: &Row,
    mut line: impl FnMut(Line),
) -> Result<Cost, Unpriced> {
    let prices = row.prices();
    if !prices.is_per_use() {
        return Err(Unpriced::PerHour);
    }
    let mut cost = Cost::default();
    if let Some(per_call) = prices.per_call {
        if call.failed {
            return Err(Unpriced::Failed);
        }
        line(Line { what: "the call", tokens: None, price: per_call.dollars(), usd: per_call });
        cost.call = per_call;
    }
    let mut pay = |what, tokens: i64, rate: Rate| {
        let usd = rate.times(tokens);
        if tokens > 0 {
            line(Line { what, tokens: Some(tokens), price: rate.per_million(), usd });
        }
        usd
    };
    // A row with a price for the call alone needs no counts.
    let base = prices.of(call.tokens.input.unwrap_or_default());
    let Some(rate) = base.input else { return Ok(cost) };
    let no_tokens = if call.failed { Unpriced::Failed } else { Unpriced::NoTokens };
    let input = call.tokens.input.ok_or(no_tokens)?;
    let part = |count: Option<i64>, rate: Option<Rate>| {
        rate.map(|rate| (count.unwrap_or_default().max(0), rate))
    };
    let parts = [
        ("cached input", part(call.tokens.cache_read, base.cached_input)),
        ("input written to a cache", part(call.tokens.cache_write, base.cache_write)),
        ("audio input", part(call.tokens.audio_input, base.audio_input)),
    ];
    cost.input = split(input, ("input", rate), parts, &mut pay);
    if call.input_only || row.is_input_only() {
        return Ok(cost);
    }
    let rate = match (base.output, call.tokens.output) {
        (None, Some(0)) => return Ok(cost),
        (None, _) => return Err(Unpriced::NoOutputPrice),
        (Some(rate), _) => rate,
    };
    let output = call.tokens.output.ok_or(no_tokens)?;
    let parts = [
        ("reasoning", part(call.tokens.reasoning, base.reasoning)),
        ("audio output", part(call.tokens.audio_output, base.audio_output)),
        ("", None),
    ];
    cost.output = split(output, ("output", rate), parts, &mut pay);
    Ok(cost)
}

/// The price of tokens of which parts have prices of their own; the parts without one are paid as the rest.
fn split(
    all: i64,
    (what, rate): (&'static str, Rate),
    parts: [(&'static str, Option<(i64, Rate)>); 3],
    pay: &mut impl FnMut(&'static str, i64, Rate) -> Usd,
) -> Usd {
    let apart = parts
        .iter()
        .filter_map(|(_, part)| *part)
        .fold(0_i64, |sum, (count, _)| sum.saturating_add(count));
    let rest = pay(what, all.saturating_sub(apart).max(0), rate);
    let of_parts =
        parts.into_iter().filter_map(|(what, part)| part.map(|(count, rate)| (what, count, rate)));
    of_parts.fold(rest, |sum, (what, count, rate)| sum + pay(what, count, rate))
}

#[cfg(test)]
mod tests;
