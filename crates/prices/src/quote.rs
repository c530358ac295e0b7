//! What a call cost, or why that is not known, as cells of its row.

use schema::{Name, Value};

use crate::book::Book;
use crate::call::Call;
use crate::columns;
use crate::cost::{Cost, cost};
use crate::matching::{Found, Hit, Match};
use crate::money::Usd;
use crate::serving::{Evidence, Serving};

/// Why a call has no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// The call failed, and nobody says what it used.
    Failed,
    /// Nobody counted its tokens.
    NoTokens,
    /// The call names no model.
    NoModel,
    /// The book has no row for it.
    NotInBook,
    /// Providers ask different prices, and nothing says who served.
    ProviderUnknown,
    /// An own replica served it, and nobody wrote down what that costs.
    OwnEndpoint,
    /// It went to a host of our own: a server or a proxy.
    OwnHost,
    /// The machine is paid by the hour, which is no single call's cost.
    PerHour,
    /// The row has no price for output, and there was output.
    NoOutputPrice,
}

impl Unpriced {
    /// The word in the column `llm_cost_unpriced_reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::NoTokens => "no_tokens",
            Self::NoModel => "no_model",
            Self::NotInBook => "not_in_book",
            Self::ProviderUnknown => "provider_unknown",
            Self::OwnEndpoint => "own_endpoint",
            Self::OwnHost => "own_host",
            Self::PerHour => "per_hour",
            Self::NoOutputPrice => "no_output_price",
        }
    }

    /// The reason as a sentence that says what to do.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Failed => "the call failed and nobody says what it used",
            Self::NoTokens => {
                "nobody counted its tokens; ask for usage, e.g. stream_options.include_usage"
            }
            Self::NoModel => "the call names no model",
            Self::NotInBook => "the book has no row for this model at this provider; put one",
            Self::ProviderUnknown => {
                "providers ask different prices and nothing says who served; name one behind the model as :provider, or put a row"
            }
            Self::OwnEndpoint => {
                "an own replica served it and has no price; put a row for the endpoint"
            }
            Self::OwnHost => {
                "it went to a host of your own and no row of yours prices it; put a row for the model"
            }
            Self::PerHour => {
                "the machine is paid by the hour: what one call costs of it depends on what else ran"
            }
            Self::NoOutputPrice => "the row has no price for output",
        }
    }
}

/// What a call cost.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The client said so; the second is what the book says.
    Reported(f64, Option<(Cost, Hit)>),
    /// By this row; free if that says 0.
    Priced(Cost, Hit),
    /// Somewhere between the lowest and the highest price of the providers.
    Estimated {
        /// By the cheapest row.
        low: Usd,
        /// By the middle row.
        median: Usd,
        /// By the dearest row.
        high: Usd,
        /// The middle row.
        hit: Hit,
    },
    /// Not known.
    Unpriced(Unpriced),
}

/// What a call cost and who served it.
#[derive(Clone, Debug)]
pub struct Quote {
    /// What it cost.
    pub outcome: Outcome,
    /// Who served it, as far as the call tells.
    pub serving: Option<Serving>,
    /// Whether it asked for a model of the Hugging Face Hub.
    pub(crate) of_hub: bool,
}

impl Quote {
    /// Prices a call.
    #[must_use]
    pub fn of(call: &Call<'_>, book: &Book) -> Self {
        Self::by(call, &book.find(call))
    }

    pub(crate) fn by(call: &Call<'_>, found: &Match) -> Self {
        let Match { found, serving, of_hub } = found;
        let outcome = by_book(call, found);
        let outcome = match (call.reported, outcome) {
            (None, outcome) => outcome,
            (Some(usd), Outcome::Priced(cost, hit)) => Outcome::Reported(usd, Some((cost, hit))),
            (
                Some(usd),
                Outcome::Reported(..) | Outcome::Estimated { .. } | Outcome::Unpriced(_),
            ) => Outcome::Reported(usd, None),
        };
        Self { outcome, serving: serving.clone(), of_hub: *of_hub }
    }

    /// The state of the cost: `reported`, `priced`, `free`, `estimated` or `unpriced`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match &self.outcome {
            Outcome::Reported(..) => "reported",
            Outcome::Priced(_, hit) if hit.row().prices().is_free() => "free",
            Outcome::Priced(..) => "priced",
            Outcome::Estimated { .. } => "estimated",
            Outcome::Unpriced(_) => "unpriced",
        }
    }

    /// The cells of the row that pricing writes. The amounts that a client reported are in the row already.
    pub(crate) fn cells(&self) -> Vec<(Name, Value)> {
        let mut cells = Vec::with_capacity(13);
        let mut put = |name: &'static str, value: Value| cells.push((Name::fixed(name), value));
        match &self.outcome {
            Outcome::Reported(_, computed) => {
                put(columns::SOURCE, columns::REPORTED.into());
                if let Some((cost, hit)) = computed {
                    put(columns::COMPUTED, Value::Float(cost.total().dollars()));
                    put(columns::ROW, hit.id().into());
                }
            }
            Outcome::Priced(cost, hit) => {
                for (names, usd) in [
                    (columns::INPUTS, cost.input),
                    (columns::OUTPUTS, cost.output),
                    (columns::TOTALS, cost.total()),
                ] {
                    names.into_iter().for_each(|name| put(name, Value::Float(usd.dollars())));
                }
                put(columns::SOURCE, hit.rule.as_str().into());
                put(columns::ROW, hit.id().into());
            }
            Outcome::Estimated { low, median, high, hit } => {
                for (name, usd) in
                    [(columns::LOW, low), (columns::MEDIAN, median), (columns::HIGH, high)]
                {
                    put(name, Value::Float(usd.dollars()));
                }
                put(columns::SOURCE, "table:median".into());
                put(columns::ROW, hit.id().into());
                put(columns::REASON, Unpriced::ProviderUnknown.as_str().into());
            }
            Outcome::Unpriced(reason) => put(columns::REASON, reason.as_str().into()),
        }
        if let Some(provider) = self.hub_provider() {
            put(columns::SERVING, provider.into());
        }
        cells
    }

    /// The provider to which Hugging Face's router passed the call, where the call's own names tell it.
    fn hub_provider(&self) -> Option<&str> {
        let Serving { provider, evidence } = self.serving.as_ref().filter(|_| self.of_hub)?;
        match evidence {
            Evidence::Suffix | Evidence::ResponseModel => Some(provider),
            Evidence::OwnReplica | Evidence::Name | Evidence::Host | Evidence::Dialect => None,
        }
    }
}

fn by_book(call: &Call<'_>, found: &Found) -> Outcome {
    let nothing = |_| {};
    match found {
        Found::Nothing(reason) => Outcome::Unpriced(without_usage(call).unwrap_or(*reason)),
        Found::One(hit) => match cost(call, hit.row(), nothing) {
            Ok(cost) => Outcome::Priced(cost, hit.clone()),
            Err(reason) => Outcome::Unpriced(reason),
        },
        Found::Several { hits, median } => {
            let total = |hit: &Hit| cost(call, hit.row(), nothing).map(Cost::total);
            let middle = match total(&hits[*median]) {
                Ok(usd) => usd,
                Err(reason) => return Outcome::Unpriced(reason),
            };
            // By this call's own counts: what is cheap for long prompts may be dear for long answers.
            let all = || hits.iter().filter_map(|hit| total(hit).ok());
            Outcome::Estimated {
                low: all().min().unwrap_or(middle),
                median: middle,
                high: all().max().unwrap_or(middle),
                hit: hits[*median].clone(),
            }
        }
    }
}

/// A call that used nothing that anyone knows of is not in need of a price.
const fn without_usage(call: &Call<'_>) -> Option<Unpriced> {
    match (call.tokens.input, call.tokens.output) {
        (None, None) if call.failed => Some(Unpriced::Failed),
        (None, None) => Some(Unpriced::NoTokens),
        (Some(_), _) | (_, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests;
