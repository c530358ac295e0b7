//! What calls cost, added up by state: before a re-pricing, and after.

use std::collections::BTreeMap;

use schema::Row;
use serde::{Deserialize, Serialize};

/// Femto-dollars of a US dollar: what prices are worked out in, so that a sum of stored amounts is exact.
const PER_USD: f64 = 1e15;
/// Most models, and most rows of the book, that are told apart.
const MOST_NAMES: usize = 10_000;

/// Calls, and what they cost together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many calls have an amount.
    pub calls: u64,
    #[serde(with = "as_text")]
    femto_usd: i128,
}

impl Sum {
    fn add_call(&mut self, usd: f64) {
        self.calls += 1;
        self.femto_usd = self.femto_usd.saturating_add((usd * PER_USD).round() as i128);
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.femto_usd = self.femto_usd.saturating_add(other.femto_usd);
    }

    /// US dollars; `None` if no call has an amount.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is shown")]
    pub fn usd(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.femto_usd as f64 / PER_USD)
    }
}

/// JSON has no whole numbers of this size.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &i128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// Calls by the state of their cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct States {
    /// The client said what it paid.
    pub reported: Sum,
    /// The book says so.
    pub priced: Sum,
    /// The book says 0.
    pub free: u64,
    /// Nothing says which provider served; these amounts are by the middle one and no costs.
    pub estimated: Sum,
    /// Not known, by why.
    pub unpriced: BTreeMap<String, u64>,
}

impl States {
    fn add_call(&mut self, row: &Row) {
        let reported = row.text("llm_cost_source").is_none_or(|source| source == "reported");
        match row.float("llm_usage_cost_total") {
            Some(usd) if reported => self.reported.add_call(usd),
            Some(0.0) => self.free += 1,
            Some(usd) => self.priced.add_call(usd),
            None => match row.float("llm_cost_estimate_median") {
                Some(usd) => self.estimated.add_call(usd),
                None => {
                    let reason = row.text("llm_cost_unpriced_reason").unwrap_or("never_priced");
                    *self.unpriced.entry(reason.to_owned()).or_default() += 1;
                }
            },
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.reported.add(&other.reported);
        self.priced.add(&other.priced);
        self.free += other.free;
        self.estimated.add(&other.estimated);
        for (reason, calls) in &other.unpriced {
            *self.unpriced.entry(reason.clone()).or_default() += calls;
        }
    }

    /// What all of them cost, as far as that is known: the sum of the stored costs.
    #[must_use]
    pub fn cost(&self) -> Sum {
        let mut cost = Sum { calls: self.free, femto_usd: 0 };
        cost.add(&self.reported);
        cost.add(&self.priced);
        cost
    }
}

/// Calls that change, and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// How many.
    pub calls: u64,
    /// As they were.
    pub before: States,
    /// As they are then.
    pub after: States,
}

impl Changes {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.before.add(&other.before);
        self.after.add(&other.after);
    }
}

/// Calls of one model as requested; of the one that answered, if nobody says what was requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfModel {
    /// All calls.
    pub calls: u64,
    /// Those that change.
    pub changes: u64,
    /// What they cost as they were: those with a cost.
    pub before: Sum,
    /// The same as they will be.
    pub after: Sum,
}

/// What a re-pricing comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were looked at.
    pub calls: u64,
    /// All of them as they were.
    pub before: States,
    /// All of them as they will be.
    pub after: States,
    /// Those of them that change.
    pub changes: Changes,
    /// By model; `None` for calls that name none.
    pub models: BTreeMap<Option<String>, OfModel>,
    /// Calls by the row of the book that prices them then.
    pub price_rows: BTreeMap<String, u64>,
    /// Calls of models beyond those that are told apart.
    pub models_left_out: u64,
}

impl Tally {
    pub(crate) fn add_call(&mut self, before: &Row, after: &Row, changes: bool) {
        self.calls += 1;
        self.before.add_call(before);
        self.after.add_call(after);
        if changes {
            self.changes.calls += 1;
            self.changes.before.add_call(before);
            self.changes.after.add_call(after);
        }
        let model = before.text("llm_request_parameters_model");
        let model = model.or_else(|| before.text("llm_model_name")).map(str::to_owned);
        let mut one = OfModel { calls: 1, changes: u64::from(changes), ..OfModel::default() };
        for (row, sum) in [(before, &mut one.before), (after, &mut one.after)] {
            row.float("llm_usage_cost_total").into_iter().for_each(|usd| sum.add_call(usd));
        }
        self.add_model(model, &one);
        if let Some(row) = after.text("llm_price_row") {
            self.add_price_row(row.to_owned(), 1);
        }
    }

    fn add_model(&mut self, model: Option<String>, of: &OfModel) {
        if self.models.len() >= MOST_NAMES && !self.models.contains_key(&model) {
            self.models_left_out += of.calls;
            return;
        }
        let sum = self.models.entry(model).or_default();
        sum.calls += of.calls;
        sum.changes += of.changes;
        sum.before.add(&of.before);
        sum.after.add(&of.after);
    }

    fn add_price_row(&mut self, row: String, calls: u64) {
        if self.price_rows.len() < MOST_NAMES || self.price_rows.contains_key(&row) {
            *self.price_rows.entry(row).or_default() += calls;
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.before.add(&other.before);
        self.after.add(&other.after);
        self.changes.add(&other.changes);
        self.models_left_out += other.models_left_out;
        for (model, of) in other.models {
            self.add_model(model, &of);
        }
        for (row, calls) in other.price_rows {
            self.add_price_row(row, calls);
        }
    }
}

#[cfg(test)]
mod tests {
    use schema::{Name, Value};

    use super::*;

    fn row(cells: &[(&'static str, Value)]) -> Row {
        Row::of(cells.iter().map(|(name, value)| (Name::fixed(name), value.clone())).collect())
    }

    fn costs(source: &str, usd: f64) -> Row {
        row(&[("llm_cost_source", source.into()), ("llm_usage_cost_total", usd.into())])
    }

    #[test]
    fn each_state_is_added_up_apart_and_nothing_is_null() {
        let unpriced = row(&[("llm_cost_unpriced_reason", "not_in_book".into())]);
        let estimate = row(&[
            ("llm_cost_source", "table:median".into()),
            ("llm_cost_estimate_median", 0.5.into()),
            ("llm_cost_unpriced_reason", "provider_unknown".into()),
        ]);
        let mut states = States::default();
        assert_eq!(states.cost().usd(), None, "of nothing");
        for row in [&unpriced, &estimate, &row(&[])] {
            states.add_call(row);
        }
        assert_eq!(states.cost().usd(), None, "of nothing that is known");
        for row in [costs("table:exact_hub", 0.1), costs("table:pattern", 0.2)] {
            states.add_call(&row);
        }
        states.add_call(&costs("table:pattern", 0.0));
        states.add_call(&costs("reported", 0.25));
        assert_eq!((states.priced.usd(), states.priced.calls), (Some(0.3), 2), "exactly");
        assert_eq!((states.free, states.reported.usd()), (1, Some(0.25)));
        assert_eq!((states.cost().usd(), states.cost().calls), (Some(0.55), 4));
        assert_eq!((states.estimated.usd(), states.estimated.calls), (Some(0.5), 1));
        let reasons: Vec<_> = states.unpriced.iter().collect();
        assert_eq!(reasons, [(&"never_priced".to_owned(), &1), (&"not_in_book".to_owned(), &1)]);
        let json = serde_json::to_string(&states).expect("JSON");
        assert_eq!(serde_json::from_str::<States>(&json).expect("reads"), states);
        let mut twice = states.clone();
        twice.add(&states);
        assert_eq!((twice.cost().usd(), twice.cost().calls), (Some(1.1), 8));
    }

    #[test]
    fn models_beyond_those_that_are_told_apart_are_counted() {
        let mut tally = Tally::default();
        let model = |at: usize| row(&[("llm_model_name", format!("m{at}").into())]);
        for at in 0..MOST_NAMES + 3 {
            tally.add_call(&model(at), &model(at), false);
        }
        tally.add_call(&model(0), &model(0), true);
        assert_eq!((tally.models.len(), tally.models_left_out), (MOST_NAMES, 3));
        assert_eq!(tally.models[&Some("m0".to_owned())].calls, 2);
        assert_eq!((tally.calls, tally.changes.calls), (MOST_NAMES as u64 + 4, 1));
    }
}
