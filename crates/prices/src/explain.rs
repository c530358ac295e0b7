//! How a price was found, step by step.

use crate::book::Book;
use crate::call::Call;
use crate::cost::{Line, cost};
use crate::layer::LayerKind;
use crate::matching::{Found, find};
use crate::quote::{Outcome, Quote};
use crate::row::Row;

/// What was tried in looking for a price, if somebody wants to know.
pub(crate) struct Steps(Option<Vec<String>>);

impl Steps {
    pub(crate) const fn off() -> Self {
        Self(None)
    }

    const fn on() -> Self {
        Self(Some(Vec::new()))
    }

    pub(crate) fn note(&mut self, step: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.0 {
            steps.push(step());
        }
    }
}

/// A price and the way to it.
#[derive(Debug)]
pub struct Explanation {
    /// The answer.
    pub quote: Quote,
    /// What was tried, in order.
    pub steps: Vec<String>,
    /// The arithmetic by the row that was found, the middle one for an estimate.
    pub lines: Vec<Line>,
    /// Rows of all providers between which an estimate lies, cheapest first: layer, row, and the call's cost by it.
    pub candidates: Vec<(LayerKind, Row, Option<f64>)>,
}

impl Book {
    /// Prices a call as [`price`](crate::price) does, and says how.
    #[must_use]
    pub fn explain(&self, call: &Call<'_>) -> Explanation {
        let mut steps = Steps::on();
        let found = find(self, call, &mut steps);
        let quote = Quote::by(call, &found);
        let hit = match &quote.outcome {
            Outcome::Priced(_, hit)
            | Outcome::Estimated { hit, .. }
            | Outcome::Reported(_, Some((_, hit))) => Some(hit),
            Outcome::Reported(_, None) | Outcome::Unpriced(_) => None,
        };
        let mut lines = Vec::new();
        if let Some(hit) = hit {
            // It could be priced a line above.
            let _ = cost(call, hit.row(), |line| lines.push(line));
        }
        let candidates = match &found.found {
            Found::Several { hits, .. } => hits
                .iter()
                .map(|hit| {
                    let usd = cost(call, hit.row(), |_| {}).ok().map(|cost| cost.total().dollars());
                    (hit.layer(), hit.row().clone(), usd)
                })
                .collect(),
            Found::One(_) | Found::Nothing(_) => Vec::new(),
        };
        Explanation { quote, steps: steps.0.unwrap_or_default(), lines, candidates }
    }
}
