use std::time::Duration;

use http::HeaderMap;

use crate::catalogue::trouble;
use crate::config::{FailureRates, Pace};
use crate::dice::Dice;

/// What a call is to do besides answering, by its model's prefix, its `x-simulate` header, or the dice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Behaviour {
    /// Answer with an error.
    pub(crate) refusal: Option<Refusal>,
    /// Break the connection after so many tokens.
    pub(crate) cut: Option<usize>,
    /// Send an error event after so many tokens.
    pub(crate) in_band: Option<usize>,
    /// How many times slower; none for the usual pace.
    pub(crate) slow: Option<f64>,
    /// How many words the answer has.
    pub(crate) tokens: Option<usize>,
    first_token: Option<Duration>,
    per_token: Option<Duration>,
}

/// An error to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Seconds for `Retry-After`.
    pub(crate) retry_after: Option<u64>,
}

/// A pair of the `x-simulate` header that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "x-simulate: `{pair}` is not understood; known are status, retry-after, cut, inband, slow, tokens, first-token-ms and token-ms, as key=value split by `;`"
)]
pub(crate) struct NotUnderstood {
    pair: String,
}

impl Behaviour {
    /// What the model's prefix and the request's header ask for; the header has the last word.
    pub(crate) fn asked(model: &str, headers: &HeaderMap) -> Result<Self, NotUnderstood> {
        let mut behaviour = Self::of_model(model);
        for value in headers.get_all("x-simulate") {
            let text = String::from_utf8_lossy(value.as_bytes());
            for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
                let understood = pair
                    .split_once('=')
                    .and_then(|(key, value)| behaviour.set(key.trim(), value.trim()));
                understood.ok_or_else(|| NotUnderstood { pair: pair.to_owned() })?;
            }
        }
        Ok(behaviour)
    }

    fn of_model(model: &str) -> Self {
        let plain = Self::default();
        match trouble(model) {
            Some("gated") => plain.refusing(403, None),
            Some("ratelimited") => plain.refusing(429, Some(1)),
            Some("boom") => plain.refusing(500, None),
            Some("loading") => plain.refusing(503, Some(1)),
            Some("cut") => Self { cut: Some(3), ..plain },
            Some("inband") => Self { in_band: Some(3), ..plain },
            Some("slow") => Self { slow: Some(10.0), ..plain },
            _ => plain,
        }
    }

    const fn refusing(self, status: u16, retry_after: Option<u64>) -> Self {
        Self { refusal: Some(Refusal { status, retry_after }), ..self }
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "status" => {
                let status = value.parse().ok().filter(|status| (400..600).contains(status))?;
                *self = self.refusing(status, self.retry_after().or(default_retry(status)));
            }
            "retry-after" => {
                let status = self.refusal.map_or(429, |refusal| refusal.status);
                *self = self.refusing(status, Some(value.parse().ok()?));
            }
            "cut" => self.cut = Some(value.parse().ok()?),
            "inband" => self.in_band = Some(value.parse().ok()?),
            "slow" => {
                self.slow = Some(value.parse().ok().filter(|factor| (0.0..1e4).contains(factor))?)
            }
            "tokens" => self.tokens = Some(value.parse().ok()?),
            "first-token-ms" => self.first_token = Some(millis(value)?),
            "token-ms" => self.per_token = Some(millis(value)?),
            _ => return None,
        }
        Some(())
    }

    fn retry_after(&self) -> Option<u64> {
        self.refusal.and_then(|refusal| refusal.retry_after)
    }

    /// The same, or the trouble that the dice bring to a call that asked for none.
    pub(crate) fn or_by_chance(self, rates: FailureRates, dice: &mut Dice) -> Self {
        let thrown = dice.share();
        if self.refusal.is_some() || self.cut.is_some() || self.in_band.is_some() {
            return self;
        }
        let (limited, failed) = (rates.rate_limit, rates.rate_limit + rates.server_error);
        if thrown < limited {
            self.refusing(429, Some(1))
        } else if thrown < failed {
            self.refusing(500, None)
        } else if thrown < failed + rates.cut {
            Self { cut: Some(3), ..self }
        } else {
            self
        }
    }

    /// The pace of this call.
    pub(crate) fn pace(&self, usual: Pace) -> Pace {
        Pace {
            first_token: self.first_token.unwrap_or(usual.first_token),
            per_token: self.per_token.unwrap_or(usual.per_token),
            jitter: usual.jitter,
        }
    }
}

const fn default_retry(status: u16) -> Option<u64> {
    if status == 429 { Some(1) } else { None }
}

/// Up to a minute.
fn millis(value: &str) -> Option<Duration> {
    value.parse().ok().filter(|millis| *millis <= 60_000).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(model: &str, header: &str) -> Result<Behaviour, NotUnderstood> {
        let mut headers = HeaderMap::new();
        headers.insert("x-simulate", header.parse().unwrap());
        Behaviour::asked(model, &headers)
    }

    #[test]
    fn the_header_has_the_last_word() {
        let limited = asked("boom/x", "status=429; retry-after=3").unwrap();
        assert_eq!(limited.refusal, Some(Refusal { status: 429, retry_after: Some(3) }));
        let other = asked("a/b", "retry-after=3;status=503").unwrap();
        assert_eq!(other.refusal, Some(Refusal { status: 503, retry_after: Some(3) }));
        assert_eq!(asked("slow/x", "slow=2").unwrap().slow, Some(2.0));
        assert_eq!(asked("a/b", "tokens=4;cut=2").unwrap().cut, Some(2));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for header in ["stauts=429", "status=200", "status", "cut=x", "slow=-1"] {
            assert_eq!(asked("a/b", header), Err(NotUnderstood { pair: header.to_owned() }));
        }
    }

    #[test]
    fn chance_keeps_to_its_rates_and_to_its_seed() {
        let rates = FailureRates { server_error: 0.1, rate_limit: 0.2, cut: 0.1 };
        let throw = |call| Behaviour::default().or_by_chance(rates, &mut Dice::new(1, call));
        let all: Vec<Behaviour> = (0..1000).map(throw).collect();
        let status =
            |code| all.iter().filter(|one| one.refusal.is_some_and(|no| no.status == code)).count();
        assert!((150..250).contains(&status(429)));
        assert!((60..140).contains(&status(500)));
        assert!((60..140).contains(&all.iter().filter(|one| one.cut.is_some()).count()));
        assert_eq!(all, (0..1000).map(throw).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(value in "[ -~]{0,40}") {
            let _ = asked("a/b", &value);
        }
    }
}
